"""The client's tests need neither QGIS nor PyQt: a real service on a port of its own, spoken to with urllib."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from geosar_tiler.app import create_app
from geosar_tiler.settings import Settings
from helpers.service.serving import in_a_thread
from helpers.tiny_model import write_model

PLUGIN = Path(__file__).parents[2] / "qgis_plugin"
sys.path.insert(0, str(PLUGIN))


@pytest.fixture(scope="session")
def plugin_folder() -> Path:
    """The folder that goes into the zip."""
    return PLUGIN / "geosar_qgis"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running service with the tiny model."""
    folder = tmp_path_factory.mktemp("served")
    settings = Settings(store=folder / "store", model=str(write_model(folder / "tiny")))
    with in_a_thread(create_app(settings)) as url:
        yield url
