"""Whether a raster's coordinates can be places in the CRS that it names, and what to state where they cannot."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyproj
from affine import Affine
from rasterio.crs import CRS

from geosar.errors import SceneContentError
from geosar.grid import MapGrid, full_turn

_SLACK = 1e-6
"""Degrees by which rounding may carry an edge beyond a pole."""
_WIDEST = 540.0
_EARTH_METRES = 3e7
_TINY_METRES = 0.01
_FAR_FROM_MERIDIAN = 20.0
"""Degrees: a zone of UTM is three wide on either side; a mosaic in it may be some more."""
_NEAR_POLE = 80.0
NO_PLACE = Affine.identity()
"""What GDAL says where a raster says nothing."""
_KEPT = 32
"""So many CRSs are kept: scenes beside each other have one, and it takes as long to read as the rest of a header."""
_STATE = (
    "State the one that they are in with `crs` (--crs {crs}), "
    "or write it into the file: `rio edit-info --crs {crs} FILE`"
)


def own_grid(grid: MapGrid) -> MapGrid:
    """Return the grid that a raster has: none, so image space, where it names a CRS and no place in it.

    Longitudes that all lie beyond 180 degrees are counted from -180 on: maps know no others.
    """
    if grid.crs is None:
        return grid
    if grid.transform == NO_PLACE:
        return MapGrid(None, grid.transform, grid.width, grid.height)
    turn = full_turn(grid.crs) if grid.crs.is_geographic and not grid.transform.is_degenerate else None
    if turn is not None:
        left, _, right, _ = grid.bounds
        turns = math.copysign(1, left) if math.isfinite(left + right) and left + right else 0
        if -turn / 2 <= left - turns * turn and right - turns * turn <= turn / 2:
            shifted = Affine.translation(-turns * turn, 0) @ grid.transform
            return MapGrid(grid.crs, shifted, grid.width, grid.height)
    return grid


def check_fit(grid: MapGrid, name: str) -> None:
    """Raise `SceneContentError` where a grid's coordinates cannot be places in its CRS.

    A CRS that is not tied to the Earth fits whatever the coordinates.
    """
    if grid.crs is None:
        return
    crs = _known(grid.crs.to_wkt())
    if crs is None:
        return
    words = _misfit_in_degrees(grid, crs) if crs.to_degrees is None else _misfit_on_map(grid, crs, crs.to_degrees)
    if words is not None:
        left, bottom, right, top = grid.bounds
        raise SceneContentError(
            f"The coordinates of {name}, {left:.9g}, {bottom:.9g} to {right:.9g}, {top:.9g}, do not fit its CRS "
            f"({crs.name}): {words}",
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """What is looked up once of a CRS: its name, its unit in metres or radians, and the way to degrees, if any."""

    name: str
    unit: float
    to_degrees: pyproj.Transformer | None
    meridian: float | None
    turn: float | None


@lru_cache(maxsize=_KEPT)
def _known(wkt: str) -> _Known | None:
    """Return a CRS that says where on the Earth its coordinates are; None for any other."""
    crs = pyproj.CRS.from_wkt(wkt)
    if crs.geodetic_crs is None or crs.is_geocentric:
        return None
    to_degrees = None if crs.is_geographic else pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    unit = float(crs.axis_info[0].unit_conversion_factor)
    return _Known(crs.name, unit, to_degrees, _meridian(crs), full_turn(CRS.from_wkt(wkt)))


def _meridian(crs: pyproj.CRS) -> float | None:
    """Return the meridian that a transverse Mercator CRS is made for; None of any other."""
    flat = crs.sub_crs_list[0] if crs.is_compound else crs
    if flat.coordinate_operation is None or flat.coordinate_operation.method_name != "Transverse Mercator":
        return None
    params = flat.coordinate_operation.params
    return next((float(one.value) for one in params if one.name == "Longitude of natural origin"), None)


def _misfit_in_degrees(grid: MapGrid, crs: _Known) -> str | None:
    turn = math.degrees(crs.unit)
    left, bottom, right, top = (value * turn for value in grid.bounds)
    if bottom >= -90 - _SLACK and top <= 90 + _SLACK and left >= -_WIDEST and right <= _WIDEST:
        return None
    if -90 <= left <= right <= 90 and -_WIDEST <= bottom <= top <= _WIDEST:
        return (
            f"latitudes from {bottom:.6g} to {top:.6g} are beyond the poles, so latitude and longitude seem to be "
            "swapped. Write the raster anew with longitude across and latitude down."
        )
    if max(abs(value) for value in grid.bounds) <= _EARTH_METRES:
        return (
            "they are no degrees, but look like metres, as of a UTM zone. "
            + _STATE.format(crs="EPSG:32643")
            + " (326 and the zone in the north, 327 in the south)."
        )
    return "they are no degrees. Mend the transform or the CRS."


def _misfit_on_map(grid: MapGrid, crs: _Known, to_degrees: pyproj.Transformer) -> str | None:
    left, bottom, right, top = grid.bounds
    size = math.hypot(grid.transform.a, grid.transform.d) * crs.unit
    if size < _TINY_METRES and max(abs(left), abs(right)) <= _WIDEST and max(abs(bottom), abs(top)) <= 90:
        return f"pixels would be {size:.2g} m wide; they look like degrees. " + _STATE.format(crs="EPSG:4326") + "."
    xs, ys = np.array([left, right, (left + right) / 2]), np.array([bottom, top, (bottom + top) / 2])
    lons, lats = to_degrees.transform(xs, ys)
    if not (np.isfinite(lons) & np.isfinite(lats)).any() or (crs.turn and max(abs(left), abs(right)) > crs.turn):
        return "there is no place on the Earth at them. Mend the transform or the CRS."
    off = _from_meridian(crs, lons[2], lats[2])
    if not off > _FAR_FROM_MERIDIAN:
        return None
    if _from_meridian(crs, *to_degrees.transform(ys[2], xs[2])) <= _FAR_FROM_MERIDIAN / 4:
        return "eastings and northings seem to be swapped. Write the raster anew with eastings across, northings down."
    return (
        f"they lie {off:.0f} degrees from its meridian {crs.meridian:g}. "
        + _STATE.format(crs="EPSG:32633" if crs.meridian == 75 else "EPSG:32643")  # an example, not what it has
        + " (326 and the zone in the north, 327 in the south)."
    )


def _from_meridian(crs: _Known, lon: float, lat: float) -> float:
    """Return by how many degrees a place lies off the meridian of its CRS; 0 where there is none, or near a pole."""
    if crs.meridian is None or not abs(lat) < _NEAR_POLE:
        return 0.0
    return float(abs((lon - crs.meridian + 180) % 360 - 180))
