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


def undeclared(sample: Values) -> tuple[float, ...]:
    """Return the fill values in a sample of one band, which is one-dimensional and finite.

    Bytes have none: their black and white are values. Numbers beyond any radar (9.97e36) are left out by themselves.
    Among integers a number is a fill where it is far more frequent than those around it.
    """
    if sample.dtype.kind == "f":
        return ALWAYS
    if sample.dtype == np.uint8:
        return ()
    found = []
    for value in dict.fromkeys((*_OF_INTEGERS, *_limits(sample.dtype))):
        count = int(np.count_nonzero(sample == value))
        if count >= max(LEAST_COUNT, LEAST_SHARE * sample.size) and _stands_out(sample, value, count):
            found.append(value)
    return tuple(found)


def without_fills(sample: Values, fills: tuple[float, ...]) -> Mask:
    """Say which of a band's values, of any shape, are none of its fills."""
    kept: Mask = np.ones(sample.shape, np.bool_)
    if not sample.size:
        return kept
    low, high = float(sample.min()), float(sample.max())
    if low != low or not max(abs(low), abs(high)) < FILL_MAGNITUDE:  # noqa: PLR0124 - NaN
        kept = np.abs(sample) < FILL_MAGNITUDE
        low, high = -FILL_MAGNITUDE, FILL_MAGNITUDE
    for value in fills:
        if low <= value <= high:  # most scenes reach none of them
            kept &= sample != value
    return kept


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
