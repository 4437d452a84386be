"""Where one is: places found by coordinates and by name, and the maps below that an operator offers."""

import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, enter, look_at, settle, until

RIGA = {"display_name": "Rīga, Latvija", "lat": "56.95", "lon": "24.1", "boundingbox": ["56.8", "57.1", "23.9", "24.4"]}


class Provider(BaseHTTPRequestHandler):
    """Serves green tiles, and knows one town."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(unquote(self.path))
        if self.path.startswith("/search"):
            kind, content = "application/json", json.dumps([RIGA] if "Riga" in self.path else []).encode()
        else:
            output = io.BytesIO()
            Image.new("RGB", (256, 256), (60, 160, 60)).save(output, "PNG")
            kind, content = "image/png", output.getvalue()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("access-control-allow-origin", "*")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, list[str]]]:
    """A service whose operator offers a base map and a geocoder, and what these were asked."""
    requests: list[str] = []
    handler = type("Handler", (Provider,), {"asked": requests})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_address[1]}"
    wmts = f"{here}/wmts?TILEMATRIX={{TileMatrix}}&TILEROW={{TileRow}}&TILECOL={{TileCol}}"
    running = Service(
        tmp_path_factory.mktemp("offered") / "store",
        basemaps=f"Green|{wmts}|The green agency", geocoder=f"{here}/search?q={{query}}",
    )  # fmt: skip
    running.start()
    yield running, requests
    running.stop()
    server.shutdown()
    server.server_close()


def centre(page: Page) -> list[float]:
    """Latitude and longitude of what was found, as the page says them."""
    words = page.locator("#find-told").inner_text().replace("°", "").split()
    return [float(words[0]) * (-1 if words[1] == "S" else 1), float(words[2]) * (-1 if words[3] == "W" else 1)]


def test_a_place_is_found_by_coordinates_and_by_name(page: Page, offered: tuple[Service, list[str]]) -> None:
    service, requests = offered
    enter(page, service)
    page.locator("#tool-find").click()
    page.get_by_role("searchbox", name="Find a place").fill("56°57\N{PRIME}N 24°6\N{PRIME}E")
    page.get_by_role("button", name="Go").click()
    assert centre(page) == pytest.approx([56.95, 24.1])
    expect(page.locator("path.found-point")).to_be_visible()
    assert requests == []  # nobody else is asked for what the page understands
    page.get_by_role("searchbox", name="Find a place").fill("Riga & around")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Rīga, Latvija").click()
    expect(page.locator("#find-told")).to_have_text("Rīga, Latvija")
    assert requests == ["/search?q=Riga & around"]
    page.get_by_role("searchbox", name="Find a place").fill("Nowhere")
    page.keyboard.press("Enter")
    expect(page.locator("#find-told")).to_contain_text("Nothing of that name")
    page.keyboard.press("Escape")
    expect(page.locator("#find")).to_be_hidden()


def test_the_base_map_is_chosen_kept_and_credited(page: Page, offered: tuple[Service, list[str]]) -> None:
    service, requests = offered
    requests.clear()
    enter(page, service)
    assert requests == []  # none from outside by default
    page.get_by_role("button", name="Base map").click()
    page.get_by_label("Green").check()
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    until(lambda: any("TILEMATRIX=2&" in path for path in requests), page)
    expect(page.locator("#credit")).to_contain_text("The green agency")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector(".leaflet-basemap-pane img.leaflet-tile-loaded", state="attached")
    page.get_by_role("button", name="Base map").click()
    page.get_by_label("Land only").check()
    expect(page.locator(".leaflet-basemap-pane img")).to_have_count(0)
    expect(page.locator("#credit")).not_to_contain_text("agency")


@pytest.mark.data
def test_the_scenes_own_coordinates_and_stretches(page: Page, service: Service, dual: dict[str, Any]) -> None:
    look_at(page, service, dual, "layers=sar:100,-optical:100")
    expect(page.locator("#coordinates")).to_contain_text("EPSG:")
    a, _, c, _, e, f = dual["description"]["transform"][:6]
    x, y = c + 60.5 * a, f + 160.5 * e
    page.locator("#tool-find").click()
    page.get_by_role("searchbox", name="Find a place").fill(f"{x:.0f} {y:.0f}")
    page.keyboard.press("Enter")
    shown = page.locator("#coordinates span").last.inner_text().replace(",", "").split()
    assert [float(one.replace("\u2212", "-")) for one in shown[1:]] == pytest.approx([x, y], abs=20)
    page.keyboard.press("Escape")
    first = dual["description"]["polarisations"][0]
    for name, low, high in (
        ("standard", -25 if first == "VV" else -30, 0 if first == "VV" else -5),
        ("whole", None, None),
    ):
        page.get_by_label("Stretch").select_option(name)
        settle(page)
        ends = [float(one.replace("\u2212", "-")) for one in page.locator(".legend-ends span").all_inner_texts()]
        assert ends[0] < ends[1]
        if low is not None:
            assert ends == [low, high]
    page.get_by_label("Stretch").select_option("usual")


def test_no_land_is_drawn_where_its_coast_is_wrong(page: Page, service: Service) -> None:
    """It lies up to eight kilometres off, and is neither drawn nor fetched where that is more than a few pixels."""
    land: list[str] = []
    page.on("request", lambda one: land.append(one.url) if "land.json" in one.url else None)
    enter(page, service)
    page.wait_for_selector(".leaflet-land-pane canvas", state="attached")
    expect(page.locator("#credit")).to_contain_text("Natural Earth")
    page.locator("#tool-find").click()
    page.get_by_role("searchbox", name="Find a place").fill("38.7, -9.2")
    page.keyboard.press("Enter")
    expect(page.locator("#stage")).to_have_class("near")
    expect(page.locator("#credit")).not_to_contain_text("Natural Earth")
    drawn = (
        "[...document.querySelectorAll('.leaflet-land-pane canvas')].some((one) => "
        "one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some(Boolean))"
    )
    until(lambda: not page.evaluate(drawn), page)
    assert len(land) == 1
