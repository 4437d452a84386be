"""Reading the map: places, values, lengths and areas, the legend, and the badge that says what is synthetic."""

import re
from typing import Any

import numpy as np
import pytest
import rasterio
from playwright.sync_api import Page, expect
from pyproj import Geod, Transformer

from geosar_tiler.routes.coordinates import fit
from helpers.page.visits import Service, enter, look_at, place_at, settle

pytestmark = pytest.mark.data

SCENES = {
    "EPSG:32643": (75.9, 9.7, 25_000, 10), "EPSG:32722": (-48.1, -25.3, 25_000, 10), "EPSG:32633": (25, 70, 25_000, 10),
    "EPSG:3413": (-38, 78.2, 20_000, 40), "EPSG:3031": (-60, -72.5, 25_000, 10), "EPSG:3995": (179.9, 81, 25_000, 10),
    "EPSG:3035": (10, 50, 40_000, 50), "EPSG:2154": (3, 46.5, 60_000, 10), "EPSG:3395": (-118.4, 33.9, 5120, 10),
    "EPSG:3857": (179.99, -16.5, 20_000, 10), "EPSG:4326": (77, 28, 512, 0.0001), "EPSG:2229": (-118.2, 34, 20_000, 30),
    "+proj=ob_tran +o_proj=longlat +o_lat_p=39.25 +lon_0=18 +type=crs": (10, 50, 5000, 0.001),
}  # fmt: skip
"""Scenes by CRS: longitude and latitude of their middle, pixels along a side, units of the CRS along a pixel."""


def figure(words: str) -> float:
    """Read a figure as people do."""
    return float(words.replace(",", "").replace("\u2212", "-"))


@pytest.mark.parametrize("crs", SCENES)
def test_a_scenes_coordinates_are_those_of_proj(page: Page, service: Service, crs: str) -> None:
    longitude, latitude, side, pixel = SCENES[crs]
    forward = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = forward.transform(longitude, latitude)
    left, top = x - side / 2 * pixel, y + side / 2 * pixel
    way = fit(crs, (pixel, 0, left, 0, -pixel, top), side, side)
    parts = np.random.default_rng(1).random((50, 2))
    expected = np.array([left, top]) + parts * [side * pixel, -side * pixel]
    places = np.transpose(forward.transform(*expected.T, direction="INVERSE")).tolist()
    enter(page, service)
    script = """async ([way, places]) => {
      const { coordinatesAt } = await import("./js/map/coordinates.js");
      return [...places, [way.centre[0] + 90, 0]].map(([lng, lat]) => coordinatesAt(way, { lng, lat }));
    }"""
    *answer, elsewhere = page.evaluate(script, [way, places])
    assert np.abs(np.array(answer) - expected).max() < 0.02 * pixel
    assert elsewhere is None


def test_the_pointer_has_a_place_in_degrees_and_in_the_scenes_grid(
    page: Page, service: Service, scene: dict[str, Any]
) -> None:
    look_at(page, service, scene)
    longitude, latitude = place_at(page, 700, 400)
    shown = page.locator("#coordinates")
    expect(shown).to_contain_text("EPSG:3395")
    x, y = re.findall(r"(\S+),\s(\S+)$", shown.inner_text())[0]
    expected = Transformer.from_crs("EPSG:4326", "EPSG:3395", always_xy=True).transform(longitude, latitude)
    assert (figure(x), figure(y)) == pytest.approx(expected, abs=2)


def test_a_click_reads_radar_colour_and_expected_error(
    page: Page, service: Service, scene: dict[str, Any], los_angeles: Any
) -> None:
    look_at(page, service, scene)
    box = page.locator("#map-first").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    popup = page.locator(".pixel")
    expect(popup.locator("table")).to_be_visible()
    words = popup.inner_text()
    column, row = (int(one) for one in re.findall(r"column (\d+), row (\d+)", words)[0])
    with rasterio.open(los_angeles) as source:
        amplitude = int(source.read(1)[row, column])
    read = re.search(r"VH\s+(\S+) dB", words)
    assert read is not None
    assert figure(read[1]) == pytest.approx(20 * np.log10(amplitude), abs=0.06)
    assert re.search(r"Synthetic optical\s+\d+, \d+, \d+", words)
    assert re.search(r"Expected error\s+±\d+ of 255", words)


def test_enter_on_the_map_reads_the_pixel_in_the_middle(page: Page, service: Service, dual: dict[str, Any]) -> None:
    look_at(page, service, dual)
    page.get_by_role("application", name="Map", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".pixel table")).to_contain_text("VV")
    expect(page.locator(".pixel table")).to_contain_text("VH")


def test_outside_the_scene_it_says_so(page: Page, service: Service, dual: dict[str, Any]) -> None:
    look_at(page, service, dual)
    page.mouse.click(360 + 30, 100)
    expect(page.locator(".pixel")).to_contain_text("Outside the scene")


def test_a_length_is_that_of_the_ellipsoid_within_half_a_per_cent(
    page: Page, service: Service, scene: dict[str, Any]
) -> None:
    look_at(page, service, scene)
    page.keyboard.press("m")
    places = []
    for x, y in ((600, 300), (900, 550)):
        places.append(place_at(page, x, y))
        page.mouse.click(x, y)
    page.keyboard.press("Escape")
    length = float(page.locator(".measured").inner_text().split()[0])
    _, _, metres = Geod(ellps="WGS84").inv(*places[0], *places[1])
    assert length == pytest.approx(metres / 1000, rel=0.005)
    expect(page.locator(".pixel")).to_have_count(0)


def test_an_area_is_that_of_the_ellipsoid_within_a_per_cent(
    page: Page, service: Service, scene: dict[str, Any]
) -> None:
    look_at(page, service, scene)
    page.get_by_role("button", name="Measure").click()
    page.get_by_role("button", name="Area").click()
    ring = []
    for x, y in ((600, 300), (900, 300), (900, 550), (600, 550)):
        ring.append(place_at(page, x, y))
        page.mouse.click(x, y)
    page.keyboard.press("Escape")
    value, unit = page.locator(".measured").inner_text().split()[:2]
    assert unit == "km²"
    square_metres, _ = Geod(ellps="WGS84").polygon_area_perimeter(*zip(*ring, strict=True))
    assert float(value) == pytest.approx(abs(square_metres) / 1e6, rel=0.01)


def test_the_scale_bar_is_as_long_as_it_says(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene)
    number, unit = page.locator("#scale").inner_text().split()
    box = page.locator(".scale-bar").bounding_box()
    assert box is not None
    degrees = [place_at(page, x, 388) for x in (700, 700 + box["width"])]
    _, _, metres = Geod(ellps="WGS84").inv(*degrees[0], *degrees[1])
    assert float(number) * (1000 if unit == "km" else 1) == pytest.approx(metres, rel=0.03)


def test_the_legend_names_what_is_seen(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene, "layers=optical:70,sar:100")
    legend = page.locator("#legend")
    expect(legend).to_contain_text("Radar VH dB, relative")
    expect(legend).to_contain_text("not observed")
    expect(legend).not_to_contain_text("Expected error")
    page.get_by_role("checkbox", name="Show Expected error").check()
    expect(legend).to_contain_text("Expected error, of 255")


def test_the_badge_opens_the_models_card(page: Page, service: Service, scene: dict[str, Any]) -> None:
    look_at(page, service, scene)
    settle(page)
    badge = page.locator(".badge")
    expect(badge).to_contain_text("Synthetic, not an observation")
    expect(badge).to_contain_text("s1-rgb")
    badge.click()
    card = page.get_by_role("dialog")
    expect(card).to_contain_text("Do not measure vegetation")
    expect(card).to_contain_text("What it saw")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
