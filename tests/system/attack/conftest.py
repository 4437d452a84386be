"""Bait in a folder of its own, and a service to attack."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.bait import Bait, bait_in
from helpers.service import open_service
from helpers.tiny_model import write_model
from starlette.testclient import TestClient


@pytest.fixture
def bait(tmp_path: Path) -> Iterator[Bait]:
    folder = tmp_path / "bait"
    folder.mkdir()
    with bait_in(folder) as laid:
        yield laid


@pytest.fixture
def service(tmp_path: Path) -> Iterator[TestClient]:
    model = write_model(tmp_path / "tiny")
    with open_service(store=tmp_path / "store", model=str(model)) as made:
        yield made
