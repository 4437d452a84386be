"""Things that happen at once: a scene removed while it is looked at, sent again, and sent while it is removed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from geosar_tiler.state.database import Scene
from helpers.rasters import speckled
from helpers.service import MakeRaster, MakeService, problem, send, services_of

MERCATOR = morecantile.tms.get("WebMercatorQuad")


@pytest.fixture
def path(make_raster: MakeRaster) -> Path:
    return make_raster("short_lived_VV_db.tif", 10 * np.log10(speckled((300, 300), seed=71)))


def addresses(scene: dict[str, Any]) -> list[str]:
    west, south, east, north = scene["bbox"]
    tile = MERCATOR.tile((west + east) / 2, (south + north) / 2, 14)
    place = f"{tile.z}/{tile.x}/{tile.y}.png"
    here = f"/scenes/{scene['id']}"
    return [
        f"{here}/sar/tiles/{place}", f"{here}/live/tiles/{place}", f"{here}/sar/statistics", f"{here}/download",
        f"{here}/sar/preview.png", f"{here}/sar/tiles/image/0/0/0", here,
    ]  # fmt: skip


@pytest.mark.parametrize("display", ["ready", "preparing"])
def test_a_scene_removed_while_it_is_looked_at_is_gone_and_nothing_else(
    make_service: MakeService, path: Path, display: str
) -> None:
    with make_service() as client:
        for _ in range(3):
            scene = send(client, path)
            with services_of(client).database.begin() as session:
                session.execute(update(Scene).values(display=display))
            answers = _look_while(client, addresses(scene), lambda here=f"/scenes/{scene['id']}": client.delete(here))
            assert 200 in answers
            assert answers <= {200, 404}
            for address in addresses(scene):
                problem(client.get(address), 404)
            assert not (services_of(client).store.root / "scenes" / scene["id"]).exists()
        assert client.get("/readyz").status_code == 200


def _look_while(client: TestClient, paths: list[str], work: Any) -> set[int]:
    """Ask for all of these over and over while something happens; returns the statuses that were answered."""
    stop = threading.Event()
    seen: set[int] = set()

    def look(address: str) -> None:
        while not stop.is_set():
            seen.add(client.get(address).status_code)

    with ThreadPoolExecutor(len(paths)) as pool:
        looking = [pool.submit(look, address) for address in paths]
        time.sleep(0.5)
        assert work().status_code == 204
        time.sleep(0.2)
        stop.set()
        for one in looking:
            one.result()
    return seen


def test_a_scene_sent_while_it_is_removed_is_there_or_not_but_never_half(make_service: MakeService, path: Path) -> None:
    data = path.read_bytes()
    with make_service() as client, ThreadPoolExecutor(2) as pool:
        scene = send(client, path)
        here = f"/scenes/{scene['id']}"
        for _ in range(5):
            removed = pool.submit(client.delete, here)
            sent = pool.submit(client.post, "/scenes?filename=short_lived_VV_db.tif", content=data)
            assert removed.result().status_code in {204, 404, 409}
            assert sent.result().status_code in {200, 201, 404, 409}
            response = client.get(here)
            if response.status_code == 200:
                assert client.get(f"{here}/download").content == data
                assert client.get(f"{here}/sar/preview.png").status_code == 200
            else:
                problem(response, 404)
                assert client.post("/scenes?filename=short_lived_VV_db.tif", content=data).status_code == 201
