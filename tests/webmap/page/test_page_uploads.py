"""Bringing data: several at once, what is wrong in plain words, pause, cancel, lost connections and reloads."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, enter, until
from helpers.rasters import speckled, write_raster

CHOOSER = "input[type=file][multiple]"
SLOW = 150_000
"""Bytes a second."""


SEEDS = itertools.count(1)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Two megabytes that were never sent before: the same content twice is one scene."""
    seed = next(SEEDS)
    values = speckled((1, 700, 800), seed)
    return write_raster(tmp_path / f"large{seed}_VV_power.tif", values, descriptions=("VV",))


def there(service: Service, name: str) -> int:
    """How many scenes have this in their name."""
    return int(service.get("scenes", q=name)["numberMatched"])


def slow_down(page: Page, rate: int = SLOW) -> Any:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    set_rate(session, rate)
    return session


def set_rate(session: Any, rate: int, *, offline: bool = False) -> None:
    conditions = {"offline": offline, "latency": 5, "downloadThroughput": -1, "uploadThroughput": rate}
    session.send("Network.emulateNetworkConditions", conditions)


def per_cent(page: Page) -> int:
    match = re.search(r"\((\d+) %\)", page.locator(".upload-state").first.inner_text())
    return int(match[1]) if match else -1


def past(page: Page, share: int) -> None:
    """Wait until more than so many per cent are sent."""
    until(lambda: per_cent(page) > share, page)


def test_several_files_become_several_scenes(page: Page, service: Service, tmp_path: Path) -> None:
    enter(page, service)
    paths = []
    for index, name in enumerate(("first_VV.tif", "second_VH.tif")):
        values = speckled((1, 80, 90), 110 + index)
        paths.append(write_raster(tmp_path / name, values, descriptions=(name[-6:-4],)))
    page.set_input_files(CHOOSER, paths)
    page.get_by_role("heading", name=re.compile("first_VV|second_VH")).wait_for()
    page.locator('.upload[data-state="done"]').wait_for()
    assert there(service, "first_VV") == there(service, "second_VH") == 1


def test_a_file_is_dropped_anywhere_on_the_page(page: Page, service: Service, tmp_path: Path) -> None:
    enter(page, service)
    content = list(
        write_raster(tmp_path / "drop_VV.tif", speckled((1, 60, 60), 101), descriptions=("VV",)).read_bytes()
    )
    transfer = page.evaluate_handle(
        """bytes => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], "drop_VV.tif", { type: "image/tiff" }));
          return transfer;
        }""",
        content,
    )
    page.dispatch_event("#stage", "dragenter", {"dataTransfer": transfer})
    expect(page.locator("#drop")).to_be_visible()
    page.dispatch_event("#stage", "drop", {"dataTransfer": transfer})
    expect(page.locator("#drop")).to_be_hidden()
    page.get_by_role("heading", name="drop_VV").wait_for()
    expect(page.locator(".summary")).to_have_text(re.compile("VV · 60 . 60"))
    page.get_by_text("What was understood").click()
    expect(page.locator(".facts")).to_contain_text("EPSG:")


def test_what_is_no_scene_is_refused_in_plain_words(page: Page, service: Service, tmp_path: Path) -> None:
    enter(page, service)
    notes = tmp_path / "notes.tif"
    notes.write_text("this is no image, whatever its name says " * 50)
    page.set_input_files(CHOOSER, notes)
    refused = page.locator('.upload[data-state="failed"]')
    expect(refused).to_contain_text("expected a GeoTIFF")
    refused.get_by_role("button", name="Remove from this list").click()
    expect(page.locator(".upload")).to_have_count(0)


def test_what_looks_like_no_radar_can_be_taken_anyway(page: Page, service: Service, tmp_path: Path) -> None:
    enter(page, service)
    photograph = tmp_path / "photograph.png"
    colours = np.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    colours[..., 0] //= 4
    Image.fromarray(colours).save(photograph)
    page.set_input_files(CHOOSER, photograph)
    refused = page.locator('.upload[data-state="failed"]')
    refused.wait_for()
    refused.get_by_role("button", name="Take it anyway").click()
    page.get_by_role("heading", name="photograph").wait_for()


@pytest.mark.chromium
def test_an_upload_is_paused_and_goes_on_where_it_stopped(page: Page, service: Service, large: Path) -> None:
    enter(page, service)
    session = slow_down(page)
    page.set_input_files(CHOOSER, large)
    past(page, 15)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".upload-state")).to_contain_text("Paused")
    set_rate(session, -1)
    begun: list[int] = []
    page.on(
        "request",
        lambda one: one.method == "PATCH" and begun.append(int(one.headers["upload-offset"])),
    )
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("heading", name=large.stem).wait_for()
    assert begun[0] > 0
    assert there(service, large.stem) == 1


@pytest.mark.chromium
def test_an_upload_survives_a_lost_connection(page: Page, service: Service, large: Path) -> None:
    enter(page, service)
    session = slow_down(page)
    page.set_input_files(CHOOSER, large)
    past(page, 10)
    set_rate(session, SLOW, offline=True)
    expect(page.locator(".upload-state").first).to_contain_text("Connection lost")
    expect(page.locator("#banner")).to_contain_text("does not answer")
    set_rate(session, -1)
    page.get_by_role("heading", name=large.stem).wait_for()
    expect(page.locator("#banner")).to_be_hidden()


@pytest.mark.chromium
def test_an_upload_survives_a_reload(page: Page, service: Service, large: Path) -> None:
    enter(page, service)
    session = slow_down(page)
    page.set_input_files(CHOOSER, large)
    past(page, 15)
    begun: list[int] = []
    page.on(
        "request",
        lambda one: one.method == "PATCH" and begun.append(int(one.headers["upload-offset"])),
    )
    page.reload()
    set_rate(session, -1)
    page.get_by_role("heading", name=large.stem).wait_for()
    assert begun[0] > 0


@pytest.mark.chromium
def test_a_file_that_the_browser_could_not_keep_is_chosen_again_and_goes_on(
    page: Page, service: Service, large: Path
) -> None:
    page.add_init_script("""
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (value) {
        if (value.file) throw new DOMException("no room", "QuotaExceededError");
        return put.call(this, value);
      };
    """)
    enter(page, service)
    session = slow_down(page)
    page.set_input_files(CHOOSER, large)
    past(page, 15)
    page.reload()
    set_rate(session, -1)
    waiting = page.locator('.upload[data-state="file"]')
    expect(waiting).to_contain_text("Choose it again: it goes on where it stopped")
    again = waiting.get_by_label("Choose the file again", exact=True).and_(page.locator("input"))
    again.set_input_files({"name": large.name, "mimeType": "image/tiff", "buffer": b"another"})
    expect(waiting).to_contain_text("not the same file")
    begun: list[int] = []
    page.on("request", lambda one: one.method == "PATCH" and begun.append(int(one.headers["upload-offset"])))
    again.set_input_files(large)
    page.get_by_role("heading", name=large.stem).wait_for()
    assert begun[0] > 0


@pytest.mark.chromium
def test_a_cancelled_upload_leaves_nothing(page: Page, service: Service, large: Path) -> None:
    enter(page, service)
    slow_down(page)
    removed: list[int] = []
    page.on("response", lambda one: one.request.method == "DELETE" and removed.append(one.status))
    page.set_input_files(CHOOSER, large)
    past(page, 5)
    page.get_by_role("button", name="Cancel upload").click()
    expect(page.locator(".upload")).to_have_count(0)
    until(lambda: 204 in removed, page)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator(".upload")).to_have_count(0)
    assert there(service, large.stem) == 0


def test_files_that_differ_in_polarisation_become_one_scene(page: Page, service: Service, tmp_path: Path) -> None:
    enter(page, service)
    paths = []
    for polarisation, level in (("VV", 1.0), ("VH", 0.2)):
        name = f"fields_{polarisation}.tif"
        paths.append(write_raster(tmp_path / name, speckled((1, 80, 90), 120) * level, descriptions=(polarisation,)))
    page.set_input_files(CHOOSER, paths)
    page.get_by_role("heading", name="fields_VV_VH").wait_for()
    expect(page.locator(".summary")).to_contain_text("VV + VH")
    expect(page.locator(".upload")).to_have_count(0)
    assert there(service, "fields_V") == 1


def test_the_browsers_back_leads_from_a_scene_to_the_list(page: Page, service: Service, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "back_VV.tif", speckled((1, 80, 90), 130), descriptions=("VV",))
    service.send(path)
    enter(page, service)
    page.get_by_role("button", name="back_VV").click()
    page.wait_for_url("**/#scene=*")
    page.go_back()
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.go_forward()
    page.get_by_role("heading", name="back_VV").wait_for()
