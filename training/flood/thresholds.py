"""Segmentation by one threshold: of smoothed backscatter, or of the best weighted sum of an image's bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from geosar_training.flood.inputs import Bands, Example, Mask

BOX = 5
"""Pixels on a side of the mean that quietens speckle before a threshold."""

SAMPLE = 4
"""Every fourth pixel in both directions is enough to fit on."""


@dataclass(frozen=True)
class Threshold:
    """Water is where the weighted sum of the smoothed bands is at least `level`, or Otsu's level of the chip."""

    weights: NDArray[np.float64]
    level: float

    def score(self, bands: Bands) -> NDArray[np.float64]:
        """Return the weighted sum (H, W), higher over water."""
        score: NDArray[np.float64] = np.tensordot(self.weights, smooth(bands), 1)
        return score

    def fixed(self, bands: Bands) -> Mask:
        """Return the water mask by the level that was best on the training chips."""
        flood: Mask = self.score(bands) >= self.level
        return flood

    def otsu(self, bands: Bands, known: Mask) -> Mask:
        """Return the water mask by the chip's own level (Otsu 1979), which always finds some."""
        score = self.score(bands)
        flood: Mask = score >= otsu_level(score[known])
        return flood


def fit_threshold(examples: Sequence[Example]) -> Threshold:
    """Fit Fisher's linear discriminant of water and land, and the level with the best IoU, on training chips."""
    step = slice(None, None, SAMPLE)
    sampled = [(smooth(bands)[:, step, step], water[step, step], known[step, step]) for bands, water, known in examples]
    pixels = np.concatenate([bands[:, known] for bands, _, known in sampled], axis=1)
    labels = np.concatenate([water[known] for _, water, known in sampled])
    within = sum(np.cov(pixels[:, labels == kind]).reshape(len(pixels), -1) for kind in (False, True))
    within = within + 1e-6 * np.eye(len(pixels))
    weights = np.linalg.solve(within, pixels[:, labels].mean(1) - pixels[:, ~labels].mean(1))
    score = weights @ pixels
    levels = np.quantile(score, np.linspace(0.005, 0.995, 199))
    return Threshold(weights, float(levels[int(np.argmax([_iou(score >= level, labels) for level in levels]))]))


def otsu_level(values: NDArray[np.floating]) -> float:
    """Return the level that parts values with the largest variance between the two sides (Otsu 1979)."""
    counts, edges = np.histogram(values, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    total = np.cumsum(counts * centres)
    gap = total[:-1] / np.maximum(below, 1) - (total[-1] - total[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][int(np.argmax(below * above * gap**2))])


def smooth(bands: Bands) -> NDArray[np.float64]:
    """Mean over BOX x BOX pixels of each band, (C, H, W)."""
    padded = np.pad(bands, ((0, 0), (BOX // 2, BOX // 2), (BOX // 2, BOX // 2)), mode="edge")
    return functional.avg_pool2d(torch.from_numpy(padded)[None].double(), BOX, stride=1)[0].numpy()


def _iou(mask: Mask, water: Mask) -> float:
    return float((mask & water).sum() / max((mask | water).sum(), 1))
