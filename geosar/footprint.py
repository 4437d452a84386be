"""The outline of a map grid in longitude and latitude, cut at the antimeridian, closed over the poles."""

import math
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray

from geosar.grid import MapGrid

POINTS_ON_AN_EDGE = 32
"""Enough for an edge of a thousand kilometres to stay within a hundred metres of its true line."""
_DECIMALS = 7
_STRAIGHT = 1e-8

Ring = list[tuple[float, float]]


def footprint(grid: MapGrid) -> tuple[dict[str, Any], list[float]] | None:
    """
    Return GeoJSON geometry and bounding box (west, south, east, north; degrees, WGS 84) of a grid's outline.

    As RFC 7946 wants it: anticlockwise, cut in two where it crosses the antimeridian, in which case west is
    greater than east. None for a grid without CRS, or one that has no place on the Earth.
    """
    if grid.crs is None:
        return None
    crs = pyproj.CRS.from_wkt(grid.crs.to_wkt())
    if crs.geodetic_crs is None:
        return None
    ring = _outline(grid, crs)
    if len(ring) < 3:  # a triangle is the least that has an area
        return None
    parts = [part for part in (_cut(ring, turn) for turn in (-360.0, 0.0, 360.0)) if part]
    if not parts:
        return None
    latitudes = [latitude for part in parts for _, latitude in part]
    if len(parts) == 1:
        longitudes = [longitude for longitude, _ in parts[0]]
        west, east = min(longitudes), max(longitudes)
    else:
        unwrapped = [longitude for longitude, _ in ring]
        whole = max(unwrapped) - min(unwrapped) >= 360
        west, east = (-180.0, 180.0) if whole else (_wrapped(min(unwrapped)), _wrapped(max(unwrapped)))
    polygons = [[[list(point) for point in [*part, part[0]]]] for part in parts]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) == 1
        else {"type": "MultiPolygon", "coordinates": polygons}
    )
    return geometry, [west, min(latitudes), east, max(latitudes)]


def _outline(grid: MapGrid, crs: pyproj.CRS) -> Ring:
    """Walk around the grid; longitudes go on beyond 180 degrees instead of jumping."""
    steps = np.arange(POINTS_ON_AN_EDGE) / POINTS_ON_AN_EDGE
    zeros, ones = np.zeros_like(steps), np.ones_like(steps)
    columns = np.concatenate([steps, ones, 1 - steps, zeros]) * grid.width
    rows = np.concatenate([zeros, steps, ones, 1 - steps]) * grid.height
    transform = grid.transform
    xs = transform.a * columns + transform.b * rows + transform.c
    ys = transform.d * columns + transform.e * rows + transform.f
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    longitudes, latitudes = to_degrees.transform(xs, ys)
    on_earth = np.isfinite(longitudes) & np.isfinite(latitudes) & (np.abs(latitudes) <= 90)
    longitudes, latitudes = longitudes[on_earth], latitudes[on_earth]
    if not longitudes.size:
        return []
    if not crs.is_geographic:  # whose longitudes go on by themselves, also once around the whole Earth
        longitudes = np.unwrap(longitudes, period=360)
    ring = _without_straight_points(np.stack([longitudes, latitudes], axis=1))
    return _anticlockwise(_over_pole(ring, pole_inside(grid, crs))) if ring else ring


def _without_straight_points(points: NDArray[np.float64]) -> Ring:
    """Leave out points that lie, within a hundred-millionth of a degree, between their neighbours."""
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    area = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
    base = np.hypot(*(before + after).T)
    corners = points[area > _STRAIGHT * np.maximum(base, _STRAIGHT)]
    return [(float(x), float(y)) for x, y in corners]


def pole_inside(grid: MapGrid, crs: pyproj.CRS) -> float | None:
    """Return the latitude of the pole that lies on the grid, if one does."""
    if crs.is_geographic:
        return None
    from_degrees = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    for pole in (90.0, -90.0):
        x, y = from_degrees.transform(0.0, pole)
        if math.isfinite(x) and math.isfinite(y):
            column, row = ~grid.transform @ (x, y)
            if 0 < column < grid.width and 0 < row < grid.height:
                return pole
    return None


def _over_pole(ring: Ring, pole: float | None) -> Ring:
    turn = round((ring[-1][0] - ring[0][0]) / 360) * 360.0
    if pole is None or not turn:
        return ring
    return [*ring, (ring[0][0] + turn, ring[0][1]), (ring[0][0] + turn, pole), (ring[0][0], pole)]


def _anticlockwise(ring: Ring) -> Ring:
    x, y = np.array(ring).T
    twice_area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    return ring if twice_area > 0 else ring[::-1]


def _cut(ring: Ring, turn: float) -> Ring:
    """Keep what lies between -180 and 180 degrees once the ring was turned by `turn`."""
    points: NDArray[np.float64] = np.array(ring) + np.array([turn, 0.0])
    for side in (1.0, -1.0):
        points = _clipped(points, side)
    rounded = [(round(float(x), _DECIMALS), round(float(y), _DECIMALS)) for x, y in points]
    unique = [point for index, point in enumerate(rounded) if point != rounded[index - 1]]
    return unique if len({x for x, _ in unique}) > 1 and len({y for _, y in unique}) > 1 else []


def _clipped(points: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    """Clip a polygon at the meridian of 180 degrees on one side (Sutherland and Hodgman, 1974)."""
    polygon: list[NDArray[np.float64]] = []
    for index, point in enumerate(points):
        before = points[index - 1]
        inside, inside_before = side * point[0] <= 180, side * before[0] <= 180
        if inside != inside_before:
            share = (side * 180 - before[0]) / (point[0] - before[0])
            polygon.append(before + share * (point - before))
        if inside:
            polygon.append(point)
    return np.array(polygon).reshape(-1, 2)


def _wrapped(longitude: float) -> float:
    return round((longitude + 180) % 360 - 180, _DECIMALS)
