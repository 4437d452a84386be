"""The operator's elevation model corrects Sentinel-1 products on the service: copy, tiles and jobs alike."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from starlette.testclient import TestClient

from geosar.cli import group
from geosar.errors import UsageError
from geosar.scene import open_scene
from geosar_tiler.settings import Settings
from geosar_tiler.state.terrain import Terrain
from helpers.rasters.safe_product import zip_product
from helpers.rasters.sentinel1 import coarse_product
from helpers.service import MakeService, open_service, wait

ALPS, SHRINK, STEP = "s1b_iw_alps", 32, 0.05
WEST, NORTH = 8.4, 47.8


def write_heights(path: Path, west: float, north: float, heights: np.ndarray) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=heights.shape[0], width=heights.shape[1], dtype="float32",
        crs="EPSG:4326", transform=Affine(STEP, 0, west, 0, -STEP, north),
    ) as target:  # fmt: skip
        target.write(heights.astype(np.float32), 1)
    return path


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("safe")
    return zip_product(coarse_product(folder, ALPS, SHRINK), folder / "product.zip")


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two tiles of 2000 m above the ellipsoid, which end west of the eastern half of the product."""
    folder = tmp_path_factory.mktemp("heights")
    for number in range(2):
        write_heights(folder / f"{number}.tif", WEST + number, NORTH, np.full((48, 20), 2000.0))
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model: Path, tiles: Path) -> Iterator[TestClient]:
    store = tmp_path_factory.mktemp("terrain") / "store"
    with open_service(
        store=store, model=str(model), dem=tiles, dem_heights="ellipsoid", inspection_seconds=900
    ) as client:
        yield client


@pytest.fixture(scope="module")
def corrected(service: TestClient, product: Path) -> dict[str, Any]:
    sent = service.post("/scenes?unit=amplitude&filename=p.zip", content=product.read_bytes())
    assert sent.status_code == 201, sent.text
    return wait(service, f"/scenes/{sent.json()['id']}", lambda one: one["display"]["state"] != "preparing", 300)


def decibels(client: TestClient, scene: dict[str, Any], lon: float, lat: float) -> float:
    answer = client.get(f"/scenes/{scene['id']}/sar/point/{lon},{lat}").json()["values"][0]
    return float(answer)


def test_copy_and_tiles_lie_where_the_command_puts_the_product(
    service: TestClient, corrected: dict[str, Any], product: Path, tiles: Path
) -> None:
    description = corrected["description"]
    assert description["placement"] == "terrain correction"
    assert any("heights above the ellipsoid" in note for note in description["notes"])
    with (
        open_scene(product, scale="amplitude", dem=tiles, dem_heights="ellipsoid") as by_command,
        open_scene(product, scale="amplitude") as without,
    ):
        block, grid = by_command.read(by_command.grid.window), by_command.grid
        plain = without.read(without.grid.window)
    copy = next(Path(service.app.state.services.store.scene(corrected["id"])).glob("sar*.tif"))  # type: ignore[attr-defined]
    with rasterio.open(copy) as opened:
        assert opened.transform.almost_equals(grid.transform)
        shown = opened.read(1, masked=True)
    where = block.valid & ~np.ma.getmaskarray(shown) & (block.values[0] > 0)
    assert where.mean() > 0.2
    np.testing.assert_allclose(shown.data[where] / 100, 20 * np.log10(block.values[0][where]), atol=0.02)
    # Beyond the model the control points place it, as without one.
    east = plain.valid & ~block.valid & ~np.ma.getmaskarray(shown) & (plain.values[0] > 0)
    assert east.mean() > 0.2
    np.testing.assert_allclose(shown.data[east] / 100, 20 * np.log10(plain.values[0][east]), atol=0.02)


def test_item_and_report_say_what_placed_it(service: TestClient, corrected: dict[str, Any]) -> None:
    item = service.get(f"/stac/collections/scenes/items/{corrected['id']}").json()["properties"]
    assert item["geosar:placement"] == "terrain correction"
    assert any("where the model has no height the control points place it" in note for note in item["geosar:notes"])
    response = service.post("/processes/translate/execution", json={"inputs": {"scene": corrected["id"]}})
    job = response.headers["location"].rpartition("/")[2]
    wait(service, f"/jobs/{job}", lambda one: one["status"] not in {"accepted", "running"}, 300)
    report = service.get(f"/jobs/{job}/results").json()["report"]["value"]
    assert report["placement"] == "terrain correction"
    assert service.get(f"/stac/collections/results/items/{job}").json()["properties"]["geosar:placement"] == (
        "terrain correction"
    )


def test_what_lies_beyond_the_model_is_placed_without_it_and_says_so(
    make_service: MakeService, product: Path, tmp_path: Path
) -> None:
    far = write_heights(tmp_path / "far.tif", 100, 10, np.ones((9, 9)))
    with make_service(dem=far, dem_heights="ellipsoid", inspection_seconds=900) as client:
        sent = client.post("/scenes?unit=amplitude&filename=p.zip", content=product.read_bytes())
        assert sent.status_code == 201, sent.text
        description = sent.json()["description"]
    assert description["placement"] == "control points"
    assert any("the elevation model far covers no part of it" in note for note in description["notes"])
    assert not any(str(tmp_path) in note for note in description["notes"])


def test_a_model_that_cannot_be_used_is_told_before_the_service_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="GEOSAR_DEM"):
        Terrain(Settings(dem=tmp_path / "nowhere.tif"))
    with pytest.raises(UsageError, match="holds no raster"):
        Terrain(Settings(dem=tmp_path))
    monkeypatch.setenv("GEOSAR_DEM", str(tmp_path / "nowhere.tif"))
    done = CliRunner().invoke(group, ["serve", "--store", str(tmp_path / "store")])
    assert isinstance(done.exception, UsageError) or "GEOSAR_DEM" in done.output
