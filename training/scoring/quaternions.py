"""Q2n, the quality index of images with several bands, as one hypercomplex number a pixel.

Alparone et al. 2004 (Q4, quaternions) and Garzelli & Nencini 2009 (Q2n). Three bands fill the first three parts of a
quaternion, so that here Q2n is Q4.
"""

import numpy as np
from numpy.typing import NDArray

Quaternions = NDArray[np.float64]
BLOCK = 32


def q2n(generated: NDArray[np.floating], truth: NDArray[np.floating], block: int = BLOCK) -> float:
    """Mean over `block` x `block` pixels of correlation, contrast and mean in one figure: 1 is equal.

    Images are (H, W, 3 or 4); what does not fill a block is left out. Blocks in which neither image varies say
    nothing about contrast and are judged by their means alone.
    """
    x, y = (_blocks(image, block) for image in (truth, generated))
    x_mean, y_mean = x.mean(axis=1), y.mean(axis=1)
    x_variance, y_variance = ((z**2).sum(-1).mean(1) - (z.mean(1) ** 2).sum(-1) for z in (x, y))
    covariance = product(x, conjugate(y)).mean(axis=1) - product(x_mean, conjugate(y_mean))
    spread, level = x_variance + y_variance, (x_mean**2).sum(-1) + (y_mean**2).sum(-1)
    means = 2 * _modulus(x_mean) * _modulus(y_mean)
    agreement = np.where(spread > 1e-6, 2 * _modulus(covariance) / np.maximum(spread, 1e-6), 1.0)
    return float((agreement * np.where(level > 1e-6, means / np.maximum(level, 1e-6), 1.0)).mean())


def product(a: Quaternions, b: Quaternions) -> Quaternions:
    """Hamilton's product of arrays of quaternions (..., 4)."""
    a0, a1, a2, a3 = np.moveaxis(a, -1, 0)
    b0, b1, b2, b3 = np.moveaxis(b, -1, 0)
    result: Quaternions = np.stack(
        [
            a0 * b0 - a1 * b1 - a2 * b2 - a3 * b3,
            a0 * b1 + a1 * b0 + a2 * b3 - a3 * b2,
            a0 * b2 - a1 * b3 + a2 * b0 + a3 * b1,
            a0 * b3 + a1 * b2 - a2 * b1 + a3 * b0,
        ],
        axis=-1,
    )
    return result


def conjugate(a: Quaternions) -> Quaternions:
    """Turn the sign of the three imaginary parts."""
    result: Quaternions = a * np.array([1.0, -1.0, -1.0, -1.0])
    return result


def _modulus(a: Quaternions) -> NDArray[np.float64]:
    norm: NDArray[np.float64] = np.linalg.norm(a, axis=-1)
    return norm


def _blocks(image: NDArray[np.floating], block: int) -> Quaternions:
    """(blocks, pixels of a block, 4)."""
    block = min(block, *image.shape[:2])
    rows, cols = (length // block for length in image.shape[:2])
    bands = image.shape[-1]
    cut = image[: rows * block, : cols * block].astype(np.float64).reshape(rows, block, cols, block, bands)
    pixels = cut.transpose(0, 2, 1, 3, 4).reshape(rows * cols, block * block, bands)
    return np.concatenate([pixels, np.zeros((*pixels.shape[:2], 4 - bands))], axis=-1)
