"""The tone of a true image: fitted by hand-made differences, whatever its grid, and the same for every window."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.warp import Resampling, calculate_default_transform, reproject

import geosar
from geosar.errors import GridMismatchError, SceneContentError
from geosar.models import Model, load_model
from geosar.tone import CELL, SAMPLE, sample_windows
from helpers.rasters import TEN_METRES, write_raster
from helpers.tiny_model import write_dual_model

SIDE = 640
GAIN, OFFSET = (0.7, 1.2, 0.9), (60, -60, 12)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(write_dual_model(tmp_path_factory.mktemp("models") / "dual"))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Land of even blocks, so that cells have colours of their own."""
    random = np.random.default_rng(0)
    blocks = np.stack([np.kron(random.normal(mean, 2, (40, 40)), np.ones((16, 16))) for mean in (-10, -16.5)])
    path = tmp_path_factory.mktemp("scene") / "s.tif"
    return write_raster(path, blocks.astype(np.float32), descriptions=("VV", "VH"), units="dB")


def read(path: Path) -> NDArray[np.uint8]:
    with rasterio.open(path) as image:
        values: NDArray[np.uint8] = image.read()
    return values


@pytest.fixture(scope="module")
def plain(scene: Path, model: Model) -> NDArray[np.uint8]:
    geosar.translate(scene, scene.with_name("plain.tif"), model=model)
    return read(scene.with_name("plain.tif"))


def true_image(plain: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What was made, in another tone."""
    toned = plain * np.array(GAIN)[:, None, None] + np.array(OFFSET)[:, None, None]
    return np.clip(np.rint(toned), 0, 255).astype(np.uint8)


def test_one_gain_and_offset_a_channel_are_found(
    tmp_path: Path, scene: Path, model: Model, plain: NDArray[np.uint8]
) -> None:
    true = true_image(plain)
    reference = write_raster(tmp_path / "true.tif", true, photometric="RGB")
    report = geosar.translate(scene, tmp_path / "o.tif", model=model, match=reference)
    pixels = read(tmp_path / "o.tif").astype(int)
    for band in (0, 1):
        assert np.abs(pixels[band] - true[band]).mean() < 2
    assert np.abs(pixels - plain).mean() > 15
    (note,) = [note for note in report.notes if "matched in tone" in note]
    assert "true" in note
    assert "red x 0.7" in note
    with rasterio.open(tmp_path / "o.tif") as image:
        assert note in image.tags()["GEOSAR_NOTES"]


def test_the_image_may_lie_on_any_grid_in_any_order_of_bands_and_cover_a_part(
    tmp_path: Path, scene: Path, model: Model, plain: NDArray[np.uint8]
) -> None:
    true = true_image(plain)[:, : SIDE // 2]
    crs, bounds = "EPSG:4326", rasterio.transform.array_bounds(SIDE // 2, SIDE, TEN_METRES)
    place, width, height = calculate_default_transform("EPSG:32643", crs, SIDE, SIDE // 2, *bounds, resolution=2e-4)
    turned = np.zeros((3, height, width), np.uint8)
    reproject(
        true[::-1].copy(), turned, src_transform=TEN_METRES, src_crs="EPSG:32643", dst_transform=place, dst_crs=crs,
        resampling=Resampling.average,
    )  # fmt: skip
    reference = write_raster(
        tmp_path / "true.tif", turned, crs=crs, transform=place, nodata=0,
        colorinterp=(ColorInterp.blue, ColorInterp.green, ColorInterp.red),
    )  # fmt: skip
    geosar.translate(scene, tmp_path / "o.tif", model=model, match=reference)
    pixels = read(tmp_path / "o.tif").astype(int)
    for band in (0, 1):
        assert np.abs(pixels[band] - true_image(plain)[band]).mean() < 8


def test_a_part_of_the_scene_has_the_tone_of_the_whole(
    tmp_path: Path, scene: Path, model: Model, plain: NDArray[np.uint8]
) -> None:
    reference = write_raster(tmp_path / "true.tif", true_image(plain), photometric="RGB")
    geosar.translate(scene, tmp_path / "o.tif", model=model, match=reference)
    left, top = TEN_METRES * (100, 200)
    geosar.translate(scene, tmp_path / "p.tif", model=model, match=reference, bbox=(left, top - 1500, left + 900, top))
    np.testing.assert_array_equal(read(tmp_path / "p.tif"), read(tmp_path / "o.tif")[:, 200:350, 100:190])


def test_an_image_of_another_place_is_refused_and_nothing_is_left(
    tmp_path: Path, scene: Path, model: Model, plain: NDArray[np.uint8]
) -> None:
    far = TEN_METRES * Affine.translation(50_000, 0)
    reference = write_raster(tmp_path / "true.tif", true_image(plain), transform=far, photometric="RGB")
    with pytest.raises(GridMismatchError, match="hardly overlaps the scene: 0 cells"):
        geosar.translate(scene, tmp_path / "o.tif", model=model, match=reference)
    assert [path.name for path in tmp_path.iterdir()] == ["true.tif"]


def test_what_is_no_map_or_has_no_colours_is_refused(tmp_path: Path, scene: Path, model: Model) -> None:
    image = np.full((3, 64, 64), 90, np.uint8)
    bare = write_raster(tmp_path / "bare.tif", image, crs=None, transform=None, photometric="RGB")
    with pytest.raises(GridMismatchError, match=r"bare\.tif has no map grid"):
        geosar.translate(scene, tmp_path / "o.tif", model=model, match=bare)
    grey = write_raster(tmp_path / "grey.tif", image[:1])
    with pytest.raises(SceneContentError, match=r"grey\.tif has 1 bands; expected red, green and blue"):
        geosar.translate(scene, tmp_path / "o.tif", model=model, match=grey)


@pytest.mark.parametrize(("width", "height"), [(640, 640), (100, 40), (9000, 700), (20_000, 15_000)])
def test_samples_are_of_whole_cells_inside_the_scene_and_few(width: int, height: int) -> None:
    windows = list(sample_windows(width, height))
    assert 0 < len(windows) <= 25
    for window in windows:
        assert window.col_off % CELL == window.row_off % CELL == window.width % CELL == window.height % CELL == 0
        assert 0 < window.width <= SAMPLE
        assert window.col_off + window.width <= width
        assert window.row_off + window.height <= height
