"""Scenes read on another grid: a wanted ground sampling distance, or another CRS."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio.warp
from affine import Affine

from geosar.grid import Window, windows
from geosar.scene import open_scene


def ramp(height: int = 120, width: int = 160) -> np.ndarray:
    """Make a plane, which bilinear interpolation reproduces exactly: 10 per column, 1 per row."""
    rows, cols = np.indices((height, width)) + 0.5
    return (1000 + 10 * cols + rows).astype(np.float32)[np.newaxis]


def test_a_finer_grid_interpolates_between_the_pixels(make_raster: Callable[..., Path]) -> None:
    with open_scene(make_raster(values=ramp()), scale="amplitude") as plain:
        size = plain.grid.pixel_size_metres()[0]
    with open_scene(make_raster(values=ramp()), scale="amplitude", resolution=size / 2) as scene:
        assert scene.grid.shape == (240, 320)
        assert scene.grid.transform.a == pytest.approx(5)
        assert scene.grid.bounds == pytest.approx(plain.grid.bounds)
        rows, cols = (np.indices((240, 320)) + 0.5) / 2
        block = scene.read(scene.grid.window)
        np.testing.assert_allclose(block.values[0, 4:-4, 4:-4], (1000 + 10 * cols + rows)[4:-4, 4:-4], rtol=1e-4)
        assert any("Resampled" in note for note in scene.notes)


def test_a_coarser_grid_averages_and_does_not_depend_on_the_window(make_raster: Callable[..., Path]) -> None:
    random = np.random.default_rng(1).normal(1000, 100, (1, 200, 200)).astype(np.float32)
    path = make_raster(values=random)
    with (
        open_scene(path, scale="amplitude", resolution=40.016) as scene,
        open_scene(path, scale="amplitude", resolution=40.016) as parts,
    ):
        whole = scene.read(scene.grid.window).values
        assert whole.shape == (1, 50, 50)
        # A triangle over eight pixels a side leaves about a sixth of the deviation; one pixel would leave all.
        assert whole.std() < 30
        for window in windows(50, 50, 13):
            assert (parts.read(window).values == whole[:, *window.slices]).all()


def test_metres_are_metres_on_the_ground_in_degrees_and_in_mercator(make_raster: Callable[..., Path]) -> None:
    for crs, transform in (
        ("EPSG:4326", Affine(2e-4, 0, 10, 0, -2e-4, 60)),
        ("EPSG:3395", Affine(20, 0, 1_000_000, 0, -20, 8_000_000)),
    ):
        path = make_raster(values=ramp(), crs=crs, transform=transform)
        with open_scene(path, scale="amplitude", resolution=10) as scene:
            assert scene.grid.pixel_size_metres() == pytest.approx((10, 10), rel=0.01)
            assert scene.grid.crs.to_string() == crs


def test_a_rotated_grid_stays_rotated(make_raster: Callable[..., Path]) -> None:
    transform = Affine.translation(600_000, 1_200_000) @ Affine.rotation(30) @ Affine.scale(20, -20)
    with open_scene(make_raster(values=ramp(), transform=transform), scale="amplitude", resolution=10) as scene:
        assert math.degrees(math.atan2(scene.grid.transform.d, scene.grid.transform.a)) == pytest.approx(30)
        block = scene.read(Window(100, 100, 20, 20))
        assert block.valid.all()
        rows, cols = np.indices((20, 20)) + 100.5
        np.testing.assert_allclose(block.values[0], 1000 + 10 * cols / 2 + rows / 2, rtol=1e-3)


def test_the_own_resolution_changes_nothing(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=ramp())
    with (
        open_scene(path, scale="amplitude") as plain,
        open_scene(path, scale="amplitude", dst_crs="EPSG:32643") as scene,
    ):
        assert scene.grid == plain.grid
        assert (scene.read(scene.grid.window).values == ramp()).all()


def test_another_crs_puts_the_pixels_where_they_belong(make_raster: Callable[..., Path]) -> None:
    with open_scene(make_raster(values=ramp()), scale="amplitude", dst_crs="EPSG:32644") as scene:
        assert scene.grid.crs.to_epsg() == 32644
        assert scene.grid.pixel_size_metres() == pytest.approx((10, 10), rel=0.01)
        xs, ys = rasterio.warp.transform("EPSG:32643", "EPSG:32644", [600_805.0], [1_199_395.0])
        col, row = ~scene.grid.transform @ (xs[0], ys[0])
        block = scene.read(Window(int(col), int(row), 1, 1)).values.item()
        assert block == pytest.approx(1000 + 10 * 80.5 + 60.5, abs=10)


def test_holes_do_not_bleed_into_their_neighbours(make_raster: Callable[..., Path]) -> None:
    values = np.full((1, 100, 100), -12, np.float32)
    values[0, 30:60, 30:60] = np.nan
    for name, options in (("nan_db.tif", {}), ("declared_db.tif", {"nodata": -9999})):
        stored = np.nan_to_num(values, nan=-9999) if options else values
        with open_scene(make_raster(name, stored, **options), resolution=7) as scene:
            block = scene.read(scene.grid.window)
            np.testing.assert_allclose(block.values[0][block.valid], -12, rtol=1e-5)
            assert block.valid.mean() == pytest.approx(0.91, abs=0.02)


def test_a_masked_raster_keeps_its_mask(make_raster: Callable[..., Path]) -> None:
    mask = np.ones((100, 100), bool)
    mask[30:60, 30:60] = False
    path = make_raster(values=np.full((1, 100, 100), 90, np.uint8), mask=mask)
    with open_scene(path, resolution=5) as scene:
        assert len(scene.polarisations) == 1
        assert scene.read(scene.grid.window).valid.mean() == pytest.approx(0.91, abs=0.02)
