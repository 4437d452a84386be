"""The view as code for other programs, each run as its user would: what it shows is what the page shows."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, copied, look_at, settle, until

pytestmark = pytest.mark.data


def code(page: Page, tool: str) -> str:
    """Choose a program by hand, and take its code."""
    page.get_by_label("For", exact=True).select_option(tool)
    return copied(page, "Copy the code")


@pytest.fixture
def opened(page: Page, service: Service, scene: dict[str, Any]) -> Page:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    look_at(page, service, scene)
    page.get_by_text("Code for this view", exact=True).click()
    return page


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_and_python_fetch_the_view(opened: Page, tmp_path: Path) -> None:
    size = opened.locator("#map-first").bounding_box()
    assert size is not None
    subprocess.run(["/bin/sh", "-c", code(opened, "curl")], cwd=tmp_path, check=True, capture_output=True)
    with Image.open(tmp_path / "view.png") as picture:
        assert picture.size == (round(size["width"]), round(size["height"]))
        seen = np.asarray(picture.convert("RGBA"))
    assert (seen[..., 3] > 0).mean() > 0.2
    done = subprocess.run(
        [sys.executable, "-c", code(opened, "Python")], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert f"(4, {round(size['height'])}, {round(size['width'])})" in done.stdout
    assert "4326" in done.stdout


def test_leaflet_shows_the_view_on_a_page_of_ones_own(opened: Page, service: Service) -> None:
    zoom = opened.locator("#scale").inner_text()
    script = code(opened, "Leaflet")
    assert "not an observation" in script
    other = opened.context.new_page()
    other.set_content("<!doctype html><div id='map' style='width:932px;height:800px'></div>")
    other.add_style_tag(url=f"{service.url}leaflet/leaflet.css")
    other.add_script_tag(url=f"{service.url}leaflet/leaflet.js")
    other.add_script_tag(content=f"{script}\nL.control.scale({{ imperial: false }}).addTo(map);")
    other.wait_for_selector("img.leaflet-tile-loaded", state="attached")
    until(lambda: other.evaluate("[...document.images].every((one) => one.complete)"), other)
    assert other.evaluate("[...document.images].some((one) => one.naturalWidth === 256)")
    expect(other.locator(".leaflet-control-attribution")).to_contain_text("not an observation")
    assert zoom.split()[-1] == other.locator(".leaflet-control-scale").inner_text().split()[-1]
    other.close()


def test_the_code_follows_the_view_and_the_radars_display(opened: Page) -> None:
    before = code(opened, "MapLibre")
    opened.get_by_role("button", name="Zoom in", exact=True).click()
    settle(opened)
    area = opened.get_by_label("Code for this view")
    until(lambda: area.input_value() != before, opened)
    opened.get_by_text("URLs for other programs", exact=True).click()
    opened.get_by_label("Layer", exact=True).select_option("sar")
    opened.get_by_label("Stretch").select_option("bright")
    until(lambda: "rescale=" in area.input_value(), opened)
    assert "/sar/tiles/" in area.input_value()
    expect(opened.locator(".hint-text").filter(has_text="CORS is off")).to_be_visible()
