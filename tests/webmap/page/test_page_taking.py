"""Taking away: files, the picture of the view, URLs for other programs, and the link to this view."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, copied, enter, http, look_at, settle

pytestmark = pytest.mark.data


def fetched(page: Page, link: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("link", name=link, exact=True).click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    return target


def test_the_cog_comes_as_a_file_that_says_what_it_is(
    page: Page, service: Service, scene: dict[str, Any], tmp_path: Path
) -> None:
    look_at(page, service, scene)
    with rasterio.open(fetched(page, "GeoTIFF (COG)", tmp_path)) as result:
        assert result.tags()["GEOSAR_SYNTHETIC"] == "YES"
        assert result.shape == (scene["description"]["height"], scene["description"]["width"])
    with Image.open(fetched(page, "Quicklook", tmp_path)) as quicklook:
        assert quicklook.format == "PNG"


def test_the_picture_of_the_view_has_map_legend_and_notice(
    page: Page, service: Service, scene: dict[str, Any], tmp_path: Path
) -> None:
    look_at(page, service, scene)
    box = page.locator("#map-first").bounding_box()
    assert box is not None
    with page.expect_download() as waiting:
        page.get_by_role("button", name="View as PNG").click()
    target = tmp_path / "view.png"
    waiting.value.save_as(target)
    with Image.open(target) as opened:
        seen = np.asarray(opened.convert("RGB")).astype(int)
    height, width = seen.shape[:2]
    assert width == int(box["width"])
    assert height > box["height"] + 60
    middle = seen[int(box["height"]) // 2 - 50 : int(box["height"]) // 2 + 50, width // 2 - 50 : width // 2 + 50]
    assert np.abs(middle.max(axis=-1) - middle.min(axis=-1)).mean() > 5
    foot = seen[int(box["height"]) + 10 :, : width // 2]
    assert (foot.sum(axis=-1) < 200).sum() > 500  # dark letters on light paper


def test_urls_that_are_copied_work(page: Page, service: Service, scene: dict[str, Any]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    look_at(page, service, scene)
    page.get_by_text("URLs for other programs").click()
    copies = {name: copied(page, f"Copy {name}") for name in ("XYZ", "TileJSON", "WMTS", "STAC", "QGIS")}
    tile = http.get(copies["TileJSON"]).json()
    assert tile["synthetic"] is True
    west, south, east, north = scene["bbox"]
    z = 13
    x = int(((west + east) / 2 + 180) / 360 * 2**z)
    y = int((1 - np.arcsinh(np.tan(np.radians((south + north) / 2))) / np.pi) / 2 * 2**z)
    answer = http.get(copies["XYZ"].replace("{z}", str(z)).replace("{x}", str(x)).replace("{y}", str(y)))
    assert answer.headers["content-type"] == "image/png"
    assert "<Capabilities" in http.get(copies["WMTS"]).text
    assert http.get(copies["STAC"]).json()["type"] == "Feature"
    assert re.match(r"type=xyz&url=http://127.*\{z\}.*zmax=\d+$", copies["QGIS"])


def test_the_permalink_opens_the_very_same_view(page: Page, service: Service, scene: dict[str, Any]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    look_at(page, service, scene)
    page.get_by_role("button", name="Zoom in").click()
    settle(page)
    page.get_by_role("slider", name="Opacity of Synthetic optical").fill("65")
    page.get_by_role("checkbox", name="Show Expected error").check()
    page.get_by_role("button", name="Move up: Radar").click()
    page.get_by_role("button", name="Swipe", exact=True).click()
    page.get_by_role("slider", name="Divider between the layers").press("ArrowLeft")
    page.get_by_label("Colours").select_option("magma")
    settle(page)
    link = copied(page, "Copy link")
    page.mouse.move(0, 0)
    before = page.locator("#coordinates").inner_text()
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("body[data-ready]")
    settle(page)
    expect(page).to_have_url(link)
    expect(page.locator("#coordinates")).to_have_text(before, use_inner_text=True)
    expect(page.get_by_role("button", name="Swipe", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("slider", name="Divider between the layers")).to_have_attribute("aria-valuenow", "48")
    expect(page.get_by_role("slider", name="Opacity of Synthetic optical")).to_have_value("65")
    expect(page.locator(".layer").nth(1)).to_have_attribute("data-layer", "sar")
    expect(page.get_by_label("Colours")).to_have_value("magma")
    page.get_by_role("button", name="Overlay").click()
    expect(page.get_by_role("checkbox", name="Show Expected error")).to_be_checked()


def test_a_link_to_a_scene_that_is_gone_says_so(page: Page, service: Service) -> None:
    enter(page, service, "scene=gone")
    expect(page.locator(".note")).to_contain_text("not there")
    expect(page.get_by_role("searchbox")).to_be_visible()
