"""Means with the interval that another draw of images could have given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """Mean, its 95 % interval, median, and the number of patches that had a value."""

    mean: float
    low: float
    high: float
    median: float
    patches: int


def summarise(values: Sequence[float], images: Sequence[int], seed: int = 0) -> Summary | None:
    """Summarise one measure over patches; `images` says which image each patch was cut from.

    The interval is the percentile bootstrap's over whole images, because patches of one image are alike: drawing
    patches singly would claim more than was seen. With one image it is unknown (NaN). Values that are not finite
    are left out; None when nothing is left.
    """
    numbers, groups = np.asarray(values, dtype=np.float64), np.asarray(images)
    finite = np.isfinite(numbers)
    numbers, groups = numbers[finite], groups[finite]
    if not len(numbers):
        return None
    _, member = np.unique(groups, return_inverse=True)
    total, count = np.bincount(member, numbers), np.bincount(member)
    low = high = float("nan")
    if len(total) > 1:
        draws = np.random.default_rng(seed).integers(len(total), size=(RESAMPLES, len(total)))
        means = total[draws].sum(axis=1) / count[draws].sum(axis=1)
        low, high = (float(value) for value in np.quantile(means, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2]))
    return Summary(float(numbers.mean()), low, high, float(np.median(numbers)), len(numbers))
