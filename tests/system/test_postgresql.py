"""The service on a real PostgreSQL, by its URL alone. Collected where PostgreSQL is installed."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from geosar_tiler.jobs import queue
from geosar_tiler.state.database import Database, Scene
from helpers.service import MakeService, installed, problem, send, wait
from helpers.service.serving import free_port, serving

ASYNC = {"prefer": "respond-async"}
EXECUTION = "/processes/translate/execution"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, on a port of its own; it refuses to run as root, so another user runs it then."""
    folder = tmp_path_factory.mktemp("postgresql")
    port = free_port()
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        folder = Path("/tmp") / f"geosar-postgresql-{port}"  # noqa: S108 - pytest's folders are closed to others
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_user = {"user": owner.pw_uid, "group": owner.pw_gid, "cwd": folder}
    data = folder / "data"
    programs = {name: installed(name) or name for name in ("initdb", "postgres")}
    subprocess.run([programs["initdb"], "-D", data, "-U", "geosar", "-A", "trust", "-N"], check=True,
                   stdout=subprocess.DEVNULL, **as_user)  # fmt: skip
    server = subprocess.Popen(
        [programs["postgres"], "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", folder],
        stderr=subprocess.DEVNULL, **as_user,
    )  # fmt: skip
    address = f"postgresql+psycopg://geosar@127.0.0.1:{port}/postgres"
    try:
        wait(_Asks(address), "", lambda answer: answer["ready"])
        yield address
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


class _Asks:
    """Looks like a client to `wait`: whether the server answers."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get(self, _: str) -> "_Asks":
        return self

    def json(self) -> dict[str, Any]:
        try:
            Database(self._address).close()
        except OperationalError:
            return {"ready": False}
        return {"ready": True}


def test_everything_works_on_postgresql(make_service: MakeService, scene_file: Path, url: str) -> None:
    with make_service(database_url=url) as client:
        scene = send(client, scene_file)
        job = client.post(EXECUTION, json={"inputs": {"scene": scene["id"]}}, headers=ASYNC).json()["jobID"]
        done = wait(client, f"/jobs/{job}", lambda answer: answer["status"] not in {"accepted", "running"}, 90)
        assert done["status"] == "successful"
        assert client.post(EXECUTION, json={"inputs": {"scene": scene["id"]}}, headers=ASYNC).json()["jobID"] == job
        assert client.get("/scenes?text=FIELDS_p&bbox=75.9,10.8,76,10.9").json()["numberMatched"] == 1
        west, south, east, north = scene["bbox"]
        body = {
            "intersects": {"type": "Point", "coordinates": [(west + east) / 2, (south + north) / 2]},
            "query": {"geosar:model": {"eq": "tiny"}, "title": {"contains": "fields"}},
            "sortby": [{"field": "properties.created", "direction": "desc"}],
        }
        assert [one["id"] for one in client.post("/stac/search", json=body).json()["features"]] == [job]
        assert client.get("/stac/search?limit=1").json()["numberMatched"] == 2
        assert 'geosar_jobs{process="translate",status="successful"} 1.0' in client.get("/metrics").text
        assert client.get("/readyz").json()["checks"]["database"] is True
        assert client.delete(f"/scenes/{scene['id']}").status_code == 204
        problem(client.get(f"/jobs/{job}"), 404)


def test_equal_files_at_once_are_one_scene_and_a_kill_loses_neither_it_nor_its_job(
    make_service: MakeService, scene_file: Path, url: str, tmp_path: Path, model: Path
) -> None:
    content = scene_file.read_bytes()
    with serving(tmp_path / "store", model, free_port(), database_url=url) as (process, client):

        def post(number: int) -> Any:
            return client.post(f"/scenes?filename=name{number}_VV_db.tif", content=content)

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(post, range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        (scene,) = {answer.json()["id"] for answer in answers}
        job = client.post(EXECUTION, json={"inputs": {"scene": scene}}, headers=ASYNC).json()["jobID"]
        process.kill()
    with make_service(database_url=url) as client:
        assert client.get(f"/scenes/{scene}/download").content == content
        wait(client, f"/scenes/{scene}", lambda state: state["display"]["state"] == "ready", 90)
        done = wait(client, f"/jobs/{job}", lambda state: state["status"] not in {"accepted", "running"}, 90)
        assert done["status"] == "successful"
        assert client.delete(f"/scenes/{scene}").status_code == 204


def test_many_who_claim_at_once_get_each_job_once(url: str) -> None:
    database = Database(url)
    with database.begin() as session:
        session.add(Scene(id="s", sha256="s", name="", filename="", size=0, description={}, created=0.0))
    scene = Scene(id="s")
    numbers = list(range(12))

    def submit(number: int) -> str:
        return queue.submit(database, scene, "translate", key=str(number % 6), inputs={}, queue_length=50)[0].id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(submit, numbers))) == 6

        def claim(number: int) -> str | None:
            got = queue.claim(database, f"elsewhere{number}/1/x", 50)
            return None if got is None else got[0].id

        claimed = [one for one in pool.map(claim, range(60)) if one is not None]
    assert len(claimed) == len(set(claimed)) == 6
    database.close()
