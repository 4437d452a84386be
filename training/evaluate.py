"""Scores of a network beside its baselines, by source, on the validation split."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Picture
from torch.nn import functional

from training.data import Pair, fit_normalisers, normalised
from training.metrics import Image, Scores, match_tone, psnr, score, sharpness
from training.preview import grey

PATCH = 256
Translator = Callable[[NDArray[np.float32]], Image]
"""Normalised backscatter (H, W) to red, green, blue (H, W, 3 or 4) of 0 to 255."""


@dataclass(frozen=True)
class GroupScores:
    """Means over the patches of one group.

    `matched` is after one gain and offset a channel and scene; `raw_psnr` (dB) and `raw_sharpness` are of the
    image as a user gets it.
    """

    patches: int
    raw_psnr: float
    raw_sharpness: float
    matched: Scores

    def to_dict(self) -> dict[str, float]:
        """Return plain values by name."""
        matched = {f"{key}_matched": value for key, value in asdict(self.matched).items()}
        return {"patches": self.patches, "psnr": self.raw_psnr, "sharpness": self.raw_sharpness, **matched}


Table = dict[str, dict[str, GroupScores]]
"""Scores by translator, then by group: each source, and `all`."""

_Row = tuple[float, float, Scores]
"""Of one patch: raw PSNR, raw sharpness, tone-matched scores."""


def scene_of(pair: Pair) -> str:
    """What shares one optical stretch: the source, and for patches with a stretch of their own the patch."""
    return pair.name if pair.source.endswith("_panels") else pair.source


def mean_colour(training: Sequence[Pair]) -> Translator:
    """Baseline: the mean colour of the training set."""
    colour = np.mean([pair.optical.reshape(-1, 3).mean(axis=0) for pair in training if pair.coloured], axis=0)
    return lambda sar: np.broadcast_to(colour.astype(np.float32), (*sar.shape, 3))


def grey_image(sar: NDArray[np.float32]) -> Image:
    """Baseline: the radar itself as a grey picture."""
    return np.repeat(grey(sar)[..., None].astype(np.float32), 3, axis=2)


def smooth_grey(sar: NDArray[np.float32]) -> Image:
    """Baseline: the radar under a 9 x 9 box; the tone match fits it a channel at a time."""
    padded = torch.from_numpy(np.pad(sar, 4, mode="edge"))[None, None]
    smooth = functional.avg_pool2d(padded, 9, stride=1)[0, 0].numpy()
    return np.repeat((smooth[..., None] + 2) * 64, 3, axis=2).astype(np.float32)


def evaluate(translators: Mapping[str, Translator], pairs: Sequence[Pair]) -> tuple[Table, dict[str, list[Image]]]:
    """Score every translator on every pair, cut into 256 x 256 patches.

    Returns the scores, and the images as they were made, a list a translator in the order of `pairs`.
    """
    normalisers = fit_normalisers(pairs)
    backscatter = [normalised(pair, normalisers) for pair in pairs]
    truths = [pair.optical.astype(np.float32) for pair in pairs]
    table: Table = {}
    pictures: dict[str, list[Image]] = {}
    for name, translate in translators.items():
        images = [translate(sar)[..., :3] for sar in backscatter]
        pictures[name] = images
        rows: defaultdict[str, list[_Row]] = defaultdict(list)
        for pair, raw, matched, truth in zip(pairs, images, _tone_matched(images, truths, pairs), truths, strict=True):
            for area in _patches(pair.sar.shape):
                true = truth[area]
                row = psnr(raw[area], true), sharpness(raw[area], true), score(matched[area], true)
                for group in (pair.source.split("_T11")[0], "all"):
                    rows[group].append(row)
        table[name] = {group: _means(members) for group, members in sorted(rows.items())}
    return table, pictures


def _tone_matched(images: Sequence[Image], truths: Sequence[Image], pairs: Sequence[Pair]) -> list[Image]:
    scenes = [scene_of(pair) for pair in pairs]
    members = {scene: [i for i, other in enumerate(scenes) if other == scene] for scene in scenes}
    curves = {
        scene: match_tone([images[i] for i in indices], [truths[i] for i in indices])
        for scene, indices in members.items()
    }
    return [curves[scene](image) for scene, image in zip(scenes, images, strict=True)]


def _means(rows: Sequence[_Row]) -> GroupScores:
    columns = np.array([[*raw, *asdict(matched).values()] for *raw, matched in rows]).mean(axis=0).tolist()
    return GroupScores(len(rows), columns[0], columns[1], Scores(*columns[2:]))


def to_plain(table: Table) -> dict[str, dict[str, dict[str, float]]]:
    """Return the table as plain values, for JSON."""
    return {name: {group: row.to_dict() for group, row in groups.items()} for name, groups in table.items()}


def _patches(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Whole patches of 256 pixels; a smaller image is one patch."""
    starts = [range(0, max(length - PATCH, 0) + 1, PATCH) for length in shape]
    return [(slice(top, top + PATCH), slice(left, left + PATCH)) for top in starts[0] for left in starts[1]]


def markdown(table: Table) -> str:
    """Return the scores as a table a reader can paste: tone-matched, in brackets as the image was made."""
    lines = [
        "| source | patches | method | PSNR dB (raw) | SSIM | PSNR over 80 m | sharpness (raw) |",
        "|---|---|---|---|---|---|---|",
    ]
    for group in next(iter(table.values())):
        for name, groups in table.items():
            row = groups[group]
            lines.append(
                f"| {group} | {row.patches} | {name} | {row.matched.psnr:.2f} ({row.raw_psnr:.2f}) "
                f"| {row.matched.ssim:.3f} | {row.matched.psnr_80m:.2f} | {row.matched.sharpness:.2f} "
                f"({row.raw_sharpness:.2f}) |"
            )
    return "\n".join(lines)


def write_report(folder: Path, table: Table, pictures: Mapping[str, Sequence[Image]], pairs: Sequence[Pair]) -> None:
    """Write ``metrics.json``, ``report.md`` and ``sheet.png`` (SAR | each method | truth, a row a pair)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(to_plain(table), indent=1) + "\n")
    (folder / "report.md").write_text(markdown(table) + "\n")
    normalisers = fit_normalisers(pairs)
    names = list(pictures)
    chosen = [int(i) for i in np.linspace(0, len(pairs) - 1, min(len(pairs), 16))]
    sheet = Picture.new("RGB", ((len(names) + 2) * PATCH, len(chosen) * PATCH))
    for row, index in enumerate(chosen):
        pair = pairs[index]
        tiles: list[NDArray[Any]] = [grey(normalised(pair, normalisers))]
        tiles += [pictures[name][index].round() for name in names]
        for column, image in enumerate((*tiles, pair.optical)):
            tile = Picture.fromarray(image[:PATCH, :PATCH].astype(np.uint8))
            sheet.paste(tile, (column * PATCH, row * PATCH))
    sheet.save(folder / "sheet.png")
