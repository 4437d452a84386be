"""What the page's tests share: a service in a process of its own, and pages that keep an account of faults."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
from playwright.sync_api import Browser, BrowserType, Page, expect

from helpers.service.serving import ROOT, free_port, start

if TYPE_CHECKING:
    import subprocess

BROWSER = os.environ.get("GEOSAR_BROWSER", "chromium")
"""Which browser the tests drive."""
NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome"), "firefox": ("firefox", "firefox-esr")}
"""What its program is called."""
OF_THE_DRIVER = "settings blocked an inline style"
"""So Firefox complains of what Playwright adds for a screenshot; Chromium lets it."""
PATIENCE = 120.0
"""Seconds; two busy cores are slow."""
expect.set_options(timeout=1000 * PATIENCE / 2)
http = httpx.Client(timeout=PATIENCE)


class Service:
    """`geosar serve` on a free port of loopback; can be stopped and started again on the same store and port."""

    def __init__(self, store: Path, model: Path | None = None, **settings: str) -> None:
        self.port = free_port()
        self.store = store
        self.url = f"http://127.0.0.1:{self.port}/"
        self._model, self._settings = model, settings
        self._process: subprocess.Popen[bytes] | None = None
        self.headers: dict[str, str] = {}

    def start(self) -> None:
        self.store.parent.mkdir(parents=True, exist_ok=True)
        with (self.store.parent / "service.log").open("ab") as log:
            self._process = start(self.store, self._model, self.port, log=log, **self._settings)
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def get(self, path: str, **query: Any) -> Any:
        answer = http.get(self.url + path, params=query, headers=self.headers)
        answer.raise_for_status()
        return answer.json()

    def send(self, path: Path, **query: Any) -> dict[str, Any]:
        """Upload a file, and wait until it is prepared."""
        with path.open("rb") as file:
            files = {"file": (path.name, file)}
            answer = http.post(self.url + "scenes", params=query, files=files, headers=self.headers)
        answer.raise_for_status()
        name = f"scenes/{answer.json()['id']}"
        until(lambda: self.get(name)["display"]["state"] == "ready")
        return self.get(name)

    def translate(self, scene: dict[str, Any]) -> dict[str, Any]:
        body = {"inputs": {"scene": scene["id"]}}
        headers = {**self.headers, "prefer": "respond-async"}
        answer = http.post(self.url + "processes/translate/execution", json=body, headers=headers)
        answer.raise_for_status()
        until(lambda: self.get(f"jobs/{answer.json()['jobID']}")["status"] == "successful")
        return self.get(f"scenes/{scene['id']}")

    def _answers(self) -> bool:
        try:
            return bool(http.get(self.url + "healthz").status_code == 200)
        except httpx.HTTPError:
            return False


def installed_browser() -> str | None:
    """Find the browser that is to be driven on this machine."""
    return next(filter(None, map(shutil.which, NAMES[BROWSER])), None)


def launched(kind: BrowserType, *arguments: str) -> Browser:
    """Start the installed browser, with further arguments."""
    if kind.name == "firefox":
        # The channel means anybody's Firefox, driven by WebDriver BiDi; without it, a build of Playwright's own.
        return kind.launch(channel="moz-firefox", executable_path=installed_browser(), args=[*arguments])
    return kind.launch(executable_path=installed_browser(), args=["--no-sandbox", *arguments])


def own_files(service: Service) -> dict[str, int]:
    """Name the page's own code, and say how many bytes of each file travel to a browser."""
    static = ROOT / "webmap" / "page"
    paths = [path for path in static.rglob("*") if path.suffix in {".js", ".css", ".html", ".svg"}]
    sent = {}
    for path in paths:
        name = path.relative_to(static).as_posix()
        with http.stream("GET", service.url + name, headers={"accept-encoding": "gzip"}) as answer:
            answer.raise_for_status()
            sent[name] = sum(map(len, answer.iter_raw()))
    return sent


def until(done: Callable[[], object], page: Page | None = None) -> None:
    """Wait until it is so; with a page, its events are heard meanwhile."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "it did not come to be in time"
        if page:
            page.wait_for_timeout(100)
        else:
            time.sleep(0.1)


@contextmanager
def visit(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a page; at the end no script may have failed, and nothing may have been refused by the page's policy."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **options})
    context.set_default_timeout(1000 * PATIENCE)
    context.add_init_script("performance.setResourceTimingBufferSize(5000)")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: OF_THE_DRIVER in str(error) or faults.append(str(error)))
    page.on("console", lambda line: "Content Security Policy" in line.text and faults.append(line.text))
    try:
        yield page
    finally:
        context.close()
    assert faults == []


def enter(page: Page, service: Service, view: str = "") -> None:
    """Open the page, and wait until it is put together."""
    page.goto(service.url + (f"#{view}" if view else ""))
    page.wait_for_selector("body[data-ready]")


def look_at(page: Page, service: Service, scene: dict[str, Any], view: str = "") -> None:
    """Open the page at a scene, and wait until its tiles are there."""
    enter(page, service, f"scene={scene['id']}{view and '&' + view}")
    page.wait_for_selector(".scene h2:not(:empty)", state="attached")
    settle(page)


def still(page: Page) -> None:
    """Wait until what was done is drawn, and the map stands still."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_selector("#stage:not(:has(.leaflet-zoom-anim, .leaflet-pan-anim))")


def settle(page: Page) -> None:
    """Wait until the map stands still, and every tile is there and has faded in."""
    still(page)
    page.wait_for_selector('#stage[aria-busy="false"]')
    page.wait_for_selector("img.leaflet-tile-loaded, img.leaflet-image-layer", state="attached")
    tiles = page.locator("img.leaflet-tile-loaded")
    until(lambda: tiles.evaluate_all("all => all.every(one => getComputedStyle(one).opacity === '1')"))


def place_at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Point at a place of the screen, and read its longitude (west of Greenwich) and latitude (in the north)."""
    # Leaflet leaves out a move that comes a frame after a click; no hand is so fast.
    for beside in (2, 0):
        page.mouse.move(x + beside, y)
        still(page)
    latitude, longitude = re.findall(r"([\d.]+)°", page.locator("#coordinates").inner_text())[:2]
    return -float(longitude), float(latitude)


def copied(page: Page, button: str) -> str:
    """Press a button that copies, and give what it copied."""
    page.evaluate("navigator.clipboard.writeText('')")
    page.get_by_role("button", name=button).click()
    until(lambda: page.evaluate("navigator.clipboard.readText()"))
    return str(page.evaluate("navigator.clipboard.readText()"))


def pane(page: Page, layer: str) -> Any:
    """What holds a layer's tiles."""
    return page.locator(f".leaflet-scene-{layer}-pane")


def addresses(page: Page, layer: str) -> list[str]:
    """URLs of the layer's tiles that were fetched."""
    script = "performance.getEntriesByType('resource').map(one => one.name)"
    return [name for name in page.evaluate(script) if f"/{layer}/tiles/" in name]
