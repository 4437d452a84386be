"""No answer tells where on this machine anything lies: not when all is well, and not when files are gone or damaged."""

import itertools
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from helpers.rasters import speckled, write_raster
from helpers.service import open_service, send, services_of, wait
from helpers.tiny_model import write_model

ASYNC = {"prefer": "respond-async"}
EXECUTION = "/processes/translate/execution"
PLACE = {
    "process_id": "translate", "collection_id": "results", "z": "13", "x": "5824", "y": "3849", "scale": "2",
    "format": "png", "image_format": "png", "tileMatrixSetId": "WebMercatorQuad", "lon": "76.1", "lat": "10.9",
    "name": "mine",
}  # fmt: skip
OUTPUTS = ("optical", "error", "quicklook", "stac")


@pytest.fixture(scope="module")
def secretly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secretly")


@pytest.fixture(scope="module")
def service_and_names(secretly: Path) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A service whose store, model and cache of models lie in one place, and the names of its scene and job."""
    model = write_model(secretly / "models" / "tiny")
    with zipfile.ZipFile(secretly / "models" / "mine.zip", "w") as packed:
        for path in model.iterdir():
            packed.write(path, path.name)
    raster = write_raster(secretly / "field_VV.tif", speckled((1, 300, 300)), units="power")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOSAR_CACHE", str(secretly / "cache"))
        with open_service(store=secretly / "store", model=str(secretly / "models" / "mine.zip")) as client:
            transport: Any = client._transport
            transport.raise_server_exceptions = False
            scene = send(client, raster)["id"]
            job = client.post(EXECUTION, json={"inputs": {"scene": scene}}, headers=ASYNC).json()["jobID"]
            wait(client, f"/jobs/{job}", lambda answer: answer["status"] not in {"accepted", "running"}, 90)
            yield client, {**PLACE, "scene_id": scene, "job_id": job, "item_id": job}


def answers(client: TestClient, names: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Ask every route that looks, for everything that there is."""
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if "get" not in operations or path.endswith("/events"):
            continue
        for output in OUTPUTS if "{output}" in path else ("",):
            address = path.replace("{output}", output)
            for name, value in names.items():
                address = address.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
            query = {"job": names["job_id"]} if any(f"/{layer}/" in path for layer in ("optical", "error")) else {}
            yield address, client.get(address, params=query)


def telling(client: TestClient, names: dict[str, str], secretly: Path) -> list[str]:
    """Name the requests whose answer says a path, in text or within a file."""
    orders = ({"scene": names["scene_id"]}, {"scene": names["scene_id"], "model": "other"})
    posted = ((f"POST {order}", client.post(EXECUTION, json={"inputs": order})) for order in orders)
    return [
        f"{address}: {answer.text[:300]}"
        for address, answer in itertools.chain(answers(client, names), posted)
        if secretly.name.encode() in answer.content or secretly.name in str(answer.headers)
    ]


def test_no_answer_names_a_folder(service_and_names: tuple[TestClient, dict[str, str]], secretly: Path) -> None:
    client, names = service_and_names
    assert client.get(f"/jobs/{names['job_id']}").json()["status"] == "successful"
    assert "mine" in {one["name"] for one in client.get("/models").json()["models"] if one["default"]}
    order = {"inputs": {"scene": names["scene_id"], "model": "mine"}}
    assert client.post(EXECUTION, json=order, headers=ASYNC).json()["jobID"] == names["job_id"]
    assert telling(client, names, secretly) == []


def test_no_failure_does(service_and_names: tuple[TestClient, dict[str, str]], secretly: Path) -> None:
    client, names = service_and_names
    services = services_of(client)
    (unpacked,) = (path for path in (secretly / "cache" / "geosar" / "models").iterdir() if path.is_dir())
    (unpacked / "float32.bin").write_bytes(b"damaged")
    services.live.close()  # so that the model is opened anew
    models = client.get("/models")
    assert models.status_code == 503
    assert telling(client, names, secretly) == []
    shutil.rmtree(services.store.scene(names["scene_id"]))
    shutil.rmtree(services.store.job(names["job_id"]))
    services.live.close()
    services.direct.close()
    assert telling(client, names, secretly) == []
