"""When a scene was taken, by its name and tags."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from geosar.scene import open_scene
from helpers.rasters import speckled

DECIBEL = (10 * np.log10(speckled((1, 32, 32)))).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("S1A_IW_GRDH_1SDV_20180716T004028_20180716T004053_022812_0278E6_8A3B.tif", {}),
        ("scene.tif", {"datetime": "2018-07-16T00:40:28.000000000"}),
        ("scene.tif", {"ACQUISITION_START_TIME": "2018-07-16T00:40:28Z"}),
        ("scene.tif", {"acquisition_start": "2018-07-16T06:10:28.0000000+05:30"}),
        ("scene.tif", {"first_line_time": "16-JUL-2018 00:40:28.000000"}),
        ("scene.tif", {"PRODUCT_START_TIME": "2018/07/16 00:40:28 UTC"}),
        ("scene.tif", {"start_datetime": "20180716T004028"}),
    ],
)
def test_the_time_of_acquisition_comes_from_the_name_or_tags(
    make_raster: Callable[..., Path], name: str, tags: dict[str, str]
) -> None:
    with open_scene(make_raster(name, DECIBEL, tags=tags)) as scene:
        assert scene.acquired == datetime(2018, 7, 16, 0, 40, 28, tzinfo=UTC)


@pytest.mark.parametrize("name", ["scene.tif", "20189999T999999.tif"])
def test_without_a_time_there_is_none(make_raster: Callable[..., Path], name: str) -> None:
    with open_scene(make_raster(name, DECIBEL, tags={"TIFFTAG_DATETIME": "2018:07:16 06:06:23"})) as scene:
        assert scene.acquired is None
