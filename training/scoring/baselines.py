"""What a network has to beat: colours and greys that took no learning."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from geosar_training.inference import grey
from geosar_training.pairs.pair import Pair
from geosar_training.pairs.planes import fitting

Translator = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Normalised backscatter (H, W), (C, H, W) of several polarisations, or of `geosar_training.pairs.planes.planes`, to
red, green, blue (H, W, 3) of 0 to 255, or (H, W, 4) with the expected absolute error behind them."""

BASELINES = ("mean colour", "grey", "smooth grey")
"""Their names in reports."""


def baselines(training: Sequence[Pair]) -> dict[str, Translator]:
    """Return all of them by name; `training` gives the mean colour."""
    return dict(zip(BASELINES, (mean_colour(training), grey_image, smooth_grey), strict=True))


def mean_colour(training: Sequence[Pair]) -> Translator:
    """Return the mean colour of the training set everywhere; the tone match makes the scene's own of it."""
    colour = np.mean([pair.optical.reshape(-1, 3).mean(axis=0) for pair in training if pair.coloured], axis=0)
    return lambda sar: np.broadcast_to(colour.astype(np.float32), (*sar.shape[-2:], 3))


def grey_image(sar: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the radar itself (of the first polarisation that is there) as a grey picture."""
    return np.repeat(grey(sar)[..., None].astype(np.float32), 3, axis=2)


def smooth_grey(sar: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the radar under a 9 x 9 box; the tone match fits it a channel at a time."""
    padded = torch.from_numpy(np.pad(fitting(sar, 1)[0], 4, mode="edge"))[None, None]
    smooth = functional.avg_pool2d(padded, 9, stride=1)[0, 0].numpy()
    return np.repeat((smooth[..., None] + 2) * 64, 3, axis=2).astype(np.float32)
