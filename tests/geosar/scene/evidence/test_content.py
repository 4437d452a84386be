"""What is no backscatter is refused in words, and taken all the same by `force`."""

from typing import Any

import numpy as np
import pytest

from geosar.errors import SceneContentError
from geosar.scene import open_scene
from helpers.rasters import speckled

POWER = speckled((64, 64))
ROWS, COLS = np.indices((64, 64)).astype(np.float32)
PHASE = (np.mod(COLS / 9 + ROWS / 17 + np.random.default_rng(4).normal(0, 0.3, (64, 64)), 2 * np.pi) - np.pi).astype(
    np.float32
)
HYP3 = "S1AA_20200101T000000_20200113T000000_VVP012_INT80_G_ueF_ABCD_"


@pytest.mark.parametrize(
    ("name", "values", "options", "what"),
    [
        (f"{HYP3}wrapped_phase.tif", PHASE, {}, "interferometric phase"),
        (f"{HYP3}unw_phase.tif", PHASE * 4, {}, "interferometric phase"),
        (f"{HYP3}corr.tif", POWER, {}, "coherence"),
        ("S1A_IW_RTC30_G_gpuned_ABCD_dem.tif", (200 + COLS).astype(np.int16), {}, "elevation"),
        ("S1A_IW_RTC30_G_gpuned_ABCD_inc_map.tif", (0.5 + COLS / 900), {}, "an angle"),
        ("S1A_IW_RTC30_G_gpuned_ABCD_ls_map.tif", np.ones((64, 64), np.uint8), {}, "a mask"),
        ("ground.tif", POWER, {"units": "m/year"}, "ground motion, by its unit"),
        ("ground.tif", POWER, {"units": "m"}, "heights"),
        ("scene.tif", PHASE, {}, "phase does"),
        ("scene.tif", np.full((64, 64), 7, np.uint8), {}, "the same number everywhere"),
        ("S1A_IW_20230527T233215_DVP_RTC30_G_gpuned_5FC5_area.tif", POWER, {}, "an auxiliary layer"),
        ("OPERA_L2_RTC-S1-STATIC_T069_v1.0_rtc_anf_gamma0_to_beta0.tif", POWER, {}, "an auxiliary layer"),
        ("N09E100_18_linci_F02DAR.tif", (POWER * 99).astype(np.uint8), {}, "an angle"),
        ("coherence_VV.tif", np.clip(POWER * 3, 0, 1), {}, "coherence"),
        ("NDVI.tif", POWER, {}, "an index"),
        ("S1.tif", POWER, {"descriptions": ("Sigma0_VV_GLCMMean",)}, "a texture"),
        ("los.tif", np.stack([POWER, POWER]), {"descriptions": ("incidenceAngle", "azimuthAngle")}, "an angle"),
        ("stack.tif", np.stack([POWER] * 2), {"descriptions": ("B04", "B03")}, "an optical image"),
        ("air.tif", POWER + 280, {"units": "K"}, "temperatures"),
        ("water_VV.tif", (POWER < 0.05).astype(np.uint8), {}, "nothing but 0 and 1"),
        ("HLS.S30.T10SEG.2020001T185801.v2.0.B04.tif", (POWER * 3000).astype(np.int16), {}, "an optical image"),
        ("T32TNS_20200101T101010_B04.tif", (POWER * 3000).astype(np.uint16), {}, "an optical image"),
        ("scene_VV_optical.tif", POWER, {"tags": {"GEOSAR_SYNTHETIC": "YES"}}, "synthetic image that geosar made"),
    ],
)
def test_what_is_no_backscatter_is_refused(
    make_raster: Any, name: str, values: np.ndarray, options: dict[str, Any], what: str
) -> None:
    path = make_raster(name, values, **options)
    with pytest.raises(SceneContentError, match=what), open_scene(path) as scene:
        _ = scene.statistics
    with open_scene(path, force=True, scale="picture") as scene:
        assert scene.statistics


@pytest.mark.parametrize(
    "name", ["demmin_VV.tif", "S1_mask_free_VV.tif", "heights_of_essex_vh.tif", "corridor.tif", "rectangle.tif"]
)
def test_names_that_only_sound_so_are_taken(make_raster: Any, name: str) -> None:
    with open_scene(make_raster(name, POWER)) as scene:
        assert scene.statistics


def test_the_unit_of_a_height_system_is_not_that_of_the_values(make_raster: Any) -> None:
    with open_scene(make_raster("scene_VV.tif", POWER, crs="EPSG:32633+5773")) as scene:
        assert scene.statistics
