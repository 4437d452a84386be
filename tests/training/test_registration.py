"""Radar and optical images brought onto each other."""

from itertools import pairwise

import numpy as np
import pytest

from training.data import Pair
from training.preparation.checks import Shift
from training.registration import registered, shifted


def fields(seed: int, side: int = 256) -> np.ndarray:
    """Fields of 16 to 40 pixels a side, each of one brightness."""
    random = np.random.default_rng(seed)
    borders = np.cumsum(random.integers(16, 40, side))
    rows, columns = (np.searchsorted(borders, np.arange(side)) for _ in range(2))
    levels = random.integers(40, 220, (side, side))
    return levels[rows[:, None], columns[None]].astype(np.uint8)


def pair(source: str, seed: int, shift: tuple[int, int], *, grey: bool = False) -> Pair:
    """Radar of a place, and the optical image moved down and right by the shift."""
    land = fields(seed, 264)
    rows, columns = shift
    optical = land[4 - rows : 260 - rows, 4 - columns : 260 - columns]
    speckle = np.random.default_rng(seed + 1000).gamma(8, 1 / 8, (256, 256))
    sar = np.clip(land[4:260, 4:260] * speckle, 0, 255).astype(np.uint8)
    return Pair(
        f"{source}{seed}", source, "train", "", sar, optical if grey else np.repeat(optical[..., None], 3, 2), not grey
    )


def test_a_source_that_lies_off_is_moved_and_others_are_not() -> None:
    off = [pair("off", seed, (2, -1)) for seed in range(8)]
    right = [pair("right", seed, (0, 0)) for seed in range(8)]
    grey = [pair("off-grey", seed, (-1, 0), grey=True) for seed in range(8)]
    result = registered([*off, *right, *grey])
    assert [item.name for item in result] == [item.name for item in (*off, *right, *grey)]
    assert result[8:16] == right
    for item in (*result[:8], *result[16:]):
        assert item.optical.shape[:2] == item.sar.shape
    whole = pair("off", 3, (0, 0))
    assert np.array_equal(result[3].optical, whole.optical[: 256 - 2, 1:])
    assert np.array_equal(result[3].sar, off[3].sar[: 256 - 2, 1:])
    assert result[19].shape == (255, 256)


def test_other_places_images_and_far_shifts_are_left_alone() -> None:
    strange = [pair("strange", seed, (0, 0)) for seed in range(4)]
    strange = [Pair(*(vars(a) | {"optical": b.optical}).values()) for a, b in pairwise(strange)]
    far = [pair("far", seed, (4, 4)) for seed in range(8)]
    assert registered([*strange, *far]) == [*strange, *far]


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (-2, 3)])
def test_masks_hold_for_both_images(shift: tuple[int, int]) -> None:
    first = pair("a", 1, (0, 0))
    mask = np.ones(first.shape, np.bool_)
    mask[100, 100] = False
    moved = shifted(Pair(*(vars(first) | {"valid": mask}).values()), Shift(*shift, confidence=99.0))
    assert moved.valid is not None
    assert (~moved.valid).sum() == (1 if shift == (0, 0) else 2)
