"""Unit, bands, polarisation and fill value of a scene are edited in its panel, by mouse and by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from helpers.page.visits import Service, look_at, until
from helpers.rasters import speckled, write_raster
from helpers.tiny_model import write_model


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("anew")
    running = Service(folder / "store", write_model(folder / "tiny"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def amplitudes(service: Service, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Amplitudes of two bands that say nothing of themselves, sent as power."""
    path = write_raster(tmp_path / "echo.tif", np.sqrt(speckled((2, 160, 180), len(request.node.name))))
    return service.translate(service.send(path, unit="power", band=["VV=1", "VH=2"]))


def test_a_scene_is_read_otherwise_by_mouse_and_its_problems_are_told(
    page: Page, service: Service, amplitudes: dict[str, Any]
) -> None:
    look_at(page, service, amplitudes)
    page.get_by_text("What was understood").click()
    form = page.get_by_role("form", name="Read it otherwise")
    page.get_by_text("Read it otherwise").click()
    expect(form.get_by_label("Unit")).to_have_value("power")
    expect(form.get_by_label("Bands")).to_have_value("VV=1, VH=2")

    form.get_by_label("Bands").fill("VV=2, VH=7")
    form.get_by_role("button", name="Read anew").click()
    expect(form.get_by_role("alert")).to_contain_text("7")
    assert service.get(f"scenes/{amplitudes['id']}")["stated"]["band"] == ["VV=1", "VH=2"], "it stays as it was"

    form.get_by_role("button", name="Undo").click()
    expect(form.get_by_role("alert")).to_be_hidden()
    expect(form.get_by_label("Bands")).to_have_value("VV=1, VH=2")
    form.get_by_label("Unit").select_option("amplitude")
    form.get_by_label("Bands").fill("VV=2, VH=1")
    form.get_by_label("No data is").fill("-9999")
    form.get_by_label("Mask band").fill("none")
    form.get_by_label("CRS").fill("EPSG:32632")
    form.get_by_label("Keep the dark border").check()
    form.get_by_role("button", name="Read anew").click()
    expect(page.locator(".facts")).to_contain_text("Amplitude")
    stated = {
        "unit": "amplitude", "band": ["VV=2", "VH=1"], "nodata": "-9999.0", "mask_band": "none", "crs": "EPSG:32632",
        "keep_border": True,
    }  # fmt: skip
    response = service.get(f"scenes/{amplitudes['id']}")
    assert response["stated"] == stated
    expect(page.locator(".result")).to_contain_text("Made before the scene was read otherwise")
    # What is shown now is drawn from the values of now: twice the decibels of before.
    until(lambda: service.get(f"scenes/{amplitudes['id']}")["display"]["state"] == "ready", page)
    expect(page.locator(".state")).to_be_hidden()
    low = response["description"]["statistics"]["1 VV"]["p02"]
    assert low == pytest.approx(2 * amplitudes["description"]["statistics"]["2 VH"]["p02"], abs=0.1)


def test_a_scene_is_read_otherwise_by_keyboard(page: Page, service: Service, amplitudes: dict[str, Any]) -> None:
    look_at(page, service, amplitudes)
    page.get_by_text("What was understood").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # the unit
    page.keyboard.press("Tab")  # the polarisation
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("VV=2")
    page.keyboard.press("Enter")
    until(lambda: service.get(f"scenes/{amplitudes['id']}")["stated"]["band"] == ["VV=2"], page)
