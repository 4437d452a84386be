"""Colour of a whole scene, coarse: what its radar looks like is learnt at places of it that the model translated.

A network that was trained at ten metres has never seen pixels of a hundred: its colours of them are wrong. So it
translates a few places as they are, and a ridge regression carries their colours to the coarse radar, by how bright
that is, here and around (docs/adr/0027).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosar.cog.overviews import Pixels, shrink
from geosar.grid import MapGrid, Window
from geosar.scene.untrusted import open_geotiff

SIDE = 2048
"""Pixels of the longer side, at most."""
ACROSS = 4
"""Places that are translated, across and down."""
LEAST = 8
"""Pixels of the coarse radar that must be learnt from."""
RIDGE = 0.02
RADII = (2, 8)
"""Pixels to each side of those around."""
LEVELS = 4
"""Red, green, blue, and the expected error."""

Plane = NDArray[np.float32]
Translate = Callable[[Window], Pixels]
"""Returns red, green, blue and error (h, w, 4) of a window of the scene, and what of it is valid (h, w)."""


@dataclass(frozen=True, slots=True)
class CoarseRadar:
    """Decibels (P, h, w) of a whole scene, one pixel for `factor` x `factor`, and what is valid (h, w)."""

    decibels: Plane
    valid: NDArray[np.bool_]
    factor: int


def factor_of(grid: MapGrid) -> int:
    """Return how often a scene's pixels are halved for its coarse picture, as a power of two.

    >>> from rasterio.crs import CRS
    >>> from affine import Affine
    >>> factor_of(MapGrid(CRS.from_epsg(3857), Affine.identity(), 5120, 3072))
    4
    """
    return int(2 ** math.ceil(math.log2(max(1.0, max(grid.shape) / SIDE))))


def coarse_grid(grid: MapGrid, shape: tuple[int, ...]) -> MapGrid:
    """Return the grid of a picture of the whole scene with this shape (height, width)."""
    scale = type(grid.transform).scale(grid.width / shape[1], grid.height / shape[0])
    return MapGrid(grid.crs, grid.transform @ scale, shape[1], shape[0])


def read_radar(copy: Path, factor: int) -> CoarseRadar:
    """Read the copy that SAR tiles are made from at one of its overviews; raises rasterio's errors."""
    with open_geotiff(copy) as dataset:
        shape = (-(-dataset.height // factor), -(-dataset.width // factor))
        counts = dataset.read(out_shape=(dataset.count, *shape))
        valid = (counts != dataset.nodata).all(axis=0)
        scales = np.array(dataset.scales, np.float32)[:, None, None]
    return CoarseRadar(np.where(valid, counts * scales, np.float32(0)).astype(np.float32), valid, factor)


def coarse_colour(radar: CoarseRadar, grid: MapGrid, translate: Translate, block: int) -> Pixels:
    """Return the colours and expected errors (h, w, 4) of a whole scene, and what is valid (h, w).

    `translate` is asked for some sixteen windows of `block` x `block` pixels of the scene's `grid`. Where there is too
    little to learn from, nothing is valid.
    """
    rows, cols, levels = _learnt(radar, grid, translate, block)
    empty = np.zeros((*radar.valid.shape, LEVELS), np.uint8)
    if len(levels) < LEAST:
        return Pixels(empty, np.zeros(radar.valid.shape, np.bool_))
    known = np.stack([plane[rows, cols] for plane in _features(radar)], axis=1).astype(np.float64)
    middle, spread = known.mean(axis=0), known.std(axis=0) + 1e-6
    known = (known - middle) / spread
    base = levels.mean(axis=0)
    square = known.T @ known + RIDGE * len(known) * np.eye(known.shape[1])
    weights = np.linalg.solve(square, known.T @ (levels - base))
    colours = np.empty((*radar.valid.shape, LEVELS), np.float32)
    colours[:] = base
    for plane, mean, std, weight in zip(_features(radar), middle, spread, weights, strict=True):
        colours += ((plane - np.float32(mean)) / np.float32(std))[..., None] * weight.astype(np.float32)
    np.rint(np.clip(colours, 0, 255, out=colours), out=empty, where=radar.valid[..., None], casting="unsafe")
    return Pixels(empty, radar.valid)


def _learnt(
    radar: CoarseRadar, grid: MapGrid, translate: Translate, block: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return rows and columns of coarse pixels of the translated places, and their levels (n, 4)."""
    places: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]] = []
    for window in _places(radar, grid, block):
        shrunk, mask = shrink(translate(window), radar.factor)
        row, col = window.row_off // radar.factor, window.col_off // radar.factor
        height, width = (min(a, b) for a, b in zip(shrunk.shape, radar.valid[row:, col:].shape, strict=False))
        seen = radar.valid[row : row + height, col : col + width].copy()
        if mask is not None:
            seen &= mask[:height, :width]
        rows, cols = np.nonzero(seen)
        places.append((rows + row, cols + col, shrunk[rows, cols].astype(np.float64)))
    if not places:
        nothing = np.zeros(0, np.intp)
        return nothing, nothing, np.zeros((0, LEVELS))
    rows, cols, levels = (np.concatenate(parts) for parts in zip(*places, strict=True))
    return rows, cols, levels


def _places(radar: CoarseRadar, grid: MapGrid, block: int) -> Iterator[Window]:
    """Return windows of whole blocks, one in each of equal parts of the scene: where most is valid, near its middle."""
    side = max(1, block // radar.factor)
    down, across = (max(1, length // side) for length in radar.valid.shape)
    padded = np.zeros((down * side, across * side), np.bool_)
    part = radar.valid[: down * side, : across * side]
    padded[: part.shape[0], : part.shape[1]] = part
    shares = padded.reshape(down, side, across, side).mean(axis=(1, 3))
    for rows in np.array_split(np.arange(down), min(ACROSS, down)):
        for cols in np.array_split(np.arange(across), min(ACROSS, across)):
            share = shares[np.ix_(rows, cols)]
            away = np.abs(rows - rows.mean())[:, None] + np.abs(cols - cols.mean())[None, :]
            row, col = np.unravel_index(np.argmax(share - 1e-3 * away / (len(rows) + len(cols))), share.shape)
            if share[row, col] > 0:
                window = Window(int(cols[col]) * block, int(rows[row]) * block, block, block).intersection(grid.window)
                if window is not None:
                    yield window


def _features(radar: CoarseRadar) -> Iterator[Plane]:
    """Return what colours are told by, one plane (h, w) after the other."""
    weight = radar.valid.astype(np.float32)
    share: dict[int, Plane] = {
        radius: np.maximum(_mean_around(weight, radius), np.float32(1e-6)) for radius in (*RADII, RADII[0] + 2)
    }
    for band in radar.decibels:
        # Squares of small numbers: what is summed is in single precision.
        middle = band[radar.valid].mean() if radar.valid.any() else 0
        centred = np.where(radar.valid, band - middle, 0).astype(np.float32)
        around: dict[int, Plane] = {radius: _mean_around(centred, radius) / share[radius] for radius in share}
        for plane in (centred, around[RADII[0]], around[RADII[1]]):
            yield plane
            yield plane * plane
        radius = RADII[0] + 2
        yield np.sqrt(np.maximum(_mean_around(centred * centred, radius) / share[radius] - around[radius] ** 2, 0))


def _mean_around(plane: Plane, radius: int) -> Plane:
    """Return means over squares of 2 radius + 1 pixels, zero beyond the edges."""
    side = 2 * radius + 1
    for axis in (0, 1):
        sums = np.cumsum(np.pad(plane, [(radius + 1, radius) if one == axis else (0, 0) for one in (0, 1)]), axis=axis,
                         dtype=np.float64)  # fmt: skip
        length = plane.shape[axis]
        upper, lower = (np.take(sums, range(start, start + length), axis=axis) for start in (side, 0))
        plane = ((upper - lower) / side).astype(np.float32)
    return plane
