"""What a model of two polarisations sees of a scene of one, and what is said of despeckled backscatter."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from geosar.backscatter import MISSING
from geosar.engines import open_engine
from geosar.errors import UsageError
from geosar.grid import Window
from geosar.models import Model, load_model
from geosar.models.fit import choose_polarisations
from geosar.scene import open_scene
from geosar.window_translator import WindowTranslator
from helpers.rasters import write_raster
from helpers.tiny_model import write_dual_model, write_model

SIDE = 64


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(write_dual_model(tmp_path_factory.mktemp("models") / "dual"))


def decibels(seed: int = 0) -> NDArray[np.float32]:
    """VV and VH around land's means, and a bright point in each."""
    random = np.random.default_rng(seed)
    bands = np.stack([random.normal(-10, 2, (SIDE, SIDE)), random.normal(-16.5, 2, (SIDE, SIDE))]).astype(np.float32)
    bands[:, 20, 30] = 14.0
    return bands


def translator(path: Path, model: Model, *, despeckled: bool = False) -> WindowTranslator:
    scene = open_scene(path)
    chosen, _ = choose_polarisations(scene.polarisations, model.manifest)
    return WindowTranslator(scene.select(chosen), model.manifest, open_engine(model, "cpu"), despeckled=despeckled)


WHOLE = Window(0, 0, SIDE, SIDE)


def test_both_polarisations_are_used_where_they_are_there(tmp_path: Path, model: Model) -> None:
    bands = decibels()
    path = write_raster(tmp_path / "s.tif", bands, descriptions=("VV", "VH"), units="dB")
    window_translator = translator(path, model)
    block = window_translator.read(WHOLE)
    assert block is not None
    pixels = window_translator.compute(block)
    expected = 128 + 20 * ((bands - np.array([-10.0, -16.5])[:, None, None]) / 3).clip(-4, 4)
    np.testing.assert_allclose(pixels.values[..., 0], expected[0].clip(0, 255), atol=0.51)
    np.testing.assert_allclose(pixels.values[..., 1], expected[1].clip(0, 255), atol=0.51)
    assert pixels.despeckled is None


@pytest.mark.parametrize(("name", "channel"), [("VV", 0), ("VH", 1)])
def test_a_missing_one_is_declared(tmp_path: Path, model: Model, name: str, channel: int) -> None:
    bands = decibels()[channel : channel + 1]
    path = write_raster(tmp_path / "s.tif", bands, descriptions=(name,), units="dB")
    block = translator(path, model).read(WHOLE)
    assert block is not None
    assert (block.inputs[0, 1 - channel] == MISSING).all()
    assert (block.inputs[0, channel] > MISSING / 2 - 0.1).all()


def test_a_band_that_nothing_names_is_taken_as_the_first(tmp_path: Path, model: Model) -> None:
    path = write_raster(tmp_path / "s.tif", decibels()[:1], units="dB")
    block = translator(path, model).read(WHOLE)
    assert block is not None
    assert (block.inputs[0, 1] == MISSING).all()


def test_despeckled_is_in_decibels_and_bright_points_stay(tmp_path: Path, model: Model) -> None:
    bands = decibels()[1:]
    bands[0, 50, 50] = -60.0  # speckle over dark water
    path = write_raster(tmp_path / "s.tif", bands, descriptions=("VH",), units="dB")
    window_translator = translator(path, model, despeckled=True)
    block = window_translator.read(WHOLE)
    assert block is not None
    despeckled = window_translator.compute(block).despeckled
    assert despeckled is not None
    assert (despeckled.dtype, despeckled.shape) == (np.float32, (SIDE, SIDE, 1))
    clipped = bands[0].clip(-16.5 - 12, -16.5 + 12)
    rows, cols = 40, 17
    expected = clipped[rows - 1 : rows + 2, cols - 1 : cols + 2].mean()
    assert despeckled[rows, cols, 0] == pytest.approx(expected, abs=0.005)
    assert despeckled[20, 30, 0] == 14.0  # beyond what the network sees, so it is what was measured
    around = clipped[49:52, 49:52].mean()
    assert despeckled[50, 50, 0] == pytest.approx(around, abs=0.005)  # darkness is the network's to tell


def test_a_model_that_makes_none_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "s.tif", decibels()[:1], descriptions=("VV",), units="dB")
    plain = load_model(write_model(tmp_path / "tiny"))
    with pytest.raises(UsageError, match="tiny makes no despeckled backscatter"):
        translator(path, plain, despeckled=True)
