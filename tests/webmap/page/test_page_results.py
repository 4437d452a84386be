"""What was made of a scene, one beside the other; what is seen of it, and said of what is seen; and several tabs."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from helpers.page.visits import Service, addresses, enter, http, look_at, pane, until, visit
from helpers.rasters import speckled, write_raster
from helpers.tiny_model import write_model


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose model is tiny: translations take no time."""
    folder = tmp_path_factory.mktemp("results")
    running = Service(folder / "store", write_model(folder / "tiny"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def twice(service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A scene with two results; the newer one is of a part."""
    path = write_raster(
        tmp_path_factory.mktemp("twice") / "twice_VV.tif", speckled((1, 200, 220), 31), descriptions=("VV",)
    )
    scene = service.translate(service.send(path))
    west, south, east, north = scene["bbox"]
    part = [west, south, (west + east) / 2, (south + north) / 2]
    return translated(service, scene, bbox=part)


def translated(service: Service, scene: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    """Translate with other inputs than the usual ones."""
    body = {"inputs": {"scene": scene["id"], **inputs}}
    answer = http.post(service.url + "processes/translate/execution", json=body, headers={"prefer": "respond-async"})
    answer.raise_for_status()
    until(lambda: service.get(f"jobs/{answer.json()['jobID']}")["status"] == "successful")
    return service.get(f"scenes/{scene['id']}")


def fresh(service: Service, folder: Path, name: str, seed: int, **options: Any) -> dict[str, Any]:
    """A scene of its own."""
    values = speckled((1, 160, 180), seed)
    return service.send(write_raster(folder / f"{name}_VV.tif", values, descriptions=("VV",), **options), name=name)


def versions(service: Service, scene: dict[str, Any]) -> dict[str, str]:
    """The version of the pixels of each result, by job; the newest first."""
    by_job = {}
    for job in scene["jobs"]:
        response = service.get(f"scenes/{scene['id']}/optical/tilejson.json", job=job)
        by_job[job] = re.findall(r"v=(\w+)", response["tiles"][0])[0]
    return by_job


def test_results_are_shown_named_compared_and_deleted(page: Page, service: Service, twice: dict[str, Any]) -> None:
    newer, older = versions(service, twice).values()
    look_at(page, service, twice)
    rows = page.locator(".result")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("not those of the scene")
    expect(page.get_by_role("radio").nth(0)).to_be_checked()
    until(lambda: any(f"v={newer}" in one for one in addresses(page, "optical")), page)
    rows.nth(1).locator("label").click()
    until(lambda: any(f"v={older}" in one for one in addresses(page, "optical")), page)
    until(lambda: f"results={twice['jobs'][1]}," in page.url, page)

    rows.nth(1).get_by_role("button", name="Name").click()
    page.get_by_role("dialog").get_by_label("Name").fill("the whole of it")
    page.get_by_role("button", name="Save").click()
    expect(rows.nth(1)).to_contain_text("the whole of it")
    assert service.get(f"jobs/{twice['jobs'][1]}")["name"] == "the whole of it"

    rows.nth(0).get_by_role("button", name="Compare").click()
    expect(page.locator("#label-right")).to_contain_text("the whole of it")
    expect(pane(page, "other").locator("img.leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator(".sides select").first).to_have_value("other")
    expect(page.locator("#badge")).to_be_visible()

    rows.nth(0).get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    assert service.get(f"scenes/{twice['id']}")["jobs"] == [twice["jobs"][1]]


def test_a_model_of_ones_own_is_chosen_by_mouse_and_names_its_result(
    page: Page, service: Service, tmp_path: Path
) -> None:
    look_at(page, service, fresh(service, tmp_path, "own", 43))
    folder = write_model(tmp_path / "model", name="of-mine", title="Of mine")
    archive = Path(shutil.make_archive(str(tmp_path / "of-mine"), "zip", folder))
    http.post(service.url + "models", content=archive.read_bytes()).raise_for_status()  # while the page is open
    page.get_by_text("Options", exact=True).click()
    choice = page.get_by_role("combobox", name="Model")
    until(lambda: "of-mine" in choice.inner_text(), page)
    choice.click()
    page.keyboard.type("of-mine")
    page.keyboard.press("Enter")
    expect(choice).to_have_value("of-mine")
    page.get_by_role("button", name="Translate", exact=True).click()
    result = page.locator(".result")
    expect(result).to_contain_text("of-mine 1.0")
    expect(page.locator(".badge")).to_contain_text("of-mine 1.0")

    http.delete(service.url + "models/of-mine").raise_for_status()
    for _ in range(2):
        page.get_by_text("Options", exact=True).click()
    until(lambda: "of-mine" not in choice.inner_text(), page)
    expect(choice).to_have_value("tiny")
    expect(result).to_contain_text("of-mine 1.0")


def test_what_lies_under_an_opaque_layer_is_not_fetched(page: Page, service: Service, tmp_path: Path) -> None:
    scene = service.translate(fresh(service, tmp_path, "under", 32))
    look_at(page, service, scene)
    assert addresses(page, "optical")
    assert addresses(page, "sar") == []
    page.get_by_role("slider", name="Opacity of Synthetic optical").fill("60")
    expect(pane(page, "sar").locator("img.leaflet-tile-loaded").first).to_be_attached()
    expect(page.locator("#legend")).to_contain_text("Radar VV dB")


def test_tiles_come_as_webp_and_urls_for_others_as_png(page: Page, service: Service, tmp_path: Path) -> None:
    look_at(page, service, service.translate(fresh(service, tmp_path, "webp", 42)), "layers=optical:70,sar:100")
    for layer in ("optical", "sar"):
        urls = addresses(page, layer)
        assert urls
        assert all(".webp?" in one for one in urls)
    page.get_by_text("URLs for other programs").click()
    assert ".png?" in page.get_by_label("XYZ", exact=True).input_value()


def test_a_result_of_a_part_hides_nothing(page: Page, service: Service, tmp_path: Path) -> None:
    scene = fresh(service, tmp_path, "part", 33)
    west, south, east, north = scene["bbox"]
    look_at(page, service, translated(service, scene, bbox=[west, south, (west + east) / 2, north]))
    expect(pane(page, "sar").locator("img.leaflet-tile-loaded").first).to_be_attached()
    expect(pane(page, "optical").locator("img.leaflet-tile-loaded").first).to_be_attached()


def test_the_badge_is_there_while_synthetic_pixels_are(page: Page, service: Service, tmp_path: Path) -> None:
    scene = service.translate(fresh(service, tmp_path, "badge", 34))
    badge = page.locator("#badge")
    look_at(page, service, scene)
    expect(badge).to_be_visible()
    page.get_by_role("slider", name="Opacity of Synthetic optical").fill("0")
    expect(badge).to_be_hidden()
    page.get_by_role("slider", name="Opacity of Synthetic optical").fill("100")
    page.get_by_role("button", name="Move up: Radar").click()
    expect(badge).to_be_hidden()
    page.get_by_role("button", name="Swipe", exact=True).click()
    expect(badge).to_be_visible()
    divider = page.get_by_role("slider", name="Divider between the layers")
    divider.press("End")
    expect(badge).to_be_hidden()
    divider.press("PageDown")
    expect(badge).to_be_visible()


def test_switches_say_what_a_comparison_shows(page: Page, service: Service, tmp_path: Path) -> None:
    look_at(page, service, service.translate(fresh(service, tmp_path, "switches", 35)), "compare=swipe,sar,error,50")
    for name, checked in (("Radar", True), ("Expected error", True), ("Synthetic optical", False)):
        switch = page.get_by_role("checkbox", name=f"Show {name}")
        expect(switch).to_be_disabled()
        expect(switch).to_be_checked(checked=checked)
    expect(page.get_by_text("choose them below")).to_be_visible()
    page.get_by_role("button", name="Overlay").click()
    expect(page.get_by_role("checkbox", name="Show Radar")).to_be_enabled()


def test_a_picture_waits_for_its_tiles_and_names_its_sides(page: Page, service: Service, tmp_path: Path) -> None:
    scene = service.translate(fresh(service, tmp_path, "waits", 36))
    page.route(re.compile("/optical/tiles/"), lambda route: (page.wait_for_timeout(700), route.continue_()))
    enter(page, service, f"scene={scene['id']}&compare=swipe,sar,optical,50")
    page.locator(".scene h2:not(:empty)").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="View as PNG").click()
    waiting.value.save_as(tmp_path / "view.png")
    with Image.open(tmp_path / "view.png") as opened:
        seen = np.asarray(opened.convert("RGB")).astype(int)
    box = page.locator("#map-first").bounding_box()
    assert box is not None
    middle = seen[
        int(box["height"]) // 2 - 60 : int(box["height"]) // 2 + 60, int(box["width"] * 0.52) : int(box["width"] * 0.6)
    ]
    assert np.abs(middle.max(axis=-1) - middle.min(axis=-1)).mean() > 5, "the colours are there"
    for side in (seen[14:40, 14:120], seen[14:40, int(box["width"]) - 120 : int(box["width"]) - 14]):
        assert ((side.max(axis=-1) < 120).mean() > 0.3) & ((side.min(axis=-1) > 220).sum() > 20), "white on dark"


def test_tiles_beside_a_scene_draw_no_boxes(page: Page, service: Service, tmp_path: Path) -> None:
    """A scene that lies aslant leaves corners of its box without tiles."""
    page.route(re.compile(r"/sar/tiles/"), lambda route: route.fulfill(status=404, body=""))
    enter(page, service, f"scene={fresh(service, tmp_path, 'aslant', 37)['id']}&layers=sar:100,-optical:100")
    tiles = pane(page, "sar").locator("img")
    tiles.first.wait_for(state="attached")
    page.wait_for_selector('#stage[aria-busy="false"]')
    until(lambda: tiles.evaluate_all("all => all.every(one => getComputedStyle(one).visibility === 'hidden')"), page)


def test_pixels_far_from_the_models_are_warned_of(page: Page, service: Service, tmp_path: Path) -> None:
    look_at(
        page, service, fresh(service, tmp_path, "coarse", 38, transform=Affine(200, 0, 600_000, 0, -200, 1_200_000))
    )
    expect(page.locator(".translate .warning-text")).to_contain_text("Its pixels are 200 m on the ground")
    look_at(page, service, fresh(service, tmp_path, "fitting", 39))
    expect(page.locator(".translate .warning-text")).to_be_hidden()


def test_two_tabs_know_of_each_others_jobs_and_deletions(browser: Browser, service: Service, tmp_path: Path) -> None:
    scene = fresh(service, tmp_path, "tabs", 40)
    with visit(browser) as page:
        other = page.context.new_page()
        look_at(page, service, scene)
        look_at(other, service, scene)
        page.get_by_role("button", name="Translate", exact=True).click()
        expect(other.locator(".result")).to_have_count(1)
        expect(other.locator(".chip.live")).to_have_count(0)
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(other.locator(".note").last).to_contain_text("not there")
        expect(other.get_by_role("searchbox")).to_be_visible()
        expect(other.get_by_role("button", name="tabs")).to_have_count(0)


def test_sentinel_1s_own_pair_of_files_is_one_scene(page: Page, service: Service, tmp_path: Path) -> None:
    stem = "s1a-iw-grd-{}-20210101t123456-20210101t123521-035912-0434d0-{}.tiff"
    paths = []
    for polarisation, number, level in (("vv", "001", 1.0), ("vh", "002", 0.2)):
        values = speckled((1, 80, 90), 41) * level
        paths.append(write_raster(tmp_path / stem.format(polarisation, number), values))
    enter(page, service)
    page.set_input_files("input[type=file][multiple]", paths)
    page.locator(".scene h2:not(:empty)").wait_for()
    expect(page.locator(".summary")).to_contain_text("VV + VH")
    assert service.get("scenes", q="s1a-iw-grd")["numberMatched"] == 1


def test_taking_it_anyway_is_offered_where_it_helps(page: Page, service: Service, tmp_path: Path) -> None:
    enter(page, service)
    empty = np.full((1, 50, 60), np.nan, np.float32)
    page.set_input_files(
        "input[type=file][multiple]", write_raster(tmp_path / "nothing_VV.tif", empty, descriptions=("VV",))
    )
    refused = page.locator('.upload[data-state="failed"]')
    refused.wait_for()
    expect(refused.get_by_role("button", name="Take it anyway")).to_have_count(0)
    expect(refused.get_by_role("button", name="Try again")).to_have_count(1)
