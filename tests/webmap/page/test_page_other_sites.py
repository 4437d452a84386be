"""A real browser on an evil page: what it can have the browser do to a service without keys, and by which names."""

import base64
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser

from helpers.page.visits import launched
from helpers.rasters import speckled, write_raster
from helpers.service import MakeService
from helpers.service.serving import on_a_port

CHANGES = """async ([address, body]) => {
  const data = Uint8Array.from(atob(body), (one) => one.charCodeAt(0))
  const send = (path, options) => fetch(address + path, { method: "POST", mode: "no-cors", ...options }).catch(() => 0)
  const form = new FormData()
  form.append("file", new Blob([data]), "evil_VV.tif")
  await send("/scenes?filename=evil_VV.tif", { body: data })
  await send("/scenes", { body: form })
  await send("/scenes", { body: new URLSearchParams({ a: "b" }) })
  await send("/uploads/x", { body: "x" })
}"""
OWN = """async (body) => {
  const data = Uint8Array.from(atob(body), (one) => one.charCodeAt(0))
  const sent = await fetch("/scenes?filename=own_VV.tif", { method: "POST", body: data })
  return [sent.status, (await fetch("/stac/search", { method: "POST", body: "{}",
    headers: { "content-type": "application/json" } })).status]
}"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Kittens</title>")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def evil() -> Iterator[str]:
    """Port of a server of some other page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield str(server.server_address[1])
    server.shutdown()
    server.server_close()


@pytest.mark.chromium
def test_an_evil_page_changes_nothing_and_reads_nothing_and_our_own_goes_on(
    make_service: MakeService, browser: Browser, evil: str, tmp_path: Path
) -> None:
    body = base64.b64encode(write_raster(tmp_path / "a_VV.tif", speckled((1, 64, 64)), units="power").read_bytes())
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP kittens.example 127.0.0.1"
    misled = launched(browser.browser_type, rules)
    with make_service() as client, on_a_port(client) as address:
        port = address.rpartition(":")[2]
        page = misled.new_page()
        for site in ("kittens.example", "127.0.0.1", "localhost"):  # another site, and other ports of this one
            page.goto(f"http://{site}:{evil}/")
            page.evaluate(CHANGES, [address, body.decode()])
            assert client.get("/scenes").json()["scenes"] == []
        answer = page.goto(f"http://evil.example:{port}/")  # a name that leads to the service
        assert answer is not None
        assert answer.status == 421
        page.goto(f"{address}/")
        assert page.evaluate(OWN, body.decode()) == [201, 200]
    misled.close()
