"""Comparing layers: over one another, on two sides of a divider, on two maps, in turns; and the radar's display."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, addresses, look_at, pane, settle, until

pytestmark = pytest.mark.data


def pixels(page: Page) -> np.ndarray:
    """The first map as it is on screen, without what floats over it."""
    shot = page.locator("#map-first").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def colourfulness(part: np.ndarray) -> float:
    return float(np.abs(part.max(axis=-1) - part.min(axis=-1)).mean())


def meridians(page: Page, name: str) -> dict[str, float]:
    """Degrees at the foot of a map, and how many pixels from its left edge they stand."""
    script = "all => Object.fromEntries(all.map(one => [one.textContent, parseFloat(one.style.left)]))"
    locator: dict[str, float] = page.locator(f"#{name} .graticule-labels .longitude").evaluate_all(script)
    return locator


def test_a_layer_goes_and_comes(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene)
    expect(pane(page, "optical").locator("img").first).to_be_attached()
    switch = page.get_by_role("checkbox", name="Show Synthetic optical")
    switch.uncheck()
    expect(pane(page, "optical").locator("img")).to_have_count(0)
    expect(page.locator("#badge")).to_be_hidden()
    switch.check()
    expect(pane(page, "optical").locator("img").first).to_be_attached()
    expect(page.locator("#badge")).to_be_visible()


def test_the_slider_makes_a_layer_fade(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene)
    slider = page.get_by_role("slider", name="Opacity of Synthetic optical")
    slider.fill("40")
    expect(pane(page, "optical")).to_have_css("opacity", "0.4")
    slider.press("ArrowLeft")
    expect(pane(page, "optical")).to_have_css("opacity", "0.39")


def test_the_divider_shows_radar_on_its_left_and_colour_on_its_right(
    page: Page, service: Service, scene: dict[str, Any]
) -> None:
    look_at(page, service, scene)
    page.get_by_role("button", name="Swipe", exact=True).click()
    settle(page)
    divider = page.get_by_role("slider", name="Divider between the layers")
    box = page.locator("#map-first").bounding_box()
    assert box is not None
    grip = divider.locator(".divider-grip").bounding_box()
    assert grip is not None
    page.mouse.move(grip["x"] + 20, grip["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], grip["y"] + 20, steps=4)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "60")
    settle(page)
    seen = pixels(page)
    middle, height = int(0.6 * seen.shape[1]), seen.shape[0]
    rows = slice(height // 3, 2 * height // 3)
    assert colourfulness(seen[rows, middle - 180 : middle - 40]) < 1
    assert colourfulness(seen[rows, middle + 40 : middle + 180]) > 5


def test_arrow_keys_move_the_divider(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene, "compare=swipe,sar,optical,50")
    divider = page.get_by_role("slider", name="Divider between the layers")
    divider.focus()
    for key, value in (("ArrowRight", "52"), ("PageDown", "42"), ("Home", "0"), ("End", "100")):
        divider.press(key)
        expect(divider).to_have_attribute("aria-valuenow", value)


@pytest.mark.chromium
def test_a_finger_moves_the_divider(phone: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(phone, service, scene, "compare=swipe,sar,optical,50")
    session = phone.context.new_cdp_session(phone)
    where = phone.locator(".divider-grip").bounding_box()
    assert where is not None
    x, y = where["x"] + 20, where["y"] + 20
    for kind, dx in (("touchStart", 0), ("touchMove", 40), ("touchMove", 90)):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x + dx, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(phone.locator(".divider")).to_have_attribute("aria-valuenow", re.compile("7[3-7]"))


def test_two_maps_move_as_one(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene)
    page.keyboard.press("d")
    settle(page)
    expect(page.locator("#map-second")).to_be_visible()
    expect(page.locator("#map-second .leaflet-scene-optical-pane img").first).to_be_attached()
    expect(page.locator("#map-first .leaflet-scene-sar-pane img").first).to_be_attached()
    expect(page.locator("#map-first .leaflet-scene-optical-pane img")).to_have_count(0)
    before = meridians(page, "map-first")
    page.mouse.move(560, 400)
    page.mouse.down()
    page.mouse.move(650, 330, steps=6)
    page.mouse.up()

    def as_one() -> bool:
        first, second = meridians(page, "map-first"), meridians(page, "map-second")
        return bool(first) and first != before and first == pytest.approx(second, abs=2)

    until(as_one)
    page.keyboard.press("d")
    expect(page.locator("#map-second")).to_be_hidden()


def test_a_true_optical_image_is_added_and_removed(
    page: Page, service: Service, scene: dict[str, Any], truth: Path
) -> None:
    look_at(page, service, scene)
    page.set_input_files('input[aria-label="Add a true optical image"]', truth)
    expect(page.get_by_role("checkbox", name="Show True optical")).to_be_checked()
    expect(pane(page, "reference").locator("img.leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator("#legend")).to_contain_text("True optical image, observed")
    page.get_by_role("button", name="Remove the true optical image").click()
    expect(page.get_by_role("checkbox", name="Show True optical")).to_have_count(0)


def test_the_upper_layer_is_gone_while_the_key_is_held(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene)
    page.keyboard.down("f")
    expect(pane(page, "optical")).to_have_css("opacity", "0")
    page.keyboard.up("f")
    expect(pane(page, "optical")).to_have_css("opacity", "1")


def test_layers_change_their_order(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene, "layers=optical:90,sar:90")

    def upper() -> str:
        depth = "pane => Number(getComputedStyle(pane).zIndex)"
        return max("optical", "sar", key=lambda name: float(pane(page, name).evaluate(depth)))

    assert upper() == "optical"
    page.get_by_role("button", name="Move up: Radar").click()
    until(lambda: upper() == "sar")
    expect(page.get_by_role("button", name="Move up: Radar")).to_be_focused()


def test_range_and_colours_of_the_radar(page: Page, service: Service, dual: dict[str, Any]) -> None:
    look_at(page, service, dual)
    page.get_by_label("Colours").select_option("viridis")
    page.get_by_role("slider", name="Darkest at").fill("-18")
    page.get_by_role("slider", name="Brightest at").fill("-6")
    expect(page.locator("#legend")).to_contain_text("\u221218.0")
    expect(page.locator("#legend")).to_contain_text("\u22126.0")
    until(lambda: any("colormap_name=viridis" in one and "rescale=-18%2C-6" in one for one in addresses(page, "sar")))
    expect(page.locator(".histogram path")).to_have_attribute("d", re.compile(r"(L[^L]+){100}"))
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_label("Colours")).to_have_value("gray")


def test_the_other_polarisation_and_the_composite(page: Page, service: Service, dual: dict[str, Any]) -> None:
    look_at(page, service, dual, "layers=sar:100,-optical:100")
    box = page.locator("#map-first").bounding_box()
    assert box is not None
    shown = page.get_by_role("combobox", name="Show")
    shown.select_option(label="VH")
    until(lambda: any("bidx=2" in one for one in addresses(page, "sar")))
    shown.select_option(label="Composite")
    until(lambda: any("composite=true" in one for one in addresses(page, "sar")))
    settle(page)
    seen = pixels(page)
    height, width = seen.shape[:2]
    assert colourfulness(seen[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]) > 20
