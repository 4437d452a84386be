"""Can land cover be told from pictures? A probe that no person is needed for: a ridge on a known network's features.

It learns which cover is which on a few patches of a kind of picture, and names others of the same kind, so it asks
whether covers look different, not whether they look like anything else.

Features are mean and deviation of SqueezeNet 1.1 (Iandola et al. 2016) after its fire modules 5 to 9.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from geosar_training.scoring.perceptual import IMAGENET_DEVIATION, IMAGENET_MEAN, backbone

STAGES = (7, 9, 10, 11, 12)
"""The fire modules 5 to 9 among torchvision's `features`."""

RIDGE = 0.3
"""Added to the diagonal of the kernel, whose entries are means over features."""


class Probe:
    """Names patches of pictures by what it learnt of others of their kind."""

    def __init__(self, weights: Path) -> None:
        """Take weights of torchvision's `squeezenet1_1`; raises WeightsError for others."""
        self.layers = backbone("squeezenet1_1", weights).features

    @torch.no_grad()
    def features(self, patches: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Return 4096 numbers a patch (H, W, 3) of 0 to 255: (N, 4096)."""
        mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        images = (torch.from_numpy(np.moveaxis(np.stack(patches), -1, 1).copy()) / 255 - mean) / deviation
        pooled = []
        for index, layer in enumerate(self.layers):
            images = layer(images)
            if index in STAGES:
                pooled += [images.mean(dim=(2, 3)), images.std(dim=(2, 3))]
        return torch.cat(pooled, dim=1).double().numpy()

    def named(self, known: NDArray[np.float64], covers: Sequence[str], features: NDArray[np.float64]) -> list[str]:
        """Return the covers of `features`, learnt from those that are `known`."""
        names = sorted(set(covers))
        mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
        learnt, scaled = (known - mean) / deviation, (features - mean) / deviation
        target = np.array([[cover == name for name in names] for cover in covers], np.float64) - 1 / len(names)
        kernel = learnt @ learnt.T / learnt.shape[1]
        weights = np.linalg.solve(kernel + RIDGE * np.eye(len(kernel)), target)
        return [names[index] for index in (scaled @ learnt.T / learnt.shape[1] @ weights).argmax(axis=1)]

    def left_out(self, features: NDArray[np.float64], covers: Sequence[str]) -> list[str]:
        """Return the cover of each patch as learnt from all the others."""
        everyone, result = np.arange(len(covers)), []
        for one in everyone:
            others = [cover for place, cover in enumerate(covers) if place != one]
            result += self.named(features[everyone != one], others, features[[one]])
        return result
