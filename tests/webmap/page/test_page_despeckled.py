"""Despeckled radar on the page: asked for, shown beside the radar, read, compared and taken away."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rasterio
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, addresses, look_at, pane, place_at, settle, until
from helpers.service.despeckling import write_scene
from helpers.tiny_model import write_dual_model, write_model


@pytest.fixture(scope="module")
def radar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("radar") / "fields.tif")


@pytest.fixture(scope="module")
def despeckling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("page")
    running = Service(folder / "store", write_dual_model(folder / "dual"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def fields(despeckling: Service, radar: Path) -> dict[str, Any]:
    return despeckling.send(radar)


def test_from_the_option_to_the_file(page: Page, despeckling: Service, fields: dict[str, Any], tmp_path: Path) -> None:
    look_at(page, despeckling, fields)
    expect(page.get_by_role("checkbox", name="Show Despeckled radar")).to_have_count(0)
    page.locator(".translate summary").click()
    expect(page.get_by_label("Match the tone of the true optical image")).to_be_hidden()
    page.get_by_label("Despeckled radar too").click()
    page.get_by_role("button", name="Translate", exact=True).click()
    expect(page.locator(".note").filter(has_text="Translated.")).to_be_visible()
    settle(page)

    # Alone on the map it is no synthetic picture.
    page.get_by_role("checkbox", name="Show Synthetic optical").click(force=True)
    page.get_by_role("checkbox", name="Show Despeckled radar").click(force=True)
    settle(page)
    expect(pane(page, "despeckled").locator("img").first).to_be_attached()
    expect(page.locator("#badge")).to_be_hidden()
    legend = page.locator(".legend-entry").filter(has_text="Despeckled radar VV dB")
    expect(legend).to_contain_text("estimated from the observation, not synthetic")
    order = page.locator(".layer").evaluate_all("all => all.map(one => one.dataset.layer)")
    assert order == ["error", "optical", "despeckled", "sar"]
    page.get_by_role("slider", name="Opacity of Despeckled radar").fill("40")
    expect(pane(page, "despeckled")).to_have_css("opacity", "0.4")

    # The values are the service's, in decibels.
    longitude, latitude = place_at(page, 800, 420)
    page.mouse.click(800, 420)
    row = page.locator(".pixel tr").filter(has_text="VH, despeckled")
    expect(row).to_contain_text("dB")
    decibels = despeckling.get(f"scenes/{fields['id']}/despeckled/point/{-longitude},{latitude}")["values"][1]
    shown = float(row.locator("td").inner_text().removesuffix(" dB").replace("\u2212", "-"))
    assert abs(shown - decibels) < 3  # the place is read to a pixel; neighbours in a smoothed field are close

    # The radar's display is that of both.
    page.get_by_label(re.compile("^Show ?VV")).select_option(label="VH")
    until(lambda: any("bidx=2" in one for one in addresses(page, "despeckled")), page)
    expect(page.locator(".legend-entry").filter(has_text="Despeckled radar VH dB")).to_be_visible()

    page.get_by_role("button", name="Swipe", exact=True).click()
    page.locator(".sides select").last.select_option(label="Despeckled radar")
    settle(page)
    expect(page.locator("#label-right")).to_have_text("Despeckled radar")
    expect(page.locator("#badge")).to_be_hidden()

    with page.expect_download() as waiting:
        page.get_by_role("link", name="Despeckled radar (COG)").click()
    waiting.value.save_as(tmp_path / "clean.tif")
    with rasterio.open(tmp_path / "clean.tif") as result:
        assert result.tags()["GEOSAR_ESTIMATED"] == "YES"
        assert result.descriptions == ("VV", "VH")


def test_a_link_of_before_has_the_layer_over_the_radar(
    page: Page, despeckling: Service, fields: dict[str, Any]
) -> None:
    look_at(page, despeckling, fields, "layers=sar:100,optical:50,-error:80")
    answer = page.evaluate("""async () => {
      const { decode } = await import("./js/view.js");
      return decode("#scene=../jobs").scene ?? decode(location.hash).order;
    }""")
    assert answer.index("despeckled") == answer.index("sar") - 1
    assert [one for one in answer if one in {"sar", "optical", "error"}] == ["sar", "optical", "error"]


def test_a_model_that_makes_none_is_not_asked_for_it(page: Page, tmp_path: Path, radar: Path) -> None:
    running = Service(tmp_path / "store", write_model(tmp_path / "tiny"))
    running.start()
    try:
        look_at(page, running, running.send(radar))
        page.locator(".translate summary").click()
        expect(page.get_by_label("Expected error as well")).to_be_visible()
        expect(page.get_by_label("Despeckled radar too")).to_be_hidden()
    finally:
        running.stop()
