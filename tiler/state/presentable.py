"""What a scene must be so that lists, searches and maps can show it, and what is done with rows that cannot be."""

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pyproj

from geosar.errors import SceneContentError
from geosar.grid import MapGrid
from geosar.scene.fit import check_fit
from geosar_tiler.errors import InvalidError

_LOG = logging.getLogger("tiler")
_UNSHOWABLE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)

Row = TypeVar("Row")


def check_place(grid: MapGrid, name: str) -> None:
    """Raise SceneContentError where pixels have no place that can be worked with, or one that no map can show."""
    check_fit(grid, name)
    crs = None if grid.crs is None else pyproj.CRS.from_wkt(grid.crs.to_wkt())
    if crs is not None and (crs.geodetic_crs is None or crs.is_geocentric):
        raise SceneContentError(
            f"the CRS of {name} ({crs.name}) is not one of maps or degrees on the Earth; expected one such as "
            "EPSG:32643, or none."
        )


def check_finite(description: dict[str, Any], name: str) -> None:
    """Raise InvalidError where a number of a description is none that JSON can hold."""
    try:
        json.dumps(description, allow_nan=False)
    except ValueError as error:
        raise InvalidError(f"what {name} says of itself has numbers without end ({error}). Write it anew.") from error


def shown(rows: Iterable[Row], present: Callable[[Row], dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what rows look like as JSON; one that cannot be shown is logged and left out."""
    documents = []
    for row in rows:
        try:
            one = present(row)
            json.dumps(one, allow_nan=False).encode()
        except FileNotFoundError:  # a result that is being removed
            continue
        except _UNSHOWABLE:
            _LOG.exception("a row cannot be shown: %s", getattr(row, "id", row))
            continue
        documents.append(one)
    return documents
