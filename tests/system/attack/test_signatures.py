"""What a signed URL opens: what it was made for, until it expires, and nothing by way of what it answers."""

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from starlette.testclient import TestClient

from helpers.service import open_service, problem, send, wait

KEYS = {scope: hashlib.sha256(scope.encode()).hexdigest() for scope in ("read", "write")}


@pytest.fixture(scope="module")
def signed(
    tmp_path_factory: pytest.TempPathFactory, model: Path, scene_file: Path
) -> Iterator[tuple[TestClient, str, dict[str, Any]]]:
    """A service with keys, the id of a scene in it, and the results of a job as its owner sees them."""
    keys = tuple(f"{scope}:{digest}" for scope, digest in KEYS.items())
    with open_service(store=tmp_path_factory.mktemp("signed") / "store", model=str(model), api_keys=keys) as client:
        client.headers["x-api-key"] = "write"
        scene = send(client, scene_file)["id"]
        order = {"inputs": {"scene": scene, "error_band": True}}
        ordered = client.post("/processes/translate/execution", json=order, headers={"prefer": "respond-async"}).json()
        done = wait(client, f"/jobs/{ordered['jobID']}", lambda answer: answer["status"] not in {"accepted", "running"})
        assert done["status"] == "successful"
        results = client.get(f"/jobs/{done['jobID']}/results").json()
        del client.headers["x-api-key"]
        yield client, scene, results


def signature_in(address: str) -> dict[str, str]:
    query = parse_qs(urlsplit(address).query)
    return {name: query[name][0] for name in ("expires", "signature")}


def relative(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("path", ["tilejson.json", "image/tilejson.json", "WebMercatorQuad/tilejson.json"])
def test_a_signed_tilejson_hands_on_its_own_signature_and_makes_no_fresh_one(
    signed: tuple[TestClient, str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client, scene, _ = signed
    address = f"/scenes/{scene}/sar/{path}"
    answer = signature_in(client.get(address, headers={"x-api-key": "read"}).json()["tiles"][0])
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    document = client.get(address, params=answer).json()["tiles"][0]
    assert signature_in(document) == answer
    # Its owner gets a fresh one.
    fresh = signature_in(client.get(address, params=answer, headers={"x-api-key": "read"}).json()["tiles"][0])
    assert int(fresh["expires"]) > int(answer["expires"])


def test_a_jobs_signature_opens_its_results_and_their_layers_alone(
    signed: tuple[TestClient, str, dict[str, Any]],
) -> None:
    client, scene, results = signed
    here = urlsplit(results["optical"]["href"]).path.rpartition("/")[0]
    job = here.split("/")[-2]
    signature = signature_in(results["optical"]["href"])
    answer = client.get(here, params=signature).json()
    addresses = [one["href"] for one in answer.values() if "href" in one]
    assert len(addresses) > 7
    # Whatever it is told by way of the signature has no other one.
    assert {tuple(signature_in(one).items()) for one in addresses if "signature" in one} == {tuple(signature.items())}
    assert answer["tilejson"]["href"] == results["tilejson"]["href"]
    tilejson = client.get(relative(answer["tilejson"]["href"])).json()
    assert dict(parse_qsl(urlsplit(tilejson["tiles"][0]).query)).items() >= {"job": job, **signature}.items()
    assert client.get(relative(answer["errorTilejson"]["href"])).status_code == 200
    capabilities = client.get(relative(answer["wmts"]["href"])).text
    assert re.search(rf"signature={signature['signature']}", capabilities)

    for layer in ("sar", "live", "reference", "optical", "error"):
        for query in ({}, {"job": "another"}, {"job": [job, "another"]}, {"job": ["another", job]}):
            if layer in {"optical", "error"} or "job" in query:
                problem(client.get(f"/scenes/{scene}/{layer}/preview.png", params={**signature, **query}), 401)
    problem(client.get(f"/scenes/{scene}/sar/preview.png", params={**signature, "job": job}), 401)
    problem(client.get(f"/scenes/{scene}", params=signature), 401)
    problem(client.get(f"/jobs/{job}", params=signature), 401)
    assert client.get(f"/scenes/{scene}/optical/preview.png", params={**signature, "job": job}).status_code == 200


def test_a_scenes_signature_opens_its_layers_and_no_files(signed: tuple[TestClient, str, dict[str, Any]]) -> None:
    client, scene, results = signed
    address = f"/scenes/{scene}/sar/tilejson.json"
    document = signature_in(client.get(address, headers={"x-api-key": "read"}).json()["tiles"][0])
    for layer in ("sar", "optical", "live"):
        answer = client.get(f"/scenes/{scene}/{layer}/preview.png", params={**document, "max_size": 256})
        assert answer.status_code == 200
    problem(client.get(urlsplit(results["optical"]["href"]).path, params=document), 401)
    problem(client.get(f"/scenes/{scene}/download", params=document), 401)


def test_urls_in_the_catalogue_open_what_they_name(signed: tuple[TestClient, str, dict[str, Any]]) -> None:
    client, _, _ = signed
    features = client.get("/stac/search", headers={"x-api-key": "read"}).json()["features"]
    for item in features:
        tiles = [one["href"] for one in item["links"] if one["rel"] == "tiles"]
        files = [one["href"] for one in item["assets"].values() if "signature=" in one["href"]]
        assert tiles
        assert files
        for address in (*tiles, *files):
            assert client.get(relative(address)).status_code == 200, address


def test_a_read_key_may_search_by_post_and_change_nothing(signed: tuple[TestClient, str, dict[str, Any]]) -> None:
    client, scene, _ = signed
    client.headers["x-api-key"] = "read"
    try:
        assert client.post("/stac/search", json={"ids": [scene]}).json()["numberReturned"] == 1
        for path in ("/scenes", "/uploads", "/processes/translate/execution", "/stac/searches"):
            problem(client.post(path, json={}), 403)
        problem(client.delete(f"/scenes/{scene}"), 403)
    finally:
        del client.headers["x-api-key"]
    problem(client.post("/stac/search", json={}), 401)
