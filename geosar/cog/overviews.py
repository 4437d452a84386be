"""Overviews: sizes of the pyramid's levels, and mask-aware means of 2 x 2 pixels."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.uint8 | np.float32]
"""Of one type at a time; what is made of them has the same."""
Valid = NDArray[np.bool_]


class Pixels(NamedTuple):
    """A part of an image: its values (height, width, bands), and where they are valid (height, width); None: all."""

    values: Samples
    valid: Valid | None

    @property
    def mask(self) -> Valid:
        """What is valid (height, width), written out."""
        return np.ones(self.values.shape[:2], np.bool_) if self.valid is None else self.valid


_QUAD = 4


def level_sizes(width: int, height: int, tile: int) -> tuple[tuple[int, int], ...]:
    """
    Return (width, height) of the full resolution and of each overview, as GDAL's COG driver chooses them.

    Every level has half the size of the one before, rounded up; the last one is the first that fits a tile.
    """
    sizes = [(width, height)]
    while max(sizes[-1]) > tile:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return tuple(sizes)


def cleared(pixels: Samples, valid: Valid) -> Samples:
    """Set to 0 what is not valid, as `halve` wants it; pixels (height, width, bands), valid (height, width)."""
    # Band by band, which is 4 to 20 times as fast as an index of all bands by the mask.
    result = np.zeros(pixels.shape, pixels.dtype)
    for band in range(pixels.shape[2]):
        np.copyto(result[..., band], pixels[..., band], where=valid)
    return result


def halve(pixels: Samples, valid: Valid | None = None) -> Pixels:
    """
    Average 2 x 2 pixels, leaving out those without data.

    Parameters
    ----------
    pixels
        uint8 or finite float32 (height, width, bands), height and width at least 1. Where `valid` is False it
        must be 0.
    valid
        (height, width), or None where all is valid.

    Returns
    -------
    The means, (ceil(height / 2), ceil(width / 2), bands) of the same type, and their mask: a mean is valid
    where at least one of its pixels is, and 0 elsewhere. None stands for an all-valid mask. At an odd edge
    the last row or column is averaged with nothing but itself. Means of uint8 are rounded half up, those of
    float32 once, from a sum in double precision.

    """
    height, width, _ = pixels.shape
    if height % 2 or width % 2:
        # A repeated edge has the same mean as the edge alone, and spares a second formula.
        edges = ((0, height % 2), (0, width % 2))
        pixels = np.pad(pixels, (*edges, (0, 0)), mode="edge")
        valid = None if valid is None else np.pad(valid, edges, mode="edge")
    means_of = _float_means if pixels.dtype == np.float32 else _rounded_means
    if valid is None:
        return Pixels(means_of(pixels, None), None)
    counts = valid.view(np.uint8)[0::2] + valid.view(np.uint8)[1::2]
    counts = counts[:, 0::2] + counts[:, 1::2]
    coarse = counts > 0
    return Pixels(means_of(pixels, counts), None if coarse.all() else coarse)


def shrink(pixels: Pixels, factor: int) -> Pixels:
    """Shrink by a power of 2, as a COG's overviews are; what is not valid must be 0."""
    if pixels.valid is not None and pixels.valid.all():
        pixels = Pixels(pixels.values, None)
    for _ in range(factor.bit_length() - 1):
        pixels = halve(*pixels)
    return pixels


def _rounded_means(pixels: Samples, counts: NDArray[np.uint8] | None) -> Samples:
    means = _means_of_four(pixels)
    if counts is None:
        return means
    rows, columns = np.nonzero((counts > 0) & (counts < _QUAD))
    if rows.size:
        quads = pixels.reshape(means.shape[0], 2, means.shape[1], 2, means.shape[2])
        sums = quads[rows, :, columns].sum(axis=(1, 2), dtype=np.uint16)
        count = counts[rows, columns].astype(np.uint16)[:, None]
        means[rows, columns] = (2 * sums + count) // (2 * count)
    return means


def _float_means(pixels: Samples, counts: NDArray[np.uint8] | None) -> Samples:
    # In double precision the sum of four float32 of like size is exact, and none overflows. Summed always in the
    # same order: then a mean does not depend on how the block around it was cut.
    height, width, bands = pixels.shape
    divisor = _QUAD if counts is None else np.maximum(counts, 1)
    pairs = np.add(pixels[0::2], pixels[1::2], dtype=np.float64).reshape(height // 2, width // 2, 2 * bands)
    means = np.empty((height // 2, width // 2, bands), np.float32)
    for band in range(bands):
        means[..., band] = (pairs[..., band] + pairs[..., band + bands]) / divisor
    return means


def _means_of_four(pixels: Samples) -> NDArray[np.uint8]:
    # Band by band: numpy's inner loop then runs along the row instead of over three bands (2.3 times faster).
    height, width, bands = pixels.shape
    pairs = np.add(pixels[0::2], pixels[1::2], dtype=np.uint16).reshape(height // 2, width // 2, 2 * bands)
    means = np.empty((height // 2, width // 2, bands), np.uint8)
    for band in range(bands):
        sums = pairs[..., band] + pairs[..., band + bands]
        sums += 2
        sums >>= 2
        means[..., band] = sums
    return means


def build_tile(
    level: int,
    row: int,
    column: int,
    *,
    base: int,
    sizes: tuple[tuple[int, int], ...],
    tile: int,
    fetch: Callable[[int, int], Pixels | None],
    emit: Callable[[int, int, int, Pixels], None],
) -> Pixels | None:
    """
    Make one overview tile, and before it all the tiles beneath, down to level `base`, depth first.

    Only four tiles a level are held at a time, whatever the scene's size.

    Parameters
    ----------
    level, row, column
        Which tile; level indexes `sizes`.
    base
        The level whose tiles `fetch(row, column)` gives (cut at the image's edge; None: no data).
    sizes, tile
        As of `level_sizes`.
    emit
        Called as `emit(level, row, column, block)` with every tile above `base` that holds data.

    Returns
    -------
    The tile, cut at the image's edge, or None where it holds no data.

    """
    if level == base:
        return fetch(row, column)
    below_width, below_height = sizes[level - 1]
    height = min(2 * tile, below_height - row * 2 * tile)
    width = min(2 * tile, below_width - column * 2 * tile)
    canvas: Samples | None = None
    valid = np.zeros((height, width), np.bool_)
    for child_row in range(2 if height > tile else 1):
        for child_column in range(2 if width > tile else 1):
            child = build_tile(
                level - 1,
                2 * row + child_row,
                2 * column + child_column,
                base=base,
                sizes=sizes,
                tile=tile,
                fetch=fetch,
                emit=emit,
            )
            if child is None:
                continue
            pixels, child_valid = child
            if canvas is None:
                canvas = np.zeros((height, width, pixels.shape[2]), pixels.dtype)
            top, left = child_row * tile, child_column * tile
            place = np.s_[top : top + pixels.shape[0], left : left + pixels.shape[1]]
            canvas[place] = pixels
            valid[place] = True if child_valid is None else child_valid
    if canvas is None:
        return None
    block = halve(canvas, None if valid.all() else valid)
    emit(level, row, column, block)
    return block
