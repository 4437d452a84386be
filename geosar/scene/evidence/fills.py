"""Fill values that no tag declares: numbers by convention that stand where nothing was measured."""

from typing import Any

import numpy as np
import numpy.typing as npt

from geosar.backscatter import FILL_MAGNITUDE, Mask, Values

ALWAYS = (-99999.0, -32768.0, -32767.0, -9999.0, -999.0, 9999.0, 99999.0)
"""Fills in floating-point numbers wherever they occur: hardly a measurement is exactly one of these."""

_OF_INTEGERS = (-32768.0, -32767.0, -9999.0, -999.0, 0.0, 9999.0, 32767.0, 65535.0)
# A fill is so large a share of what was sampled, and so many times as frequent as any number around it.
LEAST_SHARE = 1e-3
LEAST_COUNT = 16
OUTSTANDING = 10
_AROUND = 25
# A number at the upper end is a fill where all others stay below this share of it; else it is saturation.
_FAR_BELOW = 0.5
# Fewer others tell nothing, nor do fewer different numbers among those that are looked at: these are classes.
_ENOUGH, _DISTINCT, _LOOKED_AT = 1024, 16, 4096


def undeclared(sample: Values) -> tuple[float, ...]:
    """Return the fill values in a sample of one band, which is one-dimensional and finite.

    Bytes have none: their black and white are values. Numbers beyond any radar (9.97e36) are left out by themselves.
    Among integers a number by convention is a fill where it is far more frequent than those around it; of all types,
    any frequent number (-99, 1e-30) that lies at one end, far from all others.
    """
    if sample.dtype == np.uint8:
        return ()
    if sample.dtype.kind == "f":
        return (*ALWAYS, *_apart(sample[(sample != 0) & without_fills(sample, ALWAYS)]))
    fills = []
    for value in dict.fromkeys((*_OF_INTEGERS, *_limits(sample.dtype))):
        count = int(np.count_nonzero(sample == value))
        if _is_frequent(count, sample) and _stands_out(sample, value, count):
            fills.append(value)
    return (*fills, *_apart(sample[without_fills(sample, tuple(fills))]))


def without_fills(sample: Values, fills: tuple[float, ...]) -> Mask:
    """Say which of a band's values, of any shape, are none of its fills."""
    mask: Mask = np.ones(sample.shape, np.bool_)
    if not sample.size:
        return mask
    low, high = float(sample.min()), float(sample.max())
    if low != low or not max(abs(low), abs(high)) < FILL_MAGNITUDE:  # noqa: PLR0124 - NaN
        mask = np.abs(sample) < FILL_MAGNITUDE
        low, high = -FILL_MAGNITUDE, FILL_MAGNITUDE
    for value in fills:
        if low <= value <= high:  # most scenes reach none of them
            mask &= sample != value
    return mask


def _is_frequent(count: int, sample: Values) -> bool:
    return count >= max(LEAST_COUNT, LEAST_SHARE * sample.size)


def _apart(sample: Values) -> list[float]:
    """Return the lowest and the highest number of a sample where it is frequent, and far from all others.

    Far is further than 98 % of the others lie from each other, in proportions too where all are above zero: what was
    cut off at a number lies beside the others, and is measured.
    """
    fills = []
    for value in () if not sample.size else (sample.min(), sample.max()):
        others = sample[sample != value]
        tell = others.size >= _ENOUGH and len(np.unique(others[:_LOOKED_AT])) >= _DISTINCT
        if tell and _is_frequent(sample.size - others.size, sample):
            positive = min(value, others.min()) > 0
            below = value < 0 <= others.min()
            if below or _is_far(value, others) or (positive and _is_far(np.log(float(value)), np.log(others))):
                fills.append(float(value))
    return fills


def _is_far(value: Any, others: Values) -> bool:
    low, high = np.percentile(others, (1, 99))  # of even ground they are one, and tell nothing
    return bool(low < high and np.abs(others.astype(np.float64) - float(value)).min() > high - low)


def _limits(dtype: np.dtype[Any]) -> tuple[float, ...]:
    info = np.iinfo(dtype)
    return tuple(float(one) for one in (info.min, info.max) if dtype.itemsize <= 4)


def _stands_out(sample: npt.NDArray[Any], value: float, count: int) -> bool:
    others = sample[sample != value]
    if value > 0 and others.size and float(np.percentile(others, 99.9)) > _FAR_BELOW * value:
        return False
    around = others[np.abs(others.astype(np.float64) - value) <= _AROUND]
    if not around.size:
        return True
    return count > OUTSTANDING * int(np.unique(around, return_counts=True)[1].max())
