"""A placement through control points, which stand anywhere in the image."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from rasterio.control import GroundControlPoint

from geosar.errors import SceneContentError
from geosar.scene.placement.base import Numbers

MAX_POINTS = 1024
"""A thin plate through more would take minutes to fit; of more, every second, third ... point is taken."""
_POINTS_FOR_TREND = ((3, 40), (2, 15), (1, 3))
"""Order of the polynomial, and the points from which on it is sure of its 10, 6 or 3 terms."""
_SAME_PLACE = 1e-7
FEWEST_TO_JUDGE = 6
"""Of fewer points it cannot be told which is the wrong one."""
_SUSPECT = 0.02
"""Of the way across the map: no point of a real image lies so far off the polynomial through all."""


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
        self._system = np.block([[_bending(self._places, self._places), plane], [plane.T, np.zeros((3, 3))]])
        left = values - terms @ self._trend
        self._weights = np.linalg.solve(self._system, np.vstack([left, np.zeros((3, left.shape[1]))]))

    @cached_property
    def missed(self) -> Numbers:
        """By how much the surface would miss each point, had it not been told of it (n, m; Rippa, 1999)."""
        count = len(self._places)
        with np.errstate(divide="ignore", invalid="ignore"):
            missed = self._weights[:count] / np.diag(np.linalg.inv(self._system))[:count, np.newaxis]
        return np.where(np.isfinite(missed), missed, 0.0)

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


def table_of(points: Sequence[GroundControlPoint]) -> Numbers:
    """Return control points as numbers (n, 5): column, row, x, y, and height, 0 where a point tells of none."""
    table = np.array([(p.col, p.row, p.x, p.y, p.z or 0.0) for p in points], np.float64).reshape(-1, 5)
    table[~np.isfinite(table[:, 4]), 4] = 0
    return table


class ControlPoints:
    """A placement through control points that are given in the CRS of the map."""

    def __init__(self, points: Numbers) -> None:
        """Fit both ways `points` (n, 5): column, row, easting, northing, height.

        Raises `SceneContentError` for fewer than three points, or points on one line.
        """
        distinct = _apart(points[:: -(-len(points) // MAX_POINTS)] if len(points) else points)
        if len(distinct) < 3:
            raise SceneContentError(f"There are {len(distinct)} ground control points; expected three or more.")
        try:
            self._to_image = ThinPlate(distinct[:, 2:4], distinct[:, :2])
            self._to_map = ThinPlate(distinct[:, :2], distinct[:, 2:4])
        except (ValueError, np.linalg.LinAlgError) as error:
            raise SceneContentError(
                "The ground control points lie on one line, which says nothing of the pixels beside it; "
                "expected three or more that span the image.",
            ) from error
        self.heights = float(points[:, 4].min()), float(points[:, 4].max())
        """The lowest and the highest of the points, in metres."""
        self._kept = distinct

    @property
    def missed(self) -> Numbers:
        """By how many columns and rows a point is missed that the placement was not told of, root mean square."""
        missed: Numbers = np.sqrt((self._to_image.missed**2).mean(axis=0))
        return missed

    def doubtful(self) -> tuple[float, float] | None:
        """Return the column and row of a point that contradicts the others by far; None where there is none.

        The others miss it by more than a quarter of the way across them on the map.
        """
        cols_rows, on_map = self._kept[:, :2], self._kept[:, 2:4]
        span = float(np.hypot(*np.ptp(on_map, axis=0)))
        off = np.hypot(*(self._to_map.trend(cols_rows) - on_map).T)
        if len(on_map) < FEWEST_TO_JUDGE or float(off.max()) < span * _SUSPECT:
            return None
        misses = np.hypot(*self._to_map.missed.T)
        worst = int(misses.argmax())
        others = np.delete(on_map, worst, axis=0)
        doubted = misses[worst] > float(np.hypot(*np.ptp(others, axis=0))) / 4
        return (float(cols_rows[worst, 0]), float(cols_rows[worst, 1])) if doubted else None

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


def _apart(points: Numbers) -> Numbers:
    """Leave out points that stand, in the image or on the map, where another one does."""
    distinct = points
    for axes in (slice(0, 2), slice(2, 4)):
        if len(distinct):
            span = np.ptp(distinct[:, axes], axis=0).max() or 1.0
            cells = np.round(distinct[:, axes] / (span * _SAME_PLACE))
            distinct = distinct[np.sort(np.unique(cells, axis=0, return_index=True)[1])]
    return distinct
