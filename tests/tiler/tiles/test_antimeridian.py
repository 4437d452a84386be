"""Scenes across the antimeridian, and longitudes from 0 to 360, lie where the tiles of a web map are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
from affine import Affine
from starlette.testclient import TestClient

from helpers.rasters import write_raster
from helpers.service import open_service, send

MERCATOR = morecantile.tms.get("WebMercatorQuad")
ZOOM = 14


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with open_service(store=tmp_path_factory.mktemp("antimeridian") / "store") as made:
        yield made


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
    found = service.get(f"/scenes/{scene}/sar/tilejson.json").json()
    west, south, east, north = found["bounds"]
    assert 179.9 < west < 180 < east < 180.1
    assert found["center"][0] == pytest.approx((west + east) / 2)
    assert (found["minzoom"], found["maxzoom"]) == (13, 14)
    middle = (south + north) / 2
    for lon, value in ((west + 0.003, -20), (east - 360 - 0.003, -10)):
        assert tile(service, scene, lon, middle) == 200
        assert point(service, scene, lon, middle) == pytest.approx(value, abs=0.2)
    assert tile(service, scene, 179.5, middle) == 404
    assert tile(service, scene, 0.0, middle) == 404


def test_longitudes_from_0_to_360_are_those_of_the_map(service: TestClient, tmp_path: Path) -> None:
    scene = sent(service, tmp_path / "d_VV.tif", crs="EPSG:4326", transform=Affine(1e-4, 0, 190, 0, -1e-4, -16.5))
    found = service.get(f"/scenes/{scene}/sar/tilejson.json").json()
    assert found["bounds"] == pytest.approx([-170, -16.53, -169.96, -16.5])
    for lon, value in ((-169.99, -20), (-169.97, -10)):
        assert tile(service, scene, lon, -16.515) == 200
        assert point(service, scene, lon, -16.515) == pytest.approx(value, abs=0.2)
