"""Outlines in longitude and latitude, with corners worked out from the projections' own formulas."""

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from geosar.footprint import footprint
from geosar.grid import MapGrid


def area(ring: list[list[float]]) -> float:
    x, y = np.array(ring[:-1]).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2


def grid(crs: int | None, transform: Affine, width: int = 100, height: int = 50) -> MapGrid:
    return MapGrid(None if crs is None else CRS.from_epsg(crs), transform, width, height)


def test_a_grid_in_degrees_is_its_own_footprint() -> None:
    outline = footprint(grid(4326, Affine(0.1, 0, 10, 0, -0.1, 50)))
    assert outline is not None
    geometry, bbox = outline
    assert bbox == [10, 45, 20, 50]
    assert geometry["type"] == "Polygon"
    (ring,) = geometry["coordinates"]
    assert ring[0] == ring[-1]
    assert sorted(map(tuple, ring[:-1])) == [(10, 45), (10, 50), (20, 45), (20, 50)]
    assert area(ring) > 0, "anticlockwise"


def test_a_south_up_grid_is_anticlockwise_too() -> None:
    outline = footprint(grid(4326, Affine(0.1, 0, 10, 0, 0.1, 45)))
    assert outline is not None
    assert outline[1] == [10, 45, 20, 50]
    assert area(outline[0]["coordinates"][0]) > 0


def test_web_mercator_reaches_the_longitudes_of_its_formula() -> None:
    # x = R * longitude; a hundredth of the half circumference is 1.8 degrees.
    step = 20037508.342789244 / 100
    outline = footprint(grid(3857, Affine(step, 0, 0, 0, -step, step), 1, 1))
    assert outline is not None
    west, south, east, north = outline[1]
    assert (west, south, east) == pytest.approx((0, 0, 1.8), abs=1e-6)
    assert north == pytest.approx(np.degrees(np.arctan(np.sinh(np.pi / 100))), abs=1e-6)


def test_curved_edges_have_more_points_than_corners() -> None:
    outline = footprint(grid(32633, Affine(10_000, 0, 0, 0, -10_000, 9_000_000)))
    assert outline is not None
    assert len(outline[0]["coordinates"][0]) > 60


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        (4326, Affine(0.01, 0, 179.5, 0, -0.01, 10)),
        (4326, Affine(0.01, 0, -180.5, 0, -0.01, 10)),
        (3857, Affine(1113.194907932736, 0, 20037508.342789244 - 55659.7453966368, 0, -1113.2, 1118889.97)),
        (32660, Affine(1100, 0, 774_500, 0, -1100, 1_107_000)),
    ],
    ids=["degrees_beyond_180", "degrees_before_180", "mercator", "utm_60"],
)
def test_a_grid_over_the_antimeridian_is_cut_in_two_and_west_exceeds_east(crs: int, transform: Affine) -> None:
    outline = footprint(grid(crs, transform))
    assert outline is not None
    geometry, (west, south, east, north) = outline
    assert geometry["type"] == "MultiPolygon"
    assert 179 < west < 180
    assert -180 < east < -179
    assert 9 < south < north < 11
    spans = sorted((min(x for x, _ in ring), max(x for x, _ in ring)) for (ring,) in geometry["coordinates"])
    assert spans[0] == (-180, pytest.approx(east))
    assert spans[1] == (pytest.approx(west), 180)
    assert all(area(ring) > 0 for (ring,) in geometry["coordinates"])


@pytest.mark.parametrize(("crs", "pole"), [(3413, 90), (3031, -90)])
def test_a_grid_around_a_pole_reaches_it_at_all_longitudes(crs: int, pole: int) -> None:
    outline = footprint(grid(crs, Affine(10_000, 0, -500_000, 0, -10_000, 500_000), 100, 100))
    assert outline is not None
    geometry, (west, south, east, north) = outline
    assert (west, east) == (-180, 180)
    assert pole in {south, north}
    assert min(abs(south), abs(north)) == pytest.approx(83.5, abs=0.3)
    rings = [ring for polygon in geometry["coordinates"] for ring in polygon]
    if geometry["type"] == "Polygon":
        rings = geometry["coordinates"]
    # A cap covers 360 degrees of longitude by the 5 to 6.5 degrees between its edge and the pole.
    assert 360 * 4.5 < sum(area(ring) for ring in rings) < 360 * 6.5


def test_the_whole_earth_is_one_rectangle() -> None:
    outline = footprint(grid(4326, Affine(3.6, 0, -180, 0, -3.6, 90)))
    assert outline is not None
    assert outline[1] == [-180, -90, 180, 90]
    assert outline[0]["type"] == "Polygon"
    assert area(outline[0]["coordinates"][0]) == pytest.approx(360 * 180)


def test_the_earth_from_0_to_360_is_cut_and_whole() -> None:
    outline = footprint(grid(4326, Affine(3.6, 0, 0, 0, -3.6, 90)))
    assert outline is not None
    assert outline[1] == [-180, -90, 180, 90]
    assert sum(area(ring) for (ring,) in outline[0]["coordinates"]) == pytest.approx(360 * 180)


def test_image_space_and_local_grids_have_no_place_on_the_earth() -> None:
    assert footprint(grid(None, Affine.identity())) is None
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    assert footprint(MapGrid(local, Affine(1, 0, 0, 0, -1, 0), 10, 10)) is None


def test_a_grid_beyond_the_earth_has_no_footprint() -> None:
    orthographic = CRS.from_proj4("+proj=ortho +lat_0=0 +lon_0=0 +datum=WGS84")
    assert footprint(MapGrid(orthographic, Affine(10, 0, 1e7, 0, -10, 1e7), 10, 10)) is None
