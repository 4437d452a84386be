"""How crops are varied: turned with their truth, and as other sensors, scenes and stretches would show them."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from geosar_training.config import Augmentation
from geosar_training.pairs.pair import CLIP

DECIBELS_PER_DEVIATION = 4.5
"""Of a typical scene: turns speckle, which is of known decibels, into normalised units."""

BASIN_LENGTH, BASIN_WIDTH = (24.0, 240.0), (6.0, 60.0)
"""Least and most pixels of a harbour's basins."""

SEA = (-2.6, 0.4)
"""Mean and deviation of the sea's backscatter in deviations of a scene of land, from its mean (Los Angeles, VH)."""

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]


def augment(backscatter: Values, valid: Mask, how: Augmentation, random: np.random.Generator) -> tuple[Values, Mask]:
    """Vary normalised backscatter (P, H, W), in which a gain is an offset and speckle is added (decibels).

    Returns it, inside the clip and 0 where nothing is valid, with the mask (H, W) of pixels that still hold data.
    """
    result = backscatter * _contrast(how.gamma, random) + np.float32(random.normal(0.0, 1.0) * how.gain)
    if random.random() < how.looks:
        result = _smoothed(result) * np.float32(random.uniform(1.0, 1.5))
    if random.random() < how.speckle:
        result = result + speckle(result.shape, float(2 ** random.uniform(1.5, 7.0)), random)
    if random.random() < how.stretch:
        result = _bent(result, random)
    if random.random() < how.swath_edge:
        valid = valid & _half_plane(valid.shape, random)
    if len(result) > 1 and random.random() < how.polarisation_dropout:
        result[int(random.integers(len(result)))] = 0.0
    return np.clip(result, *CLIP).astype(np.float32) * valid, valid


def speckle(shape: tuple[int, ...], looks: float, random: np.random.Generator, *, correlated: bool = False) -> Values:
    """Multiplicative speckle of an intensity image of so many looks, as what it adds to normalised decibels.

    Intensity under fully developed speckle is multiplied by a gamma variable of mean 1 and shape `looks` (Goodman).
    `correlated`, neighbours share it as in Sentinel-1's ground range product, of 20 m resolution on pixels of 10 m.
    """
    power = random.standard_gamma(looks, shape, dtype=np.float32) / np.float32(looks)
    added: Values = np.log10(np.maximum(power, 1e-6)) * np.float32(10.0 / DECIBELS_PER_DEVIATION)
    if not correlated:
        return added
    for axis in (-2, -1):  # a triangle of 1, 2, 1 keeps 6 / 16 of the variance
        added = (2 * added + np.roll(added, 1, axis) + np.roll(added, -1, axis)) * np.float32(1 / np.sqrt(6))
    return added


def beside_sea(backscatter: Values, share: float) -> Values:
    """Return backscatter, normalised by a scene of land, as a scene with that share of sea would have it.

    What is not calibrated is normalised by its own mean and deviation. Where 42 % of a scene is sea, the sea lies one
    deviation below the mean, and not 2.6 as beside Los Angeles.
    """
    mean = SEA[0] * share
    variance = (1 - share) + share * SEA[1] ** 2 + share * (1 - share) * SEA[0] ** 2
    return (backscatter - np.float32(mean)) / np.float32(np.sqrt(variance))


def basins(shape: tuple[int, ...], random: np.random.Generator) -> Mask:
    """One to six channels and basins of a harbour: rectangles along one direction and across it."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    turn, mask = random.uniform(0, np.pi / 2), np.zeros(shape, dtype=bool)
    for _ in range(int(random.integers(1, 7))):
        angle = turn + np.pi / 2 * int(random.integers(2))
        half = 0.5 * np.exp(random.uniform(*np.log(BASIN_LENGTH))), 0.5 * np.exp(random.uniform(*np.log(BASIN_WIDTH)))
        down, right = rows - random.uniform(0, shape[0]), cols - random.uniform(0, shape[1])
        along, across = down * np.sin(angle) + right * np.cos(angle), down * np.cos(angle) - right * np.sin(angle)
        mask |= (np.abs(along) < half[0]) & (np.abs(across) < half[1])
    return mask


def _contrast(gamma: float, random: np.random.Generator) -> np.float32:
    return np.float32(random.uniform(1.0 / (1.0 + gamma), 1.0 + gamma))


def _smoothed(values: Values) -> Values:
    """Mean over 3 x 3 pixels: a product with more looks."""
    height, width = values.shape[1:]
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), mode="edge")
    total = np.zeros_like(values)
    for i, j in product(range(3), range(3)):
        total += padded[:, i : i + height, j : j + width]
    return total * np.float32(1 / 9)


def _bent(values: Values, random: np.random.Generator) -> Values:
    """Bend the contrast in the bright or the dark half, as a stretch with other limits does."""
    bend = np.float32(random.uniform(-0.24, 0.24))  # a quarter would turn the contrast round at the clip
    low, high = (np.float32(random.uniform(*limits)) for limits in ((-4.0, -1.8), (1.8, 4.0)))
    clipped: Values = np.clip(values, low, high)
    return clipped + np.float32(0.5) * bend * (clipped * clipped - np.float32(1.0))


def _half_plane(shape: tuple[int, ...], random: np.random.Generator) -> Mask:
    """All but a part beyond a straight line: the empty edge of a swath."""
    height, width = shape
    angle, offset = random.uniform(0, 2 * np.pi), random.uniform(0.1, 0.45) * width
    rows, cols = np.mgrid[:height, :width] - width / 2
    half: Mask = rows * np.sin(angle) + cols * np.cos(angle) < offset
    return half
