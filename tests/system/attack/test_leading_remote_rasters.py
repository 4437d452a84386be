"""A raster on a server leads neither to its neighbours there, nor to files here, nor to another machine."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import rasterio

from geosar.errors import SceneReadError
from geosar.scene import open_scene
from helpers.attack import range_server
from helpers.attack.bait import Bait
from helpers.attack.leading import plain


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path, Path]]:
    """Return the URL of a folder, the folder, and the log of what is asked for."""
    folder, log = tmp_path / "served", tmp_path / "log"
    folder.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, range_server.__file__, str(port), str(folder)], stderr=file)
    address = f"http://127.0.0.1:{port}"
    for _ in range(200):
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
            break
        time.sleep(0.05)
    yield address, folder, log
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("driver", "name"), [("GTiff", "scene.tif"), ("HFA", "scene.img"), ("JP2OpenJPEG", "scene.jp2")]
)
def test_neighbours_on_the_server_are_not_asked_for(
    server: tuple[str, Path, Path], bait: Bait, driver: str, name: str
) -> None:
    address, folder, log = server
    path = plain(folder / name, driver)
    for suffix in (".ovr", ".msk", ".aux", ".aux.xml"):
        path.with_name(name + suffix).write_text(bait.vrt)
    with open_scene(f"{address}/{name}", scale="dn") as scene:
        scene.read_overview(64)
    assert f"{name}." not in log.read_text()
    assert bait.touched() == []


def test_a_tag_of_a_raster_on_a_server_is_not_followed(server: tuple[str, Path, Path], bait: Bait) -> None:
    address, folder, _ = server
    path = plain(folder / "scene.tif", "GTiff")
    for there in (str(bait.raster), f"/vsicurl/{bait.address}/bait.tif"):
        with rasterio.open(path, "r+") as dataset:
            dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=there)
        bait.lay()
        with pytest.raises(SceneReadError, match="another file"):
            open_scene(f"{address}/scene.tif")
        assert bait.touched() == []
