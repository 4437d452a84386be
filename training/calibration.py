"""Makes the expected error true on average: a power law of what the network states, folded into its weights.

The head learns by a likelihood in the tone that training brings its targets to. What a user compares with is an
optical image as it is, so the band is fitted to the absolute difference from that. ``true = exp(offset) *
stated ** slope`` is monotone and, because the head states the logarithm of the error, only scales and shifts its
last convolution: int8, float32 and every engine get it without another operation.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from geosar.engines.generator import Generator
from training.baselines import Translator
from training.data import Pair, coloured_split, fit_normalisers, normalised
from training.networks.painter import Painter

PATCHES = 80
SIDE = 512
"""The curve is fitted on this many squares of at most this many pixels on a side, drawn by area."""

BINS = 40
ERROR_CHANNEL = 2
"""Of the colour head, behind its two colour differences."""

SomeNetwork = TypeVar("SomeNetwork", bound=Generator | Painter)


@dataclass(frozen=True)
class ErrorCurve:
    """Stated to true expected error, both in grey levels of 255."""

    slope: float
    offset: float

    def __call__(self, stated: NDArray[np.floating]) -> NDArray[np.float64]:
        """Apply to errors above 0."""
        true: NDArray[np.float64] = np.exp(self.offset) * np.asarray(stated, dtype=np.float64) ** self.slope
        return true

    def to_dict(self) -> dict[str, float]:
        """Return plain values for the manifest."""
        return asdict(self)


def fit_error_curve(translate: Translator, pairs: Sequence[Pair]) -> ErrorCurve:
    """Fit the curve of a network's fourth band on the training split; the validation split is never looked at.

    Estimated colours are left out, where there are others: a user compares with an observation. Pixels are sorted by
    stated error into parts of one size, so that rare large errors count by their number. Raises PairsError when the
    training split has no coloured pair.
    """
    training = coloured_split(pairs, "train")
    training = [pair for pair in training if not pair.estimated] or training
    normalisers = fit_normalisers(training)
    random = np.random.default_rng(0)
    area = np.array([pair.optical.shape[0] * pair.optical.shape[1] for pair in training], dtype=np.float64)
    stated, true = [], []
    for index in random.choice(len(training), size=PATCHES, p=area / area.sum()):
        pair = training[int(index)]
        height, width = pair.shape
        top, left = (int(random.integers(max(1, length - SIDE + 1))) for length in (height, width))
        square = slice(top, top + SIDE), slice(left, left + SIDE)
        image = translate(np.ascontiguousarray(normalised(pair, normalisers)[(..., *square)]))
        measured = pair.mask[square]
        stated.append(image[..., 3][measured])
        true.append(np.abs(image[..., :3] - pair.optical[square]).mean(axis=-1)[measured])
    return fit_curve(np.concatenate(stated), np.concatenate(true))


def fit_curve(stated: NDArray[np.floating], true: NDArray[np.floating]) -> ErrorCurve:
    """Fit a rising power law to mean true errors by stated error (1 or more each); where it would fall, its mean."""
    order = np.argsort(stated, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if part.size]
    x = np.log([max(float(stated[part].mean()), 1.0) for part in parts])
    y = np.log([max(float(true[part].mean()), 1.0) for part in parts])
    slope = float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 1e-3 else 0.0
    slope = max(slope, 0.0)
    return ErrorCurve(slope, float(y.mean() - slope * x.mean()))


@torch.no_grad()
def calibrated(network: SomeNetwork, curve: ErrorCurve) -> SomeNetwork:
    """Return a copy whose fourth band is the curve of the network's own."""
    network = copy.deepcopy(network)
    if isinstance(network, Painter):
        network.expected_error.fill_(float(curve(network.expected_error.cpu().numpy()).item()))
        return network
    # The band is deviation * exp(head); so is its power law, with another head.
    deviation = float(network.deviation.flatten()[0])
    head = network.colour[-1]
    if not isinstance(head, nn.Conv2d) or head.bias is None:
        raise TypeError(f"The colour head ends in {type(head).__name__}; expected a convolution with a bias.")
    head.weight[ERROR_CHANNEL] *= curve.slope
    head.bias[ERROR_CHANNEL] *= curve.slope
    head.bias[ERROR_CHANNEL] += curve.offset + (curve.slope - 1) * np.log(deviation)
    return network
