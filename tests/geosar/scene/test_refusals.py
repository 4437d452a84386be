"""Bad input: each kind is refused with what was found, what was expected and what to do."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.enums import ColorInterp

from geosar.errors import GeosarError, SceneContentError, SceneNotFoundError, SceneReadError, UsageError
from geosar.grid import Window
from geosar.scene import open_scene, raster
from helpers.rasters import speckled

DECIBEL = (10 * np.log10(speckled((1, 256, 256)))).astype(np.float32)
COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def photograph() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (3, 40, 50), dtype=np.uint8)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(SceneNotFoundError, match=r"absent\.tif does not exist; expected a raster"):
        open_scene(tmp_path / "absent.tif")
    with pytest.raises(FileNotFoundError):
        open_scene(tmp_path / "absent.tif")


@pytest.mark.parametrize("content", [b"Dear reader, this is a letter.", b"", b"II*\0", b"%PDF-1.7"])
def test_a_file_that_only_looks_like_a_raster_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "letter.tif"
    path.write_bytes(content)
    with pytest.raises(SceneReadError, match=r"letter\.tif"):
        open_scene(path)


def test_a_virtual_raster_is_not_followed_whatever_it_is_called(
    make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_raster(values=DECIBEL)
    with rasterio.open(path) as source:
        rasterio.shutil.copy(source, tmp_path / "virtual.tif", driver="VRT")
    with pytest.raises(SceneReadError, match="is not a raster that geosar reads"):
        open_scene(tmp_path / "virtual.tif")


def test_a_truncated_tiff_is_reported_with_the_window(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=DECIBEL, driver="COG", blocksize=128, compress="none")
    path.write_bytes(path.read_bytes()[:150_000])
    reason = r"columns 0 to 256, rows 192 to 256, of .*scene\.tif failed: \S"
    with open_scene(path, scale="db") as scene, pytest.raises(SceneReadError, match=reason):
        scene.read(Window(0, 192, 256, 64))


def test_a_tiff_cut_off_before_its_directory_cannot_be_opened(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=DECIBEL, compress="deflate")
    content = path.read_bytes()
    path.write_bytes(content[:8] + content[8:200])
    with pytest.raises(SceneReadError, match=r"Opening .*scene\.tif failed"), open_scene(path, scale="db") as scene:
        scene.read(scene.grid.window)


def test_a_corrupt_block_spoils_only_the_windows_that_touch_it(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=DECIBEL, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    with rasterio.open(path) as source:
        offset = int(source.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    content = bytearray(path.read_bytes())
    content[offset : offset + 64] = b"\xff" * 64
    path.write_bytes(content)
    with open_scene(path, scale="db") as scene:
        assert (scene.read(Window(128, 128, 128, 128)).values == DECIBEL[:, 128:, 128:]).all()
        with pytest.raises(SceneReadError, match="columns 100 to 120, rows 90 to 110"):
            scene.read(Window(100, 90, 20, 20))


def tiff_header(path: Path, width: int, height: int, *, tile: int = 1024) -> Path:
    """Write a TIFF that declares a size and holds no pixels: one tile's offset stands for all."""
    tiles = -(-width // tile) * -(-height // tile)
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 16),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
        (322, 4, 1, tile),
        (323, 4, 1, tile),
        (324, 16, tiles, 0),
        (325, 16, tiles, 0),
    ]
    body = b"".join(struct.pack("<HHQQ", *tag) for tag in tags)
    path.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, len(tags)) + body + struct.pack("<Q", 0))
    return path


@pytest.mark.parametrize(("width", "height"), [(2_000_000_000, 2_000_000_000), (2**21, 2**20), (4_000_000_000, 5)])
def test_an_absurd_size_is_refused_before_any_pixel_is_read(tmp_path: Path, width: int, height: int) -> None:
    with pytest.raises(GeosarError, match=r"2\^40|failed"):
        open_scene(tiff_header(tmp_path / "absurd.tif", width, height))


def test_blocks_of_all_bands_are_as_large_as_all_bands(
    make_raster: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One tile of 40 interleaved bands, 15.6 MB in the file, took gigabytes to read one band of."""
    monkeypatch.setattr(raster, "MAX_BLOCK_BYTES", 128 * 128 * 4 * 2 - 1)
    tiles = {"tiled": True, "blockxsize": 128, "blockysize": 128, "descriptions": ("VV", "VH")}
    both = np.concatenate([DECIBEL, DECIBEL - 7])
    with pytest.raises(SceneContentError, match="blocks of 128 x 128 pixels in 2 bands"):
        open_scene(make_raster("together.tif", both, interleave="pixel", **tiles))
    with open_scene(make_raster("apart.tif", both, interleave="band", **tiles)) as scene:
        assert scene.polarisations == ("VV", "VH")


def test_blocks_too_large_to_decode_are_refused(
    make_raster: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster, "MAX_BLOCK_BYTES", 256 * 256 * 4 - 1)
    path = make_raster(values=DECIBEL, blockysize=256, compress="deflate")
    with pytest.raises(SceneContentError, match="blocks of 256 x 256"):
        open_scene(path)
    with open_scene(make_raster("tiled.tif", DECIBEL, tiled=True, blockxsize=128, blockysize=128)) as scene:
        assert scene.grid.width == 256


def test_a_raster_without_bands_is_refused() -> None:
    class Empty:
        count = 0

    with pytest.raises(SceneContentError, match="no bands"):
        raster.check_readable(Empty(), "empty.tif")


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.tif"])
def test_a_colour_photograph_does_not_look_like_sar(make_raster: Callable[..., Path], name: str) -> None:
    driver = {"png": "PNG", "jpg": "JPEG", "tif": "GTiff"}[name[-3:]]
    path = make_raster(name, photograph(), driver=driver, colorinterp=COLOURS if driver == "GTiff" else ())
    with pytest.raises(SceneContentError, match=r"does not look like SAR.*`force`"):
        open_scene(path)
    with open_scene(path, force=True) as scene:
        assert len(scene.polarisations) == 1
        assert any("as was asked" in note for note in scene.notes)


def test_a_picture_with_a_colour_table_does_not_look_like_sar(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=photograph()[:1], photometric="palette")
    with rasterio.open(path, "r+") as target:
        target.write_colormap(1, {value: (value, 0, 255 - value, 255) for value in range(256)})
    with pytest.raises(SceneContentError, match="does not look like SAR"):
        open_scene(path)


def test_complex_data_is_refused_with_what_to_do(make_raster: Callable[..., Path]) -> None:
    values = np.ones((1, 8, 8), np.complex64)
    with pytest.raises(SceneContentError, match=r"complex.*SNAP"):
        open_scene(make_raster("slc.tif", values), force=True)


def test_many_bands_of_no_name_are_refused(make_raster: Callable[..., Path]) -> None:
    with pytest.raises(SceneContentError, match="13 bands and none says its polarisation"):
        open_scene(make_raster(values=np.ones((13, 8, 8), np.uint16)))


def test_an_alpha_channel_alone_is_no_scene(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=np.ones((1, 8, 8), np.uint8), colorinterp=(ColorInterp.alpha,))
    with pytest.raises(SceneContentError, match="alpha channel only"):
        open_scene(path)


@pytest.mark.parametrize("resolution", [0, -10, float("nan"), float("inf")])
def test_a_resolution_that_is_no_distance_is_refused(make_raster: Callable[..., Path], resolution: Any) -> None:
    with pytest.raises(UsageError, match="metres above zero"):
        open_scene(make_raster(values=DECIBEL), resolution=resolution)


def test_metres_make_no_sense_in_image_space(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=DECIBEL, crs=None, transform=None)
    with pytest.raises(SceneContentError, match="no CRS"):
        open_scene(path, resolution=10)
