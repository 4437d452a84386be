"""Makes the expected error true on average: a power law of what the network states, folded into its weights.

The head learns by a likelihood in the tone that training brings its targets to, on images that the network knows. So
the band is fitted on held-out ones, to the absolute difference from the optical image after the tone match: how far a
product was stretched no radar can tell, and that would drown all that it can. ``true = exp(offset) *
stated ** slope`` is monotone and, because the head states the logarithm of the error, only scales and shifts its
last convolution: int8, float32 and every engine get it without another operation.
"""

import copy
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from geosar_training.networks.painter import Network, Painter
from geosar_training.pairs.pair import Pair, coloured_split, fit_normalisers
from geosar_training.pairs.planes import planes
from geosar_training.scoring.baselines import Translator
from geosar_training.scoring.metrics import match_tone
from geosar_training.scoring.patches import scene_of

PATCHES = 80
SIDE = 512
"""The curve is fitted on this many squares, of at most this many pixels on a side, or on all where there are fewer."""

BINS = 10
SLOPES = np.linspace(0.0, 3.0, 301)
ERROR_CHANNEL = 2
"""Of the colour head, behind its two colour differences."""

SomeNetwork = TypeVar("SomeNetwork", bound=Network)


@dataclass(frozen=True)
class ErrorCurve:
    """Stated to true expected error, both in grey levels of 255."""

    slope: float
    offset: float

    def __call__(self, errors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Apply to errors above 0."""
        true: NDArray[np.float64] = np.exp(self.offset) * np.asarray(errors, dtype=np.float64) ** self.slope
        return true

    def to_dict(self) -> dict[str, float]:
        """Return plain values for the manifest."""
        return asdict(self)


def fit_error_curve(translate: Translator, pairs: Sequence[Pair]) -> ErrorCurve:
    """Fit the curve of a network's fourth band on the validation split, after one gain and offset a channel and scene.

    Estimated colours are left out, where there are others: a user compares with an observation. Pixels are sorted by
    stated error into tenths, so that rare large errors count by their number. Raises PairsError when the
    validation split has no coloured pair.
    """
    held_out = coloured_split(pairs, "val")
    held_out = [pair for pair in held_out if not pair.estimated] or held_out
    normalisers = fit_normalisers(held_out)
    squares = [
        (pair, (slice(top, top + SIDE), slice(left, left + SIDE)))
        for pair in held_out for top in range(0, pair.shape[0], SIDE) for left in range(0, pair.shape[1], SIDE)
    ]  # fmt: skip
    drawn = np.random.default_rng(0).permutation(len(squares))[:PATCHES]
    scenes = defaultdict(list)
    for pair, square in (squares[int(index)] for index in drawn):
        image = translate(np.ascontiguousarray(planes(pair, normalisers)[(..., *square)]))
        scenes[scene_of(pair)].append((image, pair.optical[square].astype(np.float32), pair.mask[square]))
    stated, true = [], []
    for parts in scenes.values():
        match = match_tone([image[..., :3] for image, _, _ in parts], [truth for _, truth, _ in parts])
        for image, truth, measured in parts:
            stated.append(image[..., 3][measured])
            true.append(np.abs(match(image[..., :3]) - truth).mean(axis=-1)[measured])
    return fit_curve(np.concatenate(stated), np.concatenate(true))


def fit_curve(stated: NDArray[np.floating], true: NDArray[np.floating]) -> ErrorCurve:
    """Fit a rising power law to mean true errors by stated error (1 or more each); the worst tenth is least off."""
    order = np.argsort(stated, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if part.size]
    x = np.log([max(float(stated[part].mean()), 1.0) for part in parts])
    y = np.log([max(float(true[part].mean()), 1.0) for part in parts])
    rest = y - SLOPES[:, None] * x
    best = int(np.argmin(np.ptp(rest, axis=1)))
    return ErrorCurve(float(SLOPES[best]), float(rest[best].max() + rest[best].min()) / 2)


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
