"""Around the Earth: boxes on either side of the antimeridian, and where a web map ends towards the poles."""

import re
from typing import Any

from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_coords

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
