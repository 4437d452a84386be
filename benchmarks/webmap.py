"""How soon the web map shows the first tiles of a scene, also on a phone, how smooth panning is, how large its code is.

GEOSAR_DATA=... python benchmarks/webmap.py     # needs Chromium; run it on an idle machine
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from helpers.page.visits import PATIENCE, Service, enter, launched, look_at, own_files, settle  # noqa: E402 - it lies beside the tests

RUNS = 5
SLOW = {"offline": False, "latency": 80, "downloadThroughput": 200_000, "uploadThroughput": 50_000}
"""Milliseconds, and bytes a second."""
PHONE = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}
STEPS = 60
FRAME_MILLISECONDS = 16
WATCH = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask" });
  document.addEventListener("click", () => { window.clicked = performance.now(); }, { capture: true, once: true });
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".leaflet-scene-sar-pane img.leaflet-tile-loaded")) return;
    window.seen = performance.now();
    observer.disconnect();
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["class"] });
}"""


def opened(page: Page, service: Service) -> float:
    """Milliseconds from the click on a scene to its first tile on screen."""
    enter(page, service)
    page.locator(".thumbnail.there").first.wait_for()
    page.evaluate(WATCH)
    page.locator(".scene-card").first.click()
    page.wait_for_selector(".leaflet-scene-sar-pane img.leaflet-tile-loaded", state="attached")
    return float(page.evaluate("window.seen - window.clicked"))


def panned(page: Page) -> list[float]:
    """Milliseconds of the long tasks (over 50) while the map is dragged for a second."""
    settle(page)
    page.evaluate("window.tasks.length = 0")
    page.mouse.move(900, 400)
    page.mouse.down()
    for step in range(STEPS):
        page.mouse.move(900 - 8 * step, 400 + 3 * step)
        page.wait_for_timeout(FRAME_MILLISECONDS)
    page.mouse.up()
    page.wait_for_timeout(500)
    return [float(task) for task in page.evaluate("window.tasks")]


def on_a_phone(browser: Browser, service: Service) -> tuple[float, float]:
    """Seconds until all of a scene's first view is drawn on a phone with a slow network, and the bytes that came."""
    page = browser.new_page(**PHONE)
    page.set_default_timeout(1000 * PATIENCE)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    begun = time.monotonic()
    look_at(page, service, service.get("scenes")["scenes"][0])
    seconds = time.monotonic() - begun
    page.close()
    return seconds, sum(sizes)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        service = Service(Path(folder) / "store")
        service.start()
        try:
            files = own_files(service)
            print(f"own code: {sum(files.values()) / 1000:.1f} kB as the service sends it, in {len(files)} files")
            service.send(Path(os.environ["GEOSAR_DATA"]) / "scenes" / "los_angeles_s1_vh.tif")
            browser = launched(playwright.chromium)
            first, tasks = [], []
            for _ in range(RUNS):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.set_default_timeout(1000 * PATIENCE)
                first.append(opened(page, service))
                tasks += panned(page)
                page.close()
            phone = [on_a_phone(browser, service) for _ in range(2)]
            browser.close()
        finally:
            service.stop()
    print(
        f"first tile after opening a scene: {', '.join(f'{one:.0f}' for one in first)} ms, the first on a new service"
    )
    views = ", ".join(f"{seconds:.1f} s and {size / 1e6:.2f} MB" for seconds, size in phone)
    print(f"first view on a phone at 200 kB/s: {views}")
    print(f"tasks over 50 ms while panning: {len(tasks)} in {RUNS} s, the longest {max(tasks, default=0):.0f} ms")


if __name__ == "__main__":
    main()
