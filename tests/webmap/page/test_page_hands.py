"""What hands and eyes found: long names, rings and boxes where none belong, results that the browser had kept."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from helpers.page.visits import Service, addresses, enter, look_at, settle, until, visit
from helpers.rasters import speckled, write_raster

PRODUCT = "S1A_IW_GRDH_1SDV_20210101T123456_20210101T123521_035912_0434D0_AB12"


def field(service: Service, folder: Path, name: str, seed: int) -> dict[str, Any]:
    """A small scene of one polarisation, never sent before."""
    path = write_raster(folder / f"{name}_VV.tif", speckled((1, 150, 160), seed), descriptions=("VV",))
    return service.send(path, name=name)


def version_of(service: Service, scene: dict[str, Any], layer: str) -> str:
    """The version of the pixels that the service shows now."""
    return re.findall(r"v=(\w+)", service.get(f"scenes/{scene['id']}/{layer}/tilejson.json")["tiles"][0])[0]


def test_a_second_translation_is_shown_at_once(page: Page, service: Service, tmp_path: Path) -> None:
    """Within the minute for which a browser may keep an answer."""
    scene = service.translate(field(service, tmp_path, "twice", 201))
    look_at(page, service, scene)
    before = version_of(service, scene, "optical")
    assert any(f"v={before}" in one for one in addresses(page, "optical"))
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Precision").select_option("float32")
    page.get_by_role("button", name="Translate again").click()
    expect(page.locator(".note").filter(has_text="Translated.")).to_be_visible(timeout=240_000)
    now = version_of(service, scene, "optical")
    assert now != before
    until(lambda: any(f"v={now}" in one for one in addresses(page, "optical")), page)


@pytest.mark.parametrize("width", [1280, 360])
def test_a_long_name_does_not_widen_the_panel(browser: Browser, service: Service, tmp_path: Path, width: int) -> None:
    scene = field(service, tmp_path, f"{PRODUCT}_{width}", 202 + width)
    wider = """() => [...document.querySelectorAll("#panel, #panel *")].filter((one) => {
      const inside = document.querySelector("#panel").getBoundingClientRect();
      const { right, width } = one.getBoundingClientRect();
      return width > 1 && right > inside.right + 1 && !one.closest("svg, .unseen");
    }).map((one) => one.outerHTML.slice(0, 90))"""
    with visit(browser, viewport={"width": width, "height": 780}) as page:
        enter(page, service)
        page.get_by_role("button", name=scene["name"]).wait_for()
        assert page.evaluate(wider) == []
        page.set_input_files("input[type=file][multiple]", {"name": f"{PRODUCT}.tif", "mimeType": "", "buffer": b"no"})
        page.locator('.upload[data-state="failed"]').wait_for()
        assert page.evaluate(wider) == []
        look_at(page, service, scene)
        if width < 720:
            page.get_by_role("button", name="Show the panel").click()
        for folded in ("What was understood", "Options", "URLs for other programs"):
            page.get_by_text(folded, exact=True).click()
        assert page.evaluate(wider) == []


def test_the_ends_of_the_legend_stand_apart(page: Page, service: Service, tmp_path: Path) -> None:
    values = np.random.default_rng(7).gamma(4.4, 1 / 4.4, (120, 130))
    Image.fromarray((values / np.percentile(values, 98) * 255).clip(0, 255).astype(np.uint8)).save(
        tmp_path / "greys.png"
    )
    look_at(page, service, service.send(tmp_path / "greys.png"), "layers=sar:100,-optical:100")
    ends = page.locator(".legend-ends span")
    expect(ends).to_have_text([re.compile(r"^\d+$"), re.compile(r"^\d+$")])
    low, high = (ends.nth(number).bounding_box() for number in (0, 1))
    assert low is not None
    assert high is not None
    assert high["x"] - low["x"] - low["width"] > 8


def test_the_ring_in_the_middle_is_for_keys(page: Page, service: Service, tmp_path: Path) -> None:
    ring = "getComputedStyle(document.querySelector('#map-first .leaflet-host'), '::before').content"
    look_at(page, service, field(service, tmp_path, "ring", 205))
    page.mouse.click(700, 300)
    expect(page.locator(".pixel table")).to_be_visible()
    assert page.evaluate(ring) in {"none", "normal"}
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(ring) == '""'


def test_a_line_is_not_filled_and_an_area_is(page: Page, service: Service, tmp_path: Path) -> None:
    look_at(page, service, field(service, tmp_path, "lines", 206))
    page.keyboard.press("m")
    for x, y in ((600, 300), (800, 300), (800, 500)):
        page.mouse.click(x, y)
    page.keyboard.press("Escape")
    line = page.locator("path.measure-line")
    expect(line).to_have_css("fill", "none")
    page.get_by_role("button", name="Area").click()
    expect(page.locator("path.measure-area")).not_to_have_css("fill", "none")


def test_outlines_on_the_map_are_no_stops_without_a_name(page: Page, service: Service, tmp_path: Path) -> None:
    field(service, tmp_path, "outlined", 207)
    enter(page, service)
    page.locator("path.footprint").first.wait_for()
    page.locator(".scene-card").first.focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.tagName") != "path"


@pytest.mark.chromium
def test_a_popup_on_a_phone_lies_clear_of_the_tools(phone: Page, service: Service, tmp_path: Path) -> None:
    look_at(phone, service, field(service, tmp_path, "popup", 208))
    for x, y in ((300, 240), (40, 300), (180, 200)):
        phone.touchscreen.tap(x, y)
        phone.locator(".pixel .pixel-place").wait_for()
        settle(phone)
        phone.wait_for_timeout(400)
        uppermost = phone.locator(".leaflet-popup-close-button").evaluate(
            "one => { const b = one.getBoundingClientRect();"
            " return one.contains(document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2)); }"
        )
        assert uppermost
        box = phone.locator(".leaflet-popup").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 306
        phone.locator(".leaflet-popup-close-button").tap()
        phone.wait_for_timeout(500)  # else the next tap is the second of a double one
