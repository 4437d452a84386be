"""Behind a real nginx with TLS and a prefix, by the configuration that deploy/ ships. Collected where nginx is."""

import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
import trustme

from helpers.rasters.large_scene import write_scene
from helpers.service import installed, wait
from helpers.service.serving import ROOT, free_port, serving

MAIN = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    {temporary}
    include {folder}/geosar.conf;
}}
"""


@contextmanager
def nginx(folder: Path, port: int, service: int) -> Iterator[ssl.SSLContext]:
    """Run nginx on the shipped configuration, with other ports and a certificate of our own."""
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(folder / "cert.pem"))
    text = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{service}").replace("listen 443", f"listen 127.0.0.1:{port}")
    text = re.sub(r"(ssl_certificate(?:_key)?) \S+;", rf"\1 {folder}/cert.pem;", text)
    (folder / "geosar.conf").write_text(text.replace("sar.example.org", "localhost"), encoding="utf-8")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n    ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, temporary=temporary), encoding="utf-8")
    program = installed("nginx")
    assert program is not None
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    try:
        yield trusting
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def outside(tmp_path: Path, model: Path) -> Iterator[httpx2.Client]:
    """A client that speaks with nginx alone."""
    port, service = free_port(), free_port()
    (tmp_path / "nginx").mkdir()
    with (
        serving(tmp_path / "store", model, service, trust_forwarded="true"),
        nginx(tmp_path / "nginx", port, service) as trusting,
        httpx2.Client(base_url=f"https://localhost:{port}/geosar", verify=trusting, timeout=30) as client,
    ):
        end = time.monotonic() + 10
        while True:
            try:
                client.get("/healthz").raise_for_status()
                break
            except httpx2.TransportError:
                assert time.monotonic() < end
                time.sleep(0.1)
        yield client


def test_everything_works_through_tls_and_a_prefix(outside: httpx2.Client, tmp_path: Path) -> None:
    large = write_scene(tmp_path / "large_VV.tif")
    body = large.read_bytes()
    incoming = tmp_path / "store"

    def bytes_there() -> int:
        return sum(path.stat().st_size for path in incoming.rglob("*") if path.is_file() and path.suffix != ".sqlite")

    seen: list[int] = []

    def slowly() -> Iterator[bytes]:
        before, half = bytes_there(), len(body) // 2
        yield body[:half]
        end = time.monotonic() + 10
        while bytes_there() - before < half // 2 and time.monotonic() < end:  # it is on the service's disk already
            time.sleep(0.05)
        seen.append(bytes_there() - before)
        yield body[half:]

    sent = outside.post("/scenes?filename=large_VV.tif", content=slowly(), headers={"x-forwarded-for": "192.0.2.9"})
    assert sent.status_code == 201, sent.text
    assert seen[0] > len(body) // 4
    base = str(outside.base_url).rstrip("/")
    assert sent.headers["location"] == f"{base}/scenes/{sent.json()['id']}"

    order = {"inputs": {"scene": sent.json()["id"]}}
    job = outside.post("/processes/translate/execution", json=order, headers={"prefer": "respond-async"})
    assert job.headers["location"].startswith(f"{base}/jobs/")
    came: list[float] = []

    def listen() -> None:
        with outside.stream("GET", f"/jobs/{job.json()['jobID']}/events") as events:
            came.extend(time.monotonic() for line in events.iter_lines() if line.startswith("data:"))

    listener = Thread(target=listen)
    listener.start()
    done = wait(outside, f"/jobs/{job.json()['jobID']}", lambda answer: answer["status"] not in {"accepted", "running"})
    listener.join(20)
    assert done["status"] == "successful"
    assert len(came) > 2
    assert came[-1] - came[0] > 0.5  # one by one, not all at the end

    _walk(outside, base, sent.json()["id"])


def _walk(outside: httpx2.Client, base: str, scene: str) -> None:
    """Follow the URLs that the service tells: all of them lead through the proxy again."""
    for layer in ("sar", "optical", "live"):
        answer: dict[str, Any] = outside.get(f"/scenes/{scene}/{layer}/tilejson.json").json()
        assert answer["tiles"][0].startswith(f"{base}/scenes/{scene}/{layer}/tiles/")
        west, south, east, north = answer["bounds"]
        place = f"{(west + east) / 2},{(south + north) / 2}"
        assert outside.get(f"/scenes/{scene}/{layer}/point/{place}").status_code == 200
    capabilities = outside.get(f"/scenes/{scene}/sar/WMTSCapabilities.xml").text
    assert f"{base}/scenes/{scene}/sar/" in capabilities
    assert "http://127.0.0.1" not in capabilities
    features = outside.post("/stac/search", json={"collections": ["results"]}).json()["features"][0]
    image = features["assets"]["optical"]["href"]
    assert image.startswith(f"{base}/jobs/")
    assert outside.get(image, headers={"range": "bytes=0-3"}).content == b"II*\0"
    assert outside.get("/openapi.json").json()["servers"] == [{"url": "/geosar"}]
    assert outside.get(str(outside.base_url).rstrip("/").removesuffix("/geosar") + "/geosar").status_code == 308
    assert outside.get("/healthz", headers={"x-request-id": "mine"}).headers["x-request-id"] != "mine"  # nginx's own
