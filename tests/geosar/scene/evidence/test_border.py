"""Dark borders are followed from the edge inwards; dark pixels inside stay what they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint

from geosar.scene import open_scene
from helpers.rasters import speckled

SIDE = 120
ROWS, COLS = np.indices((SIDE, SIDE))
SLANTED = (COLS + 0.3 * ROWS < 45) | (COLS - 0.3 * ROWS > 95)
PICTURE = np.clip(np.sqrt(speckled((SIDE, SIDE))) * 300, 1, 255).astype(np.uint8)
NUMBERS = np.clip(np.sqrt(speckled((SIDE, SIDE))) * 600, 30, 60000).astype(np.uint16)


def bordered(values: np.ndarray, border: np.ndarray | int) -> np.ndarray:
    image = np.where(SLANTED, border, values).astype(values.dtype)
    image[60:70, 60:70] = 0  # a dark place inside
    return image


def test_the_black_border_of_a_picture_is_masked_and_what_is_black_inside_is_not(make_raster: Any) -> None:
    path = make_raster("scene_VV.tif", bordered(PICTURE, 0))
    with open_scene(path) as scene:
        assert (scene.read(scene.grid.window).valid == ~SLANTED).all()
        assert any("A dark border (" in note and "--keep-border" in note for note in scene.notes)
        window = scene.grid.window
        parts = [scene.read(type(window)(0, row, SIDE, 24)).valid for row in range(0, SIDE, 24)]
        assert (np.concatenate(parts) == ~SLANTED).all()
        overview = scene.read_overview(SIDE // 2)[0].valid
        assert abs(overview.mean() - (~SLANTED).mean()) < 0.02
    with open_scene(path, keep_border=True) as scene:
        assert scene.read(scene.grid.window).valid.all()


def test_a_few_black_pixels_at_the_edge_are_no_border(make_raster: Any) -> None:
    values = PICTURE.copy()
    values[10:20, :8] = 0
    with open_scene(make_raster("scene_VV.tif", values)) as scene:
        assert scene.read(scene.grid.window).valid.all()


def test_a_resampled_picture_has_no_fringe_of_its_border(make_raster: Any) -> None:
    level = np.full((SIDE, SIDE), 100, np.uint8)
    level[::2, ::3] = 101
    with open_scene(make_raster("scene_VV.tif", np.where(SLANTED, 0, level).astype(np.uint8)), resolution=7) as scene:
        block = scene.read(scene.grid.window)
        assert block.values[0][block.valid].min() >= 100
        assert block.valid.mean() == pytest.approx((~SLANTED).mean(), abs=0.05)


def write_swath(path: Path, values: np.ndarray) -> Path:
    points = [
        GroundControlPoint(row=row, col=col, x=76 + col * 9e-5, y=10.5 - row * 9e-5)
        for row in np.linspace(0, SIDE, 5)
        for col in np.linspace(0, SIDE, 5)
    ]
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=SIDE, width=SIDE, dtype="uint16", gcps=points, crs="EPSG:4326"
    ) as target:
        target.write(values, 1)
    return path


@pytest.mark.parametrize("noise", [True, False], ids=["noise", "zeros"])
def test_the_noise_beside_a_swath_is_masked_and_the_sea_is_not(tmp_path: Path, *, noise: bool) -> None:
    values = NUMBERS.copy()
    strip = np.random.default_rng(5).integers(0, 12, (SIDE, 40)) if noise else np.zeros((SIDE, 40))
    values[:, :40] = strip
    values[50:80, 60:90] = 9  # darker than the noise, inside
    with open_scene(write_swath(tmp_path / "grd_vv.tif", values)) as scene:
        block = scene.read(scene.grid.window)
        seen = block.values[0][block.valid]
        assert block.valid.mean() == pytest.approx(2 / 3, abs=0.03)
        assert seen.min() >= 9
        assert np.count_nonzero(seen == 9) > 700
        assert any("A dark border" in note for note in scene.notes) == noise
    with open_scene(tmp_path / "grd_vv.tif", keep_border=True) as scene:
        assert (scene.read(scene.grid.window).valid.mean() > 0.9) == noise
