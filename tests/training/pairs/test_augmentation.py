"""How crops are varied."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from geosar.engines.generator import Generator
from geosar.vocabulary import Unit
from geosar_training.config import Augmentation
from geosar_training.pairs import crops
from geosar_training.pairs.augmentation import DECIBELS_PER_DEVIATION, augment, basins, beside_sea, speckle
from geosar_training.pairs.pair import Pair
from helpers.training.laboratory import make_dual_pair, make_pair, tiny_config

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


def test_basins_are_of_many_sizes() -> None:
    shares = [basins((192, 192), np.random.default_rng(seed)).mean() for seed in range(200)]
    assert 0.02 < np.median(shares) < 0.15
    assert 0.25 < max(shares) < 0.8
    assert len(set(shares)) > 150


def test_land_beside_sea_is_normalised_as_such_a_scene_would_be() -> None:
    random = np.random.default_rng(0)
    scene = np.concatenate([random.normal(0, 1, 58_000), random.normal(-2.6, 0.4, 42_000)]).astype(np.float32)
    seen = beside_sea(scene, 0.42)
    assert (seen.mean(), seen.std()) == pytest.approx((0, 1), abs=0.02)
    assert np.array_equal(beside_sea(scene, 0.0), scene)


def test_only_what_is_normalised_by_its_own_scene_is_shown_beside_a_sea() -> None:
    plain = make_pair("a")
    even = replace(plain, sar=np.full_like(plain.sar, 100), statistics=(100.0, 10.0), unit=Unit.PICTURE)
    settings = tiny_config(crop=64, augmentation=vars(PLAIN) | {"seas": 0.6})
    for pair, moved in ((even, True), (replace(even, calibrated=True, polarisations=("VV",)), False)):
        drawn = crops.Crops([pair], settings, length=20, seed=1)
        assert (len({round(float(drawn[index][0].mean()), 3) for index in range(20)}) > 5) == moved


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


def images_of(pair: Pair) -> crops.Images:
    """Radar, optical and mask as the crops hold them."""
    return tuple(torch.from_numpy(array) for array in (pair.bands, pair.rgb.transpose(2, 0, 1).copy(), pair.mask[None]))


def test_a_zoomed_crop_shows_both_images_larger_and_alike() -> None:
    ramp = np.tile(np.arange(96, dtype=np.uint8) * 2, (96, 1))
    pair = replace(make_pair(size=96), sar=ramp, optical=np.repeat(ramp[..., None], 3, axis=2))
    part = pair.cut(slice(0, 64), slice(0, 64))
    sar, optical, valid = (image.numpy() for image in crops._enlarged(images_of(part), 96))
    assert sar.dtype == np.uint8
    assert sar.shape == (1, 96, 96)
    assert valid.all()
    assert np.array_equal(sar[0], optical[0])
    assert float(np.diff(sar[0].astype(float), axis=1).mean()) == pytest.approx(2 * 64 / 96, abs=0.05)


def test_zooming_spreads_no_hole() -> None:
    pair = make_dual_pair(size=64)
    sar = pair.bands.copy()
    sar[:, 20:24, 20:24] = np.nan
    holed = replace(pair, sar=sar)
    values, _, valid = (image.numpy() for image in crops._enlarged(images_of(holed), 96))
    assert np.isfinite(values[:, valid[0]]).all()
    assert not valid[0, 30:36, 30:36].any()
    assert 0.9 < valid.mean() < 1


def test_dropout_acts_in_training_alone() -> None:
    torch.manual_seed(0)
    network = Generator(widths=(4, 6, 8, 10, 12))
    network.dropout = 0.5
    sar = torch.randn(1, 1, 64, 64)
    network.train()
    assert not torch.equal(network(sar), network(sar))
    network.eval()
    assert torch.equal(network(sar), network(sar))
