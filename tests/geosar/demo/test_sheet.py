"""Pictures beside each other: tones, masks, sizes, places."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geosar.demo.sheet import Panel, enlarged, optical_picture, write_sheet

MakeRaster = Callable[..., Path]


def test_bytes_are_shown_as_they_are_and_what_is_masked_is_grey(make_raster: MakeRaster) -> None:
    values = np.array([[[10, 250]], [[20, 250]], [[30, 250]]], np.uint8)
    path = make_raster("rgb.tif", values, nodata=250)
    assert optical_picture([path], 100).tolist() == [[[10, 20, 30], [128, 128, 128]]]


def test_reflectances_are_stretched_from_zero_by_one_factor_for_all_bands(make_raster: MakeRaster) -> None:
    bands = [np.full((20, 20), value, np.uint16) for value in (2000, 1000, 500)]
    paths = [make_raster(f"{number}.tif", band) for number, band in enumerate(bands)]
    # The 99th percentile of the three bands is 2000, so red is white and the others are a half and a quarter.
    assert optical_picture(paths, 100)[0, 0].tolist() == [255, 128, 64]


def test_a_large_raster_is_read_small(make_raster: MakeRaster) -> None:
    path = make_raster("wide.tif", np.zeros((3, 40, 200), np.uint8))
    assert optical_picture([path], 50).shape == (10, 50, 3)


@pytest.mark.parametrize(("side", "expected"), [(9, 9), (8, 6), (2, 3)])
def test_small_pictures_are_enlarged_by_whole_pixels(side: int, expected: int) -> None:
    picture = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    large = enlarged(picture, side)
    assert large.shape == (expected, expected, 3)
    assert (large[:: expected // 3, :: expected // 3] == picture).all()


def test_a_sheet_holds_every_panel_and_transparency_is_grey(tmp_path: Path) -> None:
    red = np.full((4, 6, 3), (255, 0, 0), np.uint8)
    clear = np.zeros((4, 6, 4), np.uint8)
    path = write_sheet(tmp_path / "sheet.png", [[Panel("", red), Panel("", clear)]] * 2, "")
    with Image.open(path) as image:
        pixels = np.asarray(image)
    assert (pixels == (255, 0, 0)).all(axis=-1).sum() == 2 * 24
    assert (pixels == (128, 128, 128)).all(axis=-1).sum() == 2 * 24
    columns = np.flatnonzero((pixels == (255, 0, 0)).all(axis=-1).any(axis=0))
    assert columns.tolist() == list(range(12, 18))
