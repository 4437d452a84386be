"""A map file in a real browser without any network: every control used as a person would."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import rasterio
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from geosar_webmap.mapfile.reading import read_layers
from geosar_webmap.mapfile.sar_map import SarMap
from geosar_webmap.mapfile.show import show
from helpers.page.visits import until
from helpers.rasters import TEN_METRES, UTM, speckled, write_raster

Open = Callable[..., Page]
SYNTHETIC = {"GEOSAR_SYNTHETIC": "YES", "GEOSAR_MODEL": "s1-rgb 0.1", "GEOSAR_SOURCE": "scene_vv_db.tif"}
EVIL = "<img src=x onerror=alert(1)>"
HEIGHT, WIDTH = 160, 200
THE_MAP = "window[Object.keys(window).find(key => key.startsWith('map_'))]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Radar, white on the left and black on the right; an optical image all red; an expected error of 32."""
    data_folder = tmp_path_factory.mktemp("browser")
    decibels = np.full((HEIGHT, WIDTH), -25, np.float32)
    decibels[:, : WIDTH // 2] = -5
    write_raster(data_folder / "scene_vv_db.tif", decibels)
    red = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    red[0] = 255
    write_raster(data_folder / "optical.tif", red, tags=SYNTHETIC)
    write_raster(data_folder / "error.tif", np.full((HEIGHT, WIDTH), 32, np.uint8), tags=SYNTHETIC)
    grey = (200 * np.sqrt(speckled((60, 90)))).clip(1, 255).astype(np.uint8)
    write_raster(data_folder / "plain.png", grey, driver="PNG", crs=None, transform=None)
    show(data_folder / "scene_vv_db.tif", data_folder / "optical.tif", data_folder / "error.tif", title=EVIL).write(
        data_folder / "map.html"
    )
    return data_folder


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Return a function that opens a file with the network off; the test fails on any complaint of the page."""
    contexts = []
    complaints: list[str] = []

    def open_it(path: Path, **options: Any) -> Page:
        options = {"viewport": {"width": 1100, "height": 700}, **options}
        contexts.append(browser.new_context(offline=True, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda answer: None if answer.url[:5] in {"data:", "file:"} else complaints.append(answer.url)
        )
        page.goto(path.as_uri())
        page.locator("img").evaluate_all("all => Promise.all(all.map(image => image.decode()))")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def colour(page: Page, x: float, y: float) -> str:
    """Name the colour of a point of the screen."""
    shot = page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    with rasterio.io.MemoryFile(shot) as file, file.open() as dataset:
        red, green, blue = (int(level) for level in dataset.read((1, 2, 3))[:, 0, 0])
    if red > 200 and green < 60:
        return "red"
    level = (red + green + blue) / 3
    return "white" if level > 247 else "black" if level < 30 else "other"


def on_map(page: Page, column: float, row: float) -> tuple[float, float]:
    """Where Leaflet draws a place of the raster, by its longitude and latitude."""
    to_degrees = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(*(TEN_METRES @ (column, row)))
    point = page.evaluate(f"{THE_MAP}.latLngToContainerPoint([{latitude}, {longitude}])")
    return point["x"], point["y"]


def divider_at(page: Page) -> float:
    box = page.get_by_role("slider", name="Divider").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


def test_sar_lies_left_of_the_divider_and_optical_right(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    left, right = on_map(page, 40, 30), on_map(page, 160, 30)
    assert left[0] < divider_at(page) < right[0]
    assert colour(page, *left) == "white"
    assert colour(page, *right) == "red"
    chips = page.locator(".gs-side")
    assert chips.all_inner_texts() == ["SAR VV", "Synthetic optical"]


def test_the_mouse_drags_the_divider_and_the_map_stays(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    before = on_map(page, 40, 30)
    page.mouse.move(divider_at(page), 350)
    page.mouse.down()
    page.mouse.move(before[0] - 20, 360, steps=4)
    page.mouse.up()
    assert divider_at(page) == pytest.approx(before[0] - 20, abs=2)
    assert on_map(page, 40, 30) == before
    assert colour(page, *before) == "red"
    # It stays where it is on the screen while the map moves beneath.
    page.evaluate(f"{THE_MAP}.panBy([60, 0], {{animate: false}})")
    assert divider_at(page) == pytest.approx(before[0] - 20, abs=2)
    assert colour(page, before[0] - 60, before[1]) == "white"


@pytest.mark.chromium
def test_a_finger_drags_the_divider_too(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html", has_touch=True, viewport={"width": 360, "height": 640})
    x = divider_at(page)
    client = page.context.new_cdp_session(page)
    for kind, at in (("touchStart", x), ("touchMove", x - 30), ("touchMove", x - 60), ("touchEnd", None)):
        points = [] if at is None else [{"x": at, "y": 320}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert divider_at(page) == pytest.approx(x - 60, abs=2)


def test_arrow_keys_move_the_divider_and_say_so(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    divider = page.get_by_role("slider", name="Divider between SAR VV and Synthetic optical")
    divider.focus()
    divider.press("End")
    expect(divider).to_have_attribute("aria-valuenow", "100")
    divider.press("ArrowLeft")
    divider.press("Shift+ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "88")
    divider.press("Home")
    assert divider_at(page) == pytest.approx(0, abs=1)
    assert colour(page, *on_map(page, 40, 30)) == "red"


def test_any_two_layers_can_be_compared_but_never_one_with_itself(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    page.get_by_label("Right").select_option(label="Expected error")
    expect(page.get_by_role("checkbox", name="Expected error")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Synthetic optical")).not_to_be_checked()
    assert colour(page, *on_map(page, 160, 30)) == "other"
    page.get_by_label("Left").select_option(label="Expected error")
    assert page.locator("select").evaluate_all("all => all.map(one => one.selectedOptions[0].text)") == [
        "Expected error",
        "SAR VV",
    ]


def test_without_swipe_layers_lie_on_one_another_and_fade(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    page.get_by_label("Swipe between two layers").uncheck()
    expect(page.get_by_role("slider", name="Divider")).to_be_hidden()
    left, right = on_map(page, 40, 30), on_map(page, 160, 30)
    assert colour(page, *left) == colour(page, *right) == "red"
    page.get_by_role("slider", name="Opacity of Synthetic optical").fill("0")
    assert (colour(page, *left), colour(page, *right)) == ("white", "black")
    expect(page.get_by_text("0 %", exact=True)).to_be_visible()
    page.get_by_role("checkbox", name="SAR VV").uncheck()
    assert colour(page, *right) == "other"  # the ground of the map
    page.get_by_role("slider", name="Opacity of Synthetic optical").fill("100")
    page.get_by_role("checkbox", name="Synthetic optical").uncheck()
    assert colour(page, *left) == "other"


def test_what_is_synthetic_says_so_whatever_is_shown(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    notice = page.get_by_role("note")
    expect(notice).to_have_text(
        "Synthetic colours, not an observation: guessed from scene_vv_db.tif by the model s1-rgb 0.1."
    )
    page.get_by_role("button", name=EVIL).click()  # the panel closes
    expect(page.get_by_text("Swipe between two layers")).to_be_hidden()
    expect(notice).to_be_visible()
    show(folder / "scene_vv_db.tif").write(folder / "radar.html")
    expect(open_page(folder / "radar.html").get_by_role("note")).to_have_count(0)


def test_the_legend_has_decibels_and_the_expected_error(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    page.get_by_role("checkbox", name="Expected error").check()
    assert page.locator(".gs-ends").evaluate_all(
        "all => all.map(one => [...one.children].map(it => it.innerText))"
    ) == [
        ["0", "of 255", "64"],
        ["\u221225", "dB", "\u22125"],
    ]
    assert "linear-gradient" in page.locator(".gs-ramp").first.evaluate("it => getComputedStyle(it).backgroundImage")


def test_the_pointer_reads_place_and_values_and_a_bar_says_how_far(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    page.get_by_role("checkbox", name="Expected error").check()
    x, y = on_map(page, 160, 30)
    page.mouse.move(x, y)
    locator = page.locator(".gs-coordinates")
    longitude, latitude = pyproj.Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(
        *(TEN_METRES @ (160, 30))
    )
    expect(locator).to_contain_text("° N, ")
    north, east = map(float, re.findall(r"([\d.]+)°", locator.inner_text()))
    a_screen_pixel = 1 / page.evaluate(f"{THE_MAP}.project([0, 1]).x - {THE_MAP}.project([0, 0]).x")
    assert (north, east) == pytest.approx((latitude, longitude), abs=2 * a_screen_pixel)
    expect(locator).to_contain_text("SAR VV \u2264\u2009\u221225.0 dB")
    expect(locator).to_contain_text("Expected error 3")
    expect(page.locator(".leaflet-control-scale-line")).to_contain_text("m")


def test_zooming_in_shows_single_pixels(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    zoom = page.get_by_role("button", name="Zoom in")
    before = page.evaluate(f"{THE_MAP}.getZoom()")
    zoom.click()
    until(lambda: bool(page.evaluate(f"{THE_MAP}.getZoom()") > before))
    expect(page.locator(".leaflet-zoom-anim")).to_have_count(0)
    page.evaluate(f"{THE_MAP}.setZoom({THE_MAP}.getMaxZoom(), {{animate: false}})")
    size = page.evaluate("document.querySelector('img.gs-sharp').width")
    assert size / WIDTH == pytest.approx(16, rel=0.8)


def test_markup_in_names_is_text(folder: Path, open_page: Open) -> None:
    page = open_page(folder / "map.html")
    assert page.title() == EVIL
    expect(page.get_by_role("button", name=EVIL)).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
def test_nobody_is_shut_out(folder: Path, open_page: Open, width: int, scheme: str) -> None:
    page = open_page(folder / "map.html", viewport={"width": width, "height": 640}, color_scheme=scheme)
    if width == 360:
        page.get_by_role("button", name=EVIL).click()
    page.get_by_role("checkbox", name="Expected error").check()
    violations = Axe().run(page)
    assert violations.violations_count == 0, violations.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_georeference_the_pointer_reads_pixels(folder: Path, open_page: Open) -> None:
    SarMap(read_layers(folder / "plain.png", 512), title="plain").write(folder / "plain.html")
    page = open_page(folder / "plain.html")
    x, y = page.evaluate(f"(at => [at.x, at.y])({THE_MAP}.latLngToContainerPoint([60 - 20.5, 70.5]))")
    page.mouse.move(x, y)
    expect(page.locator(".gs-coordinates")).to_contain_text("column 70, row 20")
    expect(page.locator(".leaflet-control-scale-line")).to_have_count(0)


def test_a_notebook_shows_the_same_map(folder: Path, open_page: Open) -> None:
    shown = show(folder / "scene_vv_db.tif", folder / "optical.tif", size=64)._repr_html_()
    (folder / "notebook.html").write_text(f"<!DOCTYPE html><title>notebook</title>{shown}", encoding="utf-8")
    frame = open_page(folder / "notebook.html").frame_locator("iframe")
    expect(frame.get_by_role("slider", name="Divider")).to_be_visible()
    expect(frame.get_by_role("note")).to_be_visible()


@pytest.mark.data
def test_a_known_place_of_los_angeles_is_where_leaflet_has_it(data_dir: Path, folder: Path, open_page: Open) -> None:
    """The empty tile of the scene has its upper right corner at column 1024, row 2048: a point that can be seen."""
    scenes = data_dir / "scenes"
    show(scenes / "los_angeles_s1_vh.tif", scenes / "los_angeles_s2_rgb.tif", size=1024).write(folder / "la.html")
    with rasterio.open(scenes / "los_angeles_s1_vh.tif") as dataset:
        to_degrees = pyproj.Transformer.from_crs(dataset.crs.to_wkt(), "EPSG:4326", always_xy=True)
        longitude, latitude = to_degrees.transform(*(dataset.transform @ (1024, 2048)))
    page = open_page(folder / "la.html")
    corners = page.evaluate(
        """([latitude, longitude, map]) => [...document.querySelectorAll("img.leaflet-image-layer")].map((image) => {
            const place = window[map].latLngToLayerPoint([latitude, longitude]);
            const corner = L.DomUtil.getPosition(image);
            const at = [(place.x - corner.x) / image.width * image.naturalWidth,
                        (place.y - corner.y) / image.height * image.naturalHeight];
            const canvas = Object.assign(document.createElement("canvas"),
                                         {width: image.naturalWidth, height: image.naturalHeight});
            const context = canvas.getContext("2d", {willReadFrequently: true});
            context.drawImage(image, 0, 0);
            const clear = (x, y) => context.getImageData(x, y, 1, 1).data[3] < 128;
            let x = 4, y = image.naturalHeight - 5;
            while (clear(x, y)) x += 1;
            const seen = [x];
            x = 4;
            while (clear(x, y)) y -= 1;
            return {at, seen: [...seen, y + 1], scale: image.naturalWidth / image.width};
        })""",
        [latitude, longitude, page.evaluate("Object.keys(window).find(key => key.startsWith('map_'))")],
    )
    assert len(corners) == 2
    for one in corners:
        # Leaflet rounds places and pictures to whole pixels of the screen, which are larger than the picture's here.
        slack = 1 + one["scale"]
        assert one["seen"] == pytest.approx(one["at"], abs=slack)
