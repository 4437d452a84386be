"""The client's tests need neither QGIS nor PyQt: a real service on a port of its own, spoken to with urllib."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from helpers.tiny_model import write_model

from tiler.app import create_app
from tiler.settings import Settings

PLUGIN = Path(__file__).parents[2] / "qgis_plugin"
sys.path.insert(0, str(PLUGIN))


@pytest.fixture(scope="session")
def plugin_folder() -> Path:
    """The folder that goes into the zip."""
    return PLUGIN / "geosar_qgis"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running service with the tiny model."""
    folder = tmp_path_factory.mktemp("served")
    settings = Settings(store=folder / "store", model=str(write_model(folder / "tiny")))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)
