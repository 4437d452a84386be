"""Fixtures that all tests share: the real scenes, and a factory of tiny rasters that are odd in one way each."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.rasters import write_raster

pytest_plugins = ["helpers.service.fixtures"]
collect_ignore = ["helpers"]

MakeRaster = Callable[..., Path]


@pytest.fixture
def make_raster(tmp_path: Path) -> MakeRaster:
    """Return a factory: name and `write_raster`'s arguments in, path out."""

    def make(name: str = "scene.tif", values: np.ndarray | None = None, **options: Any) -> Path:
        return write_raster(tmp_path / name, values, **options)

    return make


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real scenes, GEOSAR_DATA; without it the test is skipped, or fails where that is asked."""
    folder = os.environ.get("GEOSAR_DATA")
    if folder and Path(folder, "scenes").is_dir():
        return Path(folder)
    message = f"GEOSAR_DATA is {folder!r}; set it to the folder that holds scenes/ and pairs/."
    if os.environ.get("GEOSAR_REQUIRE_DATA") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """Take back what a command set in the environment, where GDAL and later services would find it."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys() - {"PYTEST_CURRENT_TEST"}:
        del os.environ[name]
    os.environ.update(before)
