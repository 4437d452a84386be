"""Scores against values worked out by other means."""

import numpy as np
import pytest

from geosar_training.scoring.metrics import block_means, high_frequency_energy, match_tone, psnr, sharpness, ssim


def picture(seed: int = 0, size: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).uniform(40, 200, (size, size, 3)).astype(np.float32)


def checkerboard(size: int = 64) -> np.ndarray:
    rows, cols = np.mgrid[:size, :size]
    return ((-1.0) ** (rows + cols))[..., None].astype(np.float32)


@pytest.mark.parametrize("amplitude", [1.0, 5.0, 25.5])
def test_psnr_of_a_known_difference(amplitude: float) -> None:
    noisy = picture() + amplitude * checkerboard()
    assert psnr(noisy, picture()) == pytest.approx(20 * np.log10(255 / amplitude), abs=1e-3)


def test_psnr_of_gaussian_noise_is_that_of_its_deviation() -> None:
    noise = np.random.default_rng(3).normal(0, 8, (256, 256, 3)).astype(np.float32)
    assert psnr(picture(size=256) + noise, picture(size=256)) == pytest.approx(20 * np.log10(255 / 8), abs=0.05)


def test_ssim_is_one_for_the_truth_and_the_formula_for_a_shift() -> None:
    flat = np.full((32, 32, 3), 100, np.float32)
    assert ssim(picture(), picture()) == pytest.approx(1)
    # Without variance only the luminance term remains: (2 a b + c) / (a^2 + b^2 + c), c = (0.01 * 255)^2.
    expected = (2 * 100 * 120 + 2.55**2) / (100**2 + 120**2 + 2.55**2)
    assert ssim(flat + 20, flat) == pytest.approx(expected, abs=1e-3)


def test_block_means_by_hand() -> None:
    image = np.arange(4 * 6, dtype=np.float32).reshape(4, 6, 1)
    assert block_means(image, 2)[..., 0].tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]
    assert block_means(image, 4).shape == (1, 1, 1)  # what fills no block is left out


def test_the_coarse_score_does_not_see_what_averages_out() -> None:
    noisy = picture() + 20 * checkerboard()
    assert psnr(noisy, picture()) == pytest.approx(20 * np.log10(255 / 20), abs=1e-3)
    assert psnr(block_means(noisy), block_means(picture())) > 80


def test_high_frequencies_of_a_checkerboard_by_hand() -> None:
    # A 5 x 5 mean over a checkerboard of +-1 is +-1/25 with the sign of its centre.
    assert high_frequency_energy(np.repeat(checkerboard(), 3, axis=2)) == pytest.approx((24 / 25) ** 2, abs=1e-4)


def test_sharpness_is_one_for_the_truth_zero_for_a_flat_image_and_scales_with_contrast() -> None:
    truth = picture()
    assert sharpness(truth, truth) == pytest.approx(1)
    assert sharpness(np.full_like(truth, 120), truth) == pytest.approx(0, abs=1e-3)
    assert sharpness(truth * 0.5 + 60, truth) == pytest.approx(0.5, abs=1e-3)


def test_tone_match_recovers_a_known_gain_and_offset() -> None:
    generated = [picture(seed) for seed in range(3)]
    gain, offset = np.array([0.8, 1.1, 0.5]), np.array([10.0, -20.0, 30.0])
    truth = [(image * gain + offset).astype(np.float32) for image in generated]
    match = match_tone(generated, truth)
    assert np.allclose(match.gain, gain, atol=1e-4)
    assert np.allclose(match.offset, offset, atol=1e-2)
    assert np.allclose(match(generated[0]), truth[0], atol=1e-2)


def test_a_constant_image_is_matched_to_the_mean_colour() -> None:
    truth = picture()
    match = match_tone([np.zeros_like(truth)], [truth])
    assert np.allclose(match(np.zeros_like(truth))[0, 0], truth[::2, ::2].mean(axis=(0, 1)), atol=1e-2)
