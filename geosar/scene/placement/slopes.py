"""What slopes do to the brightness of radar: gamma0 flattened by terrain, and slopes that lie in layover or shadow.

A product's sigma0 is that of the ellipsoid; beta0 = sigma0 / sin(incidence there). On a slope, gamma0 = beta0 cos(psi)
/ cos(theta), where psi is the angle between the slope's normal and that of the slant plane, and theta the local
incidence (Ulander, Radiometric slope correction of synthetic-aperture radar images, IEEE TGRS 34(5), 1996). It is the
illuminated area that Small (Flattening gamma, IEEE TGRS 49(8), 2011) sums up, of a slope that has its pixel of the
image for itself. A slope steeper than the wave front (cos psi < 0) is in layover, one turned away from the radar
(cos theta < 0) in shadow: no brightness is known there. What other ground lies over or shades is not looked for.
"""

import math
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from geosar.grid import MapGrid, Window
from geosar.scene.placement.base import Numbers, transformer
from geosar.scene.placement.lattice import MAX_STEP, Lattice
from geosar.scene.placement.orbit import RangeDoppler
from geosar.scene.placement.placed import HeightModel

GRAZING = math.cos(math.radians(87))
"""Of slopes nearer to layover or shadow than three degrees speckle and noise are all that is left."""
_ROWS = 64
_TO_SPACE = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


class Flattening:
    """The factor that makes gamma0 of the terrain out of sigma0 of the ellipsoid, at every pixel of a map grid."""

    def __init__(self, geometry: RangeDoppler, grid: MapGrid, heights: HeightModel) -> None:
        if grid.crs is None:
            raise ValueError("the grid has no CRS")
        self._geometry, self._grid, self._heights = geometry, grid, heights
        self._to_degrees = transformer(grid.crs.to_wkt(), "EPSG:4326")
        self._look = Lattice(_Part(self, 0), grid, MAX_STEP)
        self._flight = Lattice(_Part(self, 2), grid, MAX_STEP)
        self._metres = Lattice(_Part(self, 4), grid, MAX_STEP)

    def read(self, window: Window, shape: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Return the factor in a window, or in it as `shape` (height, width) of larger pixels; NaN where none is."""
        if shape is not None and shape != (window.height, window.width):
            return self._coarser(window, shape).read(Window(0, 0, shape[1], shape[0]))
        factor = np.empty((window.height, window.width), np.float32)
        for row in range(0, window.height, _ROWS):
            strip = Window(window.col_off, window.row_off + row, window.width, min(_ROWS, window.height - row))
            factor[row : row + strip.height] = self._factor(strip)
        return factor

    def _coarser(self, window: Window, shape: tuple[int, int]) -> "Flattening":
        part = self._grid.subgrid(window)
        scale = part.transform.scale(part.width / shape[1], part.height / shape[0])
        grid = MapGrid(part.crs, part.transform @ scale, shape[1], shape[0])
        return Flattening(self._geometry, grid, self._heights.coarser(grid))

    def _factor(self, window: Window) -> NDArray[np.float32]:
        across, down = self._slopes(window)
        look_c, look_r = self._look.positions(window)
        flight_c, flight_r = self._flight.positions(window)
        with np.errstate(invalid="ignore", divide="ignore"):
            look_up = -np.sqrt(1 - look_c**2 - look_r**2)
            flight_up = -(flight_c * look_c + flight_r * look_r) / look_up  # at right angles, by zero Doppler
            # The normal of the slant plane, upwards. Columns, rows and up are left-handed; the sign is set by "up".
            plane = (
                flight_r * look_up - flight_up * look_r,
                flight_up * look_c - flight_c * look_up,
                flight_c * look_r - flight_r * look_c,
            )
            length = np.sqrt(across**2 + down**2 + 1)
            facing = np.sign(plane[2]) * (plane[2] - across * plane[0] - down * plane[1]) / length  # cos psi
            incident = -(look_up - across * look_c - down * look_r) / length  # cos theta
            factor = facing / (np.sqrt(look_c**2 + look_r**2) * incident)
            seen = (facing > GRAZING) & (incident > GRAZING)
        return np.where(seen, factor, np.nan).astype(np.float32)

    def _slopes(self, window: Window) -> tuple[Numbers, Numbers]:
        """Return by how much the ground rises along columns and rows, metre by metre; NaN where that is unknown."""
        whole = self._grid.window
        left, top = max(window.col_off - 1, 0), max(window.row_off - 1, 0)
        right, bottom = min(window.col_end + 1, whole.width), min(window.row_end + 1, whole.height)
        around = Window(left, top, right - left, bottom - top)
        heights, known = self._heights.read(around)
        ground = np.where(known, heights, np.nan).astype(np.float64)
        inside = window.shifted(-left, -top).slices
        col_metres, row_metres = self._metres.positions(window)
        return _rise(ground, 1)[inside] / col_metres, _rise(ground, 0)[inside] / row_metres

    def vectors(self, xs: Numbers, ys: Numbers) -> Numbers:
        """Return along columns and rows (6, n): the direction of looking, that of flight, and the metres of a pixel."""
        to_map = self._grid.transform
        here, right, below = (
            self._in_space(xs + x, ys + y) for x, y in ((0.0, 0.0), (to_map.a, to_map.d), (to_map.b, to_map.e))
        )
        times, _ = self._geometry.orbit.passes(here)
        position, velocity, _ = self._geometry.orbit(times)
        look, flight = _unit(here - position), _unit(velocity)
        along, down = right - here, below - here
        axes = _unit(along), _unit(down)
        directions = [(vector * axis).sum(axis=1) for vector in (look, flight) for axis in axes]
        return np.stack([*directions, np.linalg.norm(along, axis=1), np.linalg.norm(down, axis=1)])

    def _in_space(self, xs: Numbers, ys: Numbers) -> Numbers:
        lons, lats = self._to_degrees.transform(xs, ys)
        return np.stack(_TO_SPACE.transform(lons, lats, np.zeros_like(lons)), axis=1)


class _Part:
    """Two of the numbers that a flattening has at places: what a lattice holds."""

    def __init__(self, whole: Flattening, first: int) -> None:
        self._whole, self._first = whole, first

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return them on the ellipsoid: three kilometres of height turn the direction by a fifth of a degree."""
        del height
        vectors = self._whole.vectors(xs, ys)
        return vectors[self._first], vectors[self._first + 1]


def _rise(ground: Numbers, axis: int) -> Numbers:
    risen: Any = np.zeros_like(ground) if ground.shape[axis] < 2 else np.gradient(ground, axis=axis)
    return np.asarray(risen)


def _unit(vectors: Numbers) -> Numbers:
    lengths: Numbers = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
