"""Means with intervals, the evaluation of patches, the error band's deciles, and the report's words."""

import numpy as np
import pytest

from geosar_training.pairs.pair import Pair
from geosar_training.scoring.baselines import Translator, baselines
from geosar_training.scoring.bootstrap import summarise
from geosar_training.scoring.figures import error_picture
from geosar_training.scoring.measures import QUICK
from geosar_training.scoring.patches import Evaluation, landcover_of, score_patches
from geosar_training.scoring.reliability import deciles, reliability
from geosar_training.scoring.report import number
from geosar_training.scoring.sentences import findings
from helpers.training.laboratory import make_pair


def truthful(pair: Pair, off: float, stated: float) -> Translator:
    """Return a translator that is `off` grey levels too bright everywhere and states another error."""

    def translate(_backscatter: np.ndarray) -> np.ndarray:
        image = pair.optical.astype(np.float32) + off
        return np.dstack([image, np.full(pair.shape, stated, np.float32)])

    return translate


def one_pair(off: float = 10, stated: float = 10) -> Evaluation:
    pair = make_pair(split="val")
    return score_patches({**baselines([make_pair("t")]), "net": truthful(pair, off, stated)}, [pair], QUICK)


def test_the_interval_draws_whole_images() -> None:
    # Ten patches of one image are one draw: the mean is either image's.
    interval = summarise([1.0] * 10 + [3.0] * 10, [0] * 10 + [1] * 10)
    assert (interval.mean, interval.median, interval.low, interval.high, interval.patches) == (2, 2, 1, 3, 20)
    singly = summarise([1.0] * 10 + [3.0] * 10, range(20))
    assert singly.high - singly.low < 1.2


def test_the_interval_is_that_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(20, 3, 400)
    interval = summarise(values, range(400))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 3 / 20, rel=0.15)  # two times 1.96 standard errors


def test_one_image_has_no_interval_and_values_that_are_not_there_do_not_count() -> None:
    interval = summarise([1.0, float("nan"), 2.0], [0, 0, 0])
    assert (interval.mean, interval.patches) == (1.5, 2)
    assert np.isnan(interval.low)
    assert summarise([float("nan")], [0]) is None


def test_a_known_offset_has_a_known_score_and_the_tone_match_takes_it_away() -> None:
    evaluation = one_pair(off=10)
    assert evaluation.summary("net", "psnr", matched=False).mean == pytest.approx(20 * np.log10(255 / 10), abs=0.01)
    assert evaluation.summary("net", "psnr", matched=True).mean > 50
    assert evaluation.summary("net", "psnr", matched=False, source="elsewhere") is None


def test_patches_without_data_are_not_scored() -> None:
    whole = make_pair("a", split="val", size=64)
    mask = np.ones((64, 64), bool)
    mask[:32] = False
    holed = Pair(**(vars(make_pair("b", split="val", size=64)) | {"valid": mask}))
    evaluation = score_patches({"net": truthful(whole, 0, 5)}, [whole, holed], QUICK)
    assert [row.image for row in evaluation.rows["net"]] == [0]


def test_land_cover_is_the_first_that_a_pair_names() -> None:
    pair = make_pair()
    assert landcover_of(pair) == "field"
    assert landcover_of(Pair(**(vars(pair) | {"landcover": "Urban/farmland, river"}))) == "urban"


def test_deciles_are_tenths_of_the_pixels_by_what_was_stated() -> None:
    stated = np.repeat(np.arange(10, 110, 10, dtype=np.uint8), 50)
    parts = deciles(stated, stated * 1.1)
    assert [item.stated for item in parts] == pytest.approx(list(range(10, 110, 10)))
    assert [item.ratio for item in parts] == pytest.approx([1.1] * 10)
    assert all(item.calibrated for item in parts)


def test_a_level_on_a_cut_is_shared_by_both_parts() -> None:
    stated = np.array([10] * 15 + [20] * 5, np.uint8)
    parts = deciles(stated, np.array([30.0] * 15 + [20.0] * 5), parts=2)
    assert [(item.stated, item.true) for item in parts] == [(10, 30), (15, 25)]  # 10 tens; 5 tens and 5 twenties


@pytest.mark.parametrize(("stated", "right"), [(10, True), (12, True), (20, False), (7, False)])
def test_the_error_band_is_compared_with_the_true_error(stated: float, *, right: bool) -> None:
    band = reliability(one_pair(off=10, stated=stated), "net")
    assert all(item.true == pytest.approx(10) for item in band.raw)
    assert all(item.calibrated is right for item in band.raw)
    assert all(item.true < 1 for item in band.matched)


def test_a_network_without_the_fourth_band_has_none_to_judge() -> None:
    assert reliability(one_pair(), "grey") is None


def test_words_say_how_a_network_does_against_the_baselines() -> None:
    evaluation = one_pair(off=10, stated=10)
    (finding,) = findings(evaluation, {"net": reliability(evaluation, "net")})
    assert finding.network == "net"
    assert "dB against the scene's mean colour and +" in finding.says
    assert "About as detailed as the truth" in finding.says
    assert "After the tone match the error band is within 20 % in 0 of 10 tenths" in finding.says


def test_an_error_picture_is_black_where_nothing_is_wrong_and_brighter_with_the_error() -> None:
    truth = np.full((2, 2, 3), 100, np.uint8)
    right, half, far = (int(error_picture(truth + off, truth).sum()) for off in (0, 64, 128))
    assert right < 100 < half < far


@pytest.mark.parametrize(
    ("value", "text"), [(0.33333, "0.333"), (16.118, "16.12"), (123.45, "123.5"), (-1.5, "-1.500")]
)
def test_numbers_have_the_digits_that_the_measures_can_bear(value: float, text: str) -> None:
    assert number(value) == text
