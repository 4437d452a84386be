"""The options of a translation that came later: despeckled radar, and the tone of a true optical image."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from starlette.testclient import TestClient

import geosar
from geosar_tiler.state.database import Job
from helpers.rasters import write_raster
from helpers.service import MakeService, problem, send, services_of, wait
from helpers.service.despeckling import ASYNC, EXECUTION, decibels, translated, write_scene
from helpers.tiny_model import write_dual_model

TAN = (190, 160, 110)


def compare_with(client: TestClient, scene: dict[str, Any], path: Path) -> None:
    assert client.put(f"/scenes/{scene['id']}/reference", content=path.read_bytes()).status_code == 202
    wait(client, f"/scenes/{scene['id']}", lambda one: one["reference"]["state"] == "ready")


def picture_of(path: Path, colours: tuple[int, int, int] = TAN, **options: Any) -> Path:
    height, width = decibels().shape[1:]
    noise = np.random.default_rng(2).integers(-20, 21, (3, height, width))
    values = (np.array(colours)[:, None, None] + noise).astype(np.uint8)
    return write_raster(path, values, photometric="RGB", **options)


def order(client: TestClient, scene: dict[str, Any], **inputs: Any) -> Any:
    return client.post(EXECUTION, json={"inputs": {"scene": scene["id"], **inputs}}, headers=ASYNC)


@pytest.fixture
def dual(tmp_path: Path) -> Path:
    return write_dual_model(tmp_path / "dual")


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "fields.tif")


def test_a_model_that_makes_no_despeckled_radar_is_refused_at_once(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    assert job["status"] == "successful"
    assert "makes no despeckled radar" in problem(order(client, scene, despeckled=True), 422)
    assert client.get("/jobs").json()["numberMatched"] == len(client.get("/jobs").json()["jobs"])
    inputs = client.get("/processes/translate").json()["inputs"]
    assert inputs["despeckled"]["schema"]["default"] is False
    assert inputs["match"]["schema"]["default"] is False
    assert inputs["radiometric"]["schema"]["default"] is False
    assert "not corrected for terrain" in problem(order(client, scene, radiometric=True), 422)


def test_options_that_are_not_wanted_leave_the_keys_of_jobs_as_they_were(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    with services_of(client).database.begin() as session:
        row = session.get(Job, job["jobID"])
    services = services_of(client)
    checksum = geosar.load_model(services.settings.model).checksum
    options = {
        "model": checksum, "bbox": None, "precision": services.settings.precision, "error_band": True,
        "compress": "zstd", "resample_to_model": False,
    }  # fmt: skip
    text = json.dumps(["translate", scene["sha256"], options], sort_keys=True)
    assert row.key == hashlib.sha256(text.encode()).hexdigest()
    again = order(client, scene, despeckled=False, match=False)
    assert (again.status_code, again.json()["jobID"]) == (200, job["jobID"])


def test_a_translation_takes_the_tone_of_the_scenes_own_reference(
    make_service: MakeService, dual: Path, sent: Path, tmp_path: Path
) -> None:
    with make_service(model=str(dual)) as client:
        scene = send(client, sent)
        assert "no true optical image" in problem(order(client, scene, match=True), 422)
        compare_with(client, scene, picture_of(tmp_path / "truth.tif"))
        plain, matched = translated(client, scene), translated(client, scene, match=True)
        assert matched["jobID"] != plain["jobID"]
        medians = {}
        for job in (plain, matched):
            content = client.get(f"/jobs/{job['jobID']}/results/optical").content
            with rasterio.MemoryFile(content) as memory, memory.open() as dataset:
                medians[job["jobID"]] = np.median(dataset.read()[:, dataset.dataset_mask() > 0], axis=1)
        assert medians[matched["jobID"]] == pytest.approx(TAN, abs=6)
        assert np.abs(medians[plain["jobID"]] - TAN).max() > 15
        report = client.get(f"/jobs/{matched['jobID']}/results").json()["report"]["value"]
        assert any(note.startswith("matched in tone to reference (") for note in report["notes"])
        # The same image again is the same job, another image another one.
        assert order(client, scene, match=True).json()["jobID"] == matched["jobID"]
        compare_with(client, scene, picture_of(tmp_path / "other.tif", (60, 120, 60)))
        assert order(client, scene, match=True).json()["jobID"] not in {plain["jobID"], matched["jobID"]}


def test_a_reference_without_place_is_refused(make_service: MakeService, dual: Path, tmp_path: Path) -> None:
    nowhere: dict[str, Any] = {"crs": None, "transform": None}
    path = write_raster(tmp_path / "flat.tif", decibels(), nodata=np.nan, descriptions=("VV", "VH"), **nowhere)
    with make_service(model=str(dual)) as client:
        scene = send(client, path, unit="db")
        compare_with(client, scene, picture_of(tmp_path / "truth.tif", **nowhere))
        assert "no georeference" in problem(order(client, scene, match=True), 422)


def test_a_reference_that_is_gone_before_the_job_begins_is_told(
    make_service: MakeService, dual: Path, sent: Path, tmp_path: Path
) -> None:
    with make_service(model=str(dual)) as client:
        scene = send(client, sent)
        compare_with(client, scene, picture_of(tmp_path / "truth.tif"))
        services_of(client).runner.stop()  # so that it waits
        job = order(client, scene, match=True).json()["jobID"]
        assert client.delete(f"/scenes/{scene['id']}/reference").status_code == 204
    with make_service(model=str(dual)) as client:
        answer = wait(client, f"/jobs/{job}", lambda one: one["status"] not in {"accepted", "running"})
        assert (answer["status"], answer["message"][:22]) == ("failed", "the true optical image")


def test_no_path_of_a_request_is_matched(client: TestClient, scene: dict[str, Any]) -> None:
    for match in ("/etc/passwd", "https://example.org/optical.tif", {"href": "reference.tif"}):
        problem(order(client, scene, match=match), 422)
