"""What runs around the routes: rates, time-outs, compression, logs, HEAD, and several processes at once."""

import asyncio
import gzip
import hashlib
import json
import logging
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from geosar.cli import group
from geosar_tiler import logs, problems
from geosar_tiler.clients import client_of
from geosar_tiler.gdal import SKIPPED, GdalSettings
from geosar_tiler.middleware.timeouts import TimeoutsMiddleware
from geosar_tiler.settings import Settings
from geosar_tiler.signatures import Signer
from helpers.rasters.large_scene import write_scene
from helpers.service import MakeService, problem, wait
from helpers.service.serving import free_port, serving, until_it_answers


def test_a_client_that_asks_too_often_is_told_when_to_come_back(make_service: MakeService) -> None:
    with make_service(read_rate="3/minute", write_rate="1/minute") as client:
        assert [client.get("/scenes").status_code for _ in range(4)] == [200, 200, 200, 429]
        response = client.get("/scenes")
        assert "3 per 1 minute" in problem(response, 429)
        assert 1 <= int(response.headers["retry-after"]) <= 60
        assert client.post("/stac/search", json={}).status_code == 200  # counted apart
        problem(client.post("/stac/search", json={}), 429)
        assert client.get("/healthz").status_code == 200  # whoever watches is never turned away


@pytest.mark.parametrize("rate", ["often", "10", "3/fortnight"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(ValueError, match="no rate"):
        Settings(read_rate=rate)


def test_clients_behind_a_believed_proxy_are_counted_one_by_one(make_service: MakeService) -> None:
    with make_service(read_rate="1/minute", trust_forwarded=True) as client:
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1"):
            # What a client claims itself stands before what the proxy saw.
            assert client.get("/scenes", headers={"x-forwarded-for": f"10.0.0.9, {address}"}).status_code == 200
        problem(client.get("/scenes", headers={"x-forwarded-for": "10.0.0.8, 192.0.2.1"}), 429)
        problem(client.get("/scenes", headers={"x-forwarded-for": "2001:db8:0:1:ffff::7"}), 429)  # the same household
        # As a listener for IPv4 and IPv6 sees clients of IPv4.
        assert client.get("/scenes", headers={"x-forwarded-for": "::ffff:192.0.2.3"}).status_code == 200
        assert client.get("/scenes", headers={"x-forwarded-for": "::ffff:192.0.2.4"}).status_code == 200
        problem(client.get("/scenes", headers={"x-forwarded-for": "::ffff:192.0.2.1"}), 429)


def test_a_listener_for_both_kinds_of_addresses_tells_clients_apart() -> None:
    """It sees those of IPv4 in one network of IPv6; of that, a network that one household has is one client."""
    addresses = ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    assert [client_of({"client": (host, 1)}) for host in addresses] == [
        "192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::/64", "2001:db8::/64", "2001:db8:0:1::/64",
    ]  # fmt: skip


def test_json_is_compressed_and_pictures_are_not(client: TestClient, scene: dict[str, Any]) -> None:
    headers = {"accept-encoding": "gzip"}
    with client.stream("GET", f"/scenes/{scene['id']}", headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw))["id"] == scene["id"]
    for path in (f"/scenes/{scene['id']}/sar/preview.png", f"/scenes/{scene['id']}/download"):
        answer = client.get(path, headers=headers)
        assert "content-encoding" not in answer.headers
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_head_gives_the_headers_of_get_and_no_body(client: TestClient, scene: dict[str, Any], scene_file: Path) -> None:
    answer = client.head(f"/scenes/{scene['id']}/download")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == scene_file.stat().st_size
    assert answer.headers["accept-ranges"] == "bytes"
    tile = f"/scenes/{scene['id']}/sar/preview.png"
    assert client.head(tile).headers["etag"] == client.get(tile).headers["etag"]
    assert client.head("/scenes/nowhere").status_code == 404
    assert client.get("/healthz").status_code == 200


def test_request_ids_are_kept_where_they_are_plain_and_stand_in_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "tiler.access"):
        answer = client.get("/scenes?signature=abc", headers={"x-request-id": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    (record,) = [record for record in caplog.records if record.name == "tiler.access"]
    assert "signature" not in record.getMessage()
    assert vars(record)["status"] == 200
    forged = client.get("/healthz", headers={"x-request-id": "a b\tc"}).headers["x-request-id"]
    assert len(forged) == 16


def test_lines_of_the_log_are_json_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        logs.configure("json", "info")
        token = logs.REQUEST.set("r1")
        error = RuntimeError("postgresql://me:hidden@host/db")
        message = "GET /x?signature=hidden&v=2 Authorization: Bearer hidden"
        logging.getLogger("tiler").error(message, exc_info=error, extra={"status": 500})
        logs.REQUEST.reset(token)
        text = capsys.readouterr().err
    finally:
        logging.getLogger().handlers[:] = before[0]
        logging.getLogger().setLevel(before[1])
    line = json.loads(text)
    assert (line["level"], line["request"], line["status"]) == ("error", "r1", 500)
    assert "RuntimeError" in line["exception"]
    assert "v=2" in line["message"]
    assert "hidden" not in text


def test_gdal_knows_no_driver_that_reaches_other_machines() -> None:
    program = (
        "from geosar_tiler import gdal; gdal.configure(gdal.GdalSettings()); import rasterio\n"
        "with rasterio.Env() as env: print(*env.drivers(), sep='\\n')"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    there = set(ran.stdout.splitlines())
    assert {"GTiff", "COG", "PNG", "JPEG", "WEBP", "VRT"} <= there
    assert there & set(SKIPPED) == set()
    assert GdalSettings(transfer_seconds=7).options["GDAL_HTTP_TIMEOUT"] == "7"


def test_processes_that_start_at_once_share_one_secret(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from geosar_tiler.signatures import Signer\n"
        "from geosar_tiler.settings import Settings\n"
        f"print(Signer(Settings(), Path({str(tmp_path)!r}))._sign('scenes/a', '1'))"
    )
    started = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(4)]
    signed = {process.communicate()[0] for process in started}
    assert len(signed) == 1
    assert signed == {Signer(Settings(), tmp_path)._sign("scenes/a", "1").encode() + b"\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_store_or_database_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GEOSAR_STORE", "GEOSAR_DATABASE_URL"):
        monkeypatch.setenv(name, "")  # so that what the command sets is undone
    (tmp_path / "file").write_text("no folder")
    result = CliRunner().invoke(group, ["serve", "--store", str(tmp_path / "file" / "store")])
    assert result.exit_code == 2
    assert "cannot be written to" in result.output
    monkeypatch.setenv("GEOSAR_DATABASE_URL", "postgresql+psycopg://me:hidden@127.0.0.1:1/none")
    result = CliRunner().invoke(group, ["serve", "--store", str(tmp_path / "store")])
    assert result.exit_code == 2
    assert "cannot be opened" in result.output
    assert "hidden" not in result.output


def test_readiness_needs_a_disk_that_takes_files(make_service: MakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    with make_service() as client:
        wait(client, "/readyz", lambda answer: answer["status"] == "ready")

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Path, "write_bytes", full)
        response = client.get("/readyz")
        assert (response.status_code, response.json()["checks"]["disk"]) == (503, False)


def test_a_request_that_stands_still_is_given_up() -> None:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(TimeoutsMiddleware, settings=Settings(body_seconds=0.8, request_seconds=1.2), owner=app)

    @app.get("/slow")
    def slow() -> None:
        time.sleep(3)

    @app.get("/begun")
    def begun() -> StreamingResponse:
        return StreamingResponse("x" for _ in range(3) if not time.sleep(0.6))

    @app.post("/body")
    def body(document: dict[str, Any]) -> int:
        return len(document)

    async def trickle(pause: float) -> AsyncIterator[bytes]:
        for piece in (b'{"a"', b": 1", b"}"):
            yield piece
            await asyncio.sleep(pause)

    async def ask() -> None:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", timeout=10) as client:
            assert "did not begin within 1.2 s" in problem(await client.get("/slow"), 504)
            assert (await client.get("/begun")).text == "xxx"  # what has begun is let go on
            json_type = {"content-type": "application/json"}
            assert (await client.post("/body", content=trickle(0.4), headers=json_type)).text == "1"  # slow, but comes
            assert "stopped for 0.8 s" in problem(
                await client.post("/body", content=trickle(3), headers=json_type), 408
            )

    asyncio.run(ask())


def test_several_processes_are_one_service(tmp_path: Path, model: Path, scene_file: Path) -> None:
    port = free_port()
    key = "a key of the operator"
    hashed = f"admin:{hashlib.sha256(key.encode()).hexdigest()}"
    with serving(tmp_path / "store", model, port, "--workers", "2", api_keys=hashed) as (supervisor, client):
        client.headers["authorization"] = f"Bearer {key}"
        until_it_answers(client, supervisor, "/readyz")
        scene = wait(
            client,
            f"/scenes/{client.post('/scenes?filename=fields_power.tif', content=scene_file.read_bytes()).json()['id']}",
            lambda answer: answer["display"]["state"] == "ready",
        )
        jobs = [
            client.post(
                "/processes/translate/execution",
                json={"inputs": {"scene": scene["id"], "compress": compress}},
                headers={"prefer": "respond-async", "connection": "close"},
            ).json()["jobID"]
            for compress in ("zstd", "lzw", "zstd")
        ]
        assert jobs[0] == jobs[2]
        most = 0

        def done(answer: dict[str, Any]) -> bool:
            nonlocal most
            most = max(most, sum(job["status"] == "running" for job in answer["jobs"]))
            return all(job["status"] == "successful" for job in answer["jobs"])

        assert len(wait(client, "/jobs", done)["jobs"]) == 2
        assert most == 1  # GEOSAR_JOB_WORKERS counts for the whole service
        tile = client.get(f"/scenes/{scene['id']}/sar/tilejson.json").json()["tiles"][0].format(z=9, x=364, y=240)
        answers = set()
        for _ in range(12):  # a connection each, so that both processes get some
            with httpx2.Client() as other:
                answers.add((other.get(tile).status_code, other.get(tile).headers["etag"]))
        assert len(answers) == 1
        assert answers.pop()[0] == 200
        text = client.get("/metrics").text
        assert 'geosar_requests_total{layer="sar",status="200"} 25.0' in text  # of both, and the TileJSON
        workers = psutil.Process(supervisor.pid).children()
        assert text.count("geosar_memory_bytes{pid=") == 2
        supervisor.kill()
        supervisor.wait()
        psutil.wait_procs(workers, timeout=25)
        assert not any(worker.is_running() for worker in workers)  # they do not hold the port without it


def test_a_stop_parks_what_runs_and_ends_streams_in_time(tmp_path: Path, model: Path) -> None:
    port = free_port()
    large = write_scene(tmp_path / "large_VV.tif")
    with serving(tmp_path / "store", model, port) as (process, client):
        sent = client.post("/scenes?filename=large_VV.tif", content=large.read_bytes()).json()
        order = {"inputs": {"scene": sent["id"]}}
        job = client.post("/processes/translate/execution", json=order, headers={"prefer": "respond-async"}).json()
        wait(client, f"/jobs/{job['jobID']}", lambda answer: answer["status"] == "running")
        with client.stream("GET", f"/jobs/{job['jobID']}/events") as events:
            next(events.iter_lines())
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) in {0, -signal.SIGTERM}  # uvicorn ends by the signal that it was sent
            assert time.monotonic() - started < 15
    with sqlite3.connect(tmp_path / "store" / "catalogue.sqlite") as database:
        ((status, message),) = database.execute("SELECT status, message FROM jobs WHERE process = 'translate'")
    assert status == "accepted"
    assert "parked" in message
