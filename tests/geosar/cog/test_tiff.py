"""The byte layout, read back by tifffile and compared with files that GDAL makes."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import tifffile
from affine import Affine
from rasterio.crs import CRS
from rasterio.io import MemoryFile

from geosar.cog.tiff import ImageFormat, Level, descriptive_tags, framed, lay_out, longs, read_tags

ZSTD_RGB = ImageFormat(bands=3, tile=16, compression=50000, photometric=2, predictor=2)


def two_levels(image_bytes: int = 100) -> list[Level]:
    full = np.full((2, 2), image_bytes, np.uint32)
    full[0, 1] = 0
    small = np.full((1, 1), 40, np.uint32)
    return [Level(32, 20, full, (full > 0) * np.uint32(12)), Level(16, 10, small, small // 2)]


@pytest.mark.parametrize("big", [False, True])
def test_directories_hold_full_resolution_first_each_with_its_mask(big: bool) -> None:
    layout = lay_out(two_levels(), ZSTD_RGB, [], big=big)
    with tifffile.TiffFile(io.BytesIO(layout.header)) as file:
        assert file.is_bigtiff is big
        assert [page.tags[254].value for page in file.pages] == [0, 4, 1, 5]
        assert [page.shape[:2] for page in file.pages] == [(20, 32), (20, 32), (10, 16), (10, 16)]
        assert [page.tags[262].value for page in file.pages] == [2, 4, 2, 4]
        places = [page.offset for page in file.pages]
    assert places == sorted(places)
    assert len(layout.header) == layout.size - data_size(two_levels())


def test_two_bands_of_float_are_grey_with_an_extra_sample_in_every_directory_but_the_masks() -> None:
    image = ImageFormat(bands=2, tile=16, compression=50000, photometric=1, predictor=3, dtype="float32")
    with tifffile.TiffFile(io.BytesIO(lay_out(two_levels(), image, []).header)) as file:
        for page in file.pages[::2]:
            assert page.dtype == np.float32
            codes = {code: page.tags[code].value for code in (258, 262, 277, 317, 338, 339)}
            assert codes == {258: (32, 32), 262: 1, 277: 2, 317: 3, 338: (0,), 339: (3, 3)}
        for page in file.pages[1::2]:
            assert (page.tags[258].value, page.tags[339].value) == (1, 1)


def test_one_band_has_no_extra_sample() -> None:
    image = ImageFormat(bands=1, tile=16, compression=8, photometric=1, predictor=3, dtype="float32")
    with tifffile.TiffFile(io.BytesIO(lay_out(two_levels(), image, []).header)) as file:
        assert 338 not in file.pages[0].tags


def data_size(levels: list[Level]) -> int:
    return sum(int(level.stored_bytes().sum()) for level in levels)


@pytest.mark.parametrize("big", [False, True])
def test_tiles_follow_the_header_smallest_level_first_row_by_row_image_before_mask(big: bool) -> None:
    layout = lay_out(two_levels(), ZSTD_RGB, [], big=big)
    with tifffile.TiffFile(io.BytesIO(layout.header)) as file:
        full, full_mask, small, small_mask = (page.dataoffsets for page in file.pages)
    start = len(layout.header)
    # Worked out by hand: four bytes in front of and behind each of 40, 20; then 100, 12 three times.
    assert list(small) == [start + 4]
    assert list(small_mask) == [start + 4 + 40 + 4 + 4]
    first = start + 48 + 28
    assert list(full) == [first + 4, 0, first + 128 + 4, first + 256 + 4]
    assert list(full_mask) == [first + 112, 0, first + 128 + 112, first + 256 + 112]
    assert layout.size == first + 3 * 128


def test_a_file_below_four_gibibytes_is_classic_and_one_above_is_big() -> None:
    below = Level(16, 16, np.full((1, 1), 2**32 - 5000, np.uint32), np.full((1, 1), 10, np.uint32))
    above = Level(16, 16, np.full((1, 1), 2**32 - 50, np.uint32), np.full((1, 1), 10, np.uint32))
    assert not lay_out([below], ZSTD_RGB, []).big
    layout = lay_out([above], ZSTD_RGB, [])
    assert layout.big
    assert layout.size >= 2**32


def test_offsets_beyond_four_gibibytes_are_exact_in_a_bigtiff() -> None:
    sizes = np.full((8, 8), 200_000_000, np.uint32)
    layout = lay_out([Level(128, 128, sizes, sizes // 1_000_000)], ZSTD_RGB, [])
    with tifffile.TiffFile(io.BytesIO(layout.header)) as file:
        offsets = file.pages[0].dataoffsets
    step = 200_000_000 + 8 + 200 + 8
    assert list(offsets) == [len(layout.header) + 4 + index * step for index in range(64)]


def test_the_ghost_area_is_that_of_gdals_own_driver(tmp_path: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        profile = {"driver": "GTiff", "width": 600, "height": 520, "count": 1, "dtype": "uint8"}
        with memory.open(**profile) as dataset:
            dataset.write_mask(np.full((520, 600), 255, np.uint8))
        with memory.open() as dataset:
            rasterio.shutil.copy(dataset, tmp_path / "gdal.tif", driver="COG")
    theirs = (tmp_path / "gdal.tif").read_bytes()[8 : 8 + 43 + 174]
    assert theirs.startswith(b"GDAL_STRUCTURAL_METADATA_SIZE=000174 bytes\n")
    assert lay_out(two_levels(), ZSTD_RGB, [], big=False).header[8 : 8 + 43 + 174] == theirs


def test_a_tile_is_framed_by_its_size_and_its_last_four_bytes() -> None:
    assert b"".join(framed(b"abcdefg")) == b"\x07\0\0\0abcdefgdefg"
    assert b"".join(framed(b"ab")) == b"\x02\0\0\0ab\0\0ab"


GRIDS = {
    "north_up_utm": (CRS.from_epsg(32633), Affine(10, 0, 499980.123456789, 0, -10, 5200020.987654321)),
    "rotated": (CRS.from_epsg(3857), Affine(9.1, 1.3, 1e6 + 1 / 3, 1.7, -8.9, 5e6 + 1 / 7)),
    "south_up": (CRS.from_epsg(4326), Affine(0.1, 0, -180, 0, 0.1, -90)),
    "degrees_of_thirds": (CRS.from_epsg(4326), Affine(1 / 3600, 0, 13 + 1 / 3, 0, -1 / 3600, 47 + 2 / 3)),
    "polar_custom": (
        CRS.from_proj4("+proj=stere +lat_0=90 +lat_ts=71 +lon_0=-39 +datum=WGS84 +units=m"),
        Affine(40, 0, -1e6, 0, -40, 1e6),
    ),
    "no_crs": (None, Affine(10, 0, 5, 0, -10, 7)),
    "identity_with_crs": (CRS.from_epsg(3857), Affine.identity()),
}


@pytest.mark.parametrize("name", GRIDS)
def test_georeferencing_reads_back_as_from_a_file_of_gdals(name: str) -> None:
    crs, transform = GRIDS[name]
    tags = descriptive_tags(crs=crs, transform=transform, tags={}, band_names=("grey",))
    profile = {"driver": "GTiff", "width": 7, "height": 5, "count": 1, "dtype": "uint8"}
    with MemoryFile() as memory:
        with memory.open(**profile, crs=crs, transform=transform) as dataset:
            dataset.write(np.zeros((1, 5, 7), np.uint8))
        theirs = read_tags(bytes(memory.getbuffer()))
    ours = {tag.code: tag for tag in tags if 33000 < tag.code < 35000}
    assert ours == {code: tag for code, tag in theirs.items() if 33000 < code < 35000}


def test_image_space_has_no_georeferencing_tags() -> None:
    tags = descriptive_tags(crs=None, transform=Affine.identity(), tags={}, band_names=("grey",))
    assert [tag for tag in tags if 33000 < tag.code < 35000] == []


def test_reading_tags_refuses_what_is_no_little_endian_classic_tiff() -> None:
    with pytest.raises(ValueError, match="little-endian classic TIFF"):
        read_tags(struct.pack(">2sHI", b"MM", 42, 8))


def test_short_values_stand_in_the_entry_and_long_ones_behind_it() -> None:
    layout = lay_out(two_levels(), ZSTD_RGB, [longs(40000, 1, 2, 3), longs(40001, 9)], big=False)
    read_back = read_tags(layout.header)
    assert struct.unpack("<3I", read_back[40000].data) == (1, 2, 3)
    assert struct.unpack("<I", read_back[40001].data) == (9,)
