"""The protocol's measures against values worked out by other means."""

from pathlib import Path

import numpy as np
import pytest
import torch

from geosar_training.errors import WeightsError
from geosar_training.scoring import measures
from geosar_training.scoring.measures import (
    MEASURES,
    edge_agreement,
    ergas,
    identity_ratio,
    ms_ssim,
    nrmse,
    spectral_angle,
)
from geosar_training.scoring.perceptual import lpips_measure
from geosar_training.scoring.quaternions import conjugate, product, q2n
from geosar_training.scoring.spectra import radial_spectrum, spectrum_distance
from geosar_training.torchvision_operators import module


def picture(seed: int = 0, size: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).uniform(40, 200, (size, size, 3)).astype(np.float32)


def flat(*colour: float, size: int = 64) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.float32), (size, size, 3)).copy()


def wave(period: float, size: int = 256, amplitude: float = 50) -> np.ndarray:
    line = 100 + amplitude * np.sin(2 * np.pi * np.arange(size) / period)
    return np.broadcast_to(line[None, :, None], (size, size, 3)).astype(np.float32)


@pytest.mark.parametrize("measure", MEASURES, ids=lambda item: item.name)
def test_the_truth_scores_best_by_every_measure(measure: measures.Measure) -> None:
    truth, other, radar = picture(size=192), picture(1, size=192), flat(0, 0, 0, size=192)
    perfect, worse = measure.of(truth, truth, radar), measure.of(other, truth, radar)
    if measure.best == "high":
        assert perfect > worse
    elif measure.best == "low":
        assert perfect == pytest.approx(0, abs=0.05)
        assert worse > 0.1
    else:
        assert perfect == pytest.approx(1)


def test_nrmse_is_the_error_over_the_mean() -> None:
    assert nrmse(flat(110, 110, 110), flat(100, 100, 100)) == pytest.approx(0.1, abs=1e-5)


def test_ergas_by_hand() -> None:
    # 100 * sqrt(mean((rmse / mean)^2)) over bands that are off by 10 %, 20 % and 0 %.
    assert ergas(flat(110, 120, 100), flat(100, 100, 100)) == pytest.approx(100 * np.sqrt((0.01 + 0.04) / 3), rel=1e-4)


def test_the_spectral_angle_of_two_colours_is_in_degrees_whatever_their_brightness() -> None:
    assert spectral_angle(flat(200, 0, 0), flat(90, 90, 0)) == pytest.approx(45, abs=0.01)
    half_black = flat(200, 0, 0)
    half_black[:32] = 0  # black has no colour, so no angle
    assert spectral_angle(half_black, flat(90, 90, 0)) == pytest.approx(45, abs=0.01)


def test_ms_ssim_of_a_small_patch_is_unknown() -> None:
    assert np.isnan(ms_ssim(picture(), picture()))
    assert ms_ssim(picture(size=177), picture(size=177)) == pytest.approx(1)


def test_the_identity_ratio_is_zero_for_a_copy_of_the_radar_and_one_half_half_way() -> None:
    radar, truth = flat(50, 50, 50), flat(150, 150, 150)
    assert identity_ratio(radar, truth, radar) == 0
    assert identity_ratio(flat(100, 100, 100), truth, radar) == pytest.approx(0.5)


def test_edges_agree_when_they_lie_in_the_same_places_whatever_the_contrast() -> None:
    square = flat(50, 50, 50)
    square[20:40, 20:40] = 150
    moved = np.roll(square, 12, axis=1)
    assert edge_agreement(255 - square * 0.5, square) == pytest.approx(1, abs=1e-3)
    assert edge_agreement(moved, square) < 0.6
    assert edge_agreement(flat(9, 9, 9), square) == 0


def test_quaternions_multiply_as_hamilton_carved_it() -> None:
    one, i, j, k = np.eye(4)
    assert np.array_equal(product(i, j), k)
    assert np.array_equal(product(j, i), -k)
    assert np.array_equal(product(k, k), -one)
    assert np.array_equal(product(i, conjugate(i)), one)


def test_q2n_of_grey_images_is_the_quality_index_of_one_band() -> None:
    # Of equal bands every quaternion is the same one times a number, so only the number is left to compare.
    truth = np.repeat(picture(size=32)[..., :1], 3, axis=2)
    other = np.repeat(0.6 * truth[..., :1] + 30 + 0.3 * picture(5, size=32)[..., :1], 3, axis=2)
    x, y = truth[..., 0].astype(float).ravel(), other[..., 0].astype(float).ravel()
    covariance = np.mean(x * y) - x.mean() * y.mean()
    expected = 4 * covariance * x.mean() * y.mean() / ((x.var() + y.var()) * (x.mean() ** 2 + y.mean() ** 2))
    assert q2n(other, truth) == pytest.approx(expected, rel=1e-6)


def test_q2n_of_a_flat_image_is_nothing_beside_one_that_varies() -> None:
    assert q2n(flat(120, 120, 120), picture()) == pytest.approx(0, abs=1e-6)
    assert q2n(flat(100, 100, 100), flat(100, 100, 100)) == 1


@pytest.mark.parametrize("period", [4, 16, 64])
def test_the_power_of_a_wave_lies_at_its_frequency(period: int) -> None:
    assert int(np.argmax(radial_spectrum(wave(period)))) + 1 == 256 // period


def test_half_the_contrast_is_six_decibels_less_power() -> None:
    noise = np.random.default_rng(0).normal(0, 20, (128, 128, 1)).repeat(3, axis=2)
    assert spectrum_distance(100 + noise / 2, 100 + noise) == pytest.approx(20 * np.log10(2), abs=0.05)


def test_lpips_with_given_weights_is_that_of_torchmetrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision  # noqa: PLC0415 - only after the operators are declared

    torch.manual_seed(0)
    backbone = torchvision.models.squeezenet1_1(weights=None)
    torch.save(backbone.state_dict(), tmp_path / "squeeze.pth")
    monkeypatch.setattr(torchvision.models, "squeezenet1_1", lambda **_: backbone)  # what it would have downloaded
    a, b = picture(size=64), picture(1, size=64)
    ours = lpips_measure(tmp_path / "squeeze.pth", "squeeze").of(a, b, a)
    theirs = module("torchmetrics.functional.image").learned_perceptual_image_patch_similarity(
        *(torch.from_numpy(np.moveaxis(item, -1, 0)[None].copy()) / 127.5 - 1 for item in (a, b)), net_type="squeeze"
    )
    assert ours == pytest.approx(float(theirs), rel=1e-4)
    with pytest.raises(WeightsError, match="vgg16"):
        lpips_measure(tmp_path / "squeeze.pth", "vgg")
