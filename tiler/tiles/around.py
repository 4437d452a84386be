"""Around the Earth: boxes on either side of the antimeridian, and where a web map ends towards the poles."""

import re
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_coords
from rio_tiler.models import ImageData

from geosar.grid import Bounds, full_turn

TURN = 360.0
HIGHEST_LATITUDE = 85.06
"""Degrees at which Web Mercator ends."""

_GREENWICH = re.compile(r'PRIMEM\["[^"]*",0(\.0)?(,AUTHORITY\["[^"]*","[^"]*"\])?\]')
_AUTHORITY = re.compile(r',AUTHORITY\["EPSG","\d+"\]\]$')


def turned(box: Bounds, middle: float, turn: float) -> Bounds:
    """Return a box moved by whole turns, so that it lies as near to an easting or longitude as it can.

    >>> turned((-179.9, 0, -179.8, 1), 180.0, 360.0)
    (180.1, 0, 180.2, 1)
    """
    left, bottom, right, top = box
    right += turn * (right < left)
    by = round((middle - (left + right) / 2) / turn) * turn
    return round(left + by, 9), bottom, round(right + by, 9), top


def turns(box: Bounds, begin: float, end: float, turn: float) -> list[Bounds]:
    """Return a box, and it moved by a whole turn where it is so wide that it meets a scene there as well.

    >>> turns((-180, 0, 180, 1), 170, 190, 360.0)
    [(-180, 0, 180, 1), (180.0, 0, 540.0, 1)]
    """
    left, bottom, right, top = box
    moved = [box, *((left + by, bottom, right + by, top) for by in (-turn, turn))]
    return [one for one in moved if one is box or (one[0] < end and begin < one[2])]


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


def recentred(crs: CRS, transform: Affine, middle: float) -> dict[str, Any]:
    """Return options of a warp by which a source in degrees is counted from the antimeridian, in whose middle it lies.

    Degrees that come out of PROJ end there, and so would the source.
    """
    turn = full_turn(crs)
    if turn is None or not crs.is_geographic:
        return {}
    moved = Affine.translation(-turn / 2 if middle > 0 else turn / 2, 0) @ transform
    from_there = _GREENWICH.sub(f'PRIMEM["Antimeridian",{turn / 2:g}]', _AUTHORITY.sub("]", crs.to_wkt()))
    return {"src_crs": CRS.from_wkt(from_there), "src_transform": moved}


def box_in(crs: CRS, box: Any, box_crs: CRS) -> Bounds | None:
    """Return a box of degrees in a CRS whose eastings are proportional to them, as wide as it is there; else None."""
    turn = full_turn(crs)
    if box_crs == crs:
        return tuple(box)
    if turn is None or not box_crs.is_geographic:
        return None
    west, south, east, north = box
    lon = west + (east - west) % TURN / 2
    xs, ys = transform_coords(box_crs, crs, [west, lon, lon], [(south + north) / 2, south, north])
    return xs[0], ys[1], xs[0] + (east - west) % TURN / TURN * turn, ys[2]
