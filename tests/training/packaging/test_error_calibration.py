"""The expected error, made true on average and folded into the weights."""

import dataclasses

import numpy as np
import pytest
import torch

from geosar.engines.generator import Generator, fold
from geosar_training.errors import PairsError
from geosar_training.packaging import error_calibration
from geosar_training.packaging.error_calibration import ErrorCurve, calibrated, fit_curve, fit_error_curve
from helpers.training.laboratory import WIDTHS, make_pair


def network() -> Generator:
    torch.manual_seed(0)
    net = Generator(widths=WIDTHS).eval()
    torch.nn.init.normal_(net.colour[-1].weight, std=0.3)
    return net


def sar() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(size=(1, 1, 128, 128)).astype(np.float32))


def test_a_power_law_is_found_again_below_its_noise() -> None:
    random = np.random.default_rng(0)
    stated = random.uniform(10, 80, 100_000)
    true = 3.0 * stated**0.7 * random.uniform(0.0, 2.0, stated.size)  # mean 1
    curve = fit_curve(stated, true)
    assert curve.slope == pytest.approx(0.7, abs=0.02)
    assert curve(np.array([40.0]))[0] == pytest.approx(3.0 * 40**0.7, rel=0.02)


def test_an_error_that_falls_where_more_is_stated_becomes_its_mean() -> None:
    stated = np.linspace(10, 80, 10_000)
    curve = fit_curve(stated, 100 - stated)
    assert curve.slope == 0
    assert 40 < curve(np.array([20.0]))[0] == curve(np.array([70.0]))[0] < 60


@torch.no_grad()
@pytest.mark.parametrize("folded", [False, True])
def test_the_band_is_the_curve_of_the_network_and_the_image_is_as_before(*, folded: bool) -> None:
    curve = ErrorCurve(slope=0.4, offset=2.5)
    before, after = network(), calibrated(network(), curve)
    if folded:
        before, after = fold(before), fold(after)
    coarse = before._features(sar())[1]
    stated = torch.exp(coarse[:, 2:]) * before.deviation[:, :1]
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(curve(stated.numpy())).float(), scale_factor=4.0, mode="bilinear", align_corners=False
    )
    assert torch.allclose(after(sar())[:, :3], before(sar())[:, :3], atol=1e-3)
    assert torch.allclose(after(sar())[:, 3:], expected, rtol=1e-3)


def test_the_network_given_stays_as_it_was() -> None:
    net = network()
    weight = net.colour[-1].weight.clone()
    calibrated(net, ErrorCurve(0.1, 1.0))
    assert torch.equal(net.colour[-1].weight, weight)


def test_the_curve_is_fitted_on_held_out_observations_after_the_tone_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_calibration, "PATCHES", 8)
    pairs = [make_pair("a", size=64, source="other", seed=2), make_pair("b", size=64, split="val")]
    estimate = dataclasses.replace(make_pair("c", size=64, split="val", seed=3), estimated=True)
    # Every second pixel is 12 grey levels off, every other one as much the other way, and all of them 50.
    wrong = 50 + 12 * np.where(np.indices((64, 64)).sum(axis=0) % 2, 1, -1)[..., None]
    optical = pairs[1].optical.astype(np.float32) + wrong

    def translate(backscatter: np.ndarray) -> np.ndarray:
        assert backscatter.shape == (2, 64, 64)
        return np.dstack([optical, np.full((64, 64), 5, np.float32)])

    curve = fit_error_curve(translate, [*pairs, estimate])
    assert curve(np.array([5.0]))[0] == pytest.approx(12, rel=0.1)
    with pytest.raises(PairsError, match="val"):
        fit_error_curve(translate, pairs[:1])
