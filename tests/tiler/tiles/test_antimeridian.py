"""Scenes across the antimeridian, and longitudes from 0 to 360, lie where the tiles of a web map are."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from starlette.testclient import TestClient

from geosar_tiler.routes.processes import _bounds
from geosar_tiler.state.database import Scene
from geosar_tiler.tiles.around import box_in
from helpers.rasters import write_raster
from helpers.service import open_service, picture, problem, send

MERCATOR = morecantile.tms.get("WebMercatorQuad")
ZOOM = 14


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[TestClient]:
    with open_service(store=tmp_path_factory.mktemp("antimeridian") / "store", model=str(model)) as client:
        yield client


def halves(width: int = 400, height: int = 300) -> np.ndarray:
    """Make decibels of -20 on the left half, -10 on the right one."""
    values = np.full((1, height, width), -20, np.float32)
    values[..., width // 2 :] = -10
    return values + np.random.default_rng(1).normal(0, 0.01, values.shape).astype(np.float32)


def sent(service: TestClient, path: Path, **place: Any) -> str:
    return str(send(service, write_raster(path, halves(), descriptions=("VV",), units="dB", **place))["id"])


def point(service: TestClient, scene: str, lon: float, lat: float) -> float:
    answer = service.get(f"/scenes/{scene}/sar/point/{lon},{lat}")
    assert answer.status_code == 200, answer.text
    return float(answer.json()["values"][0])


def tile(service: TestClient, scene: str, lon: float, lat: float) -> int:
    at = MERCATOR.tile(lon, lat, ZOOM)
    return service.get(f"/scenes/{scene}/sar/tiles/WebMercatorQuad/{ZOOM}/{at.x}/{at.y}.png").status_code


def test_a_zone_across_the_antimeridian_is_shown_on_both_sides(service: TestClient, tmp_path: Path) -> None:
    # 180 degrees cross the middle: easting 820 300 of zone 60 at 16.46 degrees south.
    scene = sent(service, tmp_path / "z_VV.tif", crs="EPSG:32760", transform=Affine(10, 0, 818_300, 0, -10, 8_179_000))
    answer = service.get(f"/scenes/{scene}/sar/tilejson.json").json()
    west, south, east, north = answer["bounds"]
    assert 179.9 < west < 180 < east < 180.1
    assert answer["center"][0] == pytest.approx((west + east) / 2)
    assert (answer["minzoom"], answer["maxzoom"]) == (13, 14)
    middle = (south + north) / 2
    for lon, value in ((west + 0.003, -20), (east - 360 - 0.003, -10)):
        assert tile(service, scene, lon, middle) == 200
        assert point(service, scene, lon, middle) == pytest.approx(value, abs=0.2)
    assert tile(service, scene, 179.5, middle) == 404
    assert tile(service, scene, 0.0, middle) == 404


def test_longitudes_from_0_to_360_are_those_of_the_map(service: TestClient, tmp_path: Path) -> None:
    scene = sent(service, tmp_path / "d_VV.tif", crs="EPSG:4326", transform=Affine(1e-4, 0, 190, 0, -1e-4, -16.5))
    answer = service.get(f"/scenes/{scene}/sar/tilejson.json").json()
    assert answer["bounds"] == pytest.approx([-170, -16.53, -169.96, -16.5])
    for lon, value in ((-169.99, -20), (-169.97, -10)):
        assert tile(service, scene, lon, -16.515) == 200
        assert point(service, scene, lon, -16.515) == pytest.approx(value, abs=0.2)


HALF_TURN = 20_037_508.342789244
ACROSS = {
    "degrees": ("EPSG:4326", Affine(1e-4, 0, 179.98, 0, -1e-4, -16.5)),
    "degrees from 180 west": ("EPSG:4326", Affine(1e-4, 0, -180.02, 0, -1e-4, -16.5)),
    "mercator": ("EPSG:3857", Affine(10, 0, HALF_TURN - 2000, 0, -10, -1_860_000)),
    "mercator from the west": ("EPSG:3857", Affine(10, 0, -HALF_TURN - 2000, 0, -10, -1_860_000)),
}


@pytest.mark.parametrize("kind", ACROSS)
def test_degrees_and_mercator_that_go_on_beyond_the_antimeridian_are_shown_on_both_sides(
    kind: str, service: TestClient, tmp_path: Path
) -> None:
    crs, transform = ACROSS[kind]
    scene = sent(service, tmp_path / "a_VV.tif", crs=crs, transform=transform)
    answer = service.get(f"/scenes/{scene}/sar/tilejson.json").json()
    west, south, east, north = answer["bounds"]
    assert (west + east) / 2 == pytest.approx(180, abs=1e-6)
    assert east - west == pytest.approx(0.04 if crs == "EPSG:4326" else 4000 / HALF_TURN * 180, abs=1e-6)
    assert (answer["minzoom"], answer["maxzoom"]) == (13, 14)
    middle = (south + north) / 2
    for lon, value in ((west + 0.003, -20), (east - 360 - 0.003, -10)):
        at = MERCATOR.tile(lon, middle, ZOOM)
        for layer in ("sar", "live"):
            pixels = picture(service.get(f"/scenes/{scene}/{layer}/tiles/WebMercatorQuad/{ZOOM}/{at.x}/{at.y}.png"))
            assert (pixels[..., 3] > 0).mean() > 0.3, (layer, lon)
        assert point(service, scene, lon, middle) == pytest.approx(value, abs=0.2)
    assert tile(service, scene, 179.5, middle) == 404
    item = service.get(f"/stac/collections/scenes/items/{scene}").json()
    west, _, east, _ = item["bbox"]
    assert 179.9 < west < 180
    assert -180 < east < -179.9
    assert item["geometry"]["type"] == "MultiPolygon"
    assert all(abs(x) <= 180 for part in item["geometry"]["coordinates"] for ring in part for x, _ in ring)


def test_a_box_across_the_antimeridian_is_a_part_of_the_scene() -> None:
    degrees = CRS.from_epsg(4326)
    scene = Scene(description={"crs": "EPSG:4326", "bounds": [179.98, -16.53, 180.02, -16.5]})
    for box in ((179.99, -16.52, -179.99, -16.51), (179.99, -16.52, 180.01, -16.51)):
        assert _bounds(scene, box) == pytest.approx((179.99, -16.52, 180.01, -16.51))
    assert _bounds(scene, (-179.99, -16.52, -179.985, -16.51)) == pytest.approx((180.01, -16.52, 180.015, -16.51))
    mercator = box_in(CRS.from_epsg(3857), (179, 0, -179, 0), degrees)
    assert mercator is not None
    assert mercator[2] - mercator[0] == pytest.approx(HALF_TURN / 90)


def test_what_lies_around_a_pole_is_shown_in_its_own_pixels(service: TestClient, tmp_path: Path) -> None:
    around = Affine(10, 0, -2000, 0, -10, 1500)
    scene = sent(service, tmp_path / "p_VV.tif", crs="EPSG:3413", transform=around)
    answer = service.get(f"/scenes/{scene}").json()
    assert answer["bbox"] == pytest.approx([-180, 89.976, 180, 90], abs=2e-3)
    assert answer["georeferenced"] is False
    assert any(link["href"].endswith("sar/image/tilejson.json") for link in answer["links"])
    assert "85.06" in problem(service.get(f"/scenes/{scene}/sar/tilejson.json"), 422)
    polar = service.get(f"/scenes/{scene}/sar/UPSArcticWGS84Quad/tilejson.json")
    assert polar.status_code == 200, polar.text
    assert service.get(f"/scenes/{scene}/sar/image/tilejson.json").json()["width"] == 400


def test_a_scene_from_a_pole_to_the_middle_has_the_zooms_of_its_pixels(service: TestClient, tmp_path: Path) -> None:
    wide = Affine(10_000, 0, -2e6, 0, -10_000, 1.5e6)
    scene = sent(service, tmp_path / "w_VV.tif", crs="EPSG:3413", transform=wide)
    answer = service.get(f"/scenes/{scene}/sar/tilejson.json").json()
    # Ten kilometres are twenty of Mercator's at 60 degrees: nearest to zoom 3, of 19.6.
    assert answer["maxzoom"] == 3
    assert answer["bounds"][0::2] == [-180, 180]


def test_a_collection_with_scenes_on_both_sides_goes_around_the_earth(service: TestClient, tmp_path: Path) -> None:
    for name, left in (("e", 179.98), ("f", 10.0)):
        sent(service, tmp_path / f"{name}_VV.tif", crs="EPSG:4326", transform=Affine(1e-4, 0, left, 0, -1e-4, -6.5))
    box = service.get("/stac/collections/scenes").json()["extent"]["spatial"]["bbox"][0]
    assert box[0::2] == [-180, 180]


WIDE = {
    "degrees": ("EPSG:4326", Affine(0.05, 0, 170, 0, -0.05, 7.5)),
    "degrees from 180 west": ("EPSG:4326", Affine(0.05, 0, -190, 0, -0.05, 7.5)),
    "mercator": ("EPSG:3857", Affine(5600, 0, HALF_TURN - 200 * 5600, 0, -5600, 840_000)),
    "mercator from the west": ("EPSG:3857", Affine(5600, 0, -HALF_TURN - 200 * 5600, 0, -5600, 840_000)),
    "a zone": ("EPSG:32660", Affine(1000, 0, 634_000, 0, -1000, 150_000)),
}


@pytest.mark.parametrize("kind", WIDE)
@pytest.mark.parametrize("layer", ["sar", "live"])
def test_a_tile_of_the_whole_world_shows_both_sides(kind: str, layer: str, service: TestClient, tmp_path: Path) -> None:
    crs, transform = WIDE[kind]
    scene = sent(service, tmp_path / "w_VV.tif", crs=crs, transform=transform)
    west, _, east, _ = service.get(f"/scenes/{scene}/sar/tilejson.json").json()["bounds"]
    equator = picture(service.get(f"/scenes/{scene}/{layer}/tiles/WebMercatorQuad/0/0/0.png?tilesize=512"))[256]
    assert equator.shape == (512, 4)
    inside = {round((lon + 180) / 360 * 512 - 0.5) for lon in (west + 1, 179, -179, east - 361)}
    outside = {round((lon + 180) / 360 * 512 - 0.5) for lon in (west - 2, 0, east - 358)}
    assert {col for col in inside | outside if equator[col, 3]} == inside
    if layer == "sar":  # the left half is darker
        assert equator[510, 0] < equator[1, 0]
    box = picture(service.get(f"/scenes/{scene}/{layer}/bbox/-180,-9,180,9/720x36.png"))[18]
    assert box[717, 3] > 0
    assert box[2, 3] > 0


BOXES = [(-180, 180), (-179.5, -179), (178.8, 179.8), (179, -179), (-181, -179), (0, 360)]
"""West and east, in degrees; east of 180 the scenes are brighter."""


@pytest.mark.parametrize("kind", WIDE)
def test_a_box_shows_what_lies_in_it_however_it_is_counted(kind: str, service: TestClient, tmp_path: Path) -> None:
    crs, transform = WIDE[kind]
    scene = sent(service, tmp_path / "b_VV.tif", crs=crs, transform=transform)
    half_width = 1.78 if kind == "a zone" else 10.0  # degrees on each side, a little less than there are
    for west, east in BOXES:
        lons = west + (np.arange(90) + 0.5) * ((east - west) % 360 or 360) / 90
        beyond = (lons + 360) % 360 - 180  # east of the antimeridian
        inside, outside = abs(beyond) < half_width - 0.05, abs(beyond) > half_width + 0.12
        for grid in ("EPSG:4326", "EPSG:3857"):
            url = f"/scenes/{scene}/sar/bbox/{west},-1,{east},1/90x3.npy?dst_crs={grid}"
            values, mask = np.load(BytesIO(service.get(url).content))[:, 1]
            assert (mask[inside] > 0).all(), (west, east, grid)
            assert not (mask[outside] > 0).any(), (west, east, grid)
            clear = inside & (abs(beyond) > 0.05)  # of the pixel in the middle
            assert values[clear] == pytest.approx(np.where(beyond > 0, -10, -20)[clear], abs=0.2), (west, east, grid)
        assert (picture(service.get(url.replace(".npy", ".png").replace("/sar/", "/live/")))[1, inside, 3] > 0).all()


@pytest.mark.parametrize("layer", ["sar", "live"])
def test_a_box_that_goes_on_around_the_earth_is_refused(layer: str, service: TestClient, tmp_path: Path) -> None:
    crs, transform = WIDE["mercator"]
    scene = sent(service, tmp_path / "r_VV.tif", crs=crs, transform=transform)
    asked = f"/scenes/{scene}/{layer}/bbox/-1000000,-1,1000000,1/90x3.png"
    assert "more than 2 times around the Earth" in problem(service.get(asked), 422)
    far = service.get(f"/scenes/{scene}/{layer}/bbox/-1e8,-1,1e8,1/90x3.png?coord_crs=EPSG:3857&dst_crs=EPSG:3857")
    assert far.status_code == 422
