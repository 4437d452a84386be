"""The study: every input, every segmentation, the same chips; fitted on the training split, scored on all others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geosar_training.errors import PairsError
from geosar_training.flood.chips import Chip
from geosar_training.flood.inputs import BOTH, COLORIZED, INPUTS, RADAR, Mask, bands_of
from geosar_training.flood.scores import Counts, Difference, compare, count
from geosar_training.flood.segmenter import Schedule, segment, train_segmenter
from geosar_training.flood.thresholds import fit_threshold

LEVEL, OTSU, UNET = "one threshold", "Otsu's threshold", "small U-Net"
METHODS = (LEVEL, OTSU, UNET)


@dataclass(frozen=True)
class Study:
    """Counts by method and input, a list over seeds of counts by chip; and what each chip's pictures need."""

    chips: Sequence[Chip]
    """Those that were scored."""
    colours: Mapping[str, NDArray[np.uint8]]
    counts: dict[tuple[str, str], list[dict[str, Counts]]] = field(default_factory=dict)
    masks: dict[tuple[str, str], dict[str, Mask]] = field(default_factory=dict)
    """Of the first seed."""

    def groups(self) -> dict[str, list[str]]:
        """Return the chips' names by group; a data set of several groups also as a whole."""
        names: dict[str, list[str]] = {}
        for chip in self.chips:
            whole = chip.group.split()[0]
            for group in dict.fromkeys((whole, chip.group)):
                names.setdefault(group, []).append(chip.name)
        return names

    def of(self, method: str, inputs: str, names: Sequence[str]) -> list[Counts]:
        """Return the counts of these chips, summed over the seeds; chips without that input are left out."""
        runs = self.counts[method, inputs]
        return [_total([run[name] for run in runs]) for name in names if name in runs[0]]

    def against_radar(self, method: str, inputs: str, names: Sequence[str]) -> Difference:
        """Return how much better an input is than radar alone, on the chips that have both."""
        both = [name for name in names if name in self.counts[method, inputs][0]]
        return compare(self.of(method, inputs, both), self.of(method, RADAR, both))


def run_study(
    chips: Sequence[Chip],
    colours: Mapping[str, NDArray[np.uint8]],
    schedule: Schedule,
    progress: Callable[[], None] = lambda: None,
) -> Study:
    """Fit and score everything; raises PairsError without training chips or without others."""
    training = [chip for chip in chips if chip.split == "train"]
    tested = [chip for chip in chips if chip.split != "train"]
    if not training or not tested:
        raise PairsError(
            f"There are {len(training)} chips to train on and {len(tested)} to score; expected some of both. Give "
            "OMBRIA, or chips of both splits."
        )
    study = Study(tested, colours)
    for inputs in INPUTS:
        mine, theirs = (
            [(chip, bands) for chip in part if (bands := bands_of(chip, inputs, colours)) is not None]
            for part in (training, tested)
        )
        if not (mine and theirs):
            continue
        examples = [(bands, chip.water, chip.known) for chip, bands in mine]
        threshold = fit_threshold(examples)
        _note(study, LEVEL, inputs, [(chip, threshold.fixed(bands)) for chip, bands in theirs])
        _note(study, OTSU, inputs, [(chip, threshold.otsu(bands, chip.known)) for chip, bands in theirs])
        for seed in range(schedule.seeds if schedule.updates else 0):
            network = train_segmenter(examples, schedule, seed, progress)
            _note(study, UNET, inputs, [(chip, segment(network, bands)) for chip, bands in theirs])
    return study


def _note(study: Study, method: str, inputs: str, masks: Sequence[tuple[Chip, Mask]]) -> None:
    key = method, inputs
    study.masks.setdefault(key, {chip.name: mask for chip, mask in masks})
    study.counts.setdefault(key, []).append({chip.name: count(mask, chip.water, chip.known) for chip, mask in masks})


def _total(counts: Sequence[Counts]) -> Counts:
    return Counts(*np.array([(item.hits, item.false_alarms, item.misses) for item in counts]).sum(axis=0).tolist())


def verdicts(study: Study) -> list[str]:
    """Say in words, data set by data set, whether colorizing helped."""
    words = []
    for group, names in study.groups().items():
        if " " in group:
            continue
        for method in METHODS:
            for inputs, title in (
                (COLORIZED, "the colorized image instead of radar"),
                (BOTH, "the colorized image beside radar"),
            ):
                if (method, inputs) in study.counts:
                    difference = study.against_radar(method, inputs, names)
                    words.append(f"{group}, {method}: {title} {_verdict(difference)} (IoU {_range(difference)}).")
    return words


def _verdict(difference: Difference) -> str:
    if difference.low > 0:
        return "**helped**"
    return "**harmed**" if difference.high < 0 else "made no difference that these chips can show"


def _range(difference: Difference) -> str:
    return f"{difference.mean:+.3f}, 95 % interval {difference.low:+.3f} to {difference.high:+.3f}"
