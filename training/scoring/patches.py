"""Scores every translator on every patch, raw and tone-matched, and keeps the pictures for the report."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geosar_training.inference import grey
from geosar_training.pairs.pair import Pair, fit_normalisers
from geosar_training.pairs.planes import planes
from geosar_training.scoring.baselines import Translator
from geosar_training.scoring.bootstrap import Summary, summarise
from geosar_training.scoring.measures import MEASURES, Measure
from geosar_training.scoring.metrics import Image, ToneMatch, match_tone

PATCH = 256
MEASURED = 0.98
"""Share of a patch's pixels that must hold data in both images; others are not scored."""

Area = tuple[slice, slice]


@dataclass(frozen=True)
class Row:
    """The scores of one patch of one translator; `image` is the index of its pair."""

    image: int
    area: Area
    source: str
    landcover: str
    raw: Mapping[str, float]
    matched: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """All rows and pictures by translator; pictures are uint8 (H, W, 3 or 4), in the order of `pairs`."""

    pairs: Sequence[Pair]
    measures: Sequence[Measure]
    radars: Sequence[NDArray[np.uint8]]
    """The radar of each pair as a grey picture (H, W), of the first polarisation that is there."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    pictures: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)
    matches: dict[str, list[ToneMatch]] = field(default_factory=dict)
    """The tone match of each picture, by translator."""
    sets: dict[str, dict[str, float]] = field(default_factory=dict)
    """Scores of a translator's whole set of images (FID, KID), where weights were given."""

    _known: dict[tuple[object, ...], Summary | None] = field(default_factory=dict)

    def groups(self, kind: str) -> list[str]:
        """Return the names of the groups of a kind, `source` or `landcover`, that any patch has."""
        rows = next(iter(self.rows.values()))
        return sorted({name for row in rows if (name := getattr(row, kind))})

    def summary(self, translator: str, measure: str, *, matched: bool, **group: str) -> Summary | None:
        """Summarise a measure over all patches, or those of a group given as ``source=...`` or ``landcover=...``."""
        key = (translator, measure, matched, *group.items())
        if key not in self._known:  # a report asks for each many times, and each draws a thousand times
            rows = [
                row
                for row in self.rows[translator]
                if group.items() <= {"source": row.source, "landcover": row.landcover}.items()
            ]
            values = [(row.matched if matched else row.raw).get(measure, float("nan")) for row in rows]
            self._known[key] = summarise(values, [row.image for row in rows])
        return self._known[key]


def scene_of(pair: Pair) -> str:
    """Return what shares one optical stretch: the source, and for patches with a stretch of their own the patch."""
    return pair.name if pair.source.endswith("_panels") else pair.source


def group_of(pair: Pair) -> str:
    """Return the name of a pair's source in reports: tiles of one data set, and scenes ``SET/SCENE``, together."""
    return pair.source.split("/")[0].split("_T11")[0]


def landcover_of(pair: Pair) -> str:
    """Return the first land cover that a pair names, in lower case, or nothing."""
    return pair.landcover.replace(",", "/").split("/")[0].strip().lower()


def score_patches(
    translators: Mapping[str, Translator],
    pairs: Sequence[Pair],
    measures: Sequence[Measure] = MEASURES,
    progress: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Score every translator on every pair, cut into 256 x 256 patches.

    The tone match is one gain and offset a channel and scene, fitted on whole scenes. `progress` is told after
    each image which translator is at work.
    """
    normalisers = fit_normalisers(pairs)
    backscatter = [planes(pair, normalisers) for pair in pairs]
    result = Evaluation(pairs, measures, [grey(sar) for sar in backscatter])
    truths = [pair.optical.astype(np.float32) for pair in pairs]
    for name, translate in translators.items():
        pictures = [as_bytes(translate(sar)) for sar in backscatter]
        images = [picture[..., :3].astype(np.float32) for picture in pictures]
        result.pictures[name], result.matches[name] = pictures, _matches(images, truths, pairs)
        result.rows[name] = []
        for index, (pair, image, truth) in enumerate(zip(pairs, images, truths, strict=True)):
            radar = np.repeat(result.radars[index][..., None], 3, axis=2).astype(np.float32)
            matched = result.matches[name][index](image)
            for area in patches(truth.shape[:2]):
                if pair.mask[area].mean() < MEASURED:
                    continue
                scores = (_scores(measures, picture[area], truth[area], radar[area]) for picture in (image, matched))
                result.rows[name].append(Row(index, area, group_of(pair), landcover_of(pair), *scores))
            progress(name)
    return result


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[str], None]]:
    """Show how many of the images of all translators are scored; yields what `score_patches` tells."""
    with tqdm(total=total, unit="image", leave=False, mininterval=1) as bar:

        def tell(name: str) -> None:
            bar.set_description(name, refresh=False)
            bar.update()

        yield tell


def patches(shape: tuple[int, ...]) -> Iterator[Area]:
    """Yield whole patches of 256 pixels; a smaller image is one patch."""
    starts = [range(0, max(length - PATCH, 0) + 1, PATCH) for length in shape]
    return ((slice(top, top + PATCH), slice(left, left + PATCH)) for top in starts[0] for left in starts[1])


def _scores(measures: Sequence[Measure], image: Image, truth: Image, radar: Image) -> dict[str, float]:
    return {measure.name: measure.of(image, truth, radar) for measure in measures}


def as_bytes(image: Image) -> NDArray[np.uint8]:
    """Return what a user gets: whole grey levels."""
    rounded: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return rounded


def _matches(images: Sequence[Image], truths: Sequence[Image], pairs: Sequence[Pair]) -> list[ToneMatch]:
    scenes = [scene_of(pair) for pair in pairs]
    curves = {}
    for scene in dict.fromkeys(scenes):
        members = [index for index, other in enumerate(scenes) if other == scene]
        curves[scene] = match_tone([images[i] for i in members], [truths[i] for i in members])
    return [curves[scene] for scene in scenes]
