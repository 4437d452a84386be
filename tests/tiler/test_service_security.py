"""Keys, signatures and what the service tells an operator."""

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from service import MakeService, problem, send, services_of
from starlette.testclient import TestClient

from geosar.cli import group
from tiler.security import Signer
from tiler.settings import Settings

KEYS = {scope: f"the {scope} key" for scope in ("read", "write", "admin")}
HASHED = tuple(f"{scope}:{hashlib.sha256(key.encode()).hexdigest()}" for scope, key in KEYS.items())


def bearer(scope: str) -> dict[str, str]:
    return {"authorization": f"Bearer {KEYS[scope]}"}


def test_once_a_key_is_set_everything_needs_one(make_service: MakeService, scene_file: Path) -> None:
    with make_service(api_keys=HASHED) as client:
        assert client.get("/healthz").status_code == 200
        for path in client.get("/openapi.json", headers=bearer("read")).json()["paths"]:
            if path in {"/healthz", "/readyz", "/", "/page-settings"} or path.startswith("/{"):
                continue
            assert client.get(path).status_code == 401, path
        assert problem(client.get("/scenes"), 401)
        assert client.get("/scenes", headers={"authorization": "Bearer wrong"}).headers["www-authenticate"] == "Bearer"
        assert client.get("/scenes", headers={"x-api-key": KEYS["read"]}).status_code == 200
        problem(client.post("/scenes", content=b"x", headers=bearer("read")), 403)
        problem(client.get("/metrics", headers=bearer("write")), 403)
        assert client.get("/metrics", headers=bearer("admin")).status_code == 200

        client.headers.update(bearer("write"))
        scene = send(client, scene_file)
        tilejson = client.get(f"/scenes/{scene['id']}/sar/tilejson.json").json()
        del client.headers["authorization"]
        tile = tilejson["tiles"][0].format(z=9, x=364, y=240)
        assert "signature=" in tile
        signed = client.get(tile)
        assert signed.status_code == 200
        problem(client.get(tile.replace("signature=", "signature=0")), 401)
        problem(client.get(tile.replace("/sar/", "/../other/sar/")), 401)
        problem(client.delete(f"/scenes/{scene['id']}?{tile.partition('?')[2]}"), 401)
        assert KEYS["write"] not in Path(services_of(client).settings.store, "catalogue.sqlite").read_bytes().decode(
            "latin-1"
        )


def test_a_signature_is_for_one_subject_and_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer(Settings(signature_seconds=600), tmp_path)
    query = signer.query("scenes/a")
    assert signer.opens("scenes/a", **query)
    assert not signer.opens("scenes/b", **query)
    assert not signer.opens("scenes/a", str(int(query["expires"]) + 1), query["signature"])
    assert Signer(Settings(), tmp_path).opens("scenes/a", **query)  # another process of the service
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)
    assert not signer.opens("scenes/a", **query)


def test_serving_the_world_needs_a_key_or_a_plain_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOSAR_API_KEYS", raising=False)
    refused = CliRunner().invoke(group, ["serve", "--host", "0.0.0.0"])  # noqa: S104 - that is what is refused
    assert refused.exit_code == 2
    assert "no API key is set" in refused.output
    made = CliRunner().invoke(group, ["serve", "--new-key", "write"]).output.splitlines()
    key, entry = (line.rpartition(" ")[2] for line in made)
    assert entry == f"write:{hashlib.sha256(key.encode()).hexdigest()}"


def test_metrics_count_tiles_jobs_and_blocks(client: TestClient, job: dict[str, Any], scene: dict[str, Any]) -> None:
    assert job["status"] == "successful"
    client.get(f"/scenes/{scene['id']}/live/preview.png")
    text = client.get("/metrics").text
    assert 'geosar_requests_total{layer="live",status="200"}' in text
    assert 'geosar_jobs{process="translate",status="successful"}' in text
    assert 'geosar_live_blocks_total{found="nowhere"}' in text


def test_every_answer_has_a_request_id_and_careful_headers(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert len(answer.headers["x-request-id"]) == 16
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/readyz").json()["status"] == "ready"


def test_a_service_without_its_model_is_not_ready_but_answers(make_service: MakeService, scene_file: Path) -> None:
    with make_service(model="no-such-model") as client:
        assert client.get("/readyz").status_code == 503
        scene = send(client, scene_file)
        problem(client.get(f"/scenes/{scene['id']}/live/tilejson.json"), 503)
        problem(client.post("/processes/translate/execution", json={"inputs": {"scene": scene["id"]}}), 503)
        assert client.get(f"/scenes/{scene['id']}/sar/preview.png").status_code == 200
