"""IoU, F1, precision and recall of water, and whether one segmentation beats another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000


@dataclass(frozen=True)
class Counts:
    """Pixels of one chip: water found, land taken for water, water missed."""

    hits: float
    false_alarms: float
    misses: float


@dataclass(frozen=True)
class WaterScores:
    """Of all pixels of some chips together; 0 to 1."""

    iou: float
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Difference:
    """How much better (IoU) one segmentation is than another, and the 95 % interval over chips."""

    mean: float
    low: float
    high: float


def count(predicted: NDArray[np.bool_], water: NDArray[np.bool_], known: NDArray[np.bool_]) -> Counts:
    """Compare masks (H, W) where the truth is known."""
    predicted, water = predicted & known, water & known
    return Counts(
        float((predicted & water).sum()), float((predicted & ~water).sum()), float((water & ~predicted).sum())
    )


def pooled(counts: Sequence[Counts]) -> WaterScores:
    """Score all pixels together; NaN where there is neither water nor an alarm."""
    hits, alarms, misses = np.array([(item.hits, item.false_alarms, item.misses) for item in counts]).sum(axis=0)
    return WaterScores(
        iou=_ratio(hits, hits + alarms + misses), f1=_ratio(2 * hits, 2 * hits + alarms + misses),
        precision=_ratio(hits, hits + alarms), recall=_ratio(hits, hits + misses),
    )  # fmt: skip


def compare(ours: Sequence[Counts], theirs: Sequence[Counts], seed: int = 0) -> Difference:
    """Pooled IoU of `ours` minus that of `theirs`, chip by chip in one order; the interval draws chips, both alike."""
    draws = np.random.default_rng(seed).integers(len(ours), size=(RESAMPLES, len(ours)))
    first, second = (_ious(counts, draws) for counts in (ours, theirs))
    low, high = np.nanquantile(first - second, [0.025, 0.975])
    return Difference(pooled(ours).iou - pooled(theirs).iou, float(low), float(high))


def _ious(counts: Sequence[Counts], draws: NDArray[np.intp]) -> NDArray[np.float64]:
    table = np.array([(item.hits, item.hits + item.false_alarms + item.misses) for item in counts])
    hits, union = np.moveaxis(table[draws].sum(axis=1), -1, 0)
    ious: NDArray[np.float64] = hits / np.maximum(union, 1.0)
    return ious


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
