"""Decibels through the sink, as GDAL, rio-cogeo and tifffile read them: float32, bit for bit."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import tifffile
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

from geosar.cog import CogSink
from geosar.errors import ResumeError, UsageError
from geosar.grid import windows
from helpers.rasters.cog_images import (
    TILE,
    WINDOW,
    DecibelImage,
    coarser_decibels,
    decibel_image,
    grid_of,
    names_in,
    smooth_image,
    spool_of,
    write_image,
)

LOSSLESS = ["zstd", "deflate", "lzw"]
SIZE = (1100, 700)


def read(path: Path, level: int | None = None) -> DecibelImage:
    options = {} if level is None else {"overview_level": level}
    with rasterio.open(path, **options) as dataset:
        return dataset.read().transpose(1, 2, 0), dataset.read_masks(1) > 0


def bits(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(values).view(np.uint32)


def sink_at(path: Path, **options: Any) -> CogSink:
    settings = {"bands": 2, "dtype": "float32", "colour": "grey", "tile": TILE, "window_size": WINDOW, **options}
    return CogSink(path, grid_of(*SIZE), **settings)


@pytest.mark.parametrize("bands", [1, 2])
@pytest.mark.parametrize("compress", LOSSLESS)
def test_decibels_mask_and_every_overview_read_back_bit_for_bit(tmp_path: Path, compress: str, bands: int) -> None:
    image = decibel_image(701, 530, bands)
    path = write_image(tmp_path / "a.tif", image, compress=compress)
    with rasterio.open(path) as dataset:
        assert dataset.dtypes == ("float32",) * bands
        assert dataset.overviews(1) == [2, 4, 8, 16]
        assert dataset.compression.value.lower() == compress
        assert dataset.mask_flag_enums == ([MaskFlags.per_dataset],) * bands
        assert dataset.nodata is None
        assert dataset.colorinterp == (ColorInterp.gray, ColorInterp.undefined)[:bands]
    expected = image
    for level in [None, 0, 1, 2, 3]:
        pixels, valid = read(path, level)
        np.testing.assert_array_equal(valid, expected[1])
        np.testing.assert_array_equal(bits(pixels), bits(np.where(valid[..., None], expected[0], np.float32(0))))
        expected = coarser_decibels(expected)


@pytest.mark.parametrize("bands", [1, 2])
@pytest.mark.parametrize("compress", LOSSLESS)
def test_tifffile_reads_the_same_bits_as_gdal_at_every_level(tmp_path: Path, compress: str, bands: int) -> None:
    path = write_image(tmp_path / "a.tif", decibel_image(301, 270, bands), compress=compress)
    with tifffile.TiffFile(path) as file:
        assert len(file.pages) == 8
        for index, level in enumerate([None, 0, 1, 2]):
            pixels, valid = read(path, level)
            page, mask = file.pages[2 * index], file.pages[2 * index + 1]
            np.testing.assert_array_equal(bits(page.asarray()).reshape(pixels.shape), bits(pixels))
            np.testing.assert_array_equal(mask.asarray() > 0, valid)


def test_every_kind_of_float_keeps_all_its_bits(tmp_path: Path) -> None:
    limits = np.finfo(np.float32)
    kinds = [0.0, -0.0, limits.max, limits.min, limits.tiny, limits.smallest_subnormal, -limits.eps, 1 / 3]
    pixels = np.resize(np.array(kinds, np.float32), (61, 67, 2))
    path = write_image(tmp_path / "a.tif", (pixels, np.ones((61, 67), np.bool_)))
    np.testing.assert_array_equal(bits(read(path)[0]), bits(pixels))


@pytest.mark.parametrize("compress", LOSSLESS)
@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 64), (255, 257), (513, 700), (1030, 90)])
def test_any_size_is_a_valid_cog_for_rio_cogeo(tmp_path: Path, compress: str, size: tuple[int, int]) -> None:
    image = decibel_image(*size, holes=False)
    path = write_image(tmp_path / "a.tif", image, compress=compress)
    assert cog_validate(path, strict=True) == (True, [], [])
    pixels, valid = read(path)
    assert valid.all()
    np.testing.assert_array_equal(pixels, image[0])


def test_names_units_and_tags_of_both_bands_are_those_given(tmp_path: Path) -> None:
    options = {"band_names": ("VV", "VH"), "units": ("dB", "dB"), "tags": {"GEOSAR_SYNTHETIC": "YES"}}
    path = write_image(tmp_path / "a.tif", decibel_image(100, 80), **options)
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == ("VV", "VH")
        assert dataset.units == ("dB", "dB")
        assert dataset.tags()["GEOSAR_SYNTHETIC"] == "YES"


def test_bytes_do_not_depend_on_order_threads_or_window_size(tmp_path: Path) -> None:
    pixels, valid = image = decibel_image(*SIZE)
    expected = write_image(tmp_path / "rows.tif", image).read_bytes()
    cut = list(windows(*SIZE, WINDOW))
    cut = cut[3:] + cut[2::-1]
    assert write_image(tmp_path / "shuffled.tif", image, order=cut).read_bytes() == expected
    assert write_image(tmp_path / "wide.tif", image, window_size=3 * WINDOW).read_bytes() == expected
    with sink_at(tmp_path / "threads.tif") as sink, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: sink.write(each, pixels[each.slices], valid[each.slices]), cut))
    assert (tmp_path / "threads.tif").read_bytes() == expected


def test_bands_that_come_first_in_memory_give_the_same_bytes(tmp_path: Path) -> None:
    pixels, valid = decibel_image(300, 200)
    expected = write_image(tmp_path / "a.tif", (pixels, valid)).read_bytes()
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    assert write_image(tmp_path / "b.tif", (planes.transpose(1, 2, 0), valid)).read_bytes() == expected


def test_what_lies_under_the_mask_is_stored_as_zero_whatever_it_was(tmp_path: Path) -> None:
    pixels, valid = decibel_image(300, 200)
    first = write_image(tmp_path / "nan.tif", (pixels, valid))
    assert np.isnan(pixels).any()
    for name, value in [("inf", np.inf), ("number", -99.0)]:
        other = np.where(valid[..., None], pixels, np.float32(value))
        assert write_image(tmp_path / f"{name}.tif", (other, valid)).read_bytes() == first.read_bytes()
    assert not read(first)[0][~valid].any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_no_number_is_refused_where_it_is_marked_as_valid(tmp_path: Path, value: float) -> None:
    pixels, valid = decibel_image(*SIZE, holes=False)
    window = windows(*SIZE, WINDOW)[0]
    sink = sink_at(tmp_path / "a.tif")
    block, mask = pixels[window.slices].copy(), valid[window.slices].copy()
    block[5, 7, 1] = block[9, 2] = value
    with pytest.raises(UsageError, match=r"has 2 pixels that are NaN or infinite but marked as valid; .* as invalid"):
        sink.write(window, block, mask)
    assert sink.finished == frozenset()
    mask[5, 7] = mask[9, 2] = False
    sink.write(window, block, mask)
    assert sink.finished == {(0, 0)}
    sink.abandon(keep=False)


def test_windows_without_data_cost_no_room_and_are_the_same_as_those_left_empty(tmp_path: Path) -> None:
    pixels, valid = decibel_image(*SIZE, holes=False)
    full = write_image(tmp_path / "full.tif", (pixels, valid)).stat().st_size
    valid[:, WINDOW : 3 * WINDOW] = False
    path = write_image(tmp_path / "a.tif", (pixels, valid))
    assert path.stat().st_size < 0.6 * full
    with sink_at(tmp_path / "b.tif") as sink:
        for window in windows(*SIZE, WINDOW):
            if valid[window.slices].any():
                sink.write(window, pixels[window.slices], valid[window.slices])
            else:
                sink.write_empty(window)
    assert (tmp_path / "b.tif").read_bytes() == path.read_bytes()
    image, mask = read(path)
    np.testing.assert_array_equal(mask, valid)
    assert not image[~valid].any()


def test_an_image_without_any_data_is_still_a_valid_cog(tmp_path: Path) -> None:
    pixels, valid = decibel_image(700, 300)
    path = write_image(tmp_path / "a.tif", (pixels, valid & False))
    assert cog_validate(path, strict=True) == (True, [], [])
    image, mask = read(path, 3)
    assert not image.any()
    assert not mask.any()


def test_a_resumed_run_gives_the_bytes_of_an_undisturbed_one(tmp_path: Path) -> None:
    pixels, valid = image = decibel_image(*SIZE)
    path = tmp_path / "a.tif"
    undisturbed = write_image(tmp_path / "whole.tif", image).read_bytes()
    sink = sink_at(path)
    for window in windows(*SIZE, WINDOW)[:7]:
        sink.write(window, pixels[window.slices], valid[window.slices])
    sink.abandon(keep=True)
    resumed = sink_at(path, resume=True)
    assert len(resumed.finished) == 7
    resumed.abandon(keep=True)
    assert write_image(path, image, resume=True).read_bytes() == undisturbed
    assert names_in(tmp_path) == ["a.tif", "whole.tif"]


def begun(path: Path, **options: Any) -> dict[str, str]:
    """Begin an output, leave it, and give what its spool says of it."""
    sink = sink_at(path, **options)
    window = windows(*SIZE, WINDOW)[0]
    block = np.ones((window.height, window.width, options.get("bands", 2)), options.get("dtype", "float32"))
    sink.write(window, block, np.ones((window.height, window.width), np.bool_))
    sink.abandon(keep=True)
    header: dict[str, dict[str, str]] = json.loads((spool_of(path) / "journal.jsonl").read_text().splitlines()[0])[1]
    return header["identity"]


def test_spools_of_bytes_say_what_they_always_said_and_those_of_floats_their_type(tmp_path: Path) -> None:
    grid = ["width", "height", "crs", "transform", "bands"]
    always = [*grid, "compression", "quality", "tile", "window size", "codec"]
    assert list(begun(tmp_path / "a.tif", bands=1, dtype="uint8")) == always
    floats = begun(tmp_path / "b.tif", bands=1)
    assert list(floats) == [*always, "dtype"]
    assert floats["dtype"] == "float32"


def test_a_spool_of_bytes_is_no_beginning_of_floats_nor_the_other_way(tmp_path: Path) -> None:
    begun(tmp_path / "bytes.tif", bands=1, dtype="uint8")
    with pytest.raises(ResumeError, match="dtype was not given, now float32"):
        sink_at(tmp_path / "bytes.tif", bands=1, resume=True)
    begun(tmp_path / "floats.tif", bands=1)
    with pytest.raises(ResumeError, match="dtype was float32, now not given"):
        sink_at(tmp_path / "floats.tif", bands=1, dtype="uint8", resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compress": "jpeg"}, "jpeg holds 8-bit pixels, not float32; choose one of zstd, deflate, lzw"),
        ({"compress": "webp"}, "webp holds 8-bit pixels, not float32; choose one of zstd, deflate, lzw"),
        ({"bands": 3}, "'grey' does not go with 3 bands of float32"),
        ({"bands": 3, "colour": "rgb"}, "'rgb' does not go with 3 bands of float32"),
        ({"dtype": "uint8"}, "'grey' does not go with 2 bands of uint8"),
        ({"dtype": "float64"}, "2 bands of float64; expected uint8 .*, or float32 with 1 or 2 bands"),
        ({"band_names": ["VV"]}, "1 band names for 2 bands"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        sink_at(tmp_path / "a.tif", **options)
    assert names_in(tmp_path) == []


def test_windows_of_another_type_or_shape_are_refused(tmp_path: Path) -> None:
    pixels, valid = decibel_image(*SIZE, holes=False)
    window = windows(*SIZE, WINDOW)[0]
    block, mask = pixels[window.slices], valid[window.slices]
    sink = sink_at(tmp_path / "a.tif")
    for other in [block.astype(np.float64), block.astype(">f4"), block[..., :1], smooth_image(WINDOW, WINDOW, 2)[0]]:
        with pytest.raises(UsageError, match=r"expected float32 \(256, 256, 2\)"):
            sink.write(window, other, mask)
    sink.abandon(keep=False)


@pytest.mark.parametrize(
    ("compress", "level", "tolerance"), [("zstd", 1, 0.04), ("deflate", 4, 0.04), ("lzw", 0, 0.15)]
)
def test_the_file_is_about_as_large_as_that_of_gdals_cog_driver(
    tmp_path: Path, compress: str, level: int, tolerance: float
) -> None:
    pixels, valid = decibel_image(1500, 1100, holes=False)
    ours = write_image(tmp_path / "ours.tif", (pixels, valid), tile=256, window_size=1024, compress=compress)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        profile = {"driver": "GTiff", "width": 1500, "height": 1100, "count": 2, "dtype": "float32"}
        with memory.open(**profile) as dataset:
            dataset.write(pixels.transpose(2, 0, 1))
            dataset.write_mask(valid)
        options = {"compress": compress, "blocksize": 256, "overview_resampling": "average", "predictor": "YES"}
        if level:
            options["level"] = level
        with memory.open() as dataset:
            rasterio.shutil.copy(dataset, tmp_path / "gdal.tif", driver="COG", **options)
    assert ours.stat().st_size == pytest.approx((tmp_path / "gdal.tif").stat().st_size, rel=tolerance)
