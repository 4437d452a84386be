"""Around the Earth: boxes on either side of the antimeridian, and where a web map ends towards the poles."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.warp import transform as transform_coords
from rio_tiler.models import ImageData

from geosar.grid import Bounds, full_turn

TURN = 360.0
MOST_TURNS = 2
"""So often a box may go around the Earth: each turn of it is a read of its own."""
HIGHEST_LATITUDE = 85.06
"""Degrees at which Web Mercator ends."""

_TOUCHING = 1e-9
"""So much of a turn, or of a degree, is what two that only touch share by rounding."""


def turned(box: Bounds, middle: float, turn: float) -> Bounds:
    """Return a box moved by whole turns, so that it lies as near to an easting or longitude as it can.

    >>> turned((-179.9, 0, -179.8, 1), 180.0, 360.0)
    (180.1, 0, 180.2, 1)
    """
    left, bottom, right, top = box
    right += turn * (right < left)
    by = round((middle - (left + right) / 2) / turn) * turn
    return round(left + by, 9), bottom, round(right + by, 9), top


def moves(left: float, right: float, begin: float, end: float, turn: float) -> range:
    """Return by how many turns an interval may be moved so that it meets another one.

    >>> list(moves(-180, 180, 170, 190, 360.0)), list(moves(-178, -172, 10, 20, 360.0))
    ([0, 1], [])
    """
    first = math.floor((begin - right) / turn + _TOUCHING) + 1
    return range(first, math.ceil((end - left) / turn - _TOUCHING))


def moved(box: Bounds, by: float) -> Bounds:
    """Return a box as far east as `by`."""
    left, bottom, right, top = box
    return left + by, bottom, right + by, top


def reached(box: Bounds, begin: float, end: float, turn: float) -> Bounds | None:
    """Return the part from `begin` to `end` that a box meets, on whatever turns; None where it misses it.

    >>> reached((-180, 0, 180, 1), 170, 190, 360.0), reached((-178, 0, -175, 1), 170, 190, 360.0)
    ((170, 0, 190, 1), (182.0, 0, 185.0, 1))
    """
    left, bottom, right, top = box
    turns = moves(left, right, begin, end, turn)
    return (max(begin, left + turns[0] * turn), bottom, min(end, right + turns[-1] * turn), top) if turns else None


def copies(crs: CRS, left: float, right: float, dst_crs: CRS, box: Bounds) -> range:
    """Return by how many turns a scene is moved so that what PROJ gives of places in a box of `dst_crs` meets it.

    That is within half a turn of the middle of the map; from degrees to degrees it may go on as the box does.
    """
    turn, middle = full_turn(crs), _middle_of_map(crs.to_wkt())
    if turn is None:
        return range(1)
    begin, end = middle - turn / 2, middle + turn / 2
    if crs.is_geographic and dst_crs.is_geographic:
        begin, end = min(begin, box[0]), max(end, box[2])
    return moves(left, right, begin, end, turn) or range(1)


@lru_cache(maxsize=64)
def _middle_of_map(wkt: str) -> float:
    """Return the easting of the meridian in the middle of a map that counts turns, which is torn at the other side."""
    crs = CRS.from_wkt(wkt)
    if crs.is_geographic:
        return 0.0
    around_tears = np.arange(-180.0, 180.0)[:, None] + (-_TOUCHING, _TOUCHING)
    lons = around_tears.ravel().tolist()
    xs = transform_coords(CRS.from_epsg(4326), crs, lons, [0.0] * len(lons))[0]
    return float(min(xs) + max(xs)) / 2


def joined(images: list[ImageData]) -> ImageData:
    """Return pictures of one box from different sides of the antimeridian as one: each where those before are empty."""
    first = images[0]
    for other in images[1:]:
        empty = np.ma.getmaskarray(first.array)
        values = np.where(empty, other.array.data, first.array.data)
        first.array = np.ma.MaskedArray(values, empty & np.ma.getmaskarray(other.array))
    return first


def beyond_web_maps(south: float, north: float) -> bool:
    """Whether nothing of a scene is on a map in Web Mercator, as it lies too near to a pole."""
    return south >= HIGHEST_LATITUDE or north <= -HIGHEST_LATITUDE


def box_in(crs: CRS, box: Any, box_crs: CRS) -> Bounds | None:
    """Return a box in another CRS, as wide as it is there, where both count turns; else None.

    A box whose right edge is less than its left one lies across the antimeridian.
    """
    turn, turn_of_box = full_turn(crs), full_turn(box_crs)
    if turn is None or turn_of_box is None:
        return None
    left, bottom, right, top = (float(value) for value in box)
    right += turn_of_box * (right < left)
    if box_crs == crs:
        return left, bottom, right, top
    middle = (left + right) / 2
    (x, _, _), ys = transform_coords(box_crs, crs, [middle] * 3, [(bottom + top) / 2, bottom, top])[:2]
    if not np.isfinite([x, *ys]).all():
        return None
    half = (right - left) / 2 / turn_of_box * turn
    return x - half, ys[1], x + half, ys[2]
