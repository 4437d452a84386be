"""Bait in a folder of its own, and a service to attack."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from helpers.attack.bait import Bait, bait_in
from helpers.rasters import speckled, write_raster
from helpers.service import open_service, send
from helpers.tiny_model import write_model


@pytest.fixture
def bait(tmp_path: Path) -> Iterator[Bait]:
    folder = tmp_path / "bait"
    folder.mkdir()
    with bait_in(folder) as laid:
        yield laid


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TestClient]:
    model = write_model(tmp_path / "tiny")
    with open_service(store=tmp_path / "store", model=str(model)) as client:
        yield client


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[tuple[TestClient, dict[str, Any]]]:
    """A service with a small scene; a failure is answered, and not raised in the test."""
    folder = tmp_path_factory.mktemp("placed")
    path = write_raster(folder / "field_VV.tif", speckled((1, 300, 300)), units="power")
    with open_service(store=folder / "store", model=str(model)) as service:
        transport: Any = service._transport
        transport.raise_server_exceptions = False
        yield service, send(service, path)
