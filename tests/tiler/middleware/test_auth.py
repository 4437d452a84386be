"""Keys, signatures and what the service tells an operator."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from geosar.cli import group
from geosar_tiler.settings import Settings
from geosar_tiler.signatures import Signer
from helpers.service import MakeService, problem, send, services_of
from helpers.service.serving import on_a_port

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
        refused = client.get("/scenes", headers={"authorization": "Bearer wrong"})
        assert refused.headers["www-authenticate"] == 'Bearer, Basic realm="geosar", charset="UTF-8"'
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


@pytest.mark.parametrize("user", ["geosar", "", "Zoë"])
def test_a_key_may_be_the_password_of_basic(make_service: MakeService, user: str) -> None:
    def given(password: str) -> dict[str, str]:
        return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}

    with make_service(api_keys=HASHED) as client:
        assert client.get("/scenes", headers=given(KEYS["read"])).status_code == 200
        problem(client.get("/scenes", headers=given("wrong")), 401)
        problem(client.get("/scenes", headers={"authorization": f"Basic {KEYS['read']}"}), 401)
        problem(client.post("/scenes", content=b"x", headers=given(KEYS["read"])), 403)
        # The password of a proxy before the service, and the key beside it.
        assert client.get("/scenes", headers={**given("wrong"), "x-api-key": KEYS["read"]}).status_code == 200


@pytest.mark.parametrize("browser", [{"user-agent": "Mozilla/5.0 (X11)"}, {"sec-fetch-mode": "cors"}])
def test_browsers_are_not_told_to_ask_for_a_password(make_service: MakeService, browser: dict[str, str]) -> None:
    with make_service(api_keys=HASHED) as client:
        assert client.get("/scenes", headers=browser).headers["www-authenticate"] == "Bearer"


def test_curl_and_gdal_send_a_key_as_a_password(make_service: MakeService, scene_file: Path) -> None:
    with make_service(api_keys=HASHED) as client:
        client.headers.update(bearer("write"))
        scene = send(client, scene_file)
        with on_a_port(client) as address:
            there = f"{address}/scenes/{scene['id']}"
            command = ["curl", "--silent", "--fail", "--user", f"me:{KEYS['read']}", there]
            assert json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)["id"]
            # In a process of its own, as GDAL holds Python's lock while it waits for us.
            program = f"import rasterio; print(rasterio.open('/vsicurl/{there}/download').shape)"
            clean = {name: text for name, text in os.environ.items() if not name.startswith(("GDAL_", "CPL_", "VSI_"))}
            ran = subprocess.run(
                [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60,
                env={**clean, "GDAL_HTTP_USERPWD": f"me:{KEYS['read']}", "GDAL_HTTP_AUTH": "BASIC"},
            )  # fmt: skip
            assert ran.stdout.strip() == str((scene["height"], scene["width"]))


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
    lines = CliRunner().invoke(group, ["serve", "--new-key", "write"]).output.splitlines()
    key, entry = (line.rpartition(" ")[2] for line in lines)
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


@pytest.mark.parametrize(
    "query", ["expires=%C2%B2&signature=x", "expires=9999999999&signature=%C3%A9", "expires=%F0%9D%9F%97"]
)
def test_an_odd_signature_is_no_signature(make_service: MakeService, query: str) -> None:
    with make_service(api_keys=HASHED) as client:
        problem(client.get(f"/scenes/a/sar/tilejson.json?{query}"), 401)


def test_tilejson_is_fresh_as_long_as_its_signature(
    make_service: MakeService, scene_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_service(api_keys=HASHED) as client:
        client.headers.update(bearer("write"))
        address = f"/scenes/{send(client, scene_file)['id']}/sar/tilejson.json"
        first = client.get(address)
        same = {"if-none-match": first.headers["etag"]}
        later = Signer.query

        def query(self: Signer, subject: str) -> dict[str, str]:
            return later(self, subject) | {"expires": "9999999999"}

        monkeypatch.setattr(Signer, "query", query)
        assert client.get(address, headers=same).status_code == 200
        assert client.get(address, headers={"if-none-match": client.get(address).headers["etag"]}).status_code == 304
        pinned = first.json()["tiles"][0].partition("v=")[2].partition("&")[0]
        assert "immutable" not in client.get(address, params={"v": pinned}).headers["cache-control"]
