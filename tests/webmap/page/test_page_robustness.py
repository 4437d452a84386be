"""Nothing is lost: jobs through reloads, the service's restarts, tiles that fail; and keys where they are needed."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from helpers.page.visits import Service, addresses, enter, http, look_at, settle, until
from helpers.rasters import speckled, write_raster

KEY = "a-key-for-these-tests"


def drawn(page: Page) -> int:
    """How many tiles of the radar have a picture."""
    script = "all => all.filter(one => one.naturalWidth > 0).length"
    return int(page.locator(".leaflet-scene-sar-pane img").evaluate_all(script))


@pytest.mark.data
def test_a_failing_tile_is_asked_again_and_then_shown_as_missing(
    page: Page, service: Service, dual: dict[str, Any]
) -> None:
    attempts: dict[str, int] = {}

    def fail(route: Route) -> None:
        path = route.request.url.partition("?")[0]
        attempts[path] = attempts.get(path, 0) + 1
        route.fulfill(status=500, body="no")

    page.route(re.compile("/sar/tiles/"), fail)
    enter(page, service, f"scene={dual['id']}&layers=sar:100,-optical:100")
    missing = page.locator(".leaflet-scene-sar-pane img.tile-missing")
    expect(missing.first).to_be_visible(timeout=60_000)
    until(lambda: set(attempts.values()) == {4}, page)
    page.unroute(re.compile("/sar/tiles/"))


@pytest.mark.data
def test_a_tile_that_fails_once_is_shown_after_all(page: Page, service: Service, dual: dict[str, Any]) -> None:
    failed: set[str] = set()

    def fail_once(route: Route) -> None:
        if route.request.url in failed:
            route.continue_()
        else:
            failed.add(route.request.url)
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="busy")

    page.route(re.compile("/sar/tiles/"), fail_once)
    look_at(page, service, dual, "layers=sar:100,-optical:100")
    settle(page)
    assert failed
    expect(page.locator("img.tile-missing")).to_have_count(0)
    assert drawn(page)


@pytest.mark.data
def test_a_job_is_picked_up_after_a_reload_and_can_be_stopped(page: Page, service: Service, data_dir: Path) -> None:
    scene = service.send(data_dir / "scenes" / "los_angeles_s1_vh.tif")
    look_at(page, service, scene)
    page.get_by_text("Options").click()
    page.get_by_label("Precision").select_option("float32")
    page.get_by_role("button", name="Translate").click()
    running = page.locator(".running")
    expect(running).to_be_visible()
    page.reload()
    expect(running).to_be_visible()
    expect(running).to_contain_text(re.compile(r"\d+ % · [\d.]+ Mpx/s · .+ left"), timeout=240_000)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".note").first).to_contain_text("stopped")
    expect(page.get_by_role("button", name="Translate")).to_be_visible()


@pytest.mark.data
def test_progress_is_polled_where_events_do_not_come_through(page: Page, service: Service, data_dir: Path) -> None:
    other = data_dir / "scenes" / "rtc_609U_541L_3_0_vv_vh_db.tif"
    page.route(re.compile("/events$"), lambda route: route.abort())
    look_at(page, service, service.send(other))
    page.get_by_role("button", name="Translate").click()
    expect(page.locator(".note").filter(has_text="Translated.")).to_be_visible(timeout=240_000)
    expect(page.get_by_role("checkbox", name="Show Expected error")).to_be_attached()


def test_a_restart_of_the_service_is_told_and_outlived(page: Page, tmp_path: Path) -> None:
    service = Service(tmp_path / "store")
    service.start()
    try:
        path = write_raster(tmp_path / "fields_VV.tif", speckled((1, 300, 300)), descriptions=("VV",))
        scene = service.send(path)
        look_at(page, service, scene)
        service.stop()
        page.get_by_label("Colours").select_option("viridis")
        expect(page.locator("#banner")).to_contain_text("does not answer")
        service.start()
        expect(page.locator("#banner")).to_be_hidden()
        expect(page.locator(".note").filter(has_text="The service is back")).to_be_visible()
        until(lambda: any("colormap_name=viridis" in one for one in addresses(page, "sar")))
        settle(page)
        expect(page.locator("img.tile-missing")).to_have_count(0)
    finally:
        service.stop()


def test_a_key_is_asked_for_once_and_opens_tiles_too(page: Page, tmp_path: Path) -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    service = Service(tmp_path / "store", api_keys=f"write:{digest}")
    service.headers = {"Authorization": f"Bearer {KEY}"}
    service.start()
    try:
        path = write_raster(tmp_path / "fields_VV.tif", speckled((1, 300, 300)), descriptions=("VV",))
        scene = service.send(path)
        page.goto(service.url)
        page.get_by_label("API key").fill("wrong")
        page.get_by_role("button", name="Use this key").click()
        expect(page.locator(".note")).to_contain_text("not accepted")
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Use this key").click()
        page.get_by_role("button", name=scene["name"]).click()
        settle(page)
        until(lambda: drawn(page))
        assert http.get(service.url + "scenes").status_code == 401
    finally:
        service.stop()


def test_a_base_map_is_named_by_the_settings_and_allowed_by_the_policy(page: Page, tmp_path: Path) -> None:
    service = Service(tmp_path / "store", basemap="OpenStreetMap.Mapnik")
    service.start()
    try:
        requests: list[str] = []

        def answer(route: Route) -> None:
            requests.append(route.request.url)
            route.fulfill(status=204, body="")

        page.route(re.compile("tile.openstreetmap.org"), answer)
        enter(page, service)
        until(lambda: requests, page)
        assert re.match(r"https://tile.openstreetmap.org/\d+/\d+/\d+.png", requests[0])
        expect(page.locator("#credit")).to_contain_text("OpenStreetMap contributors")
        expect(page.locator("#credit a")).to_have_attribute("href", "https://www.openstreetmap.org/copyright")
    finally:
        service.stop()
