"""Arithmetic of map grids and pixel windows: immutable values and pure functions, apart from any reading.

Windows count columns and rows from the scene's origin, the upper left corner of pixel (0, 0). A window may
reach outside the scene (negative offsets); `read_plan` says which real pixels stand for the ones outside.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import rasterio.windows
from affine import Affine

from geosar.errors import BoundsError

if TYPE_CHECKING:
    import numpy.typing as npt
    from rasterio.crs import CRS

# Bounds written out from a pixel edge and read back differ from it by rounding; that is no new pixel.
EDGE_TOLERANCE = 1e-6

Bounds = tuple[float, float, float, float]

# Methods by which an easting is proportional to the longitude, wherever.
_CYLINDRICAL = ("mercator (", "pseudo mercator", "equidistant cylindrical", "cylindrical equal area", "plate carr")
_NOT_CYLINDRICAL = ("transverse", "oblique")


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels: offset from the scene's origin and size, in pixels."""

    col_off: int
    row_off: int
    width: int
    height: int

    @property
    def col_end(self) -> int:
        """First column to the right of the window."""
        return self.col_off + self.width

    @property
    def row_end(self) -> int:
        """First row below the window."""
        return self.row_off + self.height

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row slice and column slice, to index an array of the scene's size."""
        return slice(self.row_off, self.row_end), slice(self.col_off, self.col_end)

    def intersection(self, other: "Window") -> "Window | None":
        """Pixels that both windows have; None where there are none."""
        col_off, row_off = max(self.col_off, other.col_off), max(self.row_off, other.row_off)
        width = min(self.col_end, other.col_end) - col_off
        height = min(self.row_end, other.row_end) - row_off
        if width <= 0 or height <= 0:
            return None
        return Window(col_off, row_off, width, height)

    def shifted(self, dcol: int, drow: int) -> "Window":
        """Return the same rectangle, moved right by `dcol` and down by `drow` pixels."""
        return Window(self.col_off + dcol, self.row_off + drow, self.width, self.height)

    def to_rasterio(self) -> rasterio.windows.Window:
        """Return the window as rasterio's own type."""
        return rasterio.windows.Window(self.col_off, self.row_off, self.width, self.height)


@dataclass(frozen=True, slots=True)
class MapGrid:
    """Where the pixels of a raster lie: CRS (None in image space), affine transform, width and height."""

    crs: "CRS | None"
    transform: Affine
    width: int
    height: int

    @property
    def window(self) -> Window:
        """The whole raster as a window."""
        return Window(0, 0, self.width, self.height)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as numpy counts."""
        return self.height, self.width

    @property
    def bounds(self) -> Bounds:
        """Left, bottom, right and top of the hull of the four corners, in the units of the CRS."""
        corners = [self.transform @ corner for corner in product((0, self.width), (0, self.height))]
        xs, ys = zip(*corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def subgrid(self, window: Window) -> "MapGrid":
        """Return the grid of a window's pixels."""
        transform = self.transform @ Affine.translation(window.col_off, window.row_off)
        return MapGrid(self.crs, transform, window.width, window.height)

    def pixel_size_metres(self) -> tuple[float, float] | None:
        """Width and height of the centre pixel on the ground, in metres, along the ellipsoid.

        Mercator, degrees and feet all give true ground distances. None where there is no CRS, where the CRS
        has no relation to the Earth, or where the centre has no place on it.
        """
        if self.crs is None:
            return None
        crs = pyproj.CRS.from_wkt(self.crs.to_wkt())
        if crs.geodetic_crs is None:
            return None
        to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
        col, row = self.width / 2, self.height / 2
        ends = ((col - 0.5, row), (col + 0.5, row), (col, row - 0.5), (col, row + 0.5))
        # A compound or 3D geodetic CRS would pass a height along: only the first two are wanted.
        lonlats = [to_degrees.transform(*(self.transform @ end))[:2] for end in ends]
        if not all(math.isfinite(value) for lonlat in lonlats for value in lonlat):
            return None
        # The axes of a geodetic CRS may count in grads or radians.
        factor = math.degrees(crs.geodetic_crs.axis_info[0].unit_conversion_factor)
        west, east, north, south = ([value * factor for value in lonlat] for lonlat in lonlats)
        geod = crs.get_geod()
        if geod is None:
            return None
        return float(geod.inv(*west, *east)[2]), float(geod.inv(*north, *south)[2])

    def window_from_bounds(self, bounds: Bounds) -> Window:
        """Return the pixels that touch the bounds (left, bottom, right, top; in the grid's own CRS).

        Raises `BoundsError` where the bounds are malformed or miss the raster.
        """
        left, bottom, right, top = bounds
        if not all(math.isfinite(value) for value in bounds) or left >= right or bottom >= top:
            raise BoundsError(
                f"The bounds {bounds} enclose no area; expected left < right and bottom < top, "
                "in the coordinates of the scene's own CRS.",
            )
        inverse = ~self.transform
        cols, rows = zip(*(inverse @ corner for corner in product((left, right), (bottom, top))), strict=True)
        col_off, row_off = (math.floor(min(values) + EDGE_TOLERANCE) for values in (cols, rows))
        col_end, row_end = (math.ceil(max(values) - EDGE_TOLERANCE) for values in (cols, rows))
        window = Window(col_off, row_off, max(col_end - col_off, 1), max(row_end - row_off, 1))
        inside = window.intersection(self.window)
        if inside is None:
            raise BoundsError(
                f"The bounds {bounds} miss the scene, which covers {self.bounds}; "
                f"give left, bottom, right, top in {self.crs.to_string() if self.crs else 'pixels'}.",
            )
        return inside


def full_turn(crs: "CRS | None") -> float | None:
    """Return a turn around the Earth in the units of a CRS: of degrees, and of Mercator's and other cylinders.

    A place has as many coordinates there as one counts turns. None where a turn is no sum of eastings.

    >>> from rasterio.crs import CRS
    >>> full_turn(CRS.from_epsg(4326)), round(full_turn(CRS.from_epsg(3857))), full_turn(CRS.from_epsg(32633))
    (360.0, 40075017, None)
    """
    return None if crs is None else _full_turn(crs.to_wkt())


@lru_cache(maxsize=64)
def _full_turn(wkt: str) -> float | None:
    crs = pyproj.CRS.from_wkt(wkt)
    if crs.geodetic_crs is None or crs.is_geocentric:
        return None
    if crs.is_geographic:
        return 360 / math.degrees(crs.axis_info[0].unit_conversion_factor)
    flat = crs.sub_crs_list[0] if crs.is_compound else crs
    method = "" if flat.coordinate_operation is None else flat.coordinate_operation.method_name.lower()
    if any(word in method for word in _NOT_CYLINDRICAL) or not any(word in method for word in _CYLINDRICAL):
        return None
    to_map = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    starts = np.array([-175.0, -85.0, 5.0, 95.0])  # the map is torn within one of the steps at most
    xs, after = (to_map.transform(starts + step, np.zeros(4))[0] for step in (0.0, 10.0))
    turn = 36 * float(np.min(np.abs(after - xs)))
    return turn if math.isfinite(turn) and turn > 0 else None


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """How to fill a window that reaches outside the scene from real pixels.

    `values[..., rows, :][..., cols]` makes the padded block out of the values of `window`; an index array is
    None where it would change nothing.
    """

    window: Window
    rows: "npt.NDArray[np.int64] | None"
    cols: "npt.NDArray[np.int64] | None"


def windows(width: int, height: int, size: int) -> tuple[Window, ...]:
    """Cut a scene into square windows of `size` pixels, row by row; the last ones are smaller."""
    return tuple(
        Window(col, row, min(size, width - col), min(size, height - row))
        for row in range(0, height, size)
        for col in range(0, width, size)
    )


def padded_window(window: Window, halo: int, stride: int) -> Window:
    """Grow a window by `halo` on each side, then outwards to multiples of `stride` from the origin."""
    col_off = (window.col_off - halo) // stride * stride
    row_off = (window.row_off - halo) // stride * stride
    col_end = -(-(window.col_end + halo) // stride) * stride
    row_end = -(-(window.row_end + halo) // stride) * stride
    return Window(col_off, row_off, col_end - col_off, row_end - row_off)


def mirrored(start: int, stop: int, length: int) -> "npt.NDArray[np.int64]":
    """Return, for positions start ... stop - 1, the index of the pixel that stands there.

    Outside 0 ... length - 1 the scene is reflected at its outer edges (... 1 0 | 0 1 ... n-1 | n-1 n-2 ...),
    over and over, so that a value out there depends on the scene and on nothing else.
    """
    index = np.arange(start, stop, dtype=np.int64) % (2 * length)
    return np.minimum(index, 2 * length - 1 - index)


def read_plan(padded: Window, width: int, height: int) -> ReadPlan:
    """Say which pixels of a scene to read, and how to spread them, to fill a padded window."""
    rows, row_off, row_end = _axis_plan(padded.row_off, padded.row_end, height)
    cols, col_off, col_end = _axis_plan(padded.col_off, padded.col_end, width)
    return ReadPlan(Window(col_off, row_off, col_end - col_off, row_end - row_off), rows, cols)


def _axis_plan(start: int, stop: int, length: int) -> "tuple[npt.NDArray[np.int64] | None, int, int]":
    if start >= 0 and stop <= length:
        return None, start, stop
    index = mirrored(start, stop, length)
    first, last = int(index.min()), int(index.max())
    return index - first, first, last + 1
