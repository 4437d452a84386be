"""On a disk that is full to the last byte jobs end, and scenes, jobs and uploads can be removed.

The disk is one in memory, in a namespace of the test's own; where the system gives none, the test is skipped.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from helpers.rasters import speckled, write_raster
from helpers.service import open_service, send, services_of, wait

ASYNC = {"prefer": "respond-async"}
MEBIBYTES = 96
LEFT = 200_000
EXECUTION = "/processes/translate/execution"


def own_disk(folder: Path) -> list[str]:
    """Name the command that runs another with a small disk at a folder."""
    mount = f'mount -t tmpfs -o size={MEBIBYTES}m none {folder} && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]


def fill(folder: Path, left: int) -> None:
    """Write until so many bytes are left."""
    with (folder / f"filler{left}").open("wb", buffering=0) as file:
        try:
            while (free := shutil.disk_usage(folder).free) > left:
                file.write(bytes(min(2**20, free - left)))
        except OSError:
            return


def full_disk(store: Path, model: Path, folder: Path) -> None:
    """The test itself, run on the small disk."""
    scene_file = write_raster(folder / "a_VV.tif", speckled((1, 700, 700)), units="power")
    with open_service(store=store / "s", model=str(model)) as client:
        assert (store / "s" / "reserve").stat().st_size == 8 * 2**20
        scene = send(client, scene_file)
        client.get(f"/scenes/{scene['id']}/live/preview.png?max_size=64")
        order = client.post(EXECUTION, json={"inputs": {"scene": scene["id"]}}, headers=ASYNC).json()
        fill(store, LEFT)
        job = wait(client, f"/jobs/{order['jobID']}", lambda answer: answer["status"] not in {"accepted", "running"})
        assert job["status"] in {"failed", "successful"}, job
        full_refused(client, scene_file)
        assert client.delete(f"/jobs/{order['jobID']}").status_code == 200
        services_of(client).store.release_reserve()
        fill(store, 0)
        response = client.delete(f"/scenes/{scene['id']}")
        assert response.status_code == 204, response.text
        assert client.get("/scenes").json()["numberMatched"] == 0
        for filler in store.glob("filler*"):
            filler.unlink()
        services_of(client).store.keep_reserve()
        assert (store / "s" / "reserve").is_file()
        assert send(client, scene_file)["display"]["state"] == "ready"


def full_refused(client: TestClient, scene_file: Path) -> None:
    answer: Any = client.post("/scenes?filename=b_VV.tif", content=scene_file.read_bytes() + b" ")
    assert answer.status_code == 507, answer.text


def test_jobs_end_and_removing_works(tmp_path: Path, model: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    command = own_disk(store)
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("the system gives no namespace with a disk of its own")
    tests = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent / "src")])}
    began = time.monotonic()
    arguments = [sys.executable, __file__, str(store), str(model), str(tmp_path)]
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert time.monotonic() - began < 400


if __name__ == "__main__":
    full_disk(*map(Path, sys.argv[1:4]))
