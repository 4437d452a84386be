"""Dark borders that no tag declares: the black around 8-bit pictures, the noise around Sentinel-1 GRD of before 2018.

They are followed from the edge inwards, row by row, so that dark pixels inside a scene stay what they are.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from geosar.backscatter import Mask, Values
from geosar.grid import Window

LEAST_RUN = 16
"""Pixels: a shorter dark run at the edge is no border."""
NOISE_LEVEL = 12
"""Digital numbers of the noise beside a swath; the processor's later versions have zero there (S1-MPC, 2018)."""
SAMPLED_ROWS = 10
ROWS_AT_ONCE = 256
# The border ends where so many of the next pixels are bright: noise has some outliers.
_AHEAD, _BRIGHT = 8, 4

Ends = npt.NDArray[np.int32]


class Readable(Protocol):
    """What rows are read from."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def height(self) -> int:
        """Rows."""

    def read(self, indexes: int, *, window: Any) -> Values:
        """Return the pixels of a band in a window."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a border looks like: nothing above `level`, and `noisy` where zero alone would be no sign of one."""

    level: int
    noisy: bool


BLACK = Kind(0, noisy=False)
BLURRED = Kind(8, noisy=False)
"""Of lossy pictures."""
NOISE = Kind(NOISE_LEVEL, noisy=True)


@dataclass(frozen=True, slots=True)
class Border:
    """The first and the end column of each row that lie inside the border."""

    first: Ends
    end: Ends

    def inside(self, window: Window, shape: tuple[int, int] | None = None) -> Mask:
        """Say which pixels of a window lie inside, or of the window in fewer pixels, by their middles."""
        height, width = shape or (window.height, window.width)
        rows = window.row_off + ((np.arange(height) + 0.5) * window.height / height).astype(int)
        cols = window.col_off + ((np.arange(width) + 0.5) * window.width / width).astype(int)
        mask: Mask = (cols >= self.first[rows, np.newaxis]) & (cols < self.end[rows, np.newaxis])
        return mask

    def within(self, margin: int, width: int) -> "Border":
        """Return the border that reaches so many pixels further inside, on every side that has one."""
        first, end = self.first, self.end
        for _ in range(margin):
            first, end = np.where(first > 0, first + 1, 0), np.where(end < width, end - 1, width)
            first, end = np.pad(first, 1, mode="edge"), np.pad(end, 1, mode="edge")
            first = np.maximum.reduce([first[:-2], first[1:-1], first[2:]])
            end = np.minimum.reduce([end[:-2], end[1:-1], end[2:]])
        return Border(first, end)

    def share(self, width: int) -> float:
        """Return how much of the raster the border takes."""
        return 1 - float((self.end - self.first).clip(0).sum()) / (width * max(len(self.first), 1))


class Edge:
    """The border of a dataset's band, which is looked for when it is first asked for; one thread at a time."""

    def __init__(self, dataset: Readable, band: int, kind: Kind, margin: int = 0) -> None:
        self._dataset, self._band, self._kind, self._margin = dataset, band, kind, margin

    def of(self, view: Readable, margin: int) -> "Edge":
        """Return the edge of a view of the dataset, so many pixels further inside."""
        return Edge(view, self._band, self._kind, margin)

    @cached_property
    def border(self) -> Border | None:
        """The border, where there is one."""
        border = find_border(self._dataset, self._band, self._kind)
        return border if border is None else border.within(self._margin, self._dataset.width)

    def inside(self, window: Window, shape: tuple[int, int] | None = None) -> Mask | None:
        """Say which pixels of a window lie inside the border; None where there is none."""
        return None if self.border is None else self.border.inside(window, shape)

    @property
    def words(self) -> str | None:
        """Say what is masked."""
        if self.border is None:
            return None
        share = self.border.share(self._dataset.width)
        return f"A dark border ({share:.1%} of the pixels) is masked; `--keep-border` keeps it."


def find_border(dataset: Readable, band: int, kind: Kind) -> Border | None:
    """Follow a dark border from the edges inwards; None where a few rows show none."""
    sampled = np.unique(np.linspace(0, dataset.height - 1, SAMPLED_ROWS).round().astype(int))
    rows = np.concatenate([_rows(dataset, band, int(row), 1) for row in sampled])
    if not _is_border(rows, kind):
        return None
    blocks = [
        _runs(_rows(dataset, band, start, min(ROWS_AT_ONCE, dataset.height - start)), kind)
        for start in range(0, dataset.height, ROWS_AT_ONCE)
    ]
    left, right = (_connected(np.concatenate(parts)) for parts in zip(*blocks, strict=True))
    return Border(left, np.maximum(dataset.width - right, left))


def _rows(dataset: Readable, band: int, start: int, count: int) -> Values:
    return dataset.read(band, window=Window(0, start, dataset.width, count).to_rasterio())


def _is_border(rows: Values, kind: Kind) -> bool:
    left, right = (run[:, np.newaxis] for run in _runs(rows, kind))
    cols = np.arange(rows.shape[1])
    outside = ((cols < left) & (left >= LEAST_RUN)) | ((cols >= cols.size - right) & (right >= LEAST_RUN))
    signs = outside & (rows > 0) if kind.noisy else outside
    return bool((signs.sum(axis=1) >= LEAST_RUN).any()) and not bool(outside.all())


def _runs(rows: Values, kind: Kind) -> tuple[Ends, Ends]:
    """Return how many pixels are dark at the left and at the right end of each row."""
    bright = rows > kind.level
    return _dark_run(bright, kind), _dark_run(bright[:, ::-1], kind)


def _connected(runs: Ends) -> Ends:
    """Return the runs of rows beside each other of which one is long enough to be a border, and 0 for others."""
    starts = np.flatnonzero(np.diff((runs > 0).astype(np.int8), prepend=0))
    groups = np.repeat(np.arange(starts.size + 1), np.diff(starts, prepend=0, append=runs.size))
    longest = np.zeros(starts.size + 1, np.int32)
    np.maximum.at(longest, groups, runs)
    return np.where(longest[groups] >= LEAST_RUN, runs, 0).astype(np.int32)


def _dark_run(bright: Mask, kind: Kind) -> Ends:
    """Return the length of the dark run at the beginning of each row."""
    width = bright.shape[1]
    if kind.noisy and width > _AHEAD:
        total = np.cumsum(np.pad(bright, ((0, 0), (1, _AHEAD))), axis=1, dtype=np.int32)
        lasting = (total[:, _AHEAD:] - total[:, :-_AHEAD] >= _BRIGHT)[:, :width]
        bright = bright & lasting
    lengths: Ends = np.where(bright.any(axis=1), bright.argmax(axis=1), width).astype(np.int32)
    return lengths
