"""The list of scenes: searched, sorted, filtered to the view, renamed, deleted; names are never markup."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from helpers.page.visits import Service, enter, look_at, still
from helpers.rasters import speckled, write_raster

MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>&amp;'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("list")
    running = Service(folder / "store")
    running.start()
    for index, name in enumerate(("alpha", "delta", "charlie")):
        values = speckled((1, 60 + index, 70))
        path = write_raster(folder / f"{name}_VV.tif", values, descriptions=("VV",))
        running.send(path, name=MARKUP if name == "charlie" else name)
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


def names(page: Page) -> Locator:
    return page.locator(".scene-card strong")


def test_newest_first_and_by_name(page: Page, service: Service) -> None:
    enter(page, service)
    expect(names(page)).to_have_text([MARKUP, "delta", "alpha"])
    page.get_by_label("Sort").select_option("name")
    expect(names(page)).to_have_text([MARKUP, "alpha", "delta"])


def test_search_finds_a_part_of_the_name(page: Page, service: Service) -> None:
    enter(page, service)
    page.get_by_role("searchbox").fill("LPH")
    expect(names(page)).to_have_text(["alpha"])
    expect(page.locator(".count")).to_have_text("1 of 3 scenes")
    page.get_by_role("searchbox").fill("nowhere")
    expect(page.locator(".nothing")).to_contain_text("No scene matches")


def test_only_those_in_view(page: Page, service: Service) -> None:
    enter(page, service)
    page.get_by_label("In view only").check()
    expect(names(page)).to_have_count(3)
    for _ in range(6):
        page.get_by_role("button", name="Zoom in").click()
        still(page)
    page.mouse.move(800, 400)
    page.mouse.down()
    page.mouse.move(1200, 100, steps=5)
    page.mouse.up()
    expect(names(page)).to_have_count(0)


def test_thumbnails_appear(page: Page, service: Service) -> None:
    enter(page, service)
    expect(page.locator(".thumbnail.there")).to_have_count(3)


def test_a_name_full_of_markup_is_text_everywhere(page: Page, service: Service) -> None:
    enter(page, service)
    page.get_by_role("button", name=MARKUP).click()
    expect(page.locator(".scene h2")).to_have_text(MARKUP)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text(MARKUP)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="All scenes").click()
    page.get_by_role("searchbox").fill("bold")  # leaves one footprint: the three lie on one another
    footprint = page.locator("path.footprint")
    expect(footprint).to_have_count(1)
    footprint.hover()
    expect(page.locator(".leaflet-tooltip")).to_have_text(MARKUP)
    expect(page.locator("#app b, img[src=x]")).to_have_count(0)
    expect(page).to_have_title("geosar")


def test_a_scene_is_renamed_and_deleted_after_asking(page: Page, service: Service, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "echo_VV.tif", speckled((1, 90, 70)), descriptions=("VV",))
    scene = service.send(path, name="echo")
    look_at(page, service, scene)
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("foxtrot")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".scene h2")).to_have_text("foxtrot")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert service.get(f"scenes/{scene['id']}")["name"] == "foxtrot"
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".note").first).to_have_text("The scene was deleted.")
    expect(names(page)).to_have_count(3)
    expect(names(page).filter(has_text="foxtrot")).to_have_count(0)
    assert service.get("scenes")["numberMatched"] == 3
