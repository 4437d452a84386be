"""Which polarisation stands where, and what stands for one that is missing."""

from dataclasses import replace

import numpy as np
import pytest

from geosar.backscatter import MISSING
from geosar_training.pairs.crops import Crops
from geosar_training.pairs.pair import fit_normalisers, normalised
from geosar_training.pairs.planes import drawn_planes, fitting, planes
from helpers.training.laboratory import make_dual_pair, make_pair, tiny_config


@pytest.mark.parametrize(("polarisations", "plane"), [(("VV",), 0), (("VH",), 1), ((), 0)])
def test_one_polarisation_has_its_plane(polarisations: tuple[str, ...], plane: int) -> None:
    pair = replace(make_pair(), polarisations=polarisations)
    normalisers = fit_normalisers([pair])
    seen = planes(pair, normalisers)
    np.testing.assert_array_equal(seen[plane], normalised(pair, normalisers))
    assert (seen[1 - plane] == MISSING).all()


def test_both_are_as_they_are() -> None:
    pair = replace(make_dual_pair(), polarisations=("VV", "VH"))
    normalisers = fit_normalisers([pair])
    np.testing.assert_array_equal(planes(pair, normalisers), normalised(pair, normalisers))


def test_what_fits_a_network() -> None:
    band = np.arange(4, dtype=np.float32).reshape(2, 2)
    other = band + 10
    missing = np.full_like(band, MISSING)
    np.testing.assert_array_equal(fitting(band, 1), band[None])
    np.testing.assert_array_equal(fitting(band, 2), [band, missing])
    np.testing.assert_array_equal(fitting(np.stack([missing, other]), 1), other[None])
    np.testing.assert_array_equal(fitting(np.stack([band, other]), 1), band[None])
    np.testing.assert_array_equal(fitting(np.stack([missing, other]), 2), [missing, other])


def test_polarisations_are_dropped_and_exchanged() -> None:
    random = np.random.default_rng(0)
    both = [drawn_planes(2, ("VV", "VH"), 0.4, random) for _ in range(400)]
    assert 0.5 < np.mean([shown == [0, 1] for shown, _ in both]) < 0.7
    assert all(channels in ([0, 1], [0], [1]) and shown == channels for shown, channels in both)
    single = [drawn_planes(1, ("VH",), 0.4, random) for _ in range(400)]
    assert all(shown == [0] for shown, _ in single)
    assert 0.75 < np.mean([channels == [1] for _, channels in single]) < 0.95


def test_crops_of_one_or_both_polarisations_stand_beside_each_other() -> None:
    pairs = [
        replace(make_pair("a", source="one"), polarisations=("VH",)),
        replace(make_dual_pair("b", source="two"), polarisations=("VV", "VH")),
    ]
    config = tiny_config(method="colouriser", crop=64, date_crops=0, augmentation={"polarisation_dropout": 0.4})
    crops = Crops(pairs, config, length=60, seed=1)
    shown = {tuple(bool((plane == MISSING).all()) for plane in crops[index][0].numpy()) for index in range(60)}
    assert shown == {(False, False), (True, False), (False, True)}
