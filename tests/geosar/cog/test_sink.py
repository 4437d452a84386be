"""What the sink writes, as GDAL, rio-cogeo and tifffile read it."""

import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import tifffile
from affine import Affine
from click.testing import CliRunner
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate
from rio_cogeo.scripts.cli import cogeo

from geosar.cog import CogSink
from geosar.errors import UsageError
from geosar.grid import windows
from helpers.rasters.cog_images import PLACE, TILE, UTM, WINDOW, coarser, grid_of, names_in, smooth_image, write_image

LOSSLESS = ["zstd", "deflate", "lzw"]
LOSSY = ["jpeg", "webp"]


def read(path: Path, level: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    options = {} if level is None else {"overview_level": level}
    with rasterio.open(path, **options) as dataset:
        return dataset.read().transpose(1, 2, 0), dataset.dataset_mask() > 0


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("compress", LOSSLESS)
def test_pixels_mask_and_every_overview_read_back_exactly(tmp_path: Path, compress: str, bands: int) -> None:
    image = smooth_image(701, 530, bands)
    path = write_image(tmp_path / "a.tif", image, compress=compress)
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1) == [2, 4, 8, 16]
        assert dataset.compression.value.lower() == compress
        assert dataset.mask_flag_enums == ([MaskFlags.per_dataset],) * bands
        assert dataset.nodata is None
    expected = image
    for level in [None, 0, 1, 2, 3]:
        pixels, valid = read(path, level)
        np.testing.assert_array_equal(valid, expected[1])
        np.testing.assert_array_equal(pixels, expected[0] * expected[1][..., None])
        expected = coarser(expected)


@pytest.mark.parametrize(("compress", "bands"), [("jpeg", 1), ("jpeg", 3), ("webp", 3)])
def test_lossy_pixels_read_back_close_and_their_mask_exactly(tmp_path: Path, compress: str, bands: int) -> None:
    image = smooth_image(701, 530, bands, holes=False)
    image[1][100:300, 50:400] = False
    path = write_image(tmp_path / "a.tif", image, compress=compress)
    expected = image
    for level in [None, 0, 1, 2, 3]:
        pixels, valid = read(path, level)
        np.testing.assert_array_equal(valid, expected[1])
        error = np.abs(pixels.astype(int) - expected[0])[valid]
        assert 0 < error.mean() < 6
        expected = coarser(expected)


def test_quality_of_lossy_compression_is_obeyed(tmp_path: Path) -> None:
    image = smooth_image(256, 256, holes=False)
    sizes = [
        write_image(tmp_path / f"{quality}.tif", image, compress="jpeg", quality=quality).stat().st_size
        for quality in (50, 75, 95)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < 0.7 * sizes[2]


@pytest.mark.parametrize("compress", [*LOSSLESS, *LOSSY])
@pytest.mark.parametrize("size", [(1, 1), (64, 64), (65, 64), (255, 257), (513, 700), (1030, 90)])
def test_any_size_is_a_valid_cog_for_rio_cogeo(tmp_path: Path, compress: str, size: tuple[int, int]) -> None:
    image = smooth_image(*size, holes=False)
    path = write_image(tmp_path / "a.tif", image, compress=compress)
    result = CliRunner().invoke(cogeo, ["validate", "--strict", str(path)])
    assert "is a valid cloud optimized GeoTIFF" in result.output
    assert cog_validate(path, strict=True) == (True, [], [])
    assert read(path)[1].all()


@pytest.mark.parametrize("compress", [*LOSSLESS, *LOSSY])
def test_tifffile_sees_what_gdal_sees(tmp_path: Path, compress: str) -> None:
    image = smooth_image(300, 270, holes=False)
    image[1][20:200, 3:150] = False
    path = write_image(tmp_path / "a.tif", image, compress=compress)
    pixels, valid = read(path)
    with tifffile.TiffFile(path) as file:
        np.testing.assert_allclose(file.pages[0].asarray().astype(int), pixels, atol=4 if compress == "jpeg" else 0)
        np.testing.assert_array_equal(file.pages[1].asarray() > 0, valid)


@pytest.mark.parametrize("size", [(512, 512), (513, 100), (1025, 1023), (2101, 700), (4097, 1)])
def test_sizes_of_levels_are_those_of_gdals_overviews(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    image = np.zeros((height, width, 1), np.uint8), np.ones((height, width), np.bool_)
    path = write_image(tmp_path / "ours.tif", image, tile=512, window_size=2048)
    with tifffile.TiffFile(path) as file:
        ours = [page.shape for page in file.pages[::2]]
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "gdal.tif", "w", **profile) as dataset:
        dataset.build_overviews([2**level for level in range(1, len(ours))])
    with tifffile.TiffFile(tmp_path / "gdal.tif") as file:
        assert ours == [page.shape for page in file.pages]
    assert max(ours[-1]) <= 512
    assert all(max(shape) > 512 for shape in ours[:-1])


def test_every_promise_of_the_ghost_area_holds(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif", smooth_image(701, 530))
    content = path.read_bytes()
    with tifffile.TiffFile(path) as file:
        pages = list(file.pages)
    position = max(page.offset for page in pages)
    for image, mask in zip(pages[-2::-2], pages[::-2], strict=True):
        tiles = zip(image.dataoffsets, image.databytecounts, mask.dataoffsets, mask.databytecounts, strict=True)
        for offset, count, mask_offset, mask_count in tiles:
            if not offset:
                assert (count, mask_offset, mask_count) == (0, 0, 0)
                continue
            assert offset - 4 >= position, "tiles stand in the order of rows, smallest level first"
            assert mask_offset == offset + count + 8, "the mask follows its tile"
            for start, size in [(offset, count), (mask_offset, mask_count)]:
                assert struct.unpack_from("<I", content, start - 4) == (size,)
                assert content[start + size : start + size + 4] == content[start + size - 4 : start + size]
            position = mask_offset + mask_count + 4
    assert position == len(content)


def test_bytes_do_not_depend_on_order_threads_or_window_size(tmp_path: Path) -> None:
    image = smooth_image(1100, 700)
    expected = write_image(tmp_path / "rows.tif", image).read_bytes()
    cut = list(windows(1100, 700, WINDOW))
    cut = cut[3:] + cut[2::-1]
    assert write_image(tmp_path / "shuffled.tif", image, order=cut).read_bytes() == expected
    assert write_image(tmp_path / "wide.tif", image, window_size=3 * WINDOW).read_bytes() == expected
    pixels, valid = image
    with (
        CogSink(tmp_path / "threads.tif", grid_of(1100, 700), bands=3, tile=TILE, window_size=WINDOW) as sink,
        ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(lambda each: sink.write(each, pixels[each.slices], valid[each.slices]), cut))
    assert (tmp_path / "threads.tif").read_bytes() == expected


def test_what_lies_under_the_mask_is_not_kept(tmp_path: Path) -> None:
    pixels, valid = smooth_image(300, 200)
    other = np.where(valid[..., None], pixels, 255 - pixels)
    first = write_image(tmp_path / "a.tif", (pixels, valid)).read_bytes()
    assert write_image(tmp_path / "b.tif", (other, valid)).read_bytes() == first


def test_windows_without_data_cost_no_room_and_read_as_masked(tmp_path: Path) -> None:
    pixels, valid = smooth_image(1024, 1024, holes=False)
    full = write_image(tmp_path / "full.tif", (pixels, valid)).stat().st_size
    valid[:, 256:] = False
    path = write_image(tmp_path / "quarter.tif", (pixels, valid))
    assert path.stat().st_size < 0.3 * full
    image, mask = read(path)
    np.testing.assert_array_equal(mask, valid)
    assert not image[:, 256:].any()
    assert cog_validate(path, strict=True) == (True, [], [])


def test_write_empty_is_the_same_as_writing_nothing_valid(tmp_path: Path) -> None:
    pixels, valid = smooth_image(600, 300)
    valid[:, 256:512] = False
    expected = write_image(tmp_path / "a.tif", (pixels, valid)).read_bytes()
    with CogSink(tmp_path / "b.tif", grid_of(600, 300), bands=3, tile=TILE, window_size=WINDOW) as sink:
        for window in windows(600, 300, WINDOW):
            if window.col_off == 256:
                sink.write_empty(window)
            else:
                sink.write(window, pixels[window.slices], valid[window.slices])
    assert (tmp_path / "b.tif").read_bytes() == expected


def test_an_image_without_any_data_is_still_a_valid_cog(tmp_path: Path) -> None:
    pixels, valid = smooth_image(700, 300)
    path = write_image(tmp_path / "a.tif", (pixels, valid & False))
    image, mask = read(path)
    assert not image.any()
    assert not mask.any()
    assert not read(path, 3)[1].any()
    assert path.stat().st_size < 4000


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        (UTM, PLACE),
        (CRS.from_epsg(4326), Affine(1 / 3600, 0, 179.9, 0, -1 / 3600, 47 + 2 / 3)),
        (CRS.from_epsg(3857), Affine(9.1, 1.3, 1e6 + 1 / 3, 1.7, -8.9, 5e6 + 1 / 7)),
        (CRS.from_epsg(3413), Affine(40.0, 0, -1e6, 0, -40.0, 1e6)),
        (None, Affine(10, 0, 5, 0, -10, 7)),
        (None, Affine.identity()),
    ],
    ids=["utm", "degrees", "rotated", "polar", "no_crs", "image_space"],
)
def test_crs_and_transform_read_back_bit_for_bit(tmp_path: Path, crs: CRS | None, transform: Affine) -> None:
    grid = grid_of(100, 80, crs, transform)
    path = write_image(tmp_path / "a.tif", smooth_image(100, 80), grid=grid)
    with rasterio.open(path) as dataset:
        assert dataset.crs == crs
        assert dataset.transform == transform


def test_tags_band_names_and_colours_are_those_given(tmp_path: Path) -> None:
    tags = {"TIFFTAG_SOFTWARE": "geosar 1", "GEOSAR_SYNTHETIC": "YES", "note": 'a < b & "c" ü'}
    names = ("red", "green", "blue")
    path = write_image(tmp_path / "rgb.tif", smooth_image(100, 80), tags=tags, band_names=names)
    with rasterio.open(path) as dataset:
        assert dataset.tags() == {**tags, "AREA_OR_POINT": "Area"}
        assert dataset.descriptions == names
        assert dataset.colorinterp == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    path = write_image(
        tmp_path / "grey.tif",
        smooth_image(100, 80, 1),
        band_names=["error"],
        scales=[0.5],
        offsets=[1.0],
        units=["%"],
    )
    with rasterio.open(path) as dataset:
        assert (dataset.descriptions, dataset.scales, dataset.offsets) == (("error",), (0.5,), (1.0,))
        assert dataset.units == ("%",)
        assert dataset.colorinterp == (ColorInterp.gray,)


@pytest.mark.parametrize(
    ("compress", "options", "tolerance"),
    [
        ("deflate", {"predictor": "YES", "level": 4}, 0.04),
        ("zstd", {"predictor": "YES", "level": 1}, 0.04),
        # libtiff begins a new table as soon as the old one fits badly, imagecodecs when it is full.
        ("lzw", {"predictor": "YES"}, 0.15),
        ("jpeg", {"quality": 90}, 0.04),
        ("webp", {"quality": 90}, 0.04),
    ],
)
def test_the_file_is_about_as_large_as_that_of_gdals_cog_driver(
    tmp_path: Path, compress: str, options: dict[str, Any], tolerance: float
) -> None:
    image = smooth_image(1500, 1100, holes=False)
    ours = write_image(tmp_path / "ours.tif", image, tile=256, window_size=1024, compress=compress)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        profile = {"driver": "GTiff", "width": 1500, "height": 1100, "count": 3, "dtype": "uint8"}
        with memory.open(**profile, photometric="RGB") as dataset:
            dataset.write(image[0].transpose(2, 0, 1))
            dataset.write_mask(image[1])
        options = {"compress": compress, "blocksize": 256, "overview_resampling": "average", **options}
        with memory.open() as dataset:
            rasterio.shutil.copy(dataset, tmp_path / "gdal.tif", driver="COG", **options)
    assert ours.stat().st_size == pytest.approx((tmp_path / "gdal.tif").stat().st_size, rel=tolerance)


def test_memory_does_not_grow_with_the_image(tmp_path: Path) -> None:
    side = 20 * 1024
    pixels, valid = smooth_image(1024, 1024, holes=False)
    tracemalloc.start()
    try:
        with CogSink(tmp_path / "a.tif", grid_of(side, side), bands=3, tile=256, window_size=1024) as sink:
            for index, window in enumerate(windows(side, side, 1024)):
                if index % 20:
                    sink.write_empty(window)
                else:
                    sink.write(window, pixels, valid)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40e6, "the image holds 1.3 GB"
    assert read(tmp_path / "a.tif", 5)[1].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": 4}, "4 bands"),
        ({"bands": 1}, "'rgb' does not go with 1 bands"),
        ({"compress": "gif"}, "choose one of zstd, deflate, lzw, jpeg, webp"),
        ({"bands": 1, "colour": "grey", "compress": "webp"}, "holds 3 bands"),
        ({"quality": 0}, "between 1 and 100"),
        ({"tile": 50}, "multiple of 16"),
        ({"window_size": 1000}, "multiple of 4 tiles, 256"),
        ({"band_names": ["red"]}, "1 band names for 3 bands"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    settings = {"bands": 3, "tile": TILE, "window_size": WINDOW, **options}
    with pytest.raises(UsageError, match=message):
        CogSink(tmp_path / "a.tif", grid_of(100, 100), **settings)
    assert names_in(tmp_path) == []


def test_windows_and_blocks_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    pixels, valid = smooth_image(600, 300)
    first, second, *_ = windows(600, 300, WINDOW)
    sink = CogSink(tmp_path / "a.tif", grid_of(600, 300), bands=3, tile=TILE, window_size=WINDOW)
    block, mask = pixels[first.slices], valid[first.slices]
    with pytest.raises(UsageError, match="expected uint8"):
        sink.write(first, block[..., :1], mask)
    with pytest.raises(UsageError, match="expected uint8"):
        sink.write(first, block.astype(np.float32), mask)
    with pytest.raises(UsageError, match="expected bool"):
        sink.write(first, block, mask[:10])
    with pytest.raises(UsageError, match="none of the windows"):
        sink.write(first.shifted(16, 0), block, mask)
    sink.write(first, block, mask)
    with pytest.raises(UsageError, match="written before"):
        sink.write(first, block, mask)
    with pytest.raises(UsageError, match=r"5 of 6 windows were not written, first \(0, 256\)"):
        sink.close()
    sink.write_empty(second)
    assert sink.finished == {(0, 0), (256, 0)}
    sink.abandon(keep=False)
    assert names_in(tmp_path) == []
