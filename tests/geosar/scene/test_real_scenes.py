"""The real scenes: what is known of each must come out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geosar.backscatter import Normaliser
from geosar.errors import SceneContentError
from geosar.grid import Window
from geosar.scene import open_scene
from geosar.vocabulary import Unit

pytestmark = pytest.mark.data


def test_an_eight_bit_amplitude_mosaic_with_an_empty_tile(data_dir: Path) -> None:
    with open_scene(data_dir / "scenes" / "los_angeles_s1_vh.tif") as scene:
        assert (scene.polarisations, scene.unit, scene.dtype) == (("VH",), Unit.AMPLITUDE, np.dtype(np.uint8))
        assert scene.grid.crs.to_epsg() == 3395
        assert scene.grid.shape == (3072, 5120)
        # 10.0003 m of Mercator at 34 N are 8.3 m on the ground.
        assert scene.grid.pixel_size_metres() == pytest.approx((8.30, 8.30), abs=0.01)
        assert scene.statistics[0].valid_fraction == pytest.approx(14 / 15, abs=0.01)
        empty = scene.read(Window(0, 2048, 1024, 1024))
        assert empty.valid.mean() < 0.01
        full = scene.read(Window(2048, 1024, 1024, 1024))
        assert full.valid.mean() > 0.99
        normal = Normaliser(scene.unit, scene.statistics, (-4, 4))(full.values, full.valid)
        assert abs(normal.mean()) < 1
        assert normal.std() == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize(("name", "epsg"), [("rtc_282D_485L_3_3", 32722), ("rtc_609U_541L_3_0", 32616)])
def test_terrain_corrected_decibels_of_two_polarisations(data_dir: Path, name: str, epsg: Any) -> None:
    with open_scene(data_dir / "scenes" / f"{name}_vv_vh_db.tif") as scene:
        assert (scene.polarisations, scene.unit) == (("VV", "VH"), Unit.DECIBEL)
        assert scene.grid.crs.to_epsg() == epsg
        copolar, crosspolar = scene.statistics
        assert -16 < copolar.mean < -10
        assert 4 < copolar.mean - crosspolar.mean < 9
        with pytest.raises(SceneContentError, match="does not look like SAR"):
            open_scene(data_dir / "scenes" / f"{name}_s2_rgb.tif")


def test_integers_with_a_scale_are_decibels(data_dir: Path) -> None:
    for path in sorted((data_dir / "pairs" / "sar_db").glob("*.tif"))[::5]:
        with open_scene(path) as scene:
            assert (scene.polarisations, scene.unit) == (("VV", "VH"), Unit.DECIBEL)
            assert -30 < scene.statistics[0].mean < 0
            assert scene.statistics[0].mean > scene.statistics[1].mean


def test_flood_chips_in_degrees_with_declared_nan(data_dir: Path) -> None:
    with open_scene(data_dir / "flood" / "sen1floods11" / "Bolivia_312675_S1Hand.tif") as scene:
        assert scene.grid.crs.to_epsg() == 4326
        assert scene.unit is Unit.DECIBEL
        assert any("inferred" in note for note in scene.notes)
        block = scene.read(scene.grid.window)
        assert np.isfinite(block.values[:, block.valid]).all()
        assert 0.9 < block.valid.mean() < 1
