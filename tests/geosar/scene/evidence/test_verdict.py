"""The unit from words and values: what is said is believed as far as the values allow, never certain and wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geosar.errors import UnitError
from geosar.scene import open_scene
from geosar.scene.evidence import BandFacts, Evidence, Facts, Topic, Weight, gather
from geosar.scene.evidence.claims import unit_in
from geosar.scene.evidence.products import recognise
from geosar.scene.evidence.verdict import weigh_unit
from geosar.vocabulary import Unit
from helpers.rasters import speckled

POWER = speckled((64, 64))
DECIBEL = (10 * np.log10(POWER)).astype(np.float32)
WORDS = (
    "Gamma0_VV_db", "sigma0 linear power", "Intensity_VH", "dB", "scene_db", "backscatter", "VV", "power", "decibel",
    "10*log10(backscatter_linear)", "backscatter_dB = 10*log10(backscatter_linear)", "linear to dB", "München",
)  # fmt: skip
words = st.sampled_from(WORDS)


def told(name: str = "scene.tif", description: str = "", units: str = "", **tags: str) -> Facts:
    return Facts(name, tags, (BandFacts(1, description, units, {}, "float32", alpha=False),))


def said(facts: Facts) -> tuple[Evidence, ...]:
    return gather(facts, recognise(facts))


def verdict(facts: Facts, values: np.ndarray) -> tuple[Unit, bool]:
    inference = weigh_unit(said(facts), {1: values.ravel()}, values.dtype).inference
    return inference.unit, inference.certain


@pytest.mark.parametrize(
    ("facts", "values", "unit"),
    [
        (told(description="Gamma0_VV_db"), DECIBEL, Unit.DECIBEL),
        (told("rtc_282D_vv_vh_db.tif"), DECIBEL, Unit.DECIBEL),
        (told(SCALE="sigma0 linear power"), POWER, Unit.POWER),
        (told(description="Intensity_VH"), POWER, Unit.POWER),
        (told(description="Amplitude_VV"), POWER, Unit.AMPLITUDE),
        (told(units="dB"), DECIBEL, Unit.DECIBEL),
    ],
)
def test_words_about_a_raster_are_believed(facts: Facts, values: np.ndarray, unit: Unit) -> None:
    assert verdict(facts, values) == (unit, True)


@pytest.mark.parametrize(
    "facts",
    [
        told("scene_db.tif"), told(units="dB"), told(UNITS="decibel"),
        told(BACKSCATTER_DECIBEL_CONVERSION_EQUATION="backscatter_dB = 10*log10(backscatter_linear)"),
    ],
)  # fmt: skip
def test_positive_values_below_two_are_never_decibels(facts: Facts) -> None:
    assert verdict(facts, POWER)[0] is Unit.POWER


def test_words_that_the_values_contradict_are_not_believed() -> None:
    verdict_of_words = weigh_unit(said(told(UNITS="linear power")), {1: DECIBEL.ravel()}, np.float32)
    assert (verdict_of_words.inference.unit, verdict_of_words.inference.certain) == (Unit.DECIBEL, False)
    assert any("Not believed" in note and "UNITS" in note for note in verdict_of_words.notes)


def test_letters_inside_a_word_and_formulas_and_prose_say_nothing() -> None:
    assert unit_in("feedback_adb1") is None
    assert unit_in("backscatter_dB = 10*log10(backscatter_linear)") is None
    assert unit_in("linear power, later converted to dB") is None
    assert unit_in("The scene in dB. " * 20) is None
    assert unit_in("Sentinel-1 - Unit: intensity") is Unit.POWER


def test_contradictions_that_the_values_allow_leave_doubt() -> None:
    verdict_of_words = weigh_unit(said(told("s_amplitude.tif", units="power")), {1: POWER.ravel()}, np.float32)
    assert (verdict_of_words.inference.unit, verdict_of_words.inference.certain) == (Unit.POWER, False)
    assert any("amplitude" in note and "--scale" in note for note in verdict_of_words.notes)


def test_the_callers_word_wins_and_a_contradiction_is_said() -> None:
    evidence = (*said(told(units="dB")), Evidence(Topic.UNIT, Unit.AMPLITUDE, Weight.STATED, "stated by the caller"))
    verdict_of_words = weigh_unit(evidence, {1: DECIBEL.ravel()}, np.float32)
    assert (verdict_of_words.inference.unit, verdict_of_words.inference.certain) == (Unit.AMPLITUDE, True)
    assert any("unit db, by the band's unit, 'dB'" in note and "as stated" in note for note in verdict_of_words.notes)


def test_bands_in_different_units_are_refused_with_the_way_out() -> None:
    evidence = [Evidence(Topic.UNIT, Unit.DECIBEL, Weight.BAND_NAME, "'VV_db'", 0)]
    with pytest.raises(UnitError, match="--pol VV"):
        weigh_unit(evidence, {0: DECIBEL.ravel(), 1: POWER.ravel()}, np.float32)


PRODUCTS = (
    "S1A_IW_20180128T161201_DVP_RTC30_G_gduned_FD6A_VV", "S1A_IW_20180128T161201_DVP_RTC30_G_gpuned_FD6A_VV",
    "S1A_IW_20180128T161201_DVP_RTC30_G_saunem_FD6A_VV", "OPERA_L2_RTC-S1_T163-348302-IW3_20230603_S1A_30_VV",
    "iw-vv.rtc", "x_Sentinel-1_IW_VV+VH_VV_-_decibel_gamma0", "x_Sentinel-1_IW_VV+VH_VV_-_linear_gamma0",
    "ROIs1158_spring_s1_1_p30", "UMBRA-04_GEC", "Sigma0_VV_db", "Gamma0_VV",
)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    decibels=st.booleans(), description=words, units=st.sampled_from(["", *WORDS]),
    name=st.one_of(words, st.sampled_from(PRODUCTS)),
    tags=st.dictionaries(st.sampled_from(["UNITS", "SCALE", "LONG_NAME", "CALIBRATION", "AREA"]), words, max_size=3),
    shift=st.floats(-6, 6), seed=st.integers(0, 20),
)  # fmt: skip
def test_whatever_is_said_the_verdict_is_never_certain_and_wrong(
    *, decibels: bool, description: str, units: str, name: str, tags: dict[str, str], shift: float, seed: int
) -> None:
    power = speckled((64, 64), seed) * np.float32(10 ** (shift / 10))
    values = 10 * np.log10(power) if decibels else power
    unit, certain = verdict(told(f"{name}.tif", description, units, **tags), values.astype(np.float32))
    assert not certain or (unit is Unit.DECIBEL) == decibels
    assert (unit is Unit.DECIBEL) == decibels  # these two the values themselves tell apart


def test_a_neighbour_that_does_not_fit_leaves_nothing_behind(make_raster: Callable[..., Path]) -> None:
    tags = {"UNITS": "amplitude", "ACQUISITION_START_TIME": "2020-01-01T00:00:00"}
    make_raster("s_VH.tif", POWER[:32, :32], tags=tags)
    with open_scene(make_raster("s_VV.tif", POWER)) as scene:
        assert scene.unit is Unit.POWER
        assert scene.acquired is None
        assert not scene.verdict.inference.certain
        assert scene.polarisations == ("VV",)
        assert any("s_VH.tif stands beside it but was left out" in note for note in scene.notes)


@pytest.mark.parametrize("share", [15, 30])
def test_power_below_zero_after_noise_was_subtracted_is_dark_and_no_hole(make_raster: Any, share: int) -> None:
    noisy = speckled((80, 100)) * np.float32(0.1)
    values = noisy - np.float32(np.quantile(noisy, share / 100))
    with open_scene(make_raster("S1_denoised_VH.tif", values)) as scene:
        assert scene.unit is Unit.POWER
        assert scene.read(scene.grid.window).valid.all()
        assert scene.statistics[0].valid_fraction == 1
