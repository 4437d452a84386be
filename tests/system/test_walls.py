"""No path and no URL of a request reaches a file or another machine, by whatever route, parameter or upload.

The bait lies where requests point; what uploads name in themselves is tried in tests/system/attack.
"""

import base64
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from geosar_tiler.settings import Settings
from helpers.attack.bait import SECRET, Bait, bait_in
from helpers.service import MakeService, problem

STREAMS = "/events"


@pytest.fixture(scope="module")
def bait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    with bait_in(tmp_path_factory.mktemp("bait")) as laid:
        yield laid


def test_no_route_makes_a_file_or_a_url_out_of_a_parameter(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any], bait: Bait
) -> None:
    real = {"scene_id": scene["id"], "job_id": job["jobID"], "process_id": "translate", "collection_id": "scenes",
            "item_id": scene["id"], "z": "9", "x": "364", "y": "240", "scale": "2"}  # fmt: skip
    request = 0
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            if path.endswith(STREAMS):
                continue
            parameters = operation.get("parameters", [])
            names = [one["name"] for one in parameters if one["in"] == "path"]
            queries = [one["name"] for one in parameters if one["in"] == "query"]
            for number, string in enumerate(bait.strings):
                every = {name: quote(string, safe="") for name in names}
                requests = [(every, {})] if names and number < 6 else []
                if queries and method == "get" and number % 3 == request % 3:
                    requests.append(({**every, **real}, dict.fromkeys((*queries, "url", "src_path"), string)))
                for places, query in requests:
                    answer = client.request(method, path.format_map(places), params=query)
                    request += 1
                    assert answer.status_code < 500, (method, path, string, answer.text[:300])
                    assert SECRET not in answer.content
                    assert b"Traceback" not in answer.content
                    if places is every and not query:
                        assert answer.status_code in {400, 401, 403, 404, 405, 409, 410, 412, 415, 422}, (path, string)
    assert request > 500
    assert bait.touched() == []
    assert client.get(f"/scenes/{scene['id']}").status_code == 200


def test_no_body_makes_one_either(client: TestClient, scene: dict[str, Any], bait: Bait) -> None:
    for string in bait.strings:
        for inputs in (
            {"scene": string},
            {"scene": scene["id"], "model": string},
            {"scene": scene["id"], "bbox": {"bbox": [0, 0, 1, 1], "crs": string}},
            {"scene": scene["id"], "compress": string},
        ):
            answer = client.post("/processes/translate/execution", json={"inputs": inputs})
            assert answer.status_code in {404, 422}, (inputs, answer.text)
        for body in ({"href": string}, {"files": {"VV": string}}, {"href": {"VV": string}}, {"uploads": [string]}):
            answer = client.post("/scenes", json=body)
            assert answer.status_code in {400, 403, 404, 415, 422}, (body, answer.text)
        response = client.post("/stac/search", json={"collections": [string], "ids": [string]})
        assert response.status_code == (422 if "\0" in string else 200)
        assert response.json().get("features", []) == []
        headers = {
            "tus-resumable": "1.0.0",
            "upload-length": "10",
            "upload-metadata": f"filename {base64.b64encode(string.encode()).decode()}",
            "upload-concat": f"final;{quote(string)}",
        }
        assert client.post("/uploads", headers=headers).status_code in {201, 400, 403, 404, 422}
    assert bait.touched() == []


def test_texts_that_gdal_would_follow_are_no_scenes(client: TestClient, scene: dict[str, Any], bait: Bait) -> None:
    vrt = bait.vrt.encode()
    bodies = {
        "vrt": vrt,
        "vrt with a mark": b"\xef\xbb\xbf" + vrt,
        "wms": f"<GDAL_WMS><Service name='TMS'><ServerUrl>{bait.address}</ServerUrl></Service></GDAL_WMS>".encode(),
        "wmts": f"<GDAL_WMTS><GetCapabilitiesUrl>{bait.address}</GetCapabilitiesUrl></GDAL_WMTS>".encode(),
        "xml": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "stac": f'{{"type": "FeatureCollection", "features": [], "x": "{bait.address}"}}'.encode(),
        "svg": f"<svg><image href='{bait.address}/x.png'/></svg>".encode(),
        "zip of a vrt": _zip({"x.SAFE/manifest.safe": vrt, "x.SAFE/measurement/a.tiff": vrt}),
        "zip that climbs": _zip({"../../../../tmp/x.SAFE/manifest.safe": b"<a/>", "/etc/passwd": b"x"}),
    }
    for name, body in bodies.items():
        for filename in ("scene.tif", "scene.vrt", f"{bait.raster}"):
            answer = client.post("/scenes", params={"filename": filename}, content=body)
            assert answer.status_code in {415, 422}, (name, answer.text)
        form = client.post("/scenes", files={"VV": ("a.tif", body), "VH": ("b.tif", body)})
        assert form.status_code in {415, 422}, (name, form.text)
        reference = client.put(f"/scenes/{scene['id']}/reference", content=body)
        assert reference.status_code in {415, 422}, (name, reference.text)
    assert bait.touched() == []


def test_a_form_that_names_another_file_gets_that_file_name_and_not_that_file(
    client: TestClient, scene_file: Path, bait: Bait
) -> None:
    answer = client.post("/scenes", files={"file": (f"../../..{bait.raster}", scene_file.read_bytes())})
    assert answer.status_code == 200
    assert bait.touched() == []


def test_own_and_private_urls_are_refused_though_a_prefix_allows_them(make_service: MakeService, bait: Bait) -> None:
    with make_service(allowed_hrefs=(f"{bait.address}/", "http://169.254.169.254/", "http://localhost/")) as client:
        for href in (f"{bait.address}/bait.tif", "http://169.254.169.254/latest/", "http://localhost/scenes"):
            answer = client.post("/scenes", json={"href": href})
            if answer.status_code in {201, 202}:
                continue  # refused in the background, see test_fetch
            problem(answer, answer.status_code)
            assert answer.status_code in {403, 422}, answer.text
        time.sleep(0.5)
    assert bait.came == []
    assert Settings().allowed_hrefs == ()


def _zip(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return memory.getvalue()
