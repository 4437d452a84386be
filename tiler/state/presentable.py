"""What a scene must be so that lists, searches and maps can show it, and what is done with rows that cannot be."""

import json
import logging
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pyproj
from rasterio.warp import transform

from geosar.errors import SceneContentError
from geosar.grid import MapGrid
from tiler.errors import InvalidError

_LOG = logging.getLogger("tiler")
_SLACK = 1e-6
"""Degrees by which rounding may carry an edge beyond a pole."""
_UNSHOWABLE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)

Row = TypeVar("Row")


def check_place(grid: MapGrid, name: str) -> None:
    """Raise SceneContentError where a grid's CRS gives its pixels no place that can be worked with."""
    if grid.crs is None:
        return
    left, bottom, right, top = grid.bounds
    crs = pyproj.CRS.from_wkt(grid.crs.to_wkt())
    if crs.geodetic_crs is None:
        raise SceneContentError(
            f"the CRS of {name} ({crs.name}) has no relation to the Earth; expected one such as EPSG:32643, or none."
        )
    if crs.is_geographic:
        turn = math.degrees(crs.axis_info[0].unit_conversion_factor)
        south, north = sorted((bottom * turn, top * turn))
        west, east = sorted((left * turn, right * turn))
        if south < -90 - _SLACK or north > 90 + _SLACK or west < -540 or east > 540:
            raise SceneContentError(
                f"{name} would lie at the longitudes {west:g} to {east:g} and the latitudes {south:g} to {north:g}; "
                f"expected degrees on the Earth. Its transform does not go with its CRS ({crs.name}): mend one of them."
            )
    xs, ys = transform(grid.crs, "EPSG:4326", [left, right, (left + right) / 2], [bottom, top, (bottom + top) / 2])
    if not any(math.isfinite(x) and math.isfinite(y) for x, y in zip(xs, ys, strict=True)):
        raise SceneContentError(
            f"{name} has no place on the Earth: its coordinates {left:g}, {bottom:g}, {right:g}, {top:g} are outside "
            f"of what its CRS ({crs.name}) is for. Mend its transform or its CRS."
        )


def check_finite(found: dict[str, Any], name: str) -> None:
    """Raise InvalidError where a number of a description is none that JSON can hold."""
    try:
        json.dumps(found, allow_nan=False)
    except ValueError as error:
        raise InvalidError(f"what {name} says of itself has numbers without end ({error}). Write it anew.") from error


def shown(rows: Iterable[Row], present: Callable[[Row], dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what rows look like as JSON; one that cannot be shown is logged and left out."""
    made = []
    for row in rows:
        try:
            one = present(row)
            json.dumps(one, allow_nan=False).encode()
        except FileNotFoundError:  # a result that is being removed
            continue
        except _UNSHOWABLE:
            _LOG.exception("a row cannot be shown: %s", getattr(row, "id", row))
            continue
        made.append(one)
    return made
