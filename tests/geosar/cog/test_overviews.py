"""Sizes and means of overviews, against arithmetic done in fractions, pixel by pixel."""

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geosar.cog.overviews import Pixels, build_tile, halve, level_sizes


def mean_by_hand(values: list[int]) -> int:
    return floor(Fraction(sum(values), len(values)) + Fraction(1, 2))


@st.composite
def blocks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    height, width, bands = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.sampled_from([1, 3]))
    valid = draw(arrays(np.bool_, (height, width)))
    pixels = draw(arrays(np.uint8, (height, width, bands))) * valid[..., None]
    return pixels, valid


@given(blocks())
def test_a_mean_takes_valid_pixels_only_and_rounds_half_up(block: Any) -> None:
    pixels, valid = block
    means, coarse = halve(pixels, valid)
    height, width, bands = pixels.shape
    assert means.shape == ((height + 1) // 2, (width + 1) // 2, bands)
    for row, column in np.ndindex(means.shape[:2]):
        members = [
            (y, x)
            for y in range(2 * row, min(2 * row + 2, height))
            for x in range(2 * column, min(2 * column + 2, width))
            if valid[y, x]
        ]
        assert (coarse is None or coarse[row, column]) == bool(members)
        for band in range(bands):
            expected = mean_by_hand([int(pixels[y, x, band]) for y, x in members]) if members else 0
            assert means[row, column, band] == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 0, 0, 1], 0), ([0, 0, 1, 1], 1), ([254, 255, 255, 254], 255), ([255] * 4, 255), ([1, 2, 2, 1], 2)],
)
def test_halves_round_up_and_never_wrap(values: list[int], expected: Any) -> None:
    means, valid = halve(np.array(values, np.uint8).reshape(2, 2, 1))
    assert (means.item(), valid) == (expected, None)


DECIBELS = st.integers(-(2**23), 2**23).map(lambda steps: steps * 2.0**-17)
"""From -64 to 64 dB, in the finest steps that float32 has there."""


@st.composite
def decibel_blocks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    height, width, bands = draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(st.sampled_from([1, 2]))
    valid = draw(arrays(np.bool_, (height, width)))
    pixels = draw(arrays(np.float32, (height, width, bands), elements=DECIBELS))
    return np.where(valid[..., None], pixels, np.float32(0)), valid


@given(decibel_blocks())
def test_a_mean_of_decibels_is_the_float_nearest_to_the_exact_mean_of_valid_pixels(block: Any) -> None:
    pixels, valid = block
    means, coarse = halve(pixels, valid)
    height, width, bands = pixels.shape
    assert means.dtype == np.float32
    assert means.shape == ((height + 1) // 2, (width + 1) // 2, bands)
    for row, column in np.ndindex(means.shape[:2]):
        place = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        valid_values = pixels[place][valid[place]]
        assert (coarse is None or coarse[row, column]) == bool(len(valid_values))
        for band in range(bands):
            exact = sum((Fraction(float(value)) for value in valid_values[:, band]), Fraction(0)) / max(
                len(valid_values), 1
            )
            assert means[row, column, band] == np.float32(float(exact))


def test_means_of_decibels_leave_out_what_is_not_valid() -> None:
    values = np.array([[1, 3, 0], [5, 0, 0]], np.float32)[..., None]
    valid = np.array([[True, True, False], [True, False, False]])
    means, some = halve(values, valid)
    assert means[..., 0].tolist() == [[3, 0]]
    assert some is not None
    assert some.tolist() == [[True, False]]


def test_a_mean_of_the_largest_floats_does_not_overflow() -> None:
    largest = np.finfo(np.float32).max
    means, _ = halve(np.full((2, 2, 1), largest, np.float32))
    assert means.item() == largest


def test_an_all_valid_mask_is_told_as_none() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    with_mask = halve(pixels, np.ones((4, 4), np.bool_))
    without = halve(pixels)
    assert with_mask[1] is None
    np.testing.assert_array_equal(with_mask[0], without[0])


def test_a_hole_smaller_than_a_quad_closes_in_the_overview() -> None:
    valid = np.ones((4, 4), np.bool_)
    valid[0, 0] = False
    assert halve(np.zeros((4, 4, 1), np.uint8), valid)[1] is None


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 512), [(512, 512)]),
        ((513, 1), [(513, 1), (257, 1)]),
        ((5120, 3072), [(5120, 3072), (2560, 1536), (1280, 768), (640, 384), (320, 192)]),
        ((1025, 1023), [(1025, 1023), (513, 512), (257, 256)]),
    ],
)
def test_levels_end_with_the_first_that_fits_a_tile(size: tuple[int, int], expected: Any) -> None:
    assert list(level_sizes(*size, 512)) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("size", [(70, 45), (64, 64), (129, 16), (33, 131)])
def test_tiles_made_depth_first_are_the_cuts_of_whole_levels(size: tuple[int, int], dtype: Any) -> None:
    tile = 16
    width, height = size
    random = np.random.default_rng(width)
    valid = random.random((height, width)) > 0.3
    valid[:16, :32] = False
    pixels = (random.random((height, width, 3)) * 255).astype(dtype) * valid[..., None]
    sizes = level_sizes(width, height, tile)
    whole = [(pixels, valid)]
    for _ in sizes[1:]:
        coarse, mask = halve(*whole[-1])
        whole.append((coarse, np.ones(coarse.shape[:2], np.bool_) if mask is None else mask))

    def cut(level: int, row: int, column: int) -> tuple[np.ndarray, np.ndarray]:
        place = np.s_[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
        return whole[level][0][place], whole[level][1][place]

    def fetch(row: int, column: int) -> Pixels | None:
        block = cut(0, row, column)
        return block if block[1].any() else None

    emitted: dict[tuple[int, int, int], Pixels] = {}

    def emit(level: int, row: int, column: int, block: Pixels) -> None:
        emitted[level, row, column] = block

    build_tile(len(sizes) - 1, 0, 0, base=0, sizes=sizes, tile=tile, fetch=fetch, emit=emit)

    for level, (level_width, level_height) in list(enumerate(sizes))[1:]:
        for row in range(-(-level_height // tile)):
            for column in range(-(-level_width // tile)):
                expected, expected_mask = cut(level, row, column)
                if not expected_mask.any():
                    assert (level, row, column) not in emitted
                    continue
                found, found_mask = emitted.pop((level, row, column))
                assert found.dtype == dtype
                np.testing.assert_array_equal(found, expected)
                np.testing.assert_array_equal(True if found_mask is None else found_mask, expected_mask)
    assert not emitted
