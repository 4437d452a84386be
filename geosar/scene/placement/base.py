"""A placement: from places on a map to places in an image.

It goes from the map to the image, the way in which pixels are looked up: eastings, northings and a height give a column
and a row, counted from the outer corner of the first pixel.
"""

from functools import lru_cache
from typing import Protocol

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosar.grid import MapGrid, full_turn

Numbers = NDArray[np.float64]

KEPT_TRANSFORMERS = 64


@lru_cache(maxsize=KEPT_TRANSFORMERS)
def transformer(source: str, target: str) -> pyproj.Transformer:
    """Return the way from one CRS to another, eastings first; making it takes as long as opening a raster."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


class Placement(Protocol):
    """From places on the map to places in the image."""

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows of points that lie `height` metres above the ellipsoid."""


class InDegrees:
    """A placement in longitude and latitude (WGS 84), on a map of another CRS."""

    def __init__(self, placement: Placement, crs: CRS | None) -> None:
        self._placement = placement
        self._to_degrees = pyproj.Transformer.from_crs(crs.to_wkt() if crs else None, "EPSG:4326", always_xy=True)

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows."""
        return self._placement(*self._to_degrees.transform(xs, ys), height)


class OnGrid:
    """A placement in a raster that has a map grid, on a map of another CRS, or of none where the raster has none."""

    def __init__(self, grid: MapGrid, crs: CRS | None) -> None:
        self._to_grid = None
        self._turn: float | None = None
        if crs is not None and grid.crs is not None:
            self._to_grid = pyproj.Transformer.from_crs(crs.to_wkt(), grid.crs.to_wkt(), always_xy=True)
            self._turn = full_turn(grid.crs)
        self._inverse = ~grid.transform
        left, _, right, _ = grid.bounds
        self._middle = (left + right) / 2

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows; longitudes are those nearest to the raster, however it counts turns."""
        del height
        if self._to_grid is not None:
            xs, ys = self._to_grid.transform(xs, ys)
        if self._turn is not None:
            xs = xs - np.round((xs - self._middle) / self._turn) * self._turn
        to_pixel = self._inverse
        return to_pixel.a * xs + to_pixel.b * ys + to_pixel.c, to_pixel.d * xs + to_pixel.e * ys + to_pixel.f


class AtHeight:
    """A placement at one height, whatever is asked for."""

    def __init__(self, placement: Placement, height: float) -> None:
        self._placement, self._height = placement, height

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows at that height."""
        del height
        return self._placement(xs, ys, self._height)
