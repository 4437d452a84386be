"""Radar and optical images brought onto each other, piece by piece, before training and scoring.

Radar is looked at from the side: ground that is 100 m higher than the terrain model of its product says lies some 10 m
or more off, and optical images have an error of their own. In the tiles of Los Angeles the optical image lies 3 pixels
off at one edge and 8 at the other, in patches of SEN1-2 up to 2 either way. A network that is taught such pairs learns
blur, since it cannot know where each edge will lie.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from geosar_training.pairs.pair import Pair, by_source, fit_normalisers, normalised
from geosar_training.preparation.checks import CONFIDENT, SEARCH, correlate_edges, edges

BLOCK, STEP, SMALLEST = 256, 64, 100
"""Pixels: sides of the blocks that a displacement is looked for in, from one block to the next, at least."""

NEIGHBOURS, REACH = 1.0, 2.0
"""Deviations, in steps, of the weights with which neighbours' correlations and displacements are joined."""

FARTHEST = 12.0
"""Pixels; a block that seems to lie farther off than that is not believed."""

OUTLIER = 2.5
"""Pixels; a block that lies farther than that from what its neighbours say is not believed."""

CERTAIN = 4.0
"""Deviations above all other shifts, of blocks joined with their neighbours (one or two need CONFIDENT): reached
by 785 of 1 000 blocks of Los Angeles and Riverside, and by 3 of 1 000 whose optical image is that of another place."""

TRUST = 0.05
"""Weight, in blocks, of the source's own displacement where no block of a pair is certain."""

Field = NDArray[np.float64]
"""Rows and columns by which the optical image lies too far down and right: (blocks down, blocks across, 2)."""


def registered(pairs: Sequence[Pair]) -> list[Pair]:
    """Move each pair's optical image, by a smooth field of displacements, to where its radar shows the same ground.

    What the optical image does not show any more at its border is not valid. Where a pair's blocks leave it open, the
    displacement is the median of what is certain in its source. The order is kept.
    """
    normalisers = fit_normalisers(pairs)
    result = dict[int, Pair]()  # two folders may give a pair the same name
    for members in by_source(pairs).values():
        fields = [_blocks(normalised(pair, normalisers), pair.rgb.mean(axis=-1, dtype=np.float32)) for pair in members]
        certain = [field[sure] for field, sure in fields if sure.any()]
        usual = np.median(np.concatenate(certain), axis=0) if certain else np.zeros(2)
        result |= {
            id(pair): moved(pair, smoothed(*blocks, usual)) for pair, blocks in zip(members, fields, strict=True)
        }
    return [result[id(pair)] for pair in pairs]


def moved(pair: Pair, field: Field) -> Pair:
    """Resample the optical image (bicubic) so that it lies on the radar; the field is spread over the pair evenly."""
    if not field.any():
        return pair
    height, width = pair.shape
    shifts = torch.from_numpy(np.moveaxis(field, -1, 0).astype(np.float32))[None]
    rows, columns = functional.interpolate(shifts, (height, width), mode="bilinear", align_corners=True)[0]
    rows = rows + torch.arange(height)[:, None]
    columns = columns + torch.arange(width)[None]
    grid = torch.stack([columns / (width - 1), rows / (height - 1)], dim=-1)[None] * 2 - 1
    image = torch.tensor(pair.optical).reshape(height, width, -1).permute(2, 0, 1)[None].float()
    there = functional.grid_sample(image, grid, mode="bicubic", padding_mode="border", align_corners=True)
    optical = there[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy().reshape(pair.optical.shape)
    inside = ((rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)).numpy()
    if pair.valid is not None:
        nearest = rows.round().clamp(0, height - 1).long(), columns.round().clamp(0, width - 1).long()
        inside = inside & pair.valid & pair.valid[nearest[0].numpy(), nearest[1].numpy()]
    return replace(pair, optical=optical, valid=inside)


def smoothed(displacements: Field, sure: NDArray[np.bool_], usual: NDArray[np.float64]) -> Field:
    """Join what the blocks say to a smooth field: means of the neighbours that are sure and agree, else `usual`."""
    weight = sure.astype(np.float64)
    for _ in range(3):
        field = _near(displacements * weight[..., None], REACH) + TRUST * usual
        field /= _near(weight[..., None], REACH) + TRUST
        weight = sure * (np.hypot(*np.moveaxis(displacements - field, -1, 0)) <= OUTLIER)
    return field


def _blocks(sar: NDArray[np.float32], grey: NDArray[np.float32]) -> tuple[Field, NDArray[np.bool_]]:
    """Return the displacement of each block, and whether it is certain."""
    band = sar if sar.ndim == 2 else sar[0]
    if min(band.shape) < SMALLEST:
        return np.zeros((1, 1, 2)), np.zeros((1, 1), np.bool_)
    rows, columns = (_blocks_along(length) for length in band.shape)
    first, second = edges(band), edges(grey)
    fits = np.array([[correlate_edges(first[row, column], second[row, column]) for column in columns] for row in rows])
    joined = _near(fits, NEIGHBOURS) / _near(np.ones((*fits.shape[:2], 1, 1)), NEIGHBOURS)
    heights = joined.reshape(*joined.shape[:2], -1)
    best = np.stack(np.unravel_index(heights.argmax(axis=-1), fits.shape[2:]), axis=-1)
    displacements = best - SEARCH + _between(joined, best)
    needed = CERTAIN if min(heights.shape[:2]) >= 3 else CONFIDENT
    return displacements, (heights.max(axis=-1) >= needed) & (
        np.hypot(displacements[..., 0], displacements[..., 1]) <= FARTHEST
    )


def _blocks_along(length: int) -> list[slice]:
    """Blocks of one axis, the first at one border and the last at the other."""
    side = min(BLOCK, length)
    starts = np.linspace(0, length - side, 1 + (length - side) // STEP)
    return [slice(int(start), int(start) + side) for start in starts]


def _between(fits: NDArray[np.float64], best: NDArray[np.int64]) -> Field:
    """Return what a parabola through the best of each block and its neighbours adds to it, at most half a pixel."""
    inner = np.clip(best, 1, 2 * SEARCH - 1)
    block = tuple(np.indices(fits.shape[:2]))
    parts = []
    for axis in (0, 1):
        before, here, after = (
            fits[(*block, *np.moveaxis(inner + step * np.eye(2, dtype=int)[axis], -1, 0))] for step in (-1, 0, 1)
        )
        bend = np.minimum(before - 2 * here + after, -1e-9)
        parts.append(np.clip(0.5 * (before - after) / bend, -0.5, 0.5) * (inner[..., axis] == best[..., axis]))
    return np.stack(parts, axis=-1)


def _near(values: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    """Sum over the blocks (down, across, ...) around each, weighed by a bell of so many steps that is 1 at its top."""
    for axis in (0, 1):
        places = np.arange(values.shape[axis])
        weights = np.exp(-((places[:, None] - places[None]) ** 2) / (2 * deviation**2))
        values = np.moveaxis(np.tensordot(weights, values, axes=(1, axis)), 0, axis)
    return values
