"""What comes first and what is told: the size of a first view on a phone, true images on their way, ends of jobs."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from helpers.page.visits import Service, look_at, until, visit
from helpers.rasters import speckled, write_raster

MOST_BYTES = 1_000_000
LATENCY, RATE = 80, 200_000
"""Milliseconds, and bytes a second, of a slow network."""
AWAY = "document.hasFocus = () => false; window.told = []; window.Notification = class extends window.Notification {"
AWAY += " constructor(title, more) { super(title, more); window.told.push([title, more.body]); } };"


@pytest.mark.chromium
@pytest.mark.data
def test_the_first_view_on_a_phone_and_a_slow_network_is_small(
    browser: Browser, service: Service, scene: dict[str, Any]
) -> None:
    """`benchmarks/webmap.py` says in how many seconds; here others use the machine, too."""
    phone = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}
    names: list[str] = []
    with visit(browser, **phone) as page:
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": LATENCY, "downloadThroughput": RATE, "uploadThroughput": RATE},
        )
        sizes: list[float] = []
        page.on("request", lambda one: names.append(one.url))
        session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        look_at(page, service, scene)
        assert not any("land.json" in name for name in names)
        assert sum(sizes) < MOST_BYTES


@pytest.mark.data
def test_a_true_image_on_its_way_is_said(browser: Browser, service: Service, truth: Path, tmp_path: Path) -> None:
    other = service.send(
        write_raster(tmp_path / "on_its_way_VV.tif", speckled((1, 120, 130), 301), descriptions=("VV",))
    )
    with visit(browser) as page:
        look_at(page, service, other)
        page.get_by_label("Add a true optical image").set_input_files(truth)
        coming = page.locator(".coming")
        expect(coming).to_be_visible()
        # It is refused or shown; either way nothing is on its way any more.
        expect(coming).to_be_hidden()


def test_the_end_of_a_job_is_told_to_who_looks_elsewhere(browser: Browser, service: Service, tmp_path: Path) -> None:
    scene = service.send(
        write_raster(tmp_path / "elsewhere_VV.tif", speckled((1, 150, 160), 302), descriptions=("VV",))
    )
    with visit(browser) as page:
        page.context.grant_permissions(["notifications"], origin=service.url.rstrip("/"))
        page.add_init_script(AWAY)
        look_at(page, service, scene)
        page.evaluate("localStorage.setItem('geosar-notices', 'on')")
        page.get_by_role("button", name="Translate", exact=True).click()
        page.get_by_role("button", name="All scenes").click()  # another page, and still it is told
        until(lambda: page.title().startswith("✓ "), page)
        assert page.evaluate("window.told") == [[f"geosar: {scene['name']}", "Translated."]]
        expect(page.locator(".note").filter(has_text="Translated.")).to_be_visible()
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        assert not page.title().startswith("✓ ")
