"""Units, statistics and normalisation, against values worked out on paper."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from geosar.backscatter import BandStatistics, Normaliser, band_statistics, infer_unit, measured, to_decibel
from geosar.errors import SceneContentError, UnitError
from geosar.vocabulary import Unit
from helpers.rasters import speckled

POWER = speckled((64, 64))


@pytest.mark.parametrize(
    ("unit", "linear", "decibel"),
    [
        (Unit.POWER, 0.01, -20.0),
        (Unit.POWER, 2.0, 3.0103),
        (Unit.AMPLITUDE, 0.1, -20.0),
        (Unit.AMPLITUDE, 2.0, 6.0206),
        (Unit.DIGITAL_NUMBER, 1000, 60.0),
        (Unit.DECIBEL, -17.5, -17.5),
        (Unit.PICTURE, 128, 128.0),
    ],
)
def test_decibels_are_ten_times_the_logarithm_of_power_and_twenty_of_amplitude(
    unit: Any, linear: float, decibel: float
) -> None:
    decibels = to_decibel(np.array([linear]), unit)
    assert decibels.dtype == np.float32
    assert decibels[0] == pytest.approx(decibel, abs=1e-4)


def test_decibels_of_nothing_are_not_a_number() -> None:
    for unit in (Unit.POWER, Unit.AMPLITUDE, Unit.DIGITAL_NUMBER):
        assert np.isnan(to_decibel(np.array([0, -1, np.nan]), unit)).all()


@given(st.floats(-60, 30), st.sampled_from([Unit.POWER, Unit.AMPLITUDE]))
def test_conversion_undoes_the_power_of_ten(decibel: float, unit: Any) -> None:
    linear = np.array([10 ** (decibel / (10 if unit is Unit.POWER else 20))])
    assert to_decibel(linear, unit)[0] == pytest.approx(decibel, abs=1e-3)


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (10 * np.log10(POWER), Unit.DECIBEL),
        (POWER, Unit.POWER),
        ((np.sqrt(POWER) * 500).astype(np.float32), Unit.AMPLITUDE),
        ((np.sqrt(POWER) * 500).astype(np.uint16), Unit.DIGITAL_NUMBER),
        ((np.sqrt(POWER) * 500).astype(np.int16), Unit.DIGITAL_NUMBER),
        ((10 * np.log10(POWER) * 100).astype(np.int16), Unit.PICTURE),
        (np.clip(np.sqrt(POWER) * 200, 1, 255).astype(np.uint8), Unit.AMPLITUDE),
        (np.clip(10 * np.log10(POWER) * 6 + 220, 1, 255).astype(np.uint8), Unit.PICTURE),
    ],
    ids=["db", "power", "amplitude", "uint16", "int16", "scaled db", "8-bit amplitude", "8-bit db"],
)
def test_the_unit_of_unlabelled_speckle_is_found_and_said_to_be_uncertain(values: np.ndarray, unit: Any) -> None:
    inference = infer_unit(values.ravel(), values.dtype)
    assert (inference.unit, inference.certain) == (unit, False)
    assert inference.reason


def test_an_undeclared_fill_does_not_hide_decibels() -> None:
    values = np.concatenate([np.full(9000, -9999, np.float32), (10 * np.log10(POWER)).ravel()])
    assert infer_unit(values, np.float32).unit is Unit.DECIBEL


def test_numbers_that_fit_no_unit_are_refused_with_the_way_out() -> None:
    with pytest.raises(UnitError, match="`scale`"):
        infer_unit(np.linspace(-160, -140, 100).astype(np.float32), np.float32)


def test_a_few_negative_powers_are_noise() -> None:
    values = POWER.ravel().copy()
    values[::40] = -1e-4
    assert infer_unit(values, np.float32).unit is Unit.POWER


def test_an_unknown_unit_is_refused_with_the_known_ones() -> None:
    assert Unit.parse("DB") is Unit.DECIBEL
    with pytest.raises(UnitError, match="amplitude, dn, picture"):
        Unit.parse("watt")


def test_what_a_radar_cannot_have_measured_is_masked() -> None:
    inf, nan = np.inf, np.nan
    linear = np.array([0.1, 0.0, -0.1, nan, inf], np.float32)
    assert measured(linear, Unit.AMPLITUDE).tolist() == [True, False, False, False, False]
    # Power below zero is what subtracted noise leaves: dark, and no hole.
    assert measured(linear, Unit.POWER).tolist() == [True, False, True, False, False]
    assert measured(np.array([9.96921e36, 1e20, -3.4e38, 3e6], np.float32), Unit.POWER).tolist() == [False] * 3 + [True]
    decibels = np.array([-12.5, 0.0, -9999, nan, -inf], np.float32)
    assert measured(decibels, Unit.DECIBEL).tolist() == [True, False, False, False, False]
    assert measured(decibels, Unit.DECIBEL, zero_is_fill=False).tolist() == [True, True, False, False, False]
    assert measured(np.array([0, 1], np.uint16), Unit.DIGITAL_NUMBER).tolist() == [False, True]
    assert measured(np.array([0, 1], np.uint8), Unit.AMPLITUDE) is None


def test_statistics_are_those_of_the_values_between_the_first_and_last_percent() -> None:
    values = np.arange(1001, dtype=np.float32)  # its percentiles are 10, 20, 500, 980, 990
    band = band_statistics(values, np.ones(1001, bool))
    assert (band.minimum, band.p02, band.p50, band.p98, band.maximum) == (0, 20, 500, 980, 1000)
    assert band.valid_fraction == 1
    clipped = [min(max(value, 10), 990) for value in range(1001)]
    mean = sum(clipped) / 1001
    assert band.mean == pytest.approx(mean)
    assert band.std == pytest.approx((sum((value - mean) ** 2 for value in clipped) / 1001) ** 0.5)


def test_statistics_leave_out_what_is_invalid() -> None:
    values = np.array([-10, -12, 99, np.nan], np.float32)
    band = band_statistics(values, np.array([True, True, False, True]))
    assert (band.minimum, band.maximum, band.valid_fraction) == (-12, -10, 0.75)


def test_statistics_of_nothing_are_refused() -> None:
    with pytest.raises(SceneContentError, match="no valid pixel"):
        band_statistics(np.zeros(4, np.float32), np.zeros(4, bool))


def statistics(mean: float, std: float) -> BandStatistics:
    return BandStatistics(1, 0, 0, mean, std, 0, 0, 0)


def test_normalised_values_are_deviations_from_the_mean_clipped_and_zero_where_invalid() -> None:
    normalise = Normaliser(Unit.DECIBEL, [statistics(-10, 2), statistics(-20, 4)], (-3, 3))
    values = np.array([[[-10, -14, 50, -1]], [[-20, -12, -99, -1]]], np.float32)
    normalised = normalise(values, np.array([[True, True, True, False]]))
    assert normalised.dtype == np.float32
    assert normalised.tolist() == [[[0, -2, 3, 0]], [[0, 2, -3, 0]]]


@pytest.mark.parametrize(("offset", "gain"), [(50, 100), (30, 1000), (40, 20)])
def test_decibels_in_integers_with_an_offset_are_told_from_amplitudes_by_how_their_spread_grows(
    offset: float, gain: float
) -> None:
    decibels = 10 * np.log10(speckled((256, 256), seed=3))
    stored = np.clip((decibels + offset) * gain, 1, 65535).astype(np.uint16)
    inference = infer_unit(stored.ravel(), stored.dtype)
    assert (inference.unit, inference.certain) == (Unit.PICTURE, False)
    amplitudes = np.clip(10 ** (decibels / 20) * offset * gain, 1, 65534).astype(np.uint16)
    assert infer_unit(amplitudes.ravel(), amplitudes.dtype).unit is Unit.DIGITAL_NUMBER


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("unit", [Unit.DIGITAL_NUMBER, Unit.PICTURE])
def test_the_table_gives_what_the_formula_gives(dtype: Any, unit: Any) -> None:
    known = [statistics(30, 7), statistics(25, 11)]
    limits = np.iinfo(dtype)
    values = np.linspace(limits.min, limits.max, 2 * 40 * 50).astype(dtype).reshape(2, 40, 50)
    valid = np.ones((40, 50), bool)
    normalised = Normaliser(unit, known, (-4, 4))(values, valid)
    direct = Normaliser(unit, known, (-4, 4))(values.astype(np.float64), valid)
    np.testing.assert_allclose(normalised, direct, atol=1e-5)


def test_black_is_the_darkest_value_of_an_amplitude_picture_and_not_its_mean() -> None:
    normalised = Normaliser(Unit.AMPLITUDE, [statistics(40, 5)], (-3, 3))(
        np.zeros((1, 1, 1), np.uint8), np.ones((1, 1), bool)
    )
    assert normalised.item() == -3


def test_a_scene_without_contrast_is_all_mean() -> None:
    normalised = Normaliser(Unit.DECIBEL, [statistics(-10, 0)], (-3, 3))(
        np.full((1, 2, 2), -7.0, np.float32), np.ones((2, 2), bool)
    )
    assert (normalised == 0).all()


def test_power_and_amplitude_normalise_to_the_same() -> None:
    valid = np.ones(POWER.shape, bool)
    results = []
    for unit, values in ((Unit.POWER, POWER), (Unit.AMPLITUDE, np.sqrt(POWER) * 300)):
        known = band_statistics(to_decibel(values, unit), valid)
        results.append(Normaliser(unit, [known], (-4, 4))(values[np.newaxis], valid))
    np.testing.assert_allclose(*results, atol=1e-4)


def test_the_number_of_bands_must_be_that_of_the_statistics() -> None:
    with pytest.raises(ValueError, match="2 bands"):
        Normaliser(Unit.DECIBEL, [statistics(0, 1)], (-3, 3))(np.zeros((2, 1, 1), np.float32), np.ones((1, 1), bool))


@pytest.mark.data
def test_real_amplitude_pictures_are_told_from_decibel_pictures(data_dir: Path) -> None:
    inference = {True: Counter(), False: Counter()}
    with (data_dir / "pairs" / "manifest.csv").open() as manifest:
        names = [(row["source"].startswith("volkov"), row["name"]) for row in csv.DictReader(manifest)]
    for amplitude, name in names[::3]:
        with rasterio.open(data_dir / "pairs" / "sar" / f"{name}.png") as image:
            inference[amplitude][infer_unit(image.read(1).ravel(), np.uint8).unit] += 1
    assert set(inference[True]) == {Unit.AMPLITUDE}
    assert inference[False][Unit.PICTURE] > 0.93 * inference[False].total()
