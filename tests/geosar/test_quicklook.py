"""The picture for a first look: sizes, places, colours and words."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from geosar.errors import GridMismatchError, TargetError
from geosar.grid import Window
from geosar.quicklook import write_quicklook
from geosar.scene import SarScene, open_scene
from helpers.rasters.cog_images import PLACE, UTM, smooth_image, write_image

SIZE = (700, 500)


def scene_at(path: Path, decibels: np.ndarray) -> SarScene:
    height, width = decibels.shape
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", **profile, crs=UTM, transform=PLACE, nodata=np.nan) as dataset:
        dataset.write(decibels.astype(np.float32), 1)
        dataset.set_band_description(1, "VH")
    return open_scene(path, scale="db")


def ramp() -> np.ndarray:
    decibels = np.repeat(np.linspace(-25, -5, SIZE[0])[None], SIZE[1], axis=0)
    decibels[:100, :100] = np.nan
    return decibels


def test_sar_stands_left_and_the_synthetic_image_right_at_the_overviews_size(tmp_path: Path) -> None:
    pixels, valid = smooth_image(*SIZE, holes=False)
    valid[:100, :100] = False
    cog = write_image(tmp_path / "a.tif", (pixels, valid))
    with scene_at(tmp_path / "sar.tif", ramp()) as scene:
        path = write_quicklook(tmp_path / "a.png", cog, scene, side=200)
    with Image.open(path) as image:
        picture = np.asarray(image)
        words = image.info["Description"]
    # 700 x 500 halved twice is 175 x 125; eight pixels lie between the pictures, twenty-four above them.
    assert picture.shape == (125 + 24, 2 * 175 + 8, 4)
    radar, optical = picture[24:, :175], picture[24:, 183:]
    assert not radar[:25, :25, 3].any()
    assert not optical[:25, :25, 3].any()
    assert radar[25:, :, 3].all()
    assert optical[25:, :, 3].all()
    with rasterio.open(cog, overview_level=1) as dataset:
        np.testing.assert_array_equal(optical[30:, :, :3], dataset.read().transpose(1, 2, 0)[30:])
    # A ramp of decibels stays one, from black at the 2nd percentile to white at the 98th.
    row = radar[100, :, 0].astype(int)
    assert (row[0], row[-1]) == (0, 255)
    assert (np.diff(row) >= 0).all()
    assert row[87] == pytest.approx(127, abs=6)
    assert "Left: SAR VH" in words
    assert "not an observation" in words


def test_a_pixel_is_the_mean_of_valid_decibels(tmp_path: Path) -> None:
    decibels = np.full((4, 8), -20.0)
    decibels[:, 4:] = [[-10, -10, np.nan, -30]] * 4
    pixels = np.ones((4, 8, 3), np.uint8), np.ones((4, 8), np.bool_)
    cog = write_image(tmp_path / "a.tif", pixels)
    with scene_at(tmp_path / "sar.tif", decibels) as scene:
        write_quicklook(tmp_path / "a.png", cog, scene, side=4)
    with Image.open(tmp_path / "a.png") as image:
        row = np.asarray(image)[24, :4, 0]
    # The means are -20, -20, -10 and -30; of two rows of them the percentiles lie near the extremes.
    assert list(row) == [127, 127, 255, 0] or list(row) == [128, 128, 255, 0]


def test_a_part_of_the_scene_is_shown_where_a_part_was_translated(tmp_path: Path) -> None:
    decibels = np.full((300, 400), -25.0)
    decibels[100:200, 100:250] = np.linspace(-20, -5, 150)
    cog = write_image(tmp_path / "a.tif", smooth_image(150, 100, holes=False))
    with scene_at(tmp_path / "sar.tif", decibels) as scene:
        write_quicklook(tmp_path / "a.png", cog, scene, part=Window(100, 100, 150, 100))
        with pytest.raises(GridMismatchError, match="150 x 100 pixels, the scene's part 400 x 300"):
            write_quicklook(tmp_path / "b.png", cog, scene)
    with Image.open(tmp_path / "a.png") as image:
        row = np.asarray(image)[60, :150, 0].astype(int)
    assert row[75] == pytest.approx(128, abs=4)


def test_a_scene_without_contrast_and_one_without_data_make_pictures_too(tmp_path: Path) -> None:
    cog = write_image(tmp_path / "a.tif", smooth_image(64, 64, holes=False))
    with scene_at(tmp_path / "flat.tif", np.full((64, 64), -12.5)) as scene:
        assert write_quicklook(tmp_path / "a.png", cog, scene).exists()
    with scene_at(tmp_path / "empty.tif", np.full((64, 64), np.nan)) as scene:
        write_quicklook(tmp_path / "b.png", cog, scene)
    with Image.open(tmp_path / "b.png") as image:
        assert not np.asarray(image)[24:, :64, 3].any()


def test_a_target_that_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    cog = write_image(tmp_path / "a.tif", smooth_image(64, 64, holes=False))
    scene = scene_at(tmp_path / "sar.tif", np.full((64, 64), -12.5))
    with scene, pytest.raises(TargetError, match=r"cannot write .*missing/a\.png"):
        write_quicklook(tmp_path / "missing" / "a.png", cog, scene)
