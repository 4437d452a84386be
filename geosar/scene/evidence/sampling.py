"""Which pixels of a scene its statistics come from: a fixed lattice of small windows, at full resolution.

The lattice depends on the scene's size alone, never on the part that is translated. Overviews are not looked
at: averaging speckle narrows the spread that normalisation divides by.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from geosar.backscatter import Mask, Values
from geosar.grid import Window, windows

WINDOW = 64
SEARCH_WINDOW = 1024
LATTICES = (16, 64)
# Enough to know a mean to a hundredth of the spread; a lattice that finds less gives way to a denser one.
ENOUGH = 2**14

Read = Callable[[Window], tuple[Values, Mask]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Raw values (bands, n) of a scene and which are valid, band by band; `seen` pixels were looked at."""

    values: Values
    valid: Mask
    seen: int


def lattice(width: int, height: int, count: int) -> tuple[Window, ...]:
    """Spread `count` by `count` windows of up to 64 x 64 pixels evenly; take all of a small scene."""
    return tuple(
        Window(col, row, min(WINDOW, width - col), min(WINDOW, height - row))
        for row in _starts(height, count)
        for col in _starts(width, count)
    )


def draw(width: int, height: int, read: Read) -> Sample:
    """Sample a scene through `read`, which gives the values and validity (bands, h, w) of a window.

    Where a lattice meets too little that is valid a denser one is tried, and at last every window until
    enough is found.
    """
    for count in LATTICES:
        sample = _gather(read, lattice(width, height, count))
        if np.count_nonzero(sample.valid.any(axis=0)) >= ENOUGH or sample.seen == width * height:
            return sample
    return _gather(read, windows(width, height, SEARCH_WINDOW), enough=ENOUGH)


def _starts(length: int, count: int) -> list[int]:
    if length <= count * WINDOW:
        return list(range(0, length, WINDOW))
    return [round(position) for position in np.linspace(0, length - WINDOW, count)]


def _gather(read: Read, places: Iterable[Window], enough: int | None = None) -> Sample:
    values: list[Values] = []
    valid: list[Mask] = []
    seen = count = 0
    for window in places:
        raw, mask = read(window)
        raw, mask = raw.reshape(len(raw), -1), mask.reshape(len(mask), -1)
        seen += window.area
        if enough is not None:
            keep = mask.any(axis=0)
            # The first window is kept as it is, so that an empty scene still has its number of bands.
            raw, mask = (raw[:, keep], mask[:, keep]) if values else (raw, mask)
            count += int(np.count_nonzero(keep))
        values.append(raw)
        valid.append(mask)
        if enough is not None and count >= enough:
            break
    return Sample(np.concatenate(values, axis=1), np.concatenate(valid, axis=1), seen)
