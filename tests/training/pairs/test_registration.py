"""Radar and optical images brought onto each other."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from geosar_training.pairs.pair import Pair
from geosar_training.pairs.registration import moved, registered, smoothed

BORDER = 16


def fields(seed: int, side: int) -> np.ndarray:
    """Fields of 16 to 40 pixels a side, each of one brightness."""
    random = np.random.default_rng(seed)
    borders = np.cumsum(random.integers(16, 40, side))
    rows, columns = (np.searchsorted(borders, np.arange(side)) for _ in range(2))
    levels = random.integers(40, 220, (side, side))
    return levels[rows[:, None], columns[None]].astype(np.uint8)


def pair(
    source: str, seed: int, shift: tuple[float, float], *, side: int = 256, grow: float = 0.0, grey: bool = False
) -> Pair:
    """Radar of a place, and the optical image too far down and right by the shift, at the right border `grow` more."""
    land = fields(seed, side + 2 * BORDER)
    rows, columns = (np.arange(side) + BORDER for _ in range(2))
    extra = grow * np.arange(side) / side
    optical = land[np.rint(rows - shift[0]).astype(int)[:, None], np.rint(columns - shift[1] - extra).astype(int)[None]]
    speckle = np.random.default_rng(seed + 1000).gamma(8, 1 / 8, (side, side))
    sar = np.clip(land[BORDER:-BORDER, BORDER:-BORDER] * speckle, 0, 255).astype(np.uint8)
    return Pair(
        f"{source}{seed}", source, "train", "", sar, optical if grey else np.repeat(optical[..., None], 3, 2), not grey
    )


def agreement(result: Pair, right: Pair) -> float:
    """Share of the valid pixels whose brightness is that of an image that lies right."""
    near = np.abs(result.rgb.astype(int) - right.rgb).max(axis=-1) <= 8
    return float(near[result.mask].mean())


def test_each_pair_is_moved_by_its_own_shift() -> None:
    shifts = [(2, -1), (-3, 4), (0, 0), (1, 1)]
    off = [pair("off", seed, shift) for seed, shift in enumerate(shifts)]
    grey = pair("off-grey", 9, (-1, 0), grey=True)
    result = registered([*off, grey])
    assert [item.name for item in result] == [item.name for item in (*off, grey)]
    for seed, item in enumerate(result[:4]):
        assert agreement(item, pair("off", seed, (0, 0))) > 0.9
        assert np.array_equal(item.sar, off[seed].sar)
    assert agreement(result[4], pair("off-grey", 9, (0, 0), grey=True)) > 0.9
    assert result[4].optical.ndim == 2


def test_pairs_of_one_name_in_two_folders_stay_apart() -> None:
    one, other = pair("here", 1, (2, -1)), replace(pair("there", 2, (0, 3)), name="here1")
    result = registered([one, other])
    assert [item.source for item in result] == ["here", "there"]
    assert agreement(result[0], pair("here", 1, (0, 0))) > 0.9
    assert agreement(result[1], pair("there", 2, (0, 0))) > 0.9


def test_a_shift_that_grows_across_a_tile_is_followed() -> None:
    off = pair("relief", 3, (1, 2), side=768, grow=5.0)
    right = pair("relief", 3, (0, 0), side=768)
    (result,) = registered([off])
    assert agreement(off, right) < 0.85
    assert agreement(result, right) > 0.93
    assert result.mask.mean() > 0.97


def test_what_is_not_certain_follows_its_source() -> None:
    empty = replace(pair("off", 7, (0, 0)), sar=np.full((256, 256), 90, np.uint8))
    result = registered([*(pair("off", seed, (2, -1)) for seed in range(5)), empty])
    assert agreement(result[5], moved(empty, np.array([[[2.0, -1.0]]]))) > 0.9


def test_another_places_images_are_left_alone() -> None:
    pairs = [pair("strange", seed, (0, 0)) for seed in range(4)]
    strange = [replace(a, optical=b.optical) for a, b in pairwise(pairs)]
    assert all(agreement(item, was) == 1.0 for item, was in zip(registered(strange), strange, strict=True))


def test_one_block_that_disagrees_with_its_neighbours_is_not_believed() -> None:
    displacements = np.full((5, 5, 2), (1.0, 3.0))
    displacements[2, 2] = (-9.0, 8.0)
    field = smoothed(displacements, np.ones((5, 5), np.bool_), np.zeros(2))
    assert np.abs(field - (1.0, 3.0)).max() < 0.3


def test_small_patches_and_whole_shifts() -> None:
    small = pair("small", 1, (0, 0), side=64)
    assert registered([small]) == [small]
    item = pair("a", 1, (2, -1))
    result = moved(item, np.array([[[2.0, -1.0]]]))
    assert np.array_equal(result.optical[:-2, 1:], item.optical[2:, :-1])


@pytest.mark.parametrize("shift", [(1, 0), (-2, 3)])
def test_masks_hold_for_both_images(shift: tuple[int, int]) -> None:
    mask = np.ones((256, 256), np.bool_)
    mask[100, 100] = False
    result = moved(replace(pair("a", 1, (0, 0)), valid=mask), np.array([[shift]], dtype=float))
    assert result.valid is not None
    rows, columns = shift
    assert not result.valid[100, 100]
    assert not result.valid[100 - rows, 100 - columns]
    outside = 256 * 256 - (256 - abs(rows)) * (256 - abs(columns))
    assert (~result.valid).sum() == 2 + outside
