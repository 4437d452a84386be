"""The full story on the real scene: drop, live colour, translate, swipe, read, download, reload, delete."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, enter, pane, settle, still, until

pytestmark = pytest.mark.data


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path / "store")
    running.start()
    yield running
    running.stop()


def test_from_an_empty_service_to_colour_and_back(page: Page, empty: Service, data_dir: Path, tmp_path: Path) -> None:
    enter(page, empty)
    expect(page.locator(".nothing")).to_contain_text("No scenes yet")

    page.set_input_files("input[type=file][multiple]", data_dir / "scenes" / "los_angeles_s1_vh.tif")
    page.get_by_role("heading", name="los_angeles_s1_vh").wait_for()
    expect(page.locator(".summary")).to_have_text(re.compile("VH · 5,120 . 3,072 · 8.3 m"))
    page.wait_for_selector(".leaflet-scene-sar-pane img.leaflet-tile-loaded", state="attached")

    # The whole scene in colour at once, which says that it is coarse; sharp where one looks.
    expect(page.locator(".badge")).to_contain_text("coarse, zoom in")
    page.wait_for_selector(".leaflet-scene-optical-pane img.leaflet-tile-loaded", state="attached")
    for _ in range(3):
        page.get_by_role("button", name="Zoom in", exact=True).click()
        still(page)
    expect(page.locator("#hint")).to_be_hidden()
    expect(page.locator(".badge")).not_to_contain_text("coarse")
    expect(page.locator(".chip.live")).to_be_visible()
    page.wait_for_selector(".leaflet-scene-optical-pane img.leaflet-tile-loaded", state="attached")
    expect(page.locator("#coordinates")).to_contain_text("EPSG:3395")
    before = page.locator("#coordinates").inner_text()

    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator(".running")).to_be_visible()
    # The finished layer takes the place of the live one: never is the place empty, never does the map move.
    page.evaluate("""() => {
      window.least = Infinity;
      const pane = document.querySelector(".leaflet-scene-optical-pane");
      const look = () => {
        window.least = Math.min(window.least, pane.querySelectorAll("img.leaflet-tile-loaded").length);
        requestAnimationFrame(look);
      };
      look();
    }""")
    expect(page.locator(".note").filter(has_text="Translated.")).to_be_visible(timeout=240_000)
    expect(page.locator(".chip.live")).to_have_count(0)
    settle(page)
    assert page.evaluate("window.least") > 0
    expect(page.locator("#coordinates")).to_have_text(before, use_inner_text=True)

    page.keyboard.press("s")
    expect(pane(page, "optical")).to_have_css("clip-path", re.compile("^polygon"))
    page.mouse.click(950, 500)
    expect(page.locator(".pixel table")).to_contain_text("VH")
    expect(page.locator(".pixel table")).to_contain_text("Expected error")

    with page.expect_download() as waiting:
        page.get_by_role("link", name="GeoTIFF (COG)", exact=True).click()
    waiting.value.save_as(tmp_path / "result.tif")
    with rasterio.open(tmp_path / "result.tif") as result:
        assert result.shape == (3072, 5120)
        assert result.tags()["GEOSAR_SYNTHETIC"] == "YES"

    page.reload()
    page.wait_for_selector("body[data-ready]")
    settle(page)
    expect(page.get_by_role("heading", name="los_angeles_s1_vh")).to_be_visible()
    expect(page.get_by_role("button", name="Swipe", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#coordinates")).to_have_text(before, use_inner_text=True)

    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".nothing")).to_contain_text("No scenes yet")
    assert empty.get("scenes")["numberMatched"] == 0
    until(lambda: not any((empty.store / "scenes").iterdir()))
