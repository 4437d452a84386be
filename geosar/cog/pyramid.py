"""Bookkeeping of a pyramid: which tiles each window holds, and where in the spool their bytes lie."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from geosar.cog.overviews import level_sizes
from geosar.cog.tiff import LEADER, Level
from geosar.grid import Window

LEVELS_IN_WINDOW = 3
"""Full resolution and the overviews by 2 and by 4 are made from one window alone."""
_FRAME = 2 * LEADER


@dataclass(slots=True)
class _Tiles:
    """Of one level: each tile's first byte in the spool, and the sizes of image and mask (0: no data)."""

    offset: NDArray[np.int64]
    image: NDArray[np.uint32]
    mask: NDArray[np.uint32]

    @classmethod
    def empty(cls, width: int, height: int, tile: int) -> Self:
        shape = (-(-height // tile), -(-width // tile))
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.uint32), np.zeros(shape, np.uint32))


@dataclass(frozen=True, slots=True)
class _Span:
    """The tiles of one level that a window holds: their place among the level's tiles."""

    level: int
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def count(self) -> int:
        return self.shape[0] * self.shape[1]


class Pyramid:
    """
    The levels of an image of `width` by `height` pixels in tiles of `tile`, and where their tiles lie.

    A window's pieces are, in this order: for each of its levels, row by row, the framed image and the framed
    mask of every tile; then, where overviews deeper than by 4 exist, one seed a tile of the level by 4.
    """

    def __init__(self, width: int, height: int, tile: int) -> None:
        self.tile = tile
        self.sizes = level_sizes(width, height, tile)
        self._tiles = [_Tiles.empty(*size, tile) for size in self.sizes]
        self._seeds = _Tiles.empty(*self.sizes[min(self.base, self.top)], tile)

    @property
    def base(self) -> int:
        """The level by 4, from whose seeds the deeper ones are made."""
        return LEVELS_IN_WINDOW - 1

    @property
    def top(self) -> int:
        """The smallest level."""
        return len(self.sizes) - 1

    @property
    def seeded(self) -> bool:
        """Whether overviews exist that no window can make alone."""
        return self.top > self.base

    def pieces_of(self, window: Window) -> int:
        """Count the pieces of a window."""
        counts = [span.count for span in self._spans(window)]
        return 2 * sum(counts) + (counts[-1] if self.seeded else 0)

    def enter_window(self, window: Window, offset: int, pieces: Sequence[int]) -> None:
        """Enter the pieces of a window, given their sizes; windows touch different tiles, so threads may."""
        sizes = np.array(pieces, np.int64)
        offsets = offset + np.cumsum(sizes) - sizes
        done = 0
        for span in self._spans(window):
            tiles, where = self._tiles[span.level], (span.rows, span.columns)
            pairs = np.s_[done : done + 2 * span.count]
            tiles.offset[where] = offsets[pairs].reshape(*span.shape, 2)[..., 0]
            bare = np.maximum(sizes[pairs] - _FRAME, 0).reshape(*span.shape, 2)
            tiles.image[where], tiles.mask[where] = bare[..., 0], bare[..., 1]
            done += 2 * span.count
        if self.seeded:
            self._seeds.offset[where] = offsets[done:].reshape(span.shape)
            self._seeds.image[where] = sizes[done:].reshape(span.shape)

    def enter_tile(self, level: int, row: int, column: int, *, offset: int, image: int, mask: int) -> None:
        """Enter one tile by the sizes of its framed image and mask."""
        tiles = self._tiles[level]
        tiles.offset[row, column] = offset
        tiles.image[row, column], tiles.mask[row, column] = image - _FRAME, mask - _FRAME

    def seed(self, row: int, column: int) -> tuple[int, int]:
        """Return offset and size of a seed; its size is 0 where there is no data."""
        return int(self._seeds.offset[row, column]), int(self._seeds.image[row, column])

    def seed_shape(self, row: int, column: int) -> tuple[int, int]:
        """Return height and width of a seed: a tile, or less at the image's edge."""
        width, height = self.sizes[self.base]
        return min(self.tile, height - row * self.tile), min(self.tile, width - column * self.tile)

    def levels(self) -> list[Level]:
        """Return the levels as the TIFF's header wants them."""
        return [Level(*size, tiles.image, tiles.mask) for size, tiles in zip(self.sizes, self._tiles, strict=True)]

    def in_file_order(self) -> Iterator[tuple[int, int]]:
        """
        Give (offset, size) of the spool's stretches in the order in which the file has them.

        The smallest level comes first, each row by row; stretches that follow each other are joined.
        """
        for level, tiles in zip(reversed(self.levels()), reversed(self._tiles), strict=True):
            sizes = level.stored_bytes().ravel()
            nonempty = sizes > 0
            offsets, sizes = tiles.offset.ravel()[nonempty], sizes[nonempty]
            if not sizes.size:
                continue
            starts = np.flatnonzero(np.concatenate(([True], offsets[1:] != offsets[:-1] + sizes[:-1])))
            joined = np.add.reduceat(sizes, starts)
            yield from zip(offsets[starts].tolist(), joined.tolist(), strict=True)

    def _spans(self, window: Window) -> list[_Span]:
        spans = []
        for level in range(min(LEVELS_IN_WINDOW, len(self.sizes))):
            step = self.tile << level
            row, column = window.row_off // step, window.col_off // step
            rows, columns = -(-window.height // step), -(-window.width // step)
            spans.append(_Span(level, slice(row, row + rows), slice(column, column + columns)))
        return spans
