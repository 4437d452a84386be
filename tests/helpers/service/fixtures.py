"""Fixtures: a service with the tiny model, a scene in it, and that scene translated; made once for all tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from helpers.rasters import speckled, write_raster
from helpers.service import MakeService, open_service, send, wait
from helpers.tiny_model import write_model

WIDTH, HEIGHT = 700, 600


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def make_service(tmp_path: Path, model: Path) -> MakeService:
    """Return a factory: settings in, a client of a service of its own out."""

    def make(**settings: Any) -> TestClient:
        return open_service(**{"store": tmp_path / "store", "model": str(model), **settings})

    return make


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[TestClient]:
    store = tmp_path_factory.mktemp("service") / "store"
    with open_service(store=store, model=str(model)) as running:
        yield running


@pytest.fixture(scope="session")
def scene_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two polarisations in power, 10 m pixels, with a hole and an empty corner."""
    values = speckled((2, HEIGHT, WIDTH))
    values[1] /= 6
    values[:, :80, :120] = np.nan
    values[:, 300:330, 400:450] = np.nan
    path = tmp_path_factory.mktemp("scene") / "fields_power.tif"
    return write_raster(path, values, nodata=np.nan, descriptions=("VV", "VH"))


@pytest.fixture(scope="session")
def scene(client: TestClient, scene_file: Path) -> dict[str, Any]:
    return send(client, scene_file)


@pytest.fixture(scope="session")
def job(client: TestClient, scene: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(
        "/processes/translate/execution", json={"inputs": {"scene": scene["id"]}}, headers={"prefer": "respond-async"}
    )
    assert answer.status_code == 201
    return wait(client, f"/jobs/{answer.json()['jobID']}", lambda state: state["status"] not in {"accepted", "running"})
