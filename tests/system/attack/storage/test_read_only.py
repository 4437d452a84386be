"""A store that turns read-only: nothing is taken, what is there is shown, and afterwards all goes on.

It is mounted so in a namespace of the test's own; where the system gives none, the test is skipped.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from geosar_tiler.ingest.agreement import Agreement
from helpers.rasters import speckled, write_raster
from helpers.service import open_service, problem, send, services_of, wait

OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def read_only(store: Path, model: Path, folder: Path) -> None:
    """The test itself, run where mounts are its own."""
    scene_file = write_raster(folder / "a_VV.tif", speckled((1, 200, 200)), units="power")
    other = scene_file.read_bytes() + b" "
    with open_service(store=store, model=str(model)) as client:
        scene = send(client, scene_file)
        here = f"/scenes/{scene['id']}"
        subprocess.run(["mount", "--bind", store, store], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", store], check=True)
        try:
            problem(client.post("/scenes?filename=b_VV.tif", content=other), 503)
            problem(client.delete(here), 503)
            assert client.get(f"{here}/download").content == scene_file.read_bytes()
            assert client.get(f"{here}/sar/preview.png").status_code == 200
            assert client.get("/readyz").json()["checks"]["disk"] is False
        finally:
            subprocess.run(["umount", store], check=True)
        tended = Agreement(services_of(client).register)
        tended.sweep()
        tended.look()
        assert client.get("/scenes").json()["numberMatched"] == 1
        assert client.get(f"{here}/download").content == scene_file.read_bytes()
        sent = client.post("/scenes?filename=b_VV.tif", content=other)
        assert sent.status_code == 201, sent.text
        wait(client, f"/scenes/{sent.json()['id']}", lambda answer: answer["display"]["state"] == "ready")
        assert client.delete(here).status_code == 204


def test_a_store_that_turns_read_only_loses_nothing(tmp_path: Path, model: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    if shutil.which("unshare") is None or subprocess.run([*OWN_MOUNTS, "true"], check=False).returncode:
        pytest.skip("the system gives no namespace with mounts of its own")
    tests = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent / "src")])}
    arguments = [sys.executable, __file__, str(store), str(model), str(tmp_path)]
    done = subprocess.run([*OWN_MOUNTS, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


if __name__ == "__main__":
    read_only(*map(Path, sys.argv[1:4]))
