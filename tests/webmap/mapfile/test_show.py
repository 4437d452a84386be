"""`geosar.show` with a service: its tiles on the same map; and what goes wrong on the way there."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

import geosar
from geosar.errors import GeosarError, GridMismatchError, SceneNotFoundError, SceneReadError, UsageError
from geosar_tiler.app import create_app
from geosar_tiler.settings import Settings
from geosar_webmap.mapfile.show import show
from helpers.rasters import speckled, write_raster
from helpers.service.serving import in_a_thread
from helpers.tiny_model import write_model


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a service that runs."""
    folder = tmp_path_factory.mktemp("service")
    settings = Settings(store=folder / "store", model=str(write_model(folder / "tiny")))
    with in_a_thread(create_app(settings)) as address:
        yield address


@pytest.fixture(scope="module")
def scene(service: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the identifier of a translated scene of the service."""
    path = write_raster(tmp_path_factory.mktemp("scene") / "fields_vv_power.tif", speckled((300, 340)))
    sent = ask(f"{service}/scenes?filename={path.name}", path.read_bytes())
    job = ask(f"{service}/processes/translate/execution", json.dumps({"inputs": {"scene": sent["id"]}}).encode())
    assert "optical" in job
    return str(sent["id"])


def ask(address: str, body: bytes) -> dict[str, Any]:
    kind = "application/json" if body[:1] == b"{" else "application/octet-stream"
    request = urllib.request.Request(address, body, {"Content-Type": kind})  # noqa: S310 - the URL is our own
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
        document: dict[str, Any] = json.load(answer)
    return document


def test_a_running_service_gives_tiles_and_the_same_controls(
    service: str, scene: str, tmp_path: Path, browser: Browser
) -> None:
    sar_map = geosar.show(scene, service=service)
    assert [layer.role for layer in sar_map.layers] == ["sar", "optical", "error"]
    assert sar_map.layers[0].legend.unit == "dB"
    path = sar_map.write(tmp_path / "tiles.html")
    page = browser.new_page()
    failed: list[str] = []
    page.on("requestfailed", lambda answer: failed.append(answer.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(path.as_uri(), wait_until="networkidle")
    expect(page.get_by_role("note")).to_have_text(
        "Synthetic colours, not an observation: guessed from fields_vv_power by the model tiny 1.0."
    )
    expect(page.get_by_role("slider", name="Divider between SAR VV and Synthetic optical")).to_be_visible()
    for number in (0, 1):
        tiles = page.locator(f".leaflet-geosar-{number}-pane img.leaflet-tile-loaded")
        expect(tiles.first).to_be_attached()
        assert f"{service}/scenes/{scene}/{('sar', 'optical')[number]}/tiles/" in str(tiles.first.get_attribute("src"))
    assert failed == []
    page.close()


class _Stub(BaseHTTPRequestHandler):
    """Answers as a service that is not quite what was expected."""

    def do_GET(self) -> None:
        answers = {
            "/page/scenes/a": (200, b"<html>"),
            "/flat/scenes/a": (200, b'{"name": "flat", "georeferenced": false}'),
            "/locked/scenes/a": (401, b'{"detail": "a key is needed"}'),
        }
        status, body = answers.get(self.path, (404, b'{"detail": "there is no scene"}'))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("place", "kind", "reason"),
    [
        ("", SceneNotFoundError, "404: there is no scene"),
        ("/page", SceneReadError, "no JSON; expected a geosar service"),
        ("/flat", GridMismatchError, "flat has no georeference"),
        ("/locked", SceneReadError, "401: a key is needed"),
    ],
)
def test_what_a_service_answers_amiss_is_told(place: str, kind: type[GeosarError], reason: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stub) as stub:
        threading.Thread(target=stub.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(kind, match=reason):
            show("a", service=f"http://127.0.0.1:{stub.server_port}{place}")
        stub.shutdown()


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        ({"service": "http://127.0.0.1:9"}, SceneReadError, "Is the service running"),
        ({"service": "file:///etc/passwd"}, UsageError, "no URL of a service"),
        ({"service": "http://127.0.0.1:9", "optical": "b.tif"}, UsageError, "no files"),
        ({"size": 10}, UsageError, "size is 10 pixels; expected 64 to 8192"),
        ({}, SceneNotFoundError, "a does not exist"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], kind: type[GeosarError], reason: str) -> None:
    with pytest.raises(kind, match=reason):
        show("a", **options)


def test_files_by_polarisation_make_one_scene(tmp_path: Path) -> None:
    paths = {name: write_raster(tmp_path / f"{name}_power.tif", speckled((64, 64), seed=3)) for name in ("VV", "VH")}
    sar_map = show(paths, size=64)
    assert [layer.name for layer in sar_map.layers] == ["SAR VV", "SAR VH", "SAR in colour"]


def test_a_true_image_stands_beside_the_synthetic_one(tmp_path: Path) -> None:
    radar = write_raster(tmp_path / "a_vv_power.tif", speckled((64, 64)))
    colours = (80 * speckled((3, 64, 64))).clip(1, 255).astype("uint8")
    tags = {"GEOSAR_SYNTHETIC": "YES", "GEOSAR_MODEL": "tiny 1.0", "GEOSAR_SOURCE": "a_vv_power.tif"}
    sar_map = show(
        radar, write_raster(tmp_path / "o.tif", colours, tags=tags), reference=write_raster(tmp_path / "t.tif", colours)
    )
    assert [(layer.name, layer.notice is None) for layer in sar_map.layers] == [
        ("SAR VV", True),
        ("Synthetic optical", False),
        ("Optical", True),
    ]
