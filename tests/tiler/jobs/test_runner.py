"""Jobs over HTTP: done once, followed, stopped, and finished whatever dies meanwhile."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
import rasterio
from sqlalchemy import select, update
from starlette.testclient import TestClient

import geosar
from geosar.models import load_model
from geosar_tiler.jobs import queue
from geosar_tiler.state.database import Database, Job, Scene
from geosar_tiler.state.owners import Owner
from helpers.rasters.large_scene import pixels, write_scene
from helpers.service import MakeService, problem, send, services_of, wait
from helpers.service.serving import free_port, serving

ASYNC = {"prefer": "respond-async"}
EXECUTION = "/processes/translate/execution"


def finished(job: dict[str, Any]) -> bool:
    return job["status"] not in {"accepted", "running"}


def order(scene_id: str, **inputs: Any) -> dict[str, Any]:
    return {"inputs": {"scene": scene_id, **inputs}}


def test_the_process_describes_its_inputs_so_that_a_client_can_build_a_form(client: TestClient) -> None:
    listed = client.get("/processes").json()["processes"]
    assert [one["id"] for one in listed] == ["translate"]
    described = client.get("/processes/translate").json()
    assert described["inputs"]["scene"]["minOccurs"] == 1
    assert described["inputs"]["model"]["minOccurs"] == 0
    assert "$ref" not in json.dumps(described)
    assert set(described["outputs"]) == {"optical", "error", "despeckled", "quicklook", "stac"}
    classes = client.get("/conformance").json()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core" in classes
    rels = {link["rel"] for link in client.get("/").json()["links"]}
    assert {"service-desc", "http://www.opengis.net/def/rel/ogc/1.0/processes"} <= rels


def test_a_job_makes_what_geosar_makes(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any], *, scene_file: Path, model: Path, tmp_path: Path
) -> None:
    assert (job["status"], job["progress"]) == ("successful", 100)
    results = client.get(f"/jobs/{job['jobID']}/results").json()
    (tmp_path / "served.tif").write_bytes(client.get(results["optical"]["href"]).content)
    geosar.translate(scene_file, tmp_path / "own.tif", model=load_model(model))
    served, own = pixels(tmp_path / "served.tif"), pixels(tmp_path / "own.tif")
    assert (served[0] == own[0]).all()
    assert (served[1] == own[1]).all()
    assert client.get(results["quicklook"]["href"]).content.startswith(b"\x89PNG")
    item = client.get(results["stac"]["href"]).json()
    assert item["properties"]["geosar:synthetic"] is True
    assert results["report"]["value"]["model"] == "tiny"
    assert client.get(results["optical"]["href"], headers={"range": "bytes=0-3"}).content == b"II*\0"
    answer = client.get(f"/scenes/{scene['id']}").json()
    assert answer["jobs"] == [job["jobID"]]
    assert set(answer["layers"]) == {"sar", "live", "optical", "error"}


def test_the_same_job_asked_twice_is_done_once(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    again = client.post(EXECUTION, json=order(scene["id"]), headers=ASYNC)
    assert (again.status_code, again.json()["jobID"]) == (200, job["jobID"])
    at_once = client.post(EXECUTION, json=order(scene["id"]))  # synchronous: the results themselves
    assert at_once.status_code == 200
    assert at_once.json()["optical"]["href"].endswith(f"/jobs/{job['jobID']}/results/optical")


def test_a_box_in_degrees_is_that_part_of_the_scene(client: TestClient, scene: dict[str, Any]) -> None:
    west, south, east, north = scene["bbox"]
    middle = [(west + east) / 2, (south + north) / 2, east, north]
    answer = client.post(EXECUTION, json=order(scene["id"], bbox=middle, error_band=False))
    assert answer.status_code == 200, answer.text
    results = answer.json()
    assert "error" not in results
    assert (results["report"]["value"]["width"], results["report"]["value"]["height"]) == (
        pytest.approx(350, abs=6),
        pytest.approx(300, abs=6),
    )
    client.delete(answer.headers["location"])


def test_a_synchronous_request_waits_a_while_and_not_beside_too_many(
    make_service: MakeService, scene_file: Path
) -> None:
    with make_service(sync_seconds=1.5, sync_jobs=1) as client, ThreadPoolExecutor() as pool:
        scene = send(client, scene_file)
        services_of(client).runner.stop()  # so that no job ever ends

        def timed(**inputs: Any) -> tuple[float, httpx2.Response]:
            started = time.monotonic()
            answer: Any = client.post(EXECUTION, json=order(scene["id"], **inputs))
            return time.monotonic() - started, answer

        waiting = pool.submit(timed)
        time.sleep(0.5)
        at_once, other = timed(error_band=False)
        took, answer = waiting.result()
        assert at_once < 1 < took
        for response in (answer, other):
            assert response.status_code == 201
            assert response.json()["status"] == "accepted"
            assert response.headers["location"].endswith(response.json()["jobID"])


def test_an_event_stream_ends_with_the_job(client: TestClient, job: dict[str, Any]) -> None:
    answer = client.get(f"/jobs/{job['jobID']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    assert json.loads(lines[-1].removeprefix("data: "))["status"] == "successful"


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        ({"scene": "nowhere"}, 404),
        ({"model": "/etc"}, 422),
        ({"model": "https://example.org/model.zip"}, 422),
        ({"bbox": [0, 0, 1, 1]}, 422),
        ({"bbox": {"bbox": [0, 0, 1, 1], "crs": "/etc/passwd"}}, 422),
        ({"compress": "none"}, 422),
        ({"destination": "/tmp/x.tif"}, 422),  # noqa: S108 - what somebody might try
    ],
)
def test_orders_that_make_no_sense_are_refused(
    client: TestClient, scene: dict[str, Any], inputs: dict[str, Any], status: int
) -> None:
    problem(
        client.post(EXECUTION, json=order(scene_id=scene["id"]) | {"inputs": {"scene": scene["id"], **inputs}}), status
    )


def test_unknown_jobs_and_processes_are_404(client: TestClient) -> None:
    for path in ("/jobs/nothing", "/jobs/nothing/results", "/jobs/nothing/events", "/processes/other"):
        problem(client.get(path), 404)


def test_jobs_are_listed_without_what_the_service_does_for_itself(client: TestClient, job: dict[str, Any]) -> None:
    listed = client.get("/jobs?status=successful").json()["jobs"]
    assert job["jobID"] in {one["jobID"] for one in listed}
    assert {one["processID"] for one in listed} == {"translate"}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six windows, a few seconds of work."""
    return write_scene(tmp_path_factory.mktemp("large") / "large_VV.tif")


def test_a_dismissed_job_stops_within_two_seconds_and_frees_its_disk(make_service: MakeService, large: Path) -> None:
    with make_service() as client:
        scene = send(client, large)
        job = client.post(EXECUTION, json=order(scene["id"]), headers=ASYNC).json()
        wait(client, f"/jobs/{job['jobID']}", lambda answer: answer["status"] == "running")
        started = time.monotonic()
        assert client.delete(f"/jobs/{job['jobID']}").json()["status"] == "dismissed"
        assert time.monotonic() - started < 2
        services = services_of(client)
        assert not services.store.job(job["jobID"]).exists()
        assert services.runner.running == 0
        problem(client.get(f"/jobs/{job['jobID']}/results"), 404)
        again = client.post(EXECUTION, json=order(scene["id"]), headers=ASYNC)  # a new one, not the dismissed
        assert again.status_code == 201
        assert again.json()["jobID"] != job["jobID"]
        wait(client, f"/jobs/{again.json()['jobID']}", lambda answer: answer["status"] == "running")
        assert client.delete(f"/scenes/{scene['id']}").status_code == 204  # stops its job


def test_the_queue_is_bounded(make_service: MakeService, scene_file: Path) -> None:
    with make_service(queue_length=1, job_workers=1) as client:
        scene = send(client, scene_file)
        services_of(client).runner.stop()  # so that nothing leaves the queue
        assert client.post(EXECUTION, json=order(scene["id"]), headers=ASYNC).status_code == 201
        full = client.post(EXECUTION, json=order(scene["id"], compress="lzw"), headers=ASYNC)
        assert "waiting" in problem(full, 503)
        assert int(full.headers["retry-after"]) > 0
        assert (
            client.post(EXECUTION, json=order(scene["id"]), headers=ASYNC).status_code == 201
        )  # the same waits already


def test_a_job_whose_process_dies_is_begun_again_but_not_for_ever(make_service: MakeService, scene_file: Path) -> None:
    with make_service(job_retries=1) as client:
        services = services_of(client)
        scene = send(client, scene_file)
        job = client.post(EXECUTION, json=order(scene["id"]), headers=ASYNC).json()["jobID"]
        killed = set()
        end = time.monotonic() + 30
        while len(killed) < 2 and time.monotonic() < end:
            for child in list(services.runner._children.values()):
                if child.process.pid not in killed:
                    killed.add(child.process.pid)
                    child.process.kill()
            time.sleep(0.01)
        failed = wait(client, f"/jobs/{job}", finished)
        assert failed["status"] == "failed"
        assert "died 2 times" in failed["message"]
        assert client.get("/healthz").status_code == 200


def test_a_folder_that_is_called_as_the_service_is_changes_nothing(
    make_service: MakeService, scene_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "geosar_tiler").mkdir()
    (tmp_path / "geosar_tiler" / "__init__.py").write_text("raise SystemExit('of somebody else')")
    monkeypatch.chdir(tmp_path)
    with make_service() as client:
        assert send(client, scene_file)["display"]["state"] == "ready"


def test_a_job_is_claimed_by_one_service_only(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'd.sqlite'}")
    scene = Scene(id="s", sha256="s", name="", filename="", size=0, description={}, created=0.0)
    with database.begin() as session:
        session.add(scene)
    job, new = queue.submit(database, scene, "translate", key="k", inputs={}, queue_length=5)
    assert new
    assert queue.submit(database, scene, "translate", key="k", inputs={}, queue_length=5)[0].id == job.id
    assert queue.claim(database, "me") is not None
    assert queue.claim(database, "you") is None
    assert queue.standing(database, [job.id], "you") == (set(), {job.id})
    owner = Owner(tmp_path / "owners")
    assert queue.requeue_stale(database, owner) == 0
    with database.begin() as session:
        session.execute(update(Job).values(updated=time.time() - 60))
    assert queue.requeue_stale(database, owner) == 1
    with database.begin() as session:
        assert session.scalar(select(Job.status)) == "accepted"


def test_a_killed_service_goes_on_where_it_was_and_makes_the_same_bytes(
    tmp_path: Path, model: Path, large: Path
) -> None:
    store, port = tmp_path / "store", free_port()
    with serving(store, model, port) as (process, client):
        answer = client.post("/scenes", params={"filename": large.name}, content=large.read_bytes())
        scene_id = answer.json()["id"]
        job = client.post(EXECUTION, json=order(scene_id), headers=ASYNC).json()["jobID"]
        wait(client, f"/jobs/{job}", lambda state: state["progress"] > 0)
        process.kill()
        process.wait()
    with serving(store, model, port) as (process, client):
        done = wait(client, f"/jobs/{job}", finished)
        assert done["status"] == "successful"
        results = client.get(f"/jobs/{job}/results").json()
        assert results["report"]["value"]["windows_resumed"] > 0
        (tmp_path / "served.tif").write_bytes(client.get(results["optical"]["href"]).content)
    geosar.translate(large, tmp_path / "own.tif", model=load_model(model))
    with rasterio.open(tmp_path / "served.tif") as served, rasterio.open(tmp_path / "own.tif") as own:
        assert (served.read() == own.read()).all()
    assert list((store / "jobs" / job).glob(".*.geosar-part")) == []
