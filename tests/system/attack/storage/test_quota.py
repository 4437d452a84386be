"""The quota binds what the service makes of a scene, however little was sent for it."""

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from starlette.testclient import TestClient

from geosar_tiler.jobs import runner
from helpers.rasters import speckled
from helpers.service import MakeService, problem, send, services_of, wait

SIDE = 512
MEBIBYTE = 2**20
ASYNC = {"prefer": "respond-async"}
LONG, SHORT = 4, 3


def repeated(path: Path, width: int, height: int) -> Path:
    """Write a TIFF of backscatter all tiles of which are one: as small as that, and as large as its header says."""
    tile = (speckled((SIDE, SIDE)) + 1e-4).astype("<f4").tobytes()
    count = -(-width // SIDE) * -(-height // SIDE)
    entries = [
        (256, LONG, 1, width), (257, LONG, 1, height), (258, SHORT, 1, 32), (259, SHORT, 1, 1), (262, SHORT, 1, 1),
        (277, SHORT, 1, 1), (322, SHORT, 1, SIDE), (323, SHORT, 1, SIDE), (324, LONG, count, 8 + len(tile)),
        (325, LONG, count, 8 + len(tile) + 4 * count), (339, SHORT, 1, 3),
    ]  # fmt: skip
    arrays = struct.pack("<L", 8) * count + struct.pack("<L", len(tile)) * count
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    header = struct.pack("<2sHL", b"II", 42, 8 + len(tile) + len(arrays))
    path.write_bytes(header + tile + arrays + directory + struct.pack("<L", 0))
    return path


@contextmanager
def watched(service: TestClient) -> Iterator[list[int]]:
    """Note how many bytes the store has while the block runs; the most of it is the last."""
    store, most, end = services_of(service).store, [0], threading.Event()

    def look() -> None:
        while not end.is_set():
            most.append(max(most[-1], store.used_bytes()))
            time.sleep(0.02)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        end.set()
        thread.join()


def post(service: TestClient, path: Path) -> Any:
    return service.post("/scenes", params={"filename": path.name, "unit": "power"}, content=path.read_bytes())


def test_a_copy_that_cannot_have_room_is_refused_before_it_is_made(make_service: MakeService, tmp_path: Path) -> None:
    path = repeated(tmp_path / "a_VV.tif", 8000, 8000)
    assert path.stat().st_size < 2 * MEBIBYTE
    with make_service(quota_bytes=20 * MEBIBYTE) as service:
        assert "bytes of free space" in problem(post(service, path), 507)
        assert service.get("/scenes").json()["numberMatched"] == 0
        assert services_of(service).store.used_bytes() < 2 * MEBIBYTE


def test_a_copy_that_outgrows_the_quota_is_stopped(make_service: MakeService, tmp_path: Path) -> None:
    quota = 60 * MEBIBYTE
    path = repeated(tmp_path / "a_VV.tif", 8000, 8000)
    with make_service(quota_bytes=quota) as service, watched(service) as most:
        answer = post(service, path)
        assert answer.status_code == 201
        name = f"/scenes/{answer.json()['id']}"
        scene = wait(service, name, lambda state: state["display"]["state"] != "preparing", seconds=120)
        assert scene["display"]["state"] == "failed"
        assert "free space" in scene["display"]["message"] or "disk" in scene["display"]["message"]
        assert services_of(service).store.used_bytes() < 25 * MEBIBYTE
        assert service.get(f"{name}/sar/preview.png?max_size=64").status_code == 200
        assert service.delete(name).status_code == 204
    assert most[-1] < quota * 1.5  # each file is bound by the system, their sum is looked at again and again


def test_more_pixels_than_are_taken_are_refused(make_service: MakeService, tmp_path: Path) -> None:
    path = repeated(tmp_path / "a_VV.tif", 120_000, 120_000)
    with make_service() as service:
        assert "120000 x 120000 pixels; this service takes 10000 megapixels" in problem(post(service, path), 413)
    with make_service(max_megapixels=1) as service:
        small = repeated(tmp_path / "b_VV.tif", 1100, 1000)
        assert "in parts" in problem(post(service, small), 413)


def test_a_job_has_the_room_that_there_is(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as service:
        scene = service.post("/scenes", params={"filename": scene_file.name}, content=scene_file.read_bytes()).json()
        wait(service, f"/scenes/{scene['id']}", lambda state: state["display"]["state"] == "ready")
        used = services_of(service).store.used_bytes()
    with make_service(quota_bytes=used + 200_000) as service:
        order = {"inputs": {"scene": scene["id"]}}
        answer = service.post("/processes/translate/execution", json=order, headers=ASYNC)
        if answer.status_code != 201:
            assert "free space" in problem(answer, 507)
            return
        job = f"/jobs/{answer.json()['jobID']}"
        done = wait(service, job, lambda state: state["status"] not in {"accepted", "running"})
        assert done["status"] == "failed"
        assert services_of(service).store.used_bytes() < used + 250_000


def test_a_job_is_stopped_when_others_took_the_room_that_it_began_with(
    make_service: MakeService, scene_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geosar_tiler.jobs.runner.SHARED_SPACE_SECONDS", 0.0)
    with make_service() as service:
        scene = service.post("/scenes", params={"filename": scene_file.name}, content=scene_file.read_bytes()).json()
        order = {"inputs": {"scene": scene["id"]}}
        job = f"/jobs/{service.post('/processes/translate/execution', json=order, headers=ASYNC).json()['jobID']}"
        wait(service, job, lambda answer: answer["status"] == "running")
        monkeypatch.setattr("geosar_tiler.state.quota.Quota.free_bytes", lambda *_, **__: -1)
        done = wait(service, job, lambda answer: answer["status"] != "running")
        assert (done["status"], done["message"]) == ("failed", runner.FULL)


def test_the_tiff_is_what_it_says(tmp_path: Path) -> None:
    with rasterio.open(repeated(tmp_path / "a.tif", 1000, 600)) as dataset:
        values = dataset.read(1)
    assert values.shape == (600, 1000)
    assert np.array_equal(values[:88, :488], values[512:, 512:])


def test_a_store_over_its_quota_takes_nothing_more(make_service: MakeService, scene_file: Path) -> None:
    data = scene_file.read_bytes()
    with make_service(quota_bytes=len(data) + 800_000) as client:
        scene = send(client, scene_file)  # there is no space for its copy for tiles, nor for what a job makes
        order = {"inputs": {"scene": scene["id"]}}
        failed = problem(client.post("/processes/translate/execution", json=order), 422)
        assert "larger than the free space of the service" in failed
        assert "Delete scenes" in failed
        problem(client.post("/scenes", content=data[:-1]), 507)
        assert client.delete(f"/scenes/{scene['id']}").status_code == 204
        assert client.post("/scenes?filename=fields_power.tif", content=data).status_code == 201
