"""Calibrated scenes are normalised by what the model declares, others by their own values."""

from pathlib import Path

import numpy as np
import pytest

import geosar
from geosar.models.manifest import InputSpec
from geosar.normalisation import choose_normaliser
from helpers.rasters import TEN_METRES, UTM, write_raster

INPUTS = InputSpec(channels=1, accepts=(("VV",), ("VH",)), clip=(-4, 4), reference={"VV": (-11.0, 5.0)})
FOREST = -7.0


def scene(path: Path, values: np.ndarray, description: str = "VV") -> Path:
    return write_raster(
        path, values.astype(np.float32), crs=UTM, transform=TEN_METRES, descriptions=(description,)
    )  # fmt: skip


def forest(seed: int = 0) -> np.ndarray:
    return FOREST + np.random.default_rng(seed).normal(0, 1.0, (80, 90))


@pytest.mark.parametrize("unit", ["db", "power"])
def test_a_scene_that_is_all_forest_stays_bright(tmp_path: Path, unit: str) -> None:
    values = forest() if unit == "db" else 10 ** (forest() / 10)
    with geosar.open_scene(scene(tmp_path / "forest.tif", values), scale=unit) as opened:
        normalise, words = choose_normaliser(opened, INPUTS)
        block = opened.read(opened.grid.window)
        normalised = normalise(block.values, block.valid)
    np.testing.assert_allclose(normalised[0], ((forest() + 11.0) / 5.0).astype(np.float32), atol=1e-4)
    assert words == "normalised by the model's reference (VV -11.0 ± 5.0 dB)"


@pytest.mark.parametrize(
    ("values", "unit", "name", "why"),
    [
        (forest(), "db", "HH", "own values"),  # the model declares nothing for it
        (10 ** (forest() / 20), "amplitude", "VV", "own values"),  # of no known calibration
        (forest() + 60, "db", "VV", "too far from calibrated"),
    ],
)
def test_other_scenes_go_by_their_own_values(
    tmp_path: Path, values: np.ndarray, unit: str, name: str, why: str
) -> None:
    with geosar.open_scene(scene(tmp_path / "scene.tif", values, name), scale=unit) as opened:
        normalise, words = choose_normaliser(opened, INPUTS)
        block = opened.read(opened.grid.window)
        normalised = normalise(block.values, block.valid)
    assert why in words
    assert abs(float(normalised.mean())) < 0.05
    assert 0.9 < float(normalised.std()) < 1.1
