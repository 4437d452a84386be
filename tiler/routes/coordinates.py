"""A scene's own coordinates for programs without PROJ: polynomials from longitude and latitude to its CRS.

A place is first seen from the scene's centre (lon0, lat0), on one of two planes:

- `stereographic`: p = cos(lat) sin(lon - lon0) / k, q = (cos(lat0) sin(lat) - sin(lat0) cos(lat) cos(lon - lon0)) / k,
  k = 1 + sin(lat0) sin(lat) + cos(lat0) cos(lat) cos(lon - lon0); Snyder (1987), "Map projections", equations 21-2 to
  21-4 for a sphere of diameter one. Neither a pole nor the antimeridian is a special place for it.
- `degrees`: p = lon - lon0 between -180 and 180, q = lat; exact for scenes on a grid of degrees, however large.

Then u = (2 p - left - right) / (right - left) and v = (2 q - bottom - top) / (top - bottom) lie between -1 and 1 in the
scene and a little around it, and x is the sum over i, j of X[i][j] T_i(u) T_j(v) with Chebyshev's polynomials T; y too.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from fastapi import APIRouter
from numpy.polynomial.chebyshev import chebpts1, chebvander2d
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geosar_tiler.errors import NotFoundError
from geosar_tiler.services import Shared
from geosar_tiler.state import catalogue

router = APIRouter(prefix="/scenes", tags=["Scenes"])

HIGHEST = 10
"""Degree; scenes of a few hundred kilometres need three to five."""
FITTED, CHECKED = 2 * HIGHEST + 5, 33
"""Places along each side of the scene, for the polynomials and for their error."""
GOOD, USELESS = 0.02, 0.5
"""Parts of a pixel: as near as this is near enough, and farther than that is refused."""
MARGIN = 0.1
"""Parts of the scene's width and height, around it."""
DIGITS = 13
"""Significant digits of a coefficient: a hundredth of a millimetre on Earth."""

Floats = NDArray[np.floating[Any]]


@router.get("/{scene_id}/coordinates", summary="Find the way from longitude and latitude to a scene's CRS")
def coordinates(services: Shared, scene_id: str) -> dict[str, Any]:
    """Return two polynomials; the documentation of `geosar_tiler.routes.coordinates` says how they are evaluated."""
    scene = catalogue.get(services.database, scene_id)
    description = scene.description
    if scene.geometry is None:
        raise NotFoundError(f"{scene.name!r} has no georeference, and so no coordinates but its pixels.")
    return fit(description["crs"], tuple(description["transform"]), description["width"], description["height"])


@lru_cache(maxsize=128)
def fit(crs: str, transform: tuple[float, ...], width: int, height: int) -> dict[str, Any]:
    """Fit polynomials to a scene of so many pixels; `error`, the greatest found in it, is in units of the CRS.

    Raises NotFoundError where no polynomial comes within half a pixel.
    """
    system = CRS.from_user_input(crs)
    to_degrees = Transformer.from_crs(system, "EPSG:4326", always_xy=True)
    a, b, c, d, e, f = transform[:6]
    pixel = float(min(np.hypot(a, d), np.hypot(b, e)))

    def lattice(positions: Floats) -> Floats:
        """Return x, y, longitude and latitude at parts of the width and the height."""
        column, row = np.meshgrid(width * positions, height * positions)
        x, y = a * column + b * row + c, d * column + e * row + f
        return np.array([x, y, *to_degrees.transform(x, y)])

    nodes = lattice(0.5 + (0.5 + MARGIN) * chebpts1(FITTED))
    checks = lattice(np.linspace(0, 1, CHECKED))
    centre = checks[2:, CHECKED // 2, CHECKED // 2]
    fits = [
        {"plane": name, **_fit(_seen(plane, centre, nodes), _seen(plane, centre, checks), GOOD * pixel)}
        for name, plane in {"stereographic": _stereographic, "degrees": _degrees}.items()
    ]
    best = min(fits, key=lambda one: (one["error"] > GOOD * pixel, len(one["x"]), one["error"]))
    if not best["error"] < USELESS * pixel:
        raise NotFoundError(f"this scene is too large for polynomials from degrees to {system.name}.")
    authority = system.to_authority()
    return {
        "crs": ":".join(authority) if authority else None,
        "name": system.name,
        "unit": system.axis_info[0].unit_name if system.axis_info else "metre",
        "centre": centre.tolist(),
        **best,
    }


def _fit(nodes: Floats, checks: Floats, good: float) -> dict[str, Any]:
    """Fit x and y over p and q, with the least degree whose error is good enough."""
    best: dict[str, Any] = {"error": np.inf, "x": []}
    if not nodes.size or not checks.size:
        return best
    ends = np.array([nodes[2:].min(axis=1), nodes[2:].max(axis=1)])
    scaled, tried = ((2 * one[2:] - ends.sum(axis=0)[:, None]) / np.diff(ends, axis=0).T for one in (nodes, checks))
    for degree in range(1, HIGHEST + 1):
        low = np.add.outer(range(degree + 1), range(degree + 1)).ravel() <= degree
        solved, *_ = np.linalg.lstsq(
            chebvander2d(scaled[0], scaled[1], [degree, degree])[:, low], nodes[:2].T, rcond=None
        )
        solved = np.round(solved, DIGITS - int(np.ceil(np.log10(np.abs(solved).max()))))
        missed = chebvander2d(tried[0], tried[1], [degree, degree])[:, low] @ solved - checks[:2].T
        error = float(np.hypot(*missed.T).max())
        if error < best["error"]:
            best = {"window": ends.ravel().tolist(), "error": error, **_triangles(solved, degree)}
        if error <= good:
            break
    return best


def _triangles(solved: Floats, degree: int) -> dict[str, list[list[float]]]:
    """Order coefficients as rows, each of one power of u and shorter by one than that before it."""
    starts = np.cumsum([0, *range(degree + 1, 0, -1)])
    x, y = ([part.tolist() for part in np.split(one, starts[1:-1])] for one in solved.T)
    return {"x": x, "y": y}


def _seen(plane: Any, centre: Floats, lattice: Floats) -> Floats:
    """Return x, y, p and q, where PROJ knows the place."""
    x, y, longitude, latitude = lattice
    with np.errstate(all="ignore"):
        p, q = plane(longitude, latitude, *centre)
    seen = np.array([x, y, p, q]).reshape(4, -1)
    return seen[:, np.isfinite(seen).all(axis=0)]


def _stereographic(longitude: Floats, latitude: Floats, longitude0: float, latitude0: float) -> tuple[Floats, Floats]:
    turn, phi, phi0 = np.radians(longitude - longitude0), np.radians(latitude), np.radians(latitude0)
    k = 1 + np.sin(phi0) * np.sin(phi) + np.cos(phi0) * np.cos(phi) * np.cos(turn)
    q = np.cos(phi0) * np.sin(phi) - np.sin(phi0) * np.cos(phi) * np.cos(turn)
    return np.cos(phi) * np.sin(turn) / k, q / k


def _degrees(longitude: Floats, latitude: Floats, longitude0: float, _latitude0: float) -> tuple[Floats, Floats]:
    # The edges of a scene around the whole world lie on one meridian; they are no less apart for that.
    turn = np.unwrap(longitude - longitude0, axis=1, period=360)
    return turn - 360 * np.round(turn[:, turn.shape[1] // 2, None] / 360), latitude
