"""A picture without georeference: seen in its own pixels, with the same tools."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, look_at, pane, settle

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def flat(service: Service, picture: Path) -> dict[str, Any]:
    return service.translate(service.send(picture))


def test_its_pixels_are_read_by_column_and_row(
    page: Page, service: Service, flat: dict[str, Any], picture: Path
) -> None:
    look_at(page, service, flat)
    page.mouse.click(700, 380)
    expect(page.locator(".pixel table")).to_be_visible()
    words = page.locator(".pixel").inner_text()
    column, row = (int(one) for one in re.findall(r"column (\d+), row (\d+)", words)[0])
    with Image.open(picture) as opened:
        value = int(np.asarray(opened)[row, column])
    read = re.search(r"Radar\s+([\d.]+)", words)
    assert read is not None
    assert float(read[1]) == pytest.approx(value, abs=0.06)
    assert re.search(r"Synthetic optical\s+\d+, \d+, \d+", words)
    expect(page.locator("#scale")).to_contain_text("px")


def test_it_is_swiped_and_measured_like_any_other(page: Page, service: Service, flat: dict[str, Any]) -> None:
    look_at(page, service, flat)
    page.keyboard.press("s")
    settle(page)
    expect(pane(page, "sar").locator("img").first).to_be_attached()
    expect(pane(page, "sar")).to_have_css("clip-path", re.compile("^polygon"))
    page.keyboard.press("m")
    page.mouse.click(600, 300)
    page.mouse.click(950, 300)
    page.keyboard.press("Escape")
    expect(page.locator(".measured")).to_contain_text("px")


def test_from_a_picture_back_to_the_map(
    page: Page, service: Service, flat: dict[str, Any], scene: dict[str, Any]
) -> None:
    look_at(page, service, flat)
    page.get_by_role("button", name="All scenes").click()
    page.get_by_role("button", name=scene["name"]).click()
    settle(page)
    expect(page.locator("#coordinates")).to_contain_text("EPSG:3395")
    expect(page.locator(".graticule-labels span").first).to_be_attached()
