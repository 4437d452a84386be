"""Kills at random moments, a disk that is full, a database that is locked: nothing that was acknowledged is lost.

GEOSAR_KILLS asks for more kills than the suite makes, at moments of their own.
"""

import os
import random
import signal
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil
import pytest

import geosar
from geosar.models import load_model
from geosar_tiler.state.database import Database
from geosar_tiler.state.store import Store
from helpers.rasters import speckled, write_raster
from helpers.rasters.large_scene import write_scene
from helpers.service import MakeService, problem, send, services_of, wait
from helpers.service.dying import wrong
from helpers.service.serving import free_port, serving, start, until_it_answers

KILLS = int(os.environ.get("GEOSAR_KILLS", "4"))
SEED = None if "GEOSAR_KILLS" in os.environ else 7
ASYNC = {"prefer": "respond-async"}
EXECUTION = "/processes/translate/execution"


def small_scene(folder: Path, number: int) -> Path:
    decibel = 10 * np.log10(speckled((60, 70), seed=100 + number))
    return write_raster(folder / f"small{number}_VV_db.tif", decibel, descriptions=("VV",))


def job_processes(service: "psutil.Process") -> list["psutil.Process"]:
    processes = []
    for child in service.children(recursive=True):
        with suppress(psutil.Error):
            if "geosar_tiler.jobs.worker" in child.cmdline():
                processes.append(child)
    return processes


def test_kills_at_random_moments_lose_nothing(tmp_path: Path, model: Path) -> None:
    moments = random.Random(SEED)  # noqa: S311 - moments, no secrets
    store, port = tmp_path / "store", free_port()
    large = write_scene(tmp_path / "large_VV.tif", width=2600, height=1500)
    acknowledged: dict[str, bytes] = {}
    job = None
    process = start(store, model, port, job_retries="1000")
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
        try:
            until_it_answers(client, process)
            scene = client.post("/scenes?filename=large_VV.tif", content=large.read_bytes()).json()["id"]
            for number in range(KILLS):
                if job is None:
                    order = {"inputs": {"scene": scene}}
                    job = client.post(EXECUTION, json=order, headers=ASYNC).json()["jobID"]
                body = small_scene(tmp_path, number).read_bytes()
                # The kill may fall into the upload: then it is not acknowledged, and may be gone.
                killer = threading.Timer(moments.uniform(0, 1.5), _kill, (process, number % 2 == 0))
                killer.start()
                with suppress(httpx2.TransportError):
                    answer = client.post(f"/scenes?filename=small{number}_VV_db.tif", content=body)
                    if answer.status_code in {200, 201}:
                        acknowledged[answer.json()["id"]] = body
                _remove_one(client, acknowledged, moments)
                killer.join()
                if process.poll() is not None:
                    process = start(store, model, port, job_retries="1000")
                until_it_answers(client, process)
            done = wait(client, f"/jobs/{job}", lambda state: state["status"] not in {"accepted", "running"}, 120)
            assert done["status"] == "successful"
            (tmp_path / "served.tif").write_bytes(client.get(f"/jobs/{job}/results/optical").content)
            for scene_id, body in acknowledged.items():
                assert client.get(f"/scenes/{scene_id}/download").content == body
                wait(client, f"/scenes/{scene_id}", lambda state: state["display"]["state"] == "ready")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    geosar.translate(large, tmp_path / "own.tif", model=load_model(model))
    assert (tmp_path / "served.tif").read_bytes() == (tmp_path / "own.tif").read_bytes()
    database = Database(f"sqlite:///{store / 'catalogue.sqlite'}")
    assert wrong(Store(store), database) == []
    database.close()
    assert len(acknowledged) >= KILLS // 4


def _remove_one(client: httpx2.Client, acknowledged: dict[str, bytes], moments: random.Random) -> None:
    """Remove a scene in one of four cases; one whose removal was cut off may be there or not."""
    if acknowledged and moments.random() < 1 / 4:
        scene_id = moments.choice(sorted(acknowledged))
        with suppress(httpx2.TransportError):
            answer = client.delete(f"/scenes/{scene_id}")
            if answer.status_code != 204:
                return
        del acknowledged[scene_id]


def _kill(process: "Any", service: bool) -> None:
    """Kill the service, or a process of a job, if one runs just now."""
    if service:
        process.kill()
        process.wait()
        return
    with suppress(psutil.Error, IndexError):
        job_processes(psutil.Process(process.pid))[0].kill()


def test_a_full_disk_is_told_and_harms_nobody(tmp_path: Path, model: Path) -> None:
    # The longest file that the process and its children may write is a limit of the system's, as a full disk is.
    most = 1_500_000
    port = free_port()
    large = write_scene(tmp_path / "large_VV.tif", width=1300, height=1100, holes=False)
    assert large.stat().st_size > most
    values = 10 * np.log10(speckled((420, 430), seed=77)).astype(np.float32)
    fitting = write_raster(tmp_path / "fitting_VV_db.tif", values, descriptions=("VV",), compress="zstd")
    assert fitting.stat().st_size < most
    with serving(tmp_path / "store", model, port) as (process, client):
        running = psutil.Process(process.pid)
        for one in (running, *running.children(recursive=True)):
            one.rlimit(psutil.RLIMIT_FSIZE, (most, most))
        refused = client.post("/scenes?filename=large_VV.tif", content=large.read_bytes())
        assert "disk" in problem(refused, 507)
        sent = client.post("/scenes?filename=fitting_VV_db.tif", content=fitting.read_bytes())
        assert sent.status_code == 201, sent.text
        scene = sent.json()["id"]
        wait(client, f"/scenes/{scene}", lambda answer: answer["display"]["state"] in {"ready", "failed"})
        order = {"inputs": {"scene": scene}}
        job = client.post(EXECUTION, json=order, headers=ASYNC).json()["jobID"]
        done = wait(client, f"/jobs/{job}", lambda answer: answer["status"] not in {"accepted", "running"})
        assert done["status"] in {"successful", "failed"}
        assert client.get("/healthz").status_code == 200
        assert client.get(f"/scenes/{scene}/live/preview.png").status_code == 200
        assert [path for path in (tmp_path / "store" / "incoming").rglob("*") if path.is_file()] == []


def test_a_locked_database_is_told_and_what_waits_goes_on_afterwards(
    make_service: MakeService, scene_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geosar_tiler.state.database.BUSY_SECONDS", 0.3)
    with make_service() as client:
        scene = send(client, scene_file)
        job = client.post(EXECUTION, json={"inputs": {"scene": scene["id"]}}, headers=ASYNC).json()["jobID"]
        wait(client, f"/jobs/{job}", lambda answer: answer["status"] != "accepted")
        path = services_of(client).store.root / "catalogue.sqlite"
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            response = client.patch(f"/scenes/{scene['id']}", json={"name": "other"})
            assert "database" in problem(response, 503)
            assert int(response.headers["retry-after"]) > 0
            assert client.get(f"/scenes/{scene['id']}").status_code == 200  # readers go on
            assert client.get(f"/scenes/{scene['id']}/sar/preview.png").status_code == 200
            time.sleep(2)  # the job goes on meanwhile, and may end
            other.execute("ROLLBACK")
        done = wait(client, f"/jobs/{job}", lambda answer: answer["status"] not in {"accepted", "running"})
        assert done["status"] == "successful"
        assert client.patch(f"/scenes/{scene['id']}", json={"name": "other"}).json()["name"] == "other"
