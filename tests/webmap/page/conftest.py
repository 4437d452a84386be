"""A service of its own for the page's tests, with small parts of real scenes in it, and pages that report faults."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from playwright.sync_api import Browser, Page
from rasterio.windows import Window

from helpers.page.visits import Service, visit

CROP = Window(700, 1500, 640, 512)
"""Coast, airport and town of Los Angeles."""


@pytest.fixture(scope="session")
def los_angeles(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small part of the Los Angeles scene, on its grid."""
    path = tmp_path_factory.mktemp("crops") / "coast_vh.tif"
    with rasterio.open(data_dir / "scenes" / "los_angeles_s1_vh.tif") as source:
        profile = {
            "driver": "GTiff", "dtype": source.dtypes[0], "count": 1, "width": CROP.width, "height": CROP.height,
            "crs": source.crs, "transform": source.window_transform(CROP), "nodata": source.nodata,
        }  # fmt: skip
        with rasterio.open(path, "w", **profile) as target:
            target.write(source.read(1, window=CROP), 1)
            target.set_band_description(1, "VH")
    return path


@pytest.fixture(scope="session")
def truth(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The true optical image of the same part."""
    path = tmp_path_factory.mktemp("crops") / "coast_rgb.tif"
    with rasterio.open(data_dir / "scenes" / "los_angeles_s2_rgb.tif") as source:
        profile = {
            "driver": "GTiff", "dtype": "uint8", "count": 3, "width": CROP.width, "height": CROP.height,
            "crs": source.crs, "transform": source.window_transform(CROP), "photometric": "rgb",
        }  # fmt: skip
        with rasterio.open(path, "w", **profile) as target:
            target.write(source.read(window=CROP))
    return path


@pytest.fixture(scope="session")
def two_polarisations(data_dir: Path) -> Path:
    return data_dir / "scenes" / "rtc_282D_485L_3_3_vv_vh_db.tif"


@pytest.fixture(scope="session")
def picture(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A radar picture without georeference."""
    path = tmp_path_factory.mktemp("crops") / "picture.png"
    with rasterio.open(data_dir / "scenes" / "grd_gcps_india.tif") as source:
        values = source.read(1, window=Window(300, 200, 600, 400)).astype(float)
    Image.fromarray(np.clip(values / np.percentile(values, 98) * 255, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("page") / "store")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def scene(service: Service, los_angeles: Path) -> dict[str, Any]:
    """The part of Los Angeles, translated."""
    return service.translate(service.send(los_angeles))


@pytest.fixture(scope="session")
def dual(service: Service, two_polarisations: Path) -> dict[str, Any]:
    """A scene of two polarisations, not translated."""
    return service.send(two_polarisations)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1280 x 800 that fails the test when a script fails, or the page's security policy is hurt."""
    with visit(browser) as opened:
        yield opened


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page of 360 x 740 with touch."""
    with visit(browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True) as opened:
        yield opened
