"""Tone alignment and luma with colour differences, against values worked out by hand."""

import numpy as np
import pytest
import torch

from geosar.engines.generator import Generator
from geosar_training.pairs.tone import (
    LUMA_DEVIATION,
    LUMA_MEAN,
    REFERENCE_DEVIATION,
    REFERENCE_MEAN,
    ToneCurve,
    fit_tone,
    identity,
    luma_chroma,
)


def components(red: float, green: float, blue: float) -> np.ndarray:
    standardised = luma_chroma(np.array([[[red, green, blue]]], np.float32))[0, 0]
    return standardised * np.array(LUMA_DEVIATION) + np.array(LUMA_MEAN)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((77, 77, 77), (77, 0, 0)),
        ((255, 255, 255), (255, 0, 0)),
        ((255, 0, 0), (76.245, -43.0276, 127.5)),  # the table of BT.601
        ((0, 0, 255), (29.07, 127.5, -20.7347)),
    ],
)
def test_luma_and_differences_are_those_of_bt601(
    colour: tuple[float, float, float], expected: tuple[float, float, float]
) -> None:
    assert np.allclose(components(*colour), expected, atol=1e-3)


def test_the_generator_turns_components_back_into_the_picture() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (1, 1, 3)).astype(np.float32)
    parts = torch.from_numpy(luma_chroma(image)).permute(2, 0, 1)[None]
    network = Generator(mean=LUMA_MEAN, deviation=LUMA_DEVIATION)
    rgb = network.rgb(parts[:, :1].expand(1, 1, 4, 4), parts[:, 1:])
    assert np.allclose(rgb[0, :, 0, 0], image[0, 0], atol=1e-3)


def noise(patches: int, mean: float = 60.0, deviation: float = 10.0) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [np.clip(random.normal(mean, deviation, (256, 256, 3)), 0, 255).astype(np.uint8) for _ in range(patches)]


def test_ten_patches_are_brought_half_the_way_to_the_reference() -> None:
    images = noise(10)
    sample = np.concatenate([image[::4, ::4].reshape(-1, 3) for image in images]).astype(float)
    curve = fit_tone(images)
    aligned = sample * curve.gain + curve.offset
    assert np.allclose(aligned.mean(axis=0), (sample.mean(axis=0) + REFERENCE_MEAN) / 2, atol=0.01)
    assert np.allclose(aligned.std(axis=0), np.sqrt(sample.std(axis=0) * REFERENCE_DEVIATION), atol=0.01)


def test_more_patches_are_trusted_more() -> None:
    few, many = (abs(fit_tone(noise(n)).gain[0] - 1) for n in (1, 40))
    assert many > 3 * few


def test_a_curve_clips_to_bytes() -> None:
    curve = ToneCurve(np.array([2, 1, 0.5], np.float32), np.array([0, -50, 10], np.float32))
    image = np.array([[[200, 30, 100]]], np.uint8)
    assert curve(image).tolist() == [[[255.0, 0.0, 60.0]]]


def test_a_flat_image_does_not_divide_by_zero() -> None:
    curve = fit_tone([np.full((256, 256, 3), 50, np.uint8)])
    assert np.isfinite(curve.gain).all()
    assert np.isfinite(curve.offset).all()


def test_the_identity_changes_nothing() -> None:
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    assert np.array_equal(identity()(image), image)
