"""Scenes as they are read: units, masks, polarisations, statistics, identity."""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.enums import ColorInterp

from geosar.backscatter import Normaliser
from geosar.errors import PolarisationError, SceneChangedError, SceneContentError
from geosar.grid import MapGrid, Window, mirrored
from geosar.scene import SarBlock, SarScene, open_scene
from geosar.vocabulary import Unit
from helpers.rasters import TEN_METRES, speckled

POWER = speckled((2, 60, 80))
DECIBEL = (10 * np.log10(POWER)).astype(np.float32)


def everything(scene: SarScene) -> SarBlock:
    return scene.read(scene.grid.window)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decibels_are_read_as_they_are(make_raster: Callable[..., Path], dtype: Any) -> None:
    path = make_raster("gamma0_db.tif", DECIBEL.astype(dtype), descriptions=("VV", "VH"))
    with open_scene(path) as scene:
        assert (scene.unit, scene.polarisations, scene.dtype) == (Unit.DECIBEL, ("VV", "VH"), np.dtype(dtype))
        block = everything(scene)
        assert block.values.dtype == dtype
        assert (block.values == DECIBEL).all()
        assert block.valid.all()
        assert scene.driver == "GTiff"
        assert scene.name == "gamma0_db"
        assert scene.source == str(path)


def test_a_cog_is_read_like_any_geotiff(make_raster: Callable[..., Path]) -> None:
    plain = make_raster("plain.tif", DECIBEL)
    cog = make_raster("cog.tif", DECIBEL, driver="COG")
    with open_scene(plain) as one, open_scene(cog) as two:
        assert (everything(one).values == everything(two).values).all()
        assert one.grid == two.grid


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (POWER, Unit.POWER),
        (np.sqrt(POWER) * 500, Unit.AMPLITUDE),
        ((np.sqrt(POWER) * 500).round().astype(np.uint16), Unit.DIGITAL_NUMBER),
    ],
)
def test_linear_scenes_are_recognised_and_normalise_like_their_decibels(
    make_raster: Callable[..., Path], values: np.ndarray, unit: Any
) -> None:
    results = []
    for name, raster in (("first.tif", values), ("second.tif", DECIBEL)):
        with open_scene(make_raster(name, raster)) as scene:
            assert any("inferred" in note for note in scene.notes)
            assert scene.unit is (unit if name == "first.tif" else Unit.DECIBEL)
            block = everything(scene)
            results.append(Normaliser(scene.unit, scene.statistics, (-4, 4))(block.values, block.valid))
    np.testing.assert_allclose(*results, atol=0.05 if values.dtype == np.uint16 else 1e-3)


def test_a_stated_unit_is_not_argued_with(make_raster: Callable[..., Path]) -> None:
    with open_scene(make_raster(values=POWER), scale="amplitude") as scene:
        assert scene.unit is Unit.AMPLITUDE
        assert "stated by the caller" in scene.notes[-1]


@pytest.mark.parametrize(
    "words",
    [{"units": "decibel"}, {"tags": {"SCALE": "dB"}}, {"band_tags": ({"units": "dB"}, {})}, {}],
)
def test_words_in_tags_units_and_names_say_the_unit(make_raster: Callable[..., Path], words: Any) -> None:
    with open_scene(make_raster("sigma0_db.tif" if not words else "scene.tif", DECIBEL, **words)) as scene:
        assert scene.unit is Unit.DECIBEL
        assert "inferred" not in scene.notes[-1]


@pytest.mark.parametrize(
    ("driver", "name"), [("ENVI", "scene.img"), ("ENVI", "scene"), ("HFA", "scene.img"), ("JP2OpenJPEG", "scene.jp2")]
)
def test_other_formats_are_read_too(make_raster: Callable[..., Path], driver: str, name: str) -> None:
    values = (np.sqrt(POWER[:1]) * 500).astype(np.uint16)
    lossless = {"QUALITY": 100, "REVERSIBLE": "YES"} if driver == "JP2OpenJPEG" else {}
    with open_scene(make_raster(name, values, driver=driver, **lossless)) as scene:
        assert scene.driver == driver
        assert (everything(scene).values == values).all()
        assert tuple(scene.grid.transform) == tuple(TEN_METRES)


def test_scaled_integers_become_what_they_stand_for_and_a_stored_zero_is_no_hole(
    make_raster: Callable[..., Path],
) -> None:
    stored = (DECIBEL * 100).round().astype(np.int16)
    stored[:, 0, 0] = -32768
    stored[:, 5, 5] = 0
    path = make_raster("db.tif", stored, scale=0.01, nodata=-32768, units="dB")
    with open_scene(path) as scene:
        block = everything(scene)
        assert (scene.unit, scene.dtype) == (Unit.DECIBEL, np.dtype(np.float32))
        assert np.argwhere(~block.valid).tolist() == [[0, 0]]
        np.testing.assert_allclose(block.values[:, 1:], stored[:, 1:] / 100, atol=1e-5)


def test_scale_and_offset_are_both_applied(make_raster: Callable[..., Path]) -> None:
    stored = ((DECIBEL + 60) / 0.5).round().astype(np.uint8)
    with open_scene(make_raster(values=stored, scale=0.5, offset=-60.0)) as scene:
        np.testing.assert_allclose(everything(scene).values, stored * 0.5 - 60)


def holes(scene: SarScene) -> list[list[int]]:
    return np.argwhere(~everything(scene).valid).tolist()


def with_hole(value: float) -> np.ndarray:
    values = DECIBEL.copy()
    values[0, 3, 4] = value
    return values


@pytest.mark.parametrize(
    ("value", "nodata"),
    [
        (np.nan, None),
        (np.nan, np.nan),
        (0.0, None),
        (np.inf, None),
        (-9999.0, -9999.0),
        (-9999.0, None),
        (np.finfo(np.float32).min, float(np.finfo(np.float32).min)),
    ],
    ids=["NaN", "declared NaN", "zero", "infinity", "declared -9999", "undeclared -9999", "lowest float"],
)
def test_a_hole_in_one_band_is_a_hole_in_the_scene(make_raster: Callable[..., Path], value: Any, nodata: Any) -> None:
    with open_scene(make_raster(values=with_hole(value), nodata=nodata), scale="db") as scene:
        assert holes(scene) == [[3, 4]]
        assert scene.select("unknown").read(Window(4, 3, 1, 1)).valid.item() is False


def test_the_zero_filled_fringe_of_a_swath_is_masked(make_raster: Callable[..., Path]) -> None:
    values = (np.sqrt(POWER[0]) * 500 + 1).astype(np.uint16)
    values[:, :7] = 0
    with open_scene(make_raster("grd_vv.tif", values)) as scene:
        valid = everything(scene).valid
        assert not valid[:, :7].any()
        assert valid[:, 7:].all()
        assert scene.statistics[0].minimum > 0
        assert scene.statistics[0].valid_fraction == pytest.approx(73 / 80)


def test_black_in_an_eight_bit_picture_is_a_value_unless_declared_otherwise(make_raster: Callable[..., Path]) -> None:
    values = np.full((1, 20, 20), 90, np.uint8)
    values[0, 2, 3] = 0
    with open_scene(make_raster("free.tif", values)) as scene:
        assert holes(scene) == []
    with open_scene(make_raster("declared.tif", values, nodata=0)) as scene:
        assert holes(scene) == [[2, 3]]


def test_nodata_that_the_type_cannot_hold_masks_nothing(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    path = make_raster(values=np.full((1, 4, 4), 9, np.uint8))
    (tmp_path / "scene.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>-9999</NoDataValue></PAMRasterBand></PAMDataset>',
    )
    with open_scene(path) as scene:
        assert holes(scene) == []


def test_an_internal_mask_is_honoured(make_raster: Callable[..., Path]) -> None:
    mask = np.ones((60, 80), bool)
    mask[1, 2] = False
    with open_scene(make_raster(values=DECIBEL, mask=mask)) as scene:
        assert holes(scene) == [[1, 2]]


def test_an_alpha_band_is_a_mask_and_no_polarisation(make_raster: Callable[..., Path]) -> None:
    values = np.full((2, 20, 30), 90, np.uint8)
    values[1] = 255
    values[1, 6, 7] = 0
    path = make_raster("with_alpha.tif", values, colorinterp=(ColorInterp.gray, ColorInterp.alpha))
    with open_scene(path) as scene:
        assert len(scene.polarisations) == 1
        assert everything(scene).values.shape == (1, 20, 30)
        assert holes(scene) == [[6, 7]]


def test_nodata_and_alpha_together_mask_what_either_masks(make_raster: Callable[..., Path]) -> None:
    values = np.full((2, 20, 30), 90, np.uint8)
    values[0, 1, 2] = 7
    values[1] = 255
    values[1, 6, 7] = 0
    path = make_raster(values=values, nodata=7, colorinterp=(ColorInterp.gray, ColorInterp.alpha))
    with open_scene(path) as scene:
        assert holes(scene) == [[1, 2], [6, 7]]


def test_selected_bands_come_in_the_order_asked_for_with_their_own_holes(make_raster: Callable[..., Path]) -> None:
    values = DECIBEL.copy()
    values[1, 0, 0] = np.nan
    with open_scene(make_raster(values=values, descriptions=("VV", "VH"))) as scene:
        assert holes(scene.select("VV")) == []
        assert holes(scene.select("VH")) == [[0, 0]]
        swapped = scene.select(("VH", "VV"))
        assert swapped.polarisations == ("VH", "VV")
        assert (everything(swapped).values[0][1:] == values[1][1:]).all()
        assert swapped.statistics[1].mean == pytest.approx(scene.select("VV").statistics[0].mean, abs=0.01)
        assert swapped.fingerprint != scene.fingerprint
        with pytest.raises(PolarisationError, match=r"has the polarisations VV, VH, not HH"):
            scene.select("HH")


def test_reading_outside_the_scene_is_refused_unless_padded(make_raster: Callable[..., Path]) -> None:
    with open_scene(make_raster(values=DECIBEL)) as scene:
        with pytest.raises(ValueError, match="not inside"):
            scene.read(Window(-1, 0, 4, 4))
        padded = scene.read_padded(Window(-10, -300, 200, 700))
        rows, cols = mirrored(-300, 400, 60), mirrored(-10, 190, 80)
        assert (padded.values == DECIBEL[:, rows][:, :, cols]).all()
        assert padded.valid.shape == (700, 200)


@pytest.mark.parametrize("shape", [(1, 1), (1, 513), (7, 3), (511, 1)])
@pytest.mark.parametrize(
    "transform",
    [
        TEN_METRES,
        Affine(7.3, 0, 1 / 3, 0, -13.7, 2 / 3),
        Affine.translation(600_000, 1_200_000) @ Affine.rotation(33) @ Affine.scale(10, -10),
        Affine(10, 0, 600_000, 0, 10, 1_200_000),
    ],
    ids=["plain", "not square", "rotated", "south up"],
)
def test_the_grid_is_the_files_own_bit_for_bit(make_raster: Callable[..., Path], shape: Any, transform: Any) -> None:
    with open_scene(make_raster(values=speckled((1, *shape)), transform=transform)) as scene:
        assert scene.grid == MapGrid(scene.grid.crs, transform, shape[1], shape[0])
        assert scene.grid.crs.to_epsg() == 32643
        assert everything(scene).valid.all()
        assert scene.statistics


def test_degrees_stay_degrees(make_raster: Callable[..., Path]) -> None:
    transform = Affine(8.983152841195215e-05, 0, -65.35710815917261, 0, -8.983152841195215e-05, -14.71799761501424)
    with open_scene(make_raster(values=DECIBEL, crs="EPSG:4326", transform=transform)) as scene:
        assert tuple(scene.grid.transform) == tuple(transform)
        assert scene.grid.crs.to_epsg() == 4326


@pytest.mark.parametrize(("name", "driver"), [("picture.png", "PNG"), ("picture.jpg", "JPEG"), ("bare.tif", "GTiff")])
def test_pictures_without_georeference_are_in_image_space(
    make_raster: Callable[..., Path], name: str, driver: Any
) -> None:
    values = (np.sqrt(POWER[:1]) * 200).clip(1, 255).astype(np.uint8)
    with open_scene(make_raster(name, values, driver=driver, crs=None, transform=None)) as scene:
        assert scene.grid.crs is None
        assert scene.driver == driver
        assert any("image space" in note for note in scene.notes)


def test_three_equal_bands_are_one_grey_picture(make_raster: Callable[..., Path]) -> None:
    values = np.repeat((np.sqrt(POWER[:1]) * 200).clip(1, 255).astype(np.uint8), 3, axis=0)
    with open_scene(make_raster("quick.png", values, driver="PNG", crs=None, transform=None)) as scene:
        assert len(scene.polarisations) == 1
        assert any("equal" in note for note in scene.notes)


def test_statistics_do_not_depend_on_what_was_read_before_and_match_the_whole_scene(
    make_raster: Callable[..., Path],
) -> None:
    values = (10 * np.log10(speckled((1, 1500, 2000)))).astype(np.float32)
    path = make_raster("big_db.tif", values, tiled=True)
    with open_scene(path) as one, open_scene(path) as two:
        two.read(Window(900, 700, 64, 64))
        assert one.statistics == two.statistics
        exact = np.clip(values, *np.percentile(values, (1, 99)))
        assert one.statistics[0].mean == pytest.approx(exact.mean(), abs=0.1)
        assert one.statistics[0].std == pytest.approx(exact.std(), rel=0.01)


@pytest.mark.parametrize("tiled", [True, False])
def test_a_scene_knows_whether_it_lies_in_strips(make_raster: Callable[..., Path], *, tiled: bool) -> None:
    layout = {"blockxsize": 32, "blockysize": 32} if tiled else {}
    with open_scene(make_raster(values=DECIBEL, tiled=tiled, **layout)) as scene:
        assert scene.striped is not tiled


def test_statistics_of_a_small_scene_are_exact(make_raster: Callable[..., Path]) -> None:
    with open_scene(make_raster(values=DECIBEL)) as scene:
        for band, statistics in zip(DECIBEL, scene.statistics, strict=True):
            exact = np.clip(band, *np.percentile(band, (1, 99)))
            assert statistics.mean == pytest.approx(exact.mean(), abs=1e-4)
            assert statistics.std == pytest.approx(exact.std(), abs=1e-4)
            assert (statistics.minimum, statistics.maximum) == (band.min(), band.max())


def test_an_island_between_the_samples_is_found(make_raster: Callable[..., Path]) -> None:
    values = np.full((1, 5000, 4100), np.nan, np.float32)
    values[0, 4100:4140, 90:150] = DECIBEL[0, :40, :60]
    with open_scene(make_raster("island_db.tif", values, tiled=True, compress="deflate")) as scene:
        assert scene.statistics[0].mean == pytest.approx(DECIBEL[0, :40, :60].mean(), abs=0.2)
        assert scene.statistics[0].valid_fraction == pytest.approx(2400 / values.size)


@pytest.mark.parametrize(
    "values",
    [np.full((1, 30, 30), np.nan, np.float32), np.zeros((1, 30, 30), np.uint16)],
    ids=["NaN", "zero"],
)
def test_a_scene_of_nodata_only_says_so_when_statistics_are_asked(
    make_raster: Callable[..., Path], values: np.ndarray
) -> None:
    with open_scene(make_raster(values=values)) as scene:
        assert not everything(scene).valid.any()
        with pytest.raises(SceneContentError, match="no valid pixel"):
            _ = scene.statistics


def test_the_fingerprint_changes_with_the_file_and_with_nothing_else(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=DECIBEL)
    with open_scene(path) as one, open_scene(path) as two:
        assert one.fingerprint == two.fingerprint
        assert len(one.fingerprint) == len(hashlib.sha256().hexdigest())
        one.check_unchanged()
        os.utime(path, ns=(1, 1))
        with pytest.raises(SceneChangedError, match="changed after it was opened"):
            one.check_unchanged()
    with open_scene(path) as three:
        assert three.fingerprint != one.fingerprint


def test_a_file_that_vanished_has_changed(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=DECIBEL)
    with open_scene(path) as scene:
        path.unlink()
        with pytest.raises(SceneChangedError):
            scene.check_unchanged()


def test_many_threads_may_read_one_scene(make_raster: Callable[..., Path]) -> None:
    values = (10 * np.log10(speckled((1, 512, 512)))).astype(np.float32)
    wrong = []

    def read(scene: SarScene) -> None:
        for row in range(0, 512, 64):
            window = Window(0, row, 512, 64)
            if not (scene.read(window).values == values[:, *window.slices]).all():
                wrong.append(row)

    with open_scene(make_raster("threads_db.tif", values, tiled=True, blockxsize=128, blockysize=128)) as scene:
        threads = [threading.Thread(target=read, args=(scene,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.parametrize("name", ["a#b.tif", "a?b.tif", "a b%20.tif", "Üñí.tif", "x:y.tif", "a!b.tif", "zip+https.tif"])
def test_odd_file_names_are_only_names(
    make_raster: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make_raster("plain.tif", DECIBEL).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for name_or_path in (name, tmp_path / name):
        with open_scene(name_or_path) as scene:
            assert scene.grid.shape == (60, 80)
