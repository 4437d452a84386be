"""Fill values by one rule for every type, declared or not, and none that is a measurement."""

from typing import Any

import numpy as np
import pytest

from geosar.scene import open_scene
from geosar.scene.evidence.fills import undeclared
from helpers.rasters import speckled

POWER = speckled((90, 100))
DECIBEL = (10 * np.log10(POWER)).astype(np.float32)
SCALED = np.round(DECIBEL * 100).astype(np.int16)
NUMBERS = (np.sqrt(POWER) * 2000).astype(np.uint16)


@pytest.mark.parametrize("values", [POWER, DECIBEL], ids=["power", "db"])
@pytest.mark.parametrize("fill", [-32768, -9999, 9999, 9.96921e36, 1e20, 3.4028235e38, -3.4028235e38, 0, np.nan])
def test_fills_of_floating_point_numbers_are_masked(make_raster: Any, values: np.ndarray, fill: float) -> None:
    filled = values.copy()
    filled[:, :30] = fill
    with open_scene(make_raster("scene_VV.tif", filled)) as scene:
        valid = scene.read(scene.grid.window).valid
        assert not valid[:, :30].any()
        assert valid[:, 30:].all()
        assert scene.statistics[0].valid_fraction == pytest.approx(0.7)
        assert scene.statistics[0].mean == pytest.approx(-12.5, abs=1.5)


@pytest.mark.parametrize(
    ("values", "fill"),
    [(DECIBEL, -99), (DECIBEL, -100), (DECIBEL, 255), (POWER, -1), (POWER, -99), (POWER, 1e-30), (NUMBERS, 1),
     (SCALED + 10000, -1), (SCALED, -32768), (SCALED, -9999), (SCALED, 0), (NUMBERS, 65535)],
    ids=["db -99", "db -100", "db 255", "power -1", "power -99", "power 1e-30", "uint16 1", "int16 with offset -1",
         "int16 -32768", "int16 -9999", "int16 0", "uint16 65535"],
)  # fmt: skip
def test_any_frequent_number_far_from_all_others_is_a_fill(make_raster: Any, values: np.ndarray, fill: float) -> None:
    filled = values.copy()
    filled[:, :30] = fill
    with open_scene(make_raster("scene_VV.tif", filled)) as scene:
        valid = scene.read(scene.grid.window).valid
        assert not valid[:, :30].any()
        assert valid[:, 30:].all()
        assert any(f"declares it: {fill:g}" in note for note in scene.notes)


@pytest.mark.parametrize(("values", "lowest"), [(DECIBEL, -18), (POWER, 0.02), (NUMBERS, 300)])
def test_what_was_cut_off_is_measured(values: np.ndarray, lowest: float) -> None:
    cut = np.maximum(values, values.dtype.type(lowest))
    assert (cut == lowest).mean() > 0.01
    assert lowest not in undeclared(cut.ravel())


def test_what_is_frequent_among_its_like_is_no_fill() -> None:
    rounded = np.round(DECIBEL).astype(np.int16)  # zero is there as often as minus one
    assert undeclared(rounded.ravel()) == ()
    saturated = np.clip(POWER * 400_000, 1, 65535).astype(np.uint16)
    assert 65535 not in undeclared(saturated.ravel())
    assert undeclared((POWER * 300).astype(np.uint8).ravel()) == ()


def test_the_callers_nodata_wins(make_raster: Any) -> None:
    values = SCALED.copy()
    values[:10] = -1500
    path = make_raster("scene_VV.tif", values, nodata=-1200)
    with open_scene(path, nodata=-1500) as scene:
        assert not scene.read(scene.grid.window).valid[:10].any()
        assert scene.read(scene.grid.window).valid[values == -1200].all()
    values[:10] = -32768
    with open_scene(make_raster("other_VV.tif", values), nodata="none") as scene:
        assert scene.read(scene.grid.window).valid.all()


@pytest.mark.parametrize(("values", "fill"), [(DECIBEL, 0), (POWER, 0), (DECIBEL, -9999), (SCALED, -32768)])
def test_resampling_mixes_no_border_in(make_raster: Any, values: np.ndarray, fill: float) -> None:
    level = values.copy()
    level[:] = np.where(np.indices(values.shape).sum(axis=0) % 2, *np.percentile(values, (45, 55)).astype(values.dtype))
    level[:, :31] = fill
    low, high = np.percentile(values, (45, 55)).astype(values.dtype)
    with open_scene(make_raster("scene_VV.tif", level), resolution=20, force=True) as scene:
        block = scene.read(scene.grid.window)
        assert block.values[0][block.valid].min() >= low - abs(low) * 1e-5
        assert block.values[0][block.valid].max() <= high + abs(high) * 1e-5


@pytest.mark.parametrize("resolution", [7.0, 20.0])
@pytest.mark.parametrize(
    ("values", "fills", "declared"),
    [
        (DECIBEL, (0, -32768), None),
        (POWER, (0, 9.96921e36), None),
        (POWER, (-9999, 0), -9999),
        (SCALED, (0, -32768), None),
        (NUMBERS, (0, 65535), None),
        (NUMBERS, (65535, 0), 65535),
    ],
    ids=["db", "power", "declared and zero", "scaled db", "uint16", "uint16 declared"],
)
def test_resampling_mixes_none_of_two_borders_in(
    make_raster: Any, values: np.ndarray, fills: tuple[float, float], declared: float | None, resolution: float
) -> None:
    level = np.full((90, 100), np.percentile(values, 50)).astype(values.dtype)
    level += np.random.default_rng(1).choice([0, 1], level.shape).astype(level.dtype) * level.dtype.type(
        1e-3 if values.dtype.kind == "f" else 1
    )
    level[:, :31], level[:23] = fills
    low, high = level[50:, 50:].min(), level[50:, 50:].max()
    with open_scene(make_raster("scene_VV.tif", level, nodata=declared), resolution=resolution, force=True) as scene:
        block = scene.read(scene.grid.window)
        inside = block.values[0][block.valid]
        assert inside.min() >= low - abs(low) * 1e-5
        assert inside.max() <= high + abs(high) * 1e-5
        # 67 rows and 69 columns of ten metres are real; half a pixel more or less all around.
        assert inside.size * resolution**2 == pytest.approx(67 * 69 * 100, rel=2 * resolution / 670 + 0.02)
