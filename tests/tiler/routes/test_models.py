"""Models that are sent to a running service: checked, listed, chosen, removed; and what is refused."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from geosar.cli import group
from geosar_tiler.jobs import queue
from geosar_tiler.state import catalogue
from geosar_tiler.state.quota import Quota
from helpers.service import MakeService, problem, services_of
from helpers.service.despeckling import translated
from helpers.service.serving import on_a_port
from helpers.tiny_model import write_dual_model, write_model


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("own") / "folder", name="of-mine", title="Of mine")


def zipped(folder: Path, **changed: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path in folder.iterdir():
            archive.writestr(path.name, changed.get(path.stem, path.read_bytes()))
    return memory.getvalue()


def names(client: TestClient) -> list[str]:
    answer = [one["name"] for one in client.get("/models").json()["models"]]
    assert client.get("/processes/translate").json()["inputs"]["model"]["schema"]["enum"] == answer
    return answer


@pytest.fixture
def sent(client: TestClient, own: Path) -> Iterator[str]:
    answer = client.post("/models", content=zipped(own))
    assert answer.status_code == 201, answer.text
    yield answer.headers["location"]
    client.delete("/models/of-mine")


def test_a_model_that_is_sent_is_listed_chosen_and_removed(
    client: TestClient, sent: str, own: Path, scene: dict[str, Any]
) -> None:
    answer = client.get(sent).json()
    assert (answer["title"], answer["removable"], answer["default"]) == ("Of mine", True, False)
    assert names(client)[-1] == "of-mine"
    assert client.post("/models", content=zipped(own)).status_code == 200  # the same once more
    done = translated(client, scene, model="of-mine")
    assert done["status"] == "successful", done
    assert client.get(f"/jobs/{done['jobID']}/results").json()["report"]["value"]["model"] == "of-mine"

    assert client.delete("/models/of-mine").status_code == 204
    assert "of-mine" not in names(client)
    problem(client.get("/models/of-mine"), 404)
    problem(client.delete("/models/of-mine"), 404)
    refused = client.post("/processes/translate/execution", json={"inputs": {"scene": scene["id"], "model": "of-mine"}})
    assert "there is no model 'of-mine'" in problem(refused, 422)
    assert client.get(f"/jobs/{done['jobID']}/results/optical").status_code == 200  # what it made stays
    client.delete(f"/jobs/{done['jobID']}")  # other tests know what results the scene has


@pytest.mark.usefixtures("sent")
def test_a_model_that_a_job_needs_stays(client: TestClient, scene: dict[str, Any]) -> None:
    services = services_of(client)
    row = catalogue.get(services.database, scene["id"])
    services.runner._stop.set()  # so that the job waits
    services.runner._thread.join()
    try:
        queue.submit(services.database, row, "translate", key="k", inputs={"model": "of-mine"}, queue_length=9)
        assert "1 jobs need the model 'of-mine'" in problem(client.delete("/models/of-mine"), 409)
    finally:
        for job in queue.listed(services.database, queue.JobFilter(statuses=["accepted"]), limit=9, offset=0)[0]:
            queue.dismiss(services.database, job.id)
        services.runner._stop.clear()
        services.runner._thread = threading.Thread(target=services.runner._run, daemon=True)
        services.runner.start()
    assert client.delete("/models/of-mine").status_code == 204


@pytest.mark.usefixtures("sent")
def test_names_that_are_taken_are_refused_and_the_services_own_are_not_removed(
    client: TestClient, tmp_path: Path
) -> None:
    other = write_model(tmp_path / "other", name="of-mine", version="2.0")
    assert "it is another" in problem(client.post("/models", content=zipped(other)), 409)
    for name in ("tiny", "s1-rgb"):
        package = write_model(tmp_path / name, name=name)
        assert "the service's own" in problem(client.post("/models", content=zipped(package)), 409)
        assert "the service's own" in problem(client.delete(f"/models/{name}"), 409)
    assert names(client).count("of-mine") == 1


def test_what_is_no_model_is_refused_in_words_and_leaves_nothing(client: TestClient, own: Path) -> None:
    manifest = json.loads((own / "manifest.json").read_text())
    halved = {**manifest, "inputs": {**manifest["inputs"], "channels": 2, "accepts": [["VV", "VH"]]}}
    climbing = io.BytesIO()
    with zipfile.ZipFile(climbing, "w") as archive:
        archive.writestr("manifest.json", (own / "manifest.json").read_bytes())
        archive.writestr("../../evil.json", b"{}")
    for body, status, words in (
        (b"", 422, "expected a zip of a packaged model"),
        (b"GIF89a", 415, "expected a zip of a packaged model"),
        (zipped(own)[:-200], 422, "zip"),
        (climbing.getvalue(), 422, "evil.json"),
        (zipped(own, float32=b"<net></net>"), 422, "SHA-256"),
        (zipped(own, manifest=json.dumps(halved).encode()), 422, "channel"),
        (zipped(own, manifest=json.dumps({**manifest, "name": "../up"}).encode()), 422, "name"),
    ):
        detail = problem(client.post("/models", content=body), status)
        assert words in detail
        assert str(services_of(client).store.root) not in detail
    store = services_of(client).store
    assert [*store.incoming.iterdir(), *store.models.iterdir()] == []
    assert not list(store.root.parent.rglob("evil.json"))


def test_more_than_there_is_room_for_is_refused(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = write_dual_model(tmp_path / "large", name="large")
    (large / "MODEL_CARD.md").write_bytes(b"x" * 3_000_000)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:  # small on its way
        for path in large.iterdir():
            archive.write(path, path.name)
    monkeypatch.setattr(Quota, "free_bytes", lambda *_, **__: 2_000_000)
    problem(client.post("/models", files={"file": ("m.zip", memory.getvalue())}), 507)
    monkeypatch.undo()
    assert client.post("/models", files={"file": ("m.zip", memory.getvalue())}).status_code == 201
    assert client.delete("/models/large").status_code == 204


def test_one_command_puts_a_model_on_a_service_and_one_takes_it_away(
    make_service: MakeService, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {scope: f"{scope} key" for scope in ("write", "admin")}
    hashed = tuple(f"{scope}:{hashlib.sha256(key.encode()).hexdigest()}" for scope, key in keys.items())
    with make_service(api_keys=hashed) as client, on_a_port(client) as address:

        def models(*words: str) -> str:
            done = CliRunner().invoke(group, ["models", *words, "--service", address])
            return f"{done.output}{done.exception or ''}"

        monkeypatch.delenv("GEOSAR_KEY", raising=False)
        assert "GEOSAR_KEY" in models("add", str(own))
        monkeypatch.setenv("GEOSAR_KEY", keys["write"])
        assert "admin" in models("add", str(own))
        monkeypatch.setenv("GEOSAR_KEY", keys["admin"])
        assert f"of-mine 1.0 is on {address}" in models("add", str(own))
        assert "of-mine 1.0  Of mine" in models("list")
        assert "no longer" in models("remove", "of-mine")
        assert "there is no model 'of-mine'" in models("remove", "of-mine")
