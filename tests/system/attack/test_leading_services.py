"""What is sent to the service leads it to no file of its store and to no other machine, at once or later."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from sqlalchemy import update
from starlette.testclient import TestClient

from geosar.cli import group
from geosar_tiler.state.database import Scene
from helpers.attack.bait import Bait
from helpers.rasters import speckled, write_raster
from helpers.rasters.safe_product import write_product, zip_product
from helpers.service import problem, send, services_of

LARGE = 2100
"""Pixels: so many that an overview is made of it, and GDAL looks for overviews."""
X = ("path", "virtual raster", "address", "driver's own name")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raster(tmp_path_factory.mktemp("large") / "large_VV.tif", speckled((1, LARGE, LARGE)), units="power")


@pytest.fixture(params=X)
def leading(request: pytest.FixtureRequest, tmp_path: Path, bait: Bait, large: Path) -> Path:
    """A large scene whose tag names overviews elsewhere."""
    path = tmp_path / "leading_VV.tif"
    shutil.copy(large, path)
    texts = (str(bait.raster), bait.vrt, f"/vsicurl/{bait.address}/bait.tif", f"GTIFF_DIR:1:{bait.raster}")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=texts[X.index(request.param)])
    bait.lay()
    return path


def test_a_scene_that_leads_away_is_refused(service: TestClient, leading: Path, bait: Bait) -> None:
    answer = service.post("/scenes", params={"filename": leading.name}, content=leading.read_bytes())
    assert "another file" in problem(answer, 422)
    assert service.get("/scenes").json()["numberMatched"] == 0
    assert bait.touched() == []


def test_one_that_came_in_before_it_was_refused_is_not_followed_either(
    service: TestClient, leading: Path, large: Path, bait: Bait
) -> None:
    scene = send(service, large)
    services = services_of(service)
    shutil.copy(leading, services.store.source(scene["id"], scene["filename"]))
    services.store.overview(scene["id"]).unlink(missing_ok=True)
    services.direct.forget(scene["id"])
    with services.database.begin() as session:
        session.execute(update(Scene).values(display="preparing"))
    for path in (
        "preview.tif?max_size=2048",
        "preview.png?max_size=256",
        "statistics",
        "tiles/WebMercatorQuad/12/2909",
    ):
        answer = service.get(f"/scenes/{scene['id']}/sar/{path}")
        assert answer.status_code in {404, 422}, path
    assert bait.touched() == []


def test_a_reference_that_leads_away_is_refused(service: TestClient, leading: Path, large: Path, bait: Bait) -> None:
    scene = send(service, large)
    answer = service.put(f"/scenes/{scene['id']}/reference", content=leading.read_bytes())
    assert "another file" in problem(answer, 422)
    assert bait.touched() == []


def test_a_layer_that_leads_away_is_not_followed(service: TestClient, leading: Path, large: Path, bait: Bait) -> None:
    scene = send(service, large)
    shutil.copy(leading, services_of(service).store.display(scene["id"]))
    for path in ("preview.tif?max_size=256", "statistics"):
        answer = service.get(f"/scenes/{scene['id']}/sar/{path}")
        assert answer.status_code == 422, path
    assert bait.touched() == []


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_a_product_whose_measurement_leads_away_is_not_followed(tmp_path: Path, bait: Bait, zipped: bool) -> None:
    root = write_product(tmp_path, {"VV": np.full((300, 300), 200, np.uint16)}, calibration=False)
    (measurement,) = root.glob("measurement/*.tiff")
    with rasterio.open(measurement, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=str(bait.raster))
    source = zip_product(root, tmp_path / "product.zip") if zipped else root
    bait.lay()
    assert "another file" in failure("translate", source, "-o", tmp_path / "out.tif")
    assert bait.touched() == []


def test_a_product_in_a_folder_called_a_virtual_raster_is_not_followed(
    service: TestClient, tmp_path: Path, bait: Bait
) -> None:
    root = write_product(tmp_path, {"VV": np.full((300, 300), 200, np.uint16)}, calibration=False)
    odd = bait.vrt.replace("/", "\\")
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        for file in root.rglob("*.*"):
            archive.write(file, f"{odd}.SAFE/{file.relative_to(root)}")
    bait.lay()
    answer = service.post("/scenes", params={"filename": "a.zip"}, content=(tmp_path / "odd.zip").read_bytes())
    problem(answer, 422)
    assert bait.touched() == []


def test_the_commands_do_not_follow_it(leading: Path, tmp_path: Path, bait: Bait) -> None:
    for arguments in (["info"], ["translate", "-o", tmp_path / "out.tif"], ["map", "-o", tmp_path / "map.html"]):
        assert "another file" in failure(*arguments, leading)
    assert bait.touched() == []


def failure(*arguments: object) -> str:
    """Run a command that must fail; returns what it says."""
    ran = CliRunner().invoke(group, list(map(str, arguments)), standalone_mode=False)
    assert ran.exception is not None or ran.return_value
    return f"{ran.exception} {ran.output}"
