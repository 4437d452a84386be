"""A placement computed at every few pixels of a map grid, and bilinear between: what makes it cheap.

The nodes stand on multiples of the step from the grid's origin and are computed in blocks of one size, so that the
place of a pixel does not depend on the window that it is asked for in.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosar.grid import MapGrid, Window
from geosar.scene.placement.base import Numbers, Placement

MAX_STEP = 32
LEVEL_METRES = 512.0
"""Heights at which a placement is computed; between two it is taken as straight, which misses it by a decimetre."""
_BLOCK = 16
_KEPT_BLOCKS = 4096
_NOWHERE = -1e9

Heights = NDArray[np.float32]
_Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Nodes:
    """Columns and rows of the image at the nodes around a window, of one level of height: (2, down, across)."""

    values: Numbers
    window: Window
    step: int

    def spread(self) -> Numbers:
        """Return columns and rows at the centre of every pixel of the window (2, height, width)."""
        step, window = self.step, self.window
        row = (np.arange(window.row_off, window.row_end) + 0.5) / step
        above = row.astype(np.int64)
        share = (row - above)[:, np.newaxis]
        above -= window.row_off // step
        down = self.values[:, above] * (1 - share) + self.values[:, above + 1] * share
        first = window.col_off - window.col_off % step
        along = (np.arange(step) + 0.5) / step
        left, slope = down[:, :, :-1, np.newaxis], np.diff(down, axis=2)[..., np.newaxis]
        full = slope * along
        full += left
        whole = full.reshape(2, window.height, -1)
        return whole[:, :, window.col_off - first : window.col_end - first]


class Lattice:
    """The nodes of a map grid, computed as they are asked for; the latest are kept."""

    def __init__(self, placement: Placement, grid: MapGrid, step: int) -> None:
        self.grid = grid
        self.step = step
        self._placement = placement
        self._blocks: OrderedDict[_Key, Numbers] = OrderedDict()

    def positions(self, window: Window, heights: Heights | None = None) -> Numbers:
        """Return columns and rows in the image (2, height, width) of the pixels of a window.

        With `heights` (height, width; metres above the ellipsoid) each pixel has its own.
        """
        if heights is None:
            return self._nodes(window, 0).spread()
        levels = heights / np.float32(LEVEL_METRES)
        lowest, highest = math.floor(levels.min()), math.floor(levels.max()) + 1
        result: Numbers = np.zeros((2, window.height, window.width))
        for level in range(lowest, highest + 1):
            share = np.clip(1 - np.abs(levels.astype(np.float64) - level), 0, None)
            result += self._nodes(window, level).spread() * share
        return result

    def on(self, grid: MapGrid) -> "Lattice":
        """Return the lattice of another grid of the same outline, with nodes about as far apart on the ground."""
        return Lattice(self._placement, grid, max(1, self.step * grid.width // self.grid.width))

    def shrinkage(self) -> tuple[float, float]:
        """Return how many columns and rows of the image a pixel in the middle of the grid spans."""
        col, row = self.grid.width // 2, self.grid.height // 2
        corner = self.positions(Window(col, row, 2, 2))
        across, down = corner[:, 0, 1] - corner[:, 0, 0], corner[:, 1, 0] - corner[:, 0, 0]
        return math.hypot(across[0], down[0]), math.hypot(across[1], down[1])

    def _nodes(self, window: Window, level: int) -> Nodes:
        left, top = window.col_off // self.step, window.row_off // self.step
        # The node beyond the last pixel's centre.
        right, bottom = (window.col_end - 1) // self.step + 2, (window.row_end - 1) // self.step + 2
        values = np.empty((2, bottom - top, right - left))
        for down in range(top // _BLOCK, (bottom - 1) // _BLOCK + 1):
            for across in range(left // _BLOCK, (right - 1) // _BLOCK + 1):
                block = self._block((across, down, level))
                rows = slice(max(down * _BLOCK, top), min((down + 1) * _BLOCK, bottom))
                cols = slice(max(across * _BLOCK, left), min((across + 1) * _BLOCK, right))
                values[:, rows.start - top : rows.stop - top, cols.start - left : cols.stop - left] = block[
                    :,
                    rows.start - down * _BLOCK : rows.stop - down * _BLOCK,
                    cols.start - across * _BLOCK : cols.stop - across * _BLOCK,
                ]
        return Nodes(values, window, self.step)

    def _block(self, key: _Key) -> Numbers:
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        across, down, level = key
        rows, cols = np.indices((_BLOCK, _BLOCK)).reshape(2, -1)
        col, row = (cols + across * _BLOCK) * float(self.step), (rows + down * _BLOCK) * float(self.step)
        to_map = self.grid.transform
        xs = to_map.a * col + to_map.b * row + to_map.c
        ys = to_map.d * col + to_map.e * row + to_map.f
        nodes = np.stack(self._placement(xs, ys, level * LEVEL_METRES))
        # What has no place in the image is far outside it.
        nodes = np.where(np.isfinite(nodes).all(axis=0), nodes, _NOWHERE).reshape(2, _BLOCK, _BLOCK)
        self._blocks[key] = nodes
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return nodes
