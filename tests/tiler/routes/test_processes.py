"""The service as OGC API - Processes 1.0 wants it: shapes of its answers, and a client that others wrote."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ogc_api_processes_client.api_client_wrapper import ApiClientWrapper
from ogc_api_processes_client.configuration import Configuration
from ogc_api_processes_client.models.status_code import StatusCode
from owslib.ogcapi.processes import Processes
from starlette.testclient import TestClient

from helpers.service import MakeService, problem, send, services_of, wait
from helpers.service import ogc_schemas as ogc
from helpers.service.serving import free_port, on_a_port, serving

EXECUTION = "/processes/translate/execution"
ASYNC = {"prefer": "respond-async"}
EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


def valid(answer: Any, schema: dict[str, Any]) -> Any:
    assert answer.is_success or answer.status_code >= 400
    body = answer.json()
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(body)
    return body


def test_every_answer_has_the_shape_that_the_standard_wants(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any]
) -> None:
    landing = valid(client.get("/", headers={"accept": "application/json"}), ogc.LANDING)
    rels = {link["rel"] for link in landing["links"]}
    assert {
        "service-desc",
        *(f"http://www.opengis.net/def/rel/ogc/1.0/{name}" for name in ("conformance", "processes", "job-list")),
    } <= rels
    classes = valid(client.get("/conformance"), ogc.CONFORMANCE)["conformsTo"]
    for name in ("core", "ogc-process-description", "json", "job-list", "dismiss"):
        assert f"http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/{name}" in classes
    valid(client.get("/processes"), ogc.PROCESS_LIST)
    described = valid(client.get("/processes/translate"), ogc.PROCESS)
    assert {"scene", "model", "bbox", "precision", "error_band", "compress"} <= set(described["inputs"])
    assert any(link["rel"].endswith("/execute") for link in described["links"])
    valid(client.get("/jobs"), ogc.JOB_LIST)
    valid(client.get(f"/jobs/{job['jobID']}"), ogc.STATUS_INFO)
    valid(client.get(f"/jobs/{job['jobID']}/results"), ogc.RESULTS)
    order = {"inputs": {"scene": scene["id"]}}
    valid(client.post(EXECUTION, json=order, headers=ASYNC), ogc.STATUS_INFO)
    valid(client.post(EXECUTION, json=order), ogc.RESULTS)


def test_the_inputs_that_are_described_are_those_that_are_taken(client: TestClient, scene: dict[str, Any]) -> None:
    inputs = client.get("/processes/translate").json()["inputs"]
    boxes = [[1.0, 2.0, 3.0, 4.0], {"bbox": [1, 2, 3, 4], "crs": "EPSG:4326"}]
    for value in boxes:
        jsonschema.validate(value, inputs["bbox"]["schema"])
    for value in ([1, 2, 3], {"bbox": [1, 2]}, "1,2,3,4", {"bbox": boxes[0], "epsg": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, inputs["bbox"]["schema"])
        problem(client.post(EXECUTION, json={"inputs": {"scene": scene["id"], "bbox": value}}), 422)
    assert inputs["error_band"]["schema"]["default"] is True
    assert "tiny" not in str(inputs["precision"]["schema"])


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/processes/other", "no-such-process"),
        ("/jobs/nothing", "no-such-job"),
        ("/jobs/nothing/results", "no-such-job"),
    ],
)
def test_exceptions_have_the_names_of_the_standard(client: TestClient, path: str, kind: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert valid(answer, ogc.EXCEPTION)["type"] == EXCEPTIONS + kind
    assert valid(client.post("/processes/other/execution", json={"inputs": {"scene": "x"}}), ogc.EXCEPTION)["type"]


def test_results_that_are_not_ready_say_so(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as client:
        scene = send(client, scene_file)
        services_of(client).runner.stop()  # so that it waits
        order = {"inputs": {"scene": scene["id"]}}
        job = client.post(EXECUTION, json=order, headers=ASYNC)
        assert job.headers["preference-applied"] == "respond-async"
        assert job.headers["location"].endswith(f"/jobs/{job.json()['jobID']}")
        answer = client.get(f"/jobs/{job.json()['jobID']}/results")
        assert answer.status_code == 404
        assert valid(answer, ogc.EXCEPTION)["type"] == EXCEPTIONS + "result-not-ready"
        dismissed = client.delete(f"/jobs/{job.json()['jobID']}")
        assert valid(dismissed, ogc.STATUS_INFO)["status"] == "dismissed"


def test_results_name_everything_that_was_made(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    document = client.get(f"/jobs/{job['jobID']}/results").json()
    expected = {
        "optical",
        "error",
        "quicklook",
        "stac",
        "tiles",
        "tilejson",
        "errorTilejson",
        "wmts",
        "scene",
        "report",
    }
    assert set(document) == expected
    for name in expected - {"tiles", "report"}:
        answer = client.get(document[name]["href"])
        assert answer.status_code == 200, name
        assert answer.headers["content-type"].partition(";")[0] == document[name]["type"].partition(";")[0], name
    west, south, east, north = scene["bbox"]
    tilejson = client.get(document["tilejson"]["href"]).json()
    assert tilejson["bounds"] == pytest.approx([west, south, east, north], abs=1e-3)
    assert "{z}/{x}/{y}" in document["tiles"]["href"]
    assert document["report"]["value"]["model"] == "tiny"


@pytest.mark.parametrize("ending", [".aux.xml", ".ovr", ".OVR", ".msk", ".tfw"])
def test_there_is_no_file_beside_a_result(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any], ending: str
) -> None:
    """GDAL asks for such beside each raster that it opens."""
    box = f"/scenes/{scene['id']}/optical/bbox/{','.join(map(str, scene['bbox']))}.tif"
    for path in (f"/jobs/{job['jobID']}/results/optical", f"/scenes/{scene['id']}/download", box):
        problem(client.get(path + ending), 404)
    problem(client.get(f"/jobs/{job['jobID']}/results/opticla"), 422)


def test_outputs_and_raw_answers(client: TestClient, scene: dict[str, Any], job: dict[str, Any]) -> None:
    assert job["status"] == "successful"
    inputs = {"scene": scene["id"]}
    named = client.post(EXECUTION, json={"inputs": inputs, "outputs": {"optical": {"transmissionMode": "reference"}}})
    assert set(named.json()) == {"optical", "report"}
    one = client.post(
        EXECUTION, json={"inputs": inputs, "outputs": {"quicklook": {}}, "response": "raw"}, follow_redirects=False
    )
    assert one.status_code == 303
    assert client.get(one.headers["location"]).content.startswith(b"\x89PNG")
    several = client.post(EXECUTION, json={"inputs": inputs, "response": "raw"})
    assert several.status_code == 204
    assert several.headers["link"].count('rel="') == 4
    problem(client.post(EXECUTION, json={"inputs": inputs, "outputs": {"colour": {}}}), 422)
    problem(client.post(EXECUTION, json={"inputs": inputs, "outputs": {"optical": {"transmissionMode": "value"}}}), 422)


def test_jobs_are_listed_as_asked(client: TestClient, job: dict[str, Any]) -> None:
    def listed(query: str) -> set[str]:
        return {one["jobID"] for one in valid(client.get(f"/jobs?limit=1000&{query}"), ogc.JOB_LIST)["jobs"]}

    identifier = job["jobID"]
    for query in ("processID=translate", "type=process", "datetime=2020-01-01T00:00:00Z/..", "minDuration=0",
                  "maxDuration=100000", f"scene={job['scene']}", "status=successful&status=failed"):  # fmt: skip
        assert identifier in listed(query), query
    for query in ("processID=prepare", "type=wps", "datetime=../2020-01-01T00:00:00Z", "minDuration=100000",
                  "maxDuration=0", "scene=other", "status=failed"):  # fmt: skip
        assert identifier not in listed(query), query
    problem(client.get("/jobs?minDuration=-1"), 422)
    problem(client.get("/jobs?datetime=now"), 422)


def test_a_result_is_named(client: TestClient, job: dict[str, Any]) -> None:
    path = f"/jobs/{job['jobID']}"
    assert "name" not in client.get(path).json()
    assert client.patch(path, json={"name": "before the flood"}).json()["name"] == "before the flood"
    assert valid(client.get(path), ogc.STATUS_INFO)["name"] == "before the flood"
    problem(client.patch(path, json={"name": ""}), 422)
    problem(client.patch("/jobs/none", json={"name": "x"}), 404)


def test_a_client_made_from_the_schemas_of_the_standard_reads_every_answer(
    client: TestClient, job: dict[str, Any]
) -> None:
    """Its models are generated from OGC's own document; it raises where an answer is not as that says."""
    with on_a_port(client) as address:
        api = ApiClientWrapper(configuration=Configuration(host=address))
        assert {link.rel for link in api.get_landing_page().links} >= {"service-desc"}
        assert any(one.endswith("/conf/core") for one in api.get_conformance_classes().conforms_to)
        assert [one.id for one in api.get_processes().processes] == ["translate"]
        described = api.get_process_description("translate")
        assert described.inputs["scene"].var_schema is not None
        assert described.job_control_options
        assert job["jobID"] in {one.job_id for one in api.get_jobs().jobs}
        assert api.get_status(job["jobID"]).status == StatusCode.SUCCESSFUL
        assert set(api.get_result(job["jobID"])) >= {"optical", "error", "report"}


def test_a_client_that_others_wrote_finds_runs_and_follows_a_process(
    tmp_path: Path, model: Path, scene_file: Path
) -> None:
    port = free_port()
    with serving(tmp_path / "store", model, port) as (_, client):
        scene = client.post("/scenes", params={"filename": scene_file.name}, content=scene_file.read_bytes()).json()
        processes = Processes(f"http://127.0.0.1:{port}/")
        assert processes.conformance()["conformsTo"]
        assert [one["id"] for one in processes.processes()] == ["translate"]
        assert "bbox" in processes.process("translate")["inputs"]
        results = processes.execute("translate", {"scene": scene["id"], "error_band": False})
        assert results["optical"]["href"].startswith("http")
        assert "error" not in results
        started = processes.execute("translate", {"scene": scene["id"]}, async_=True)
        listed = client.get("/jobs").json()["jobs"]
        assert started
        done = wait(client, f"/jobs/{listed[0]['jobID']}", lambda answer: answer["status"] == "successful")
        assert done["progress"] == 100
