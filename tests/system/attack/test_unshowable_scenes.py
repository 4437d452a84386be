"""No scene, by what it says of itself, and no row keeps lists, searches and maps from showing the others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from geosar_tiler.state.database import Scene
from helpers.rasters import speckled, write_raster
from helpers.service import open_service, problem, send, services_of

LISTS = (
    "/scenes",
    "/scenes?sort=-acquired",
    "/scenes?datetime=2000-01-01T00:00:00Z/..",
    "/scenes?bbox=-180,-90,180,90",
    "/stac/search",
    "/stac/collections",
    "/stac/collections/scenes/items",
)
TIMES = (
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59", "0001-01-01", "2024-13-45", "inf",
)  # fmt: skip
PLACES: dict[str, dict[str, Any]] = {
    "beyond the pole": {"crs": "EPSG:4326", "transform": Affine(1, 0, 0, 0, -1, 200)},
    "metres as degrees": {"crs": "EPSG:9707"},
    "no transform": {"crs": "EPSG:4326", "transform": None},
    "no transform, metres": {"crs": "EPSG:32643", "transform": None},
    "NaN": {"transform": Affine(float("nan"), 0, 0, 0, -10, 0)},
    "infinite": {"transform": Affine(10, 0, float("inf"), 0, -10, 0)},
    "no area": {"transform": Affine(0, 0, 600_000, 0, 0, 1_200_000)},
    "one line": {"transform": Affine(10, 10, 600_000, 10, 10, 1_200_000)},
    "huge": {"transform": Affine(1e300, 0, 1e300, 0, -1e300, 1e300)},
    "far off its zone": {"transform": Affine(1e9, 0, 1e12, 0, -1e9, 1e12)},
    "a local CRS": {"crs": 'LOCAL_CS["here",UNIT["metre",1]]'},
    "heights alone": {"crs": "EPSG:5773"},
    "geocentric": {"crs": "EPSG:4978"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[TestClient]:
    with open_service(store=tmp_path_factory.mktemp("unshowable") / "store", model=str(model)) as client:
        yield client


@pytest.fixture
def service(running: TestClient) -> Iterator[TestClient]:
    """One service for all tests here, empty at the end of each."""
    yield running
    with services_of(running).database.begin() as session:
        names = list(session.scalars(select(Scene.id)))
    for name in names:
        assert running.delete(f"/scenes/{name}").status_code == 204


def lists_work(service: TestClient) -> None:
    for path in LISTS:
        answer = service.get(path)
        assert answer.status_code == 200, (path, answer.text)
        json.loads(answer.text, parse_constant=pytest.fail)


@pytest.mark.parametrize("moment", TIMES)
def test_a_time_that_no_calendar_has_is_no_time(service: TestClient, tmp_path: Path, moment: str) -> None:
    path = write_raster(tmp_path / "a_VV.tif", speckled((1, 40, 40)), units="power")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ACQUISITION_START_TIME=moment)
    assert send(service, path)["acquired"] is None
    lists_work(service)


@pytest.mark.parametrize("odd", PLACES)
def test_a_place_that_is_none_is_refused_or_shown(service: TestClient, tmp_path: Path, odd: str) -> None:
    path = write_raster(tmp_path / "a_VV.tif", speckled((1, 40, 40)), units="power", **PLACES[odd])
    answer = service.post("/scenes", params={"filename": path.name}, content=path.read_bytes())
    lists_work(service)
    if answer.status_code != 201:
        problem(answer, 422)
        assert service.get("/scenes").json()["numberMatched"] == 0
        assert list((services_of(service).store.root / "scenes").iterdir()) == []
        return
    for look in ("sar/tilejson.json", "sar/preview.png", "live/tilejson.json", "sar/info", "sar/tiles/0/0/0.png"):
        assert service.get(f"/scenes/{answer.json()['id']}/{look}").status_code < 500, look


@pytest.mark.parametrize(
    "broken",
    [{"acquired": 1e18}, {"acquired": -1e18}, {"west": 1e308, "south": -1e308},
     {"description": {}}, {"geometry": {"type": "Point", "coordinates": [1]}}],
    ids=str,
)  # fmt: skip
def test_a_row_that_cannot_be_shown_is_left_out(
    service: TestClient, scene_file: Path, tmp_path: Path, broken: dict[str, Any]
) -> None:
    good = send(service, scene_file)
    bad = send(service, write_raster(tmp_path / "a_VV.tif", speckled((1, 40, 40)), units="power"))
    with services_of(service).database.begin() as session:
        session.execute(update(Scene).where(Scene.id == bad["id"]).values(**broken))
    lists_work(service)
    assert good["id"] in {one["id"] for one in service.get("/scenes").json()["scenes"]}
    assert good["id"] in {one["id"] for one in service.get("/stac/search").json()["features"]}
    assert service.delete(f"/scenes/{bad['id']}").status_code == 204


def test_numbers_without_end_are_not_entered(service: TestClient, tmp_path: Path) -> None:
    values = np.full((1, 40, 40), 3e38, np.float32)
    values[0, ::2] = np.finfo(np.float32).tiny
    path = write_raster(tmp_path / "a_VV.tif", values, units="power")
    assert service.post("/scenes", params={"filename": path.name}, content=path.read_bytes()).status_code in {201, 422}
    lists_work(service)


def test_a_row_that_cannot_be_written_leaves_no_file(
    service: TestClient, scene_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_of(service)

    def refuse(session: Session, row: object) -> None:
        raise OperationalError("INSERT", {}, Exception(f"database is locked for {type(row).__name__} of {session}"))

    monkeypatch.setattr(Session, "add", refuse)
    answer = service.post("/scenes", params={"filename": scene_file.name}, content=scene_file.read_bytes())
    monkeypatch.undo()
    problem(answer, 503)
    assert list((services.store.root / "scenes").iterdir()) == []
    assert send(service, scene_file)["display"]["state"] == "ready"
