"""Radar and optical images brought onto each other, source by source, before training.

What lies two pixels off in every pair of a source teaches blur. Whole pixels are enough at the network's resolution.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.data import Pair, by_source, fit_normalisers, normalised
from training.preparation.checks import Shift, correlate, peak

TILE, SMALLEST = 512, 100
"""Sides of the tiles, in pixels, that a shift is looked for in: at most, at least."""

FARTHEST = 3.0
"""Pixels; a source that seems to lie farther off is left alone, and is for `geosar-train prepare` to judge."""

CERTAIN = 25.0
"""Deviations above all other shifts, over all tiles of a source. Sources that plainly lie off have 28 to 84; twelve
patches of 120 pixels, too few to tell, had 20 for a doubtful shift."""


def registered(pairs: Sequence[Pair]) -> list[Pair]:
    """Cut each source's pairs so that radar and optical show the same ground, in the order given."""
    normalisers = fit_normalisers(pairs)
    shifts = {
        source: _shift([(normalised(pair, normalisers), pair.rgb.mean(axis=-1)) for pair in members])
        for source, members in by_source(pairs).items()
    }
    return [shifted(pair, shift) if (shift := shifts[pair.source]) else pair for pair in pairs]


def shifted(pair: Pair, shift: Shift) -> Pair:
    """Move the optical image up and left by the shift, and keep what both images show."""
    rows, columns = (_overlap(*item) for item in zip(pair.shape, (shift.rows, shift.columns), strict=True))
    there, here = pair.cut(rows[1], columns[1]), pair.cut(rows[0], columns[0])
    valid = None if here.valid is None or there.valid is None else here.valid & there.valid
    return replace(here, optical=there.optical, valid=valid)


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Where radar and optical lie on each other along one axis."""
    kept = length - abs(shift)
    first, second = max(0, -shift), max(0, shift)
    return slice(first, first + kept), slice(second, second + kept)


def _shift(images: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> Shift | None:
    """Return the shift that all tiles of a source agree on, or None when there is none, or none that is certain."""
    fits = []
    for sar, grey in images:
        band = sar if sar.ndim == 2 else sar[0]
        for row in range(0, band.shape[0], TILE):
            for column in range(0, band.shape[1], TILE):
                tile = slice(row, row + TILE), slice(column, column + TILE)
                if min(band[tile].shape) >= SMALLEST:
                    fits.append(correlate(band[tile], grey[tile].astype(np.float32)))
    if not fits:
        return None
    found = peak(np.sum(fits, axis=0), len(fits))
    return found if found.confidence >= CERTAIN and 0 < found.distance <= FARTHEST else None
