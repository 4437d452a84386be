"""Products that are known by name and layout, as their makers describe them."""

from typing import Any

import numpy as np
import pytest

from geosar.models.manifest import InputSpec
from geosar.normalisation import choose_normaliser
from geosar.scene import open_scene
from geosar.vocabulary import Unit
from helpers.rasters import speckled

POWER = speckled((2, 64, 64))
DECIBEL = (10 * np.log10(POWER)).astype(np.float32)
MEAN = float(np.mean(np.clip(DECIBEL[0], *np.percentile(DECIBEL[0], (1, 99)))))
HYP3 = "S1B_IW_20200527T233215_DVP_RTC30_G_{}_5FC5_VV.tif"
OPERA = "OPERA_L2_RTC-S1_T163-348302-IW3_20230603T120000Z_S1A_30_VV.tif"
FORMULA = {"OUTPUT_BACKSCATTER_DECIBEL_CONVERSION_EQUATION": "backscatter_dB = 10*log10(backscatter_linear)"}
HUB = "2024-05-01-00_00_2024-05-01-23_59_Sentinel-1_IW_VV+VH_VV_-_{}_gamma0.tiff"
CAPELLA = '{"collect": {"image": {"radiometry": "sigma_nought", "calibration": "full", "scale_factor": 0.0005}}}'


@pytest.mark.parametrize(
    ("name", "values", "tags", "unit", "polarisations"),
    [
        (HYP3.format("gpuned"), POWER[:1], {}, Unit.POWER, ("VV",)),
        (HYP3.format("saunem"), np.sqrt(POWER[:1]), {}, Unit.AMPLITUDE, ("VV",)),
        (HYP3.format("gduned"), DECIBEL[:1], {}, Unit.DECIBEL, ("VV",)),
        ("clip_of_" + HYP3.format("saunem"), np.sqrt(POWER[:1]), {}, Unit.AMPLITUDE, ("VV",)),
        ("N10W070_10_sl_HH.tif", (10 ** ((DECIBEL[:1] + 83) / 20)).astype(np.uint16), {}, Unit.POWER, ("HH",)),
        ("IMG-HV-ALOS2345670890-200101-FBDR1.5GUD.tif", (10 ** ((DECIBEL[:1] + 83) / 20)).astype(np.uint16), {},
         Unit.POWER, ("HV",)),
        ("S1B_IW_GRDH_1SSV_20200527T233215_Cal_TC.tif", POWER[:1], {}, Unit.POWER, ("VV",)),
        (OPERA, POWER[:1], FORMULA, Unit.POWER, ("VV",)),
        ("iw-vv.rtc.tiff", POWER[:1], {}, Unit.POWER, ("VV",)),
        (HUB.format("linear"), POWER[:1], {}, Unit.POWER, ("VV",)),
        (HUB.format("decibel"), DECIBEL[:1], {}, Unit.DECIBEL, ("VV",)),
        ("ROIs1158_spring_s1_1_p30.tif", DECIBEL, {}, Unit.DECIBEL, ("VV", "VH")),
        ("S1_VVVH_20200101.tif", DECIBEL, {}, Unit.DECIBEL, ("VV", "VH")),
        ("ICEYE_X7_GRD_SM_54549_20210427T215124.tif", (np.sqrt(POWER[:1]) * 900).astype(np.uint16), {},
         Unit.DIGITAL_NUMBER, ("VV",)),
        ("ICEYE_X7_GRD_SM_54550_20210427T215124.tif", (np.sqrt(POWER[:1]) * 9000).astype(np.uint16),
         {"CALIBRATION_FACTOR": str(1 / 9000**2)}, Unit.POWER, ("VV",)),
        ("2023-05-01-10-00-00_UMBRA-04_GEC.tif", np.sqrt(POWER[:1]), {}, Unit.AMPLITUDE, ("unknown",)),
        ("N10W070_20_sl_HH_F02DAR.tif", (10 ** ((DECIBEL[:1] + 83) / 20)).astype(np.uint16), {}, Unit.POWER, ("HH",)),
        ("CAPELLA_C15_SP_GEO_VV_20241011085812_20241011085836.tif", (np.sqrt(POWER[:1]) / 0.0005).astype(np.uint16),
         {"TIFFTAG_IMAGEDESCRIPTION": CAPELLA}, Unit.POWER, ("VV",)),
    ],
)  # fmt: skip
def test_a_products_unit_and_polarisations_are_known(
    make_raster: Any, name: str, values: np.ndarray, tags: dict[str, str], *, unit: Unit, polarisations: tuple[str, ...]
) -> None:
    with open_scene(make_raster(name, values, tags=tags)) as scene:
        assert (scene.unit, scene.polarisations) == (unit, polarisations)
        if unit in {Unit.POWER, Unit.AMPLITUDE, Unit.DECIBEL}:
            assert scene.statistics[0].mean == pytest.approx(MEAN, abs=0.05)


@pytest.mark.parametrize("name", ["2023-05-01-10-00-00_UMBRA-04_GEC.tif", "ICEYE_X7_GRD_SM_54549_QUICKLOOK.tif"])
def test_bytes_of_a_product_are_a_picture_whose_kind_the_values_tell(make_raster: Any, name: str) -> None:
    with open_scene(make_raster(name, np.clip((DECIBEL[:1] + 28) * 9, 1, 255).astype(np.uint8))) as scene:
        assert scene.unit is Unit.PICTURE


def test_the_amplitude_of_a_calibrated_product_is_normalised_as_calibrated(make_raster: Any) -> None:
    inputs = InputSpec(channels=1, accepts=(("VV",),), clip=(-3, 3), reference={"VV": (-10.0, 3.0)})
    with open_scene(make_raster(HYP3.format("saunem"), np.sqrt(POWER[:1]))) as scene:
        assert "normalised by the model's reference" in choose_normaliser(scene, inputs)[1]
    with open_scene(make_raster("amplitude_vv.tif", np.sqrt(POWER[:1]))) as scene:
        assert "normalised by the scene's own values" in choose_normaliser(scene, inputs)[1]


def test_the_time_in_a_name_may_be_fourteen_digits(make_raster: Any) -> None:
    with open_scene(make_raster("CAPELLA_C15_SP_GEO_VV_20241011085812_20241011085836.tif", POWER[:1])) as scene:
        assert scene.acquired is not None
        assert scene.acquired.isoformat() == "2024-10-11T08:58:12+00:00"
