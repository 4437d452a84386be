"""From files to layers: what a raster is, where it lies, how it is shown, and what is said of it."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from rasterio.enums import ColorInterp

from geosar.errors import GeosarError, SceneContentError, SceneNotFoundError
from geosar_webmap.mapfile.layers import Layer
from geosar_webmap.mapfile.reading import read_layers
from helpers.rasters import speckled
from helpers.rasters.swaths import Swath

MakeRaster = Callable[..., Path]
SYNTHETIC = {"GEOSAR_SYNTHETIC": "YES", "GEOSAR_MODEL": "s1-rgb 0.1", "GEOSAR_SOURCE": "scene_vv.tif"}


def picture_of(layer: Layer) -> np.ndarray:
    assert layer.image is not None
    with Image.open(io.BytesIO(base64.b64decode(layer.image.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGBA"))


def colours(height: int = 60, width: int = 80) -> np.ndarray:
    bands = np.zeros((3, height, width), np.uint8)
    bands[0], bands[1], bands[2] = 200, 100, 50
    return bands


def test_a_dual_polarised_scene_gives_both_and_a_composite(make_raster: MakeRaster) -> None:
    path = make_raster("scene_db.tif", 10 * np.log10(speckled((2, 90, 110))), descriptions=("VV", "VH"))
    vv, vh, composite = read_layers(path, 512)
    assert [layer.name for layer in (vv, vh, composite)] == ["SAR VV", "SAR VH", "SAR in colour"]
    assert vv.bounds == vh.bounds == composite.bounds
    assert vv.legend is not None
    assert vv.legend.unit == "dB"
    assert -24 < vv.legend.low < vv.legend.high < 0
    assert composite.legend is None
    assert "red VV, green VH, blue VV / VH" in composite.detail
    assert vv.notice is None
    assert [layer.name for layer in read_layers(path, 512, polarisation="VH")] == ["SAR VH"]


def test_sar_is_stretched_from_the_2nd_to_the_98th_percentile(make_raster: MakeRaster) -> None:
    decibels = np.tile(np.linspace(-25, -5, 101, dtype=np.float32), (101, 1))
    (layer,) = read_layers(make_raster("scene_vv_db.tif", decibels), 512)
    assert layer.legend is not None
    assert (layer.legend.low, layer.legend.high) == (pytest.approx(-24.6, abs=0.11), pytest.approx(-5.4, abs=0.11))
    row = picture_of(layer)[100]
    shown = row[row[:, 3] > 0, 0].astype(int)
    assert shown[0] <= 3
    assert shown[-1] >= 252
    assert shown[len(shown) // 2] == pytest.approx(127, abs=4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_amplitudes_say_that_they_are_not_calibrated(make_raster: MakeRaster, dtype: type) -> None:
    values = (200 * np.sqrt(speckled((80, 80)))).clip(1, 255).astype(dtype)
    (layer,) = read_layers(make_raster("scene.tif", values, nodata=0), 512)
    assert layer.name == "SAR"
    assert layer.legend is not None
    assert layer.legend.unit == "dB, not calibrated"


def test_control_points_are_enough(tmp_path: Path) -> None:
    swath = Swath(longitude=77, latitude=10, heading=190, size=900)
    path = swath.write(tmp_path / "swath_vv.tif", [(450, 450)])
    (layer,) = read_layers(path, 900)
    (south, west), (north, east) = layer.bounds
    longitude, latitude = swath.place(450.5, 450.5)
    picture = picture_of(layer)
    height, width = picture.shape[:2]
    rows, columns = np.nonzero((picture[..., 0] > 200) & (picture[..., 3] > 0))
    assert len(rows) > 0
    pixel = (east - west) / width, (north - south) / height
    # So near the equator, and over a third of a degree, latitude is as good as linear.
    assert west + (columns.mean() + 0.5) * pixel[0] == pytest.approx(longitude, abs=pixel[0])
    assert north - (rows.mean() + 0.5) * pixel[1] == pytest.approx(latitude, abs=pixel[1])


def test_a_translated_image_says_so_by_model_and_source(make_raster: MakeRaster) -> None:
    mask = np.full((60, 80), 255, np.uint8)
    mask[:20] = 0
    path = make_raster("optical.tif", colours(), tags=SYNTHETIC, mask=mask)
    (layer,) = read_layers(path, 512)
    assert (layer.role, layer.name, layer.detail) == ("optical", "Synthetic optical", "optical.tif")
    assert layer.notice == ("Synthetic colours, not an observation: guessed from scene_vv.tif by the model s1-rgb 0.1.")
    picture = picture_of(layer)
    height, width = picture.shape[:2]
    assert picture[height // 8, width // 2, 3] == 0
    np.testing.assert_allclose(picture[3 * height // 4, width // 2], [200, 100, 50, 255], atol=4)


def test_the_expected_error_is_known_by_its_tags(make_raster: MakeRaster) -> None:
    path = make_raster("optical.error.tif", np.full((60, 80), 64, np.uint8), tags=SYNTHETIC)
    (layer,) = read_layers(path, 512)
    assert (layer.role, layer.name) == ("error", "Expected error")
    assert layer.legend is not None
    assert (layer.legend.low, layer.legend.high, layer.legend.unit) == (0, 64, "of 255")
    assert layer.notice is not None


def test_a_photograph_and_reflectances_are_optical_and_nothing_says_synthetic(make_raster: MakeRaster) -> None:
    rgb = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    for path in (
        make_raster("photo.tif", colours(), colorinterp=rgb),
        make_raster("reflectance.tif", colours().astype(np.uint16) * 20),
    ):
        (layer,) = read_layers(path, 512)
        assert (layer.role, layer.name, layer.notice) == ("optical", "Optical", None)
        picture = picture_of(layer)
        middle = picture[picture.shape[0] // 2, picture.shape[1] // 2].astype(int)
        assert middle[0] == pytest.approx(2 * middle[1], abs=8)


def test_a_file_that_begins_with_blue_is_shown_in_its_colours(make_raster: MakeRaster) -> None:
    backwards = (ColorInterp.blue, ColorInterp.green, ColorInterp.red)
    (layer,) = read_layers(make_raster("bgr.tif", colours()[::-1], colorinterp=backwards), 512)
    picture = picture_of(layer)
    np.testing.assert_allclose(picture[picture.shape[0] // 2, picture.shape[1] // 2, :3], [200, 100, 50], atol=4)


def test_without_georeference_a_pixel_is_a_unit(make_raster: MakeRaster) -> None:
    values = (200 * np.sqrt(speckled((60, 90)))).clip(1, 255).astype(np.uint8)
    path = make_raster("scene.png", values, driver="PNG", crs=None, transform=None)
    (layer,) = read_layers(path, 512)
    assert not layer.georeferenced
    assert layer.bounds == ((0, 0), (60, 90))
    assert layer.shape == (60, 90)
    assert picture_of(layer).shape[:2] == (60, 90)
    assert picture_of(read_layers(path, 64)[0]).shape[:2] == (30, 45)


def test_a_size_bounds_the_picture(make_raster: MakeRaster) -> None:
    path = make_raster("scene_vv_db.tif", 10 * np.log10(speckled((700, 500))))
    assert max(picture_of(read_layers(path, 128)[0]).shape) == 128


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        ({"values": colours(), "tags": SYNTHETIC, "mask": np.zeros((60, 80), np.uint8)}, SceneContentError, "no valid"),
        ({"values": np.full((9, 9), np.nan, np.float32)}, SceneContentError, "no valid pixel"),
        ({"values": colours()[:2], "tags": SYNTHETIC}, SceneContentError, "2 band"),
        ({"values": np.ones((9, 9), np.complex64)}, SceneContentError, "complex"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(
    make_raster: MakeRaster, options: dict[str, Any], kind: type[GeosarError], reason: str
) -> None:
    path = make_raster("odd.tif", transform=Affine(10, 0, 6e5, 0, -10, 1.2e6), **options)
    with pytest.raises(kind, match=rf"odd\.tif.*{reason}"):
        read_layers(path, 512)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SceneNotFoundError, match=r"absent\.tif does not exist"):
        read_layers(tmp_path / "absent.tif", 512)


@pytest.mark.data
def test_the_los_angeles_pair_lies_on_one_another(data_dir: Path) -> None:
    (radar,) = read_layers(data_dir / "scenes" / "los_angeles_s1_vh.tif", 1024)
    (optical,) = read_layers(data_dir / "scenes" / "los_angeles_s2_rgb.tif", 1024)
    assert radar.bounds == optical.bounds
    assert max(picture_of(radar).shape) == 1024
    # The empty tile at the lower left, a third of the height and a fifth of the width, is clear in both.
    for layer in (radar, optical):
        clear = picture_of(layer)[..., 3] == 0
        height, width = clear.shape
        assert clear[-height // 3 + 3 :, : width // 5 - 3].all()
        assert clear.mean() == pytest.approx(1 / 15, abs=0.01)
