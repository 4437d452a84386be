"""A scene read small, for the eye."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

import geosar
from helpers.rasters import TEN_METRES

MakeRaster = Callable[..., Path]


def test_a_pixel_is_the_mean_of_the_valid_ones_that_it_covers(make_raster: MakeRaster) -> None:
    values = np.repeat(np.repeat(np.array([[-20.0, -10], [-6, -12]], np.float32), 4, axis=0), 4, axis=1)
    values[0, :4] = -9999  # three rows of -20 are left
    values[4:, 4:] = -9999
    path = make_raster("scene_db.tif", values, nodata=-9999)
    with geosar.open_scene(path) as scene:
        block, grid = scene.read_overview(2)
    np.testing.assert_allclose(block.values[0][block.valid], [-20, -10, -6], atol=1e-5)
    assert block.valid.tolist() == [[True, True], [True, False]]
    assert grid.shape == (2, 2)
    assert (grid.transform.c, grid.transform.f) == (TEN_METRES.c, TEN_METRES.f)
    assert (grid.transform.a, grid.transform.e) == (40, -40)


def test_it_covers_what_the_scene_covers_also_where_the_halves_are_odd(make_raster: MakeRaster) -> None:
    path = make_raster("scene_db.tif", np.full((101, 203), -12, np.float32))
    with geosar.open_scene(path) as scene:
        block, grid = scene.read_overview(64)
        assert grid.shape == (26, 51) == block.valid.shape
        assert grid.bounds == pytest.approx(scene.grid.bounds)
        assert scene.read_overview(203)[1] == scene.grid


def test_it_reads_through_the_overviews_of_the_file(make_raster: MakeRaster) -> None:
    path = make_raster(
        "scene_db.tif", np.full((1024, 1024), -12, np.float32), tiled=True, blockxsize=256, blockysize=256
    )
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.average)
    # Other values at full resolution: what is read says where it came from.
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.write(np.full((1024, 1024), -3, np.float32), 1)
    with geosar.open_scene(path) as scene:
        assert scene.read_overview(512)[0].values.max() == -12
        assert scene.read_overview(1024)[0].values.min() == -3


def test_two_files_and_a_scale_are_read_small_too(make_raster: MakeRaster) -> None:
    make_raster("a_vv.tif", np.full((64, 64), -1200, np.int16), scale=0.01, units="dB")
    path = make_raster("a_vh.tif", np.full((64, 64), -1900, np.int16), scale=0.01, units="dB")
    with geosar.open_scene(path) as scene:
        block, _ = scene.read_overview(16)
        assert dict(zip(scene.polarisations, block.values[:, 3, 3].tolist(), strict=True)) == pytest.approx(
            {"VV": -12, "VH": -19}
        )
