"""How crops are varied."""

import numpy as np
import pytest
import torch

from training.augmentation import DECIBELS_PER_DEVIATION, augment, speckle
from training.config import Augmentation

PLAIN = Augmentation(**dict.fromkeys(vars(Augmentation()), 0.0))


def field(bands: int = 1) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 2, (bands, 32, 32)).clip(-4, 4).astype(np.float32)


def test_nothing_asked_for_changes_nothing() -> None:
    valid = np.ones((32, 32), np.bool_)
    result, mask = augment(field(), valid, PLAIN, np.random.default_rng(0))
    assert np.array_equal(result, field())
    assert mask.all()


def test_augmentation_keeps_to_the_clip_and_blanks_what_is_not_valid() -> None:
    masks = 0
    for seed in range(100):
        result, valid = augment(field(), np.ones((32, 32), np.bool_), Augmentation(), np.random.default_rng(seed))
        assert result.dtype == np.float32
        assert result.shape == (1, 32, 32)
        assert np.abs(result).max() <= 4
        assert not result[0][~valid].any()
        masks += not valid.all()
    assert 0 < masks < 20  # an empty swath edge is rare


def test_what_was_not_valid_stays_so() -> None:
    valid = np.ones((32, 32), np.bool_)
    valid[:8] = False
    result, mask = augment(field(), valid, Augmentation(), np.random.default_rng(3))
    assert not mask[:8].any()
    assert not result[:, :8].any()


@pytest.mark.parametrize("looks", [1.0, 4.4, 40.0])
def test_speckle_has_the_deviation_of_its_looks(looks: float) -> None:
    """Decibels of a gamma variable have the variance (10 / ln 10)^2 psi1(looks)."""
    drawn = speckle((200, 200), looks, np.random.default_rng(2)) * DECIBELS_PER_DEVIATION
    assert drawn.std() == pytest.approx(
        10 / np.log(10) * np.sqrt(float(torch.polygamma(1, torch.tensor(looks)))), rel=0.03
    )
    assert np.mean(10 ** (drawn / 10)) == pytest.approx(1.0, rel=0.03)


def test_at_most_one_polarisation_is_missing_and_as_often_as_asked() -> None:
    how = Augmentation(**(vars(PLAIN) | {"polarisation_dropout": 0.5}))
    missing = []
    for seed in range(200):
        result, _ = augment(field(2), np.ones((32, 32), np.bool_), how, np.random.default_rng(seed))
        missing.append(sum(not band.any() for band in result))
    assert set(missing) == {0, 1}
    assert 70 < sum(missing) < 130


def test_a_single_polarisation_is_never_missing() -> None:
    how = Augmentation(**(vars(PLAIN) | {"polarisation_dropout": 1.0}))
    result, _ = augment(field(), np.ones((32, 32), np.bool_), how, np.random.default_rng(0))
    assert result.any()


def test_a_bent_contrast_keeps_the_order_of_brightness() -> None:
    how = Augmentation(**(vars(PLAIN) | {"stretch": 1.0}))
    ramp = np.linspace(-4, 4, 64, dtype=np.float32)[None, None]
    for seed in range(30):
        result, _ = augment(ramp.copy(), np.ones((1, 64), np.bool_), how, np.random.default_rng(seed))
        assert (np.diff(result[0, 0]) >= 0).all()
