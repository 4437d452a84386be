"""Where a raster's pixels lie on a map that has no grid for them yet: by control points, or by rational polynomials.

A placement goes from the map to the image, the way in which pixels are looked up: eastings, northings and a height
give a column and a row, counted from the outer corner of the first pixel.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyproj
from numpy.typing import NDArray
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC

from geosar.errors import SceneContentError
from geosar.grid import MapGrid

Numbers = NDArray[np.float64]
MAX_POINTS = 1024
"""A thin plate through more would take minutes to fit; of more, every second, third ... point is taken."""
_POINTS_FOR_TREND = ((3, 40), (2, 15), (1, 3))
"""Order of the polynomial, and the points from which on it is sure of its 10, 6 or 3 terms."""
_SAME_PLACE = 1e-7
RPC_TERMS = 20


class Placement(Protocol):
    """From places on the map to places in the image."""

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows of points that lie `height` metres above the ellipsoid."""


class ThinPlate:
    """A smooth surface through scattered points: a polynomial of them all, and a thin-plate spline of what it leaves.

    The spline is that of Duchon (1977): sums of r^2 log r, and of all surfaces through the points the one that bends
    least. It passes through every point, in any arrangement that is not on one line.
    """

    def __init__(self, places: Numbers, values: Numbers) -> None:
        """Fit `values` (n, m) at `places` (n, 2); raises ValueError where the places lie on one line."""
        self._middle = places.mean(axis=0)
        self._scale = float(np.abs(places - self._middle).max()) or 1.0
        self._places = (places - self._middle) / self._scale
        count = len(places)
        self._order = next(order for order, needed in _POINTS_FOR_TREND if count >= needed)
        terms = _monomials(self._places, self._order)
        if np.linalg.matrix_rank(terms[:, :3], tol=1e-6) < 3:
            raise ValueError("the places lie on one line")
        self._trend = np.linalg.lstsq(terms, values, rcond=None)[0]
        plane = terms[:, :3]
        system = np.block([[_bending(self._places, self._places), plane], [plane.T, np.zeros((3, 3))]])
        inverse = np.linalg.inv(system)
        left = values - terms @ self._trend
        self._weights = inverse[:, :count] @ left
        # One round of refinement: the inverse alone leaves a thousandth of a pixel where points stand close.
        self._weights += inverse @ np.vstack([left - (system @ self._weights)[:count], np.zeros((3, left.shape[1]))])
        with np.errstate(divide="ignore", invalid="ignore"):
            missed = self._weights[:count] / np.diag(inverse)[:count, np.newaxis]
        self.missed = np.where(np.isfinite(missed), missed, 0.0)
        """By how much the surface would miss each point, had it not been told of it (Rippa, 1999)."""

    def __call__(self, places: Numbers) -> Numbers:
        """Return the values (n, m) at places (n, 2)."""
        at = (places - self._middle) / self._scale
        terms = _monomials(at, self._order)
        bent = _bending(at, self._places) @ self._weights[:-3]
        values: Numbers = terms @ self._trend + terms[:, :3] @ self._weights[-3:] + bent
        return values

    def trend(self, places: Numbers) -> Numbers:
        """Return the values of the polynomial alone."""
        values: Numbers = _monomials((places - self._middle) / self._scale, self._order) @ self._trend
        return values


def _monomials(places: Numbers, order: int) -> Numbers:
    x, y = places.T
    return np.stack([x**i * y ** (total - i) for total in range(order + 1) for i in range(total + 1)], axis=1)


def _bending(places: Numbers, points: Numbers) -> Numbers:
    squared = (places[:, :1] - points[:, 0]) ** 2
    squared += (places[:, 1:] - points[:, 1]) ** 2
    bent = np.maximum(squared, np.finfo(np.float64).tiny)
    np.log(bent, out=bent)
    bent *= squared
    return bent


class ControlPoints:
    """A placement through control points that are given in the CRS of the map."""

    def __init__(self, points: Sequence[GroundControlPoint]) -> None:
        """Fit both ways; raises `SceneContentError` for fewer than three points, or points on one line."""
        every = np.array([(p.col, p.row, p.x, p.y, p.z or 0.0) for p in points], np.float64).reshape(-1, 5)
        kept = _apart(every[:: -(-len(every) // MAX_POINTS)] if len(every) else every)
        if len(kept) < 3:
            raise SceneContentError(f"There are {len(kept)} ground control points; expected three or more.")
        try:
            self._to_image = ThinPlate(kept[:, 2:4], kept[:, :2])
            self._to_map = ThinPlate(kept[:, :2], kept[:, 2:4])
        except (ValueError, np.linalg.LinAlgError) as error:
            raise SceneContentError(
                "The ground control points lie on one line, which says nothing of the pixels beside it; "
                "expected three or more that span the image.",
            ) from error
        self.heights = float(every[:, 4].min()), float(every[:, 4].max())
        """The lowest and the highest of the points, in metres."""
        self.missed = np.sqrt((self._to_image.missed**2).mean(axis=0))
        """By how many columns and rows a point is missed that the placement was not told of, root mean square."""

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows; the height is that of the control points around, whatever is given."""
        del height
        cols, rows = self._to_image(np.stack([xs, ys], axis=1)).T
        return cols, rows

    def on_map(self, cols: Numbers, rows: Numbers, *, smooth: bool = False) -> tuple[Numbers, Numbers]:
        """Return where places of the image lie on the map; `smooth` leaves out what relief does."""
        surface = self._to_map.trend if smooth else self._to_map
        xs, ys = surface(np.stack([cols, rows], axis=1)).T
        return xs, ys


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
            if grid.crs.is_geographic:
                self._turn = 360 / math.degrees(float(grid.crs.units_factor[1]))
        self._inverse = ~grid.transform
        left, _, right, _ = grid.bounds
        self._middle = (left + right) / 2

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows; longitudes are those nearest to the raster, however it counts them."""
        del height
        if self._to_grid is not None:
            xs, ys = self._to_grid.transform(xs, ys)
        if self._turn is not None:
            xs = xs - np.round((xs - self._middle) / self._turn) * self._turn
        to_pixel = self._inverse
        return to_pixel.a * xs + to_pixel.b * ys + to_pixel.c, to_pixel.d * xs + to_pixel.e * ys + to_pixel.f


def _apart(points: Numbers) -> Numbers:
    """Leave out points that stand, in the image or on the map, where another one does."""
    kept = points
    for axes in (slice(0, 2), slice(2, 4)):
        if len(kept):
            span = np.ptp(kept[:, axes], axis=0).max() or 1.0
            cells = np.round(kept[:, axes] / (span * _SAME_PLACE))
            kept = kept[np.sort(np.unique(cells, axis=0, return_index=True)[1])]
    return kept


@dataclass(frozen=True)
class RationalPolynomials:
    """A placement by the rational polynomial coefficients (RPC00B, STDI-0002) of a raster, in degrees."""

    rpc: RPC

    def __post_init__(self) -> None:
        """Raise `SceneContentError` where a number is missing or no number."""
        numbers: list[Any] = [
            *(getattr(self.rpc, f"{name}_{kind}") for name in ("lat", "long", "height", "line", "samp")
              for kind in ("off", "scale")),
            *(number for name in ("line_num", "line_den", "samp_num", "samp_den")
              for number in getattr(self.rpc, f"{name}_coeff")),
        ]  # fmt: skip
        if len(numbers) != 10 + 4 * RPC_TERMS or not np.isfinite(np.array(numbers, np.float64)).all():
            raise SceneContentError(
                "The rational polynomial coefficients (RPC) are damaged; expected 80 coefficients, 5 offsets and 5 "
                "scales, all of them numbers.",
            )

    def __call__(self, xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
        """Return columns and rows of longitudes and latitudes."""
        rpc = self.rpc
        around = (xs - rpc.long_off + 180) % 360 - 180
        terms = _rpc_terms(
            around / rpc.long_scale,
            (ys - rpc.lat_off) / rpc.lat_scale,
            np.full_like(xs, (height - rpc.height_off) / rpc.height_scale),
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            col = terms @ np.array(rpc.samp_num_coeff) / (terms @ np.array(rpc.samp_den_coeff))
            row = terms @ np.array(rpc.line_num_coeff) / (terms @ np.array(rpc.line_den_coeff))
        # RPC counts from the centre of the first pixel.
        return col * rpc.samp_scale + rpc.samp_off + 0.5, row * rpc.line_scale + rpc.line_off + 0.5


def _rpc_terms(lon: Numbers, lat: Numbers, height: Numbers) -> Numbers:
    """Return the twenty terms (n, 20) in the order of RPC00B."""
    one = np.ones_like(lon)
    return np.stack([
        one, lon, lat, height, lon * lat, lon * height, lat * height, lon**2, lat**2, height**2,
        lat * lon * height, lon**3, lon * lat**2, lon * height**2, lon**2 * lat, lat**3, lat * height**2,
        lon**2 * height, lat**2 * height, height**3,
    ], axis=1)  # fmt: skip
