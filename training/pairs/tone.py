"""Colour of the targets: tone alignment between sources, and luma with two colour differences.

Every source was stretched in its own way, so the same forest is nearly black in one and pale in another. A
network trained on that learns to recognise the source. `ToneCurve` brings each source to one reference tone
by a gain and an offset a channel, shrunk towards the identity where a source has too few patches to tell
its stretch from its land.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

REFERENCE_MEAN = (98.0, 102.0, 92.0)
REFERENCE_DEVIATION = (52.0, 47.0, 45.0)
"""The tone that targets are brought to (red, green, blue; 0 to 255): daylight over mixed land."""

LUMA_MEAN = (100.0, -4.0, -1.0)
LUMA_DEVIATION = (46.0, 11.0, 13.0)
"""Mean and deviation of luma, blue and red difference after the alignment, for standardising."""

PATCHES_FOR_HALF_TRUST = 10.0
"""A source with this many 256 x 256 patches is brought half the way to the reference."""


@dataclass(frozen=True)
class ToneCurve:
    """One gain and offset a channel: ``aligned = gain * value + offset``."""

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Align an (H, W, 3) image of 0 to 255; the result is clipped to that range."""
        table = np.arange(256, dtype=np.float32)[:, None] * self.gain + self.offset
        table = np.clip(table, 0.0, 255.0)
        return np.stack([table[:, band][rgb[..., band]] for band in range(3)], axis=-1)


def identity() -> ToneCurve:
    """Return the curve that changes nothing."""
    return ToneCurve(np.ones(3, np.float32), np.zeros(3, np.float32))


def fit_tone(images: Sequence[NDArray[np.uint8]]) -> ToneCurve:
    """Fit the curve of one source from all its (H, W, 3) training images, every fourth pixel of them.

    With trust ``t = n / (n + 10)``, n the number of 256 x 256 patches that the pixels would fill, the curve
    moves mean and deviation a fraction t of the way to the reference.
    """
    sample = np.concatenate([image[::4, ::4].reshape(-1, 3) for image in images]).astype(np.float64)
    patches = sum(image.shape[0] * image.shape[1] for image in images) / 256**2
    trust = patches / (patches + PATCHES_FOR_HALF_TRUST)
    mean, deviation = sample.mean(axis=0), np.maximum(sample.std(axis=0), 1.0)
    wanted_mean = mean + trust * (np.array(REFERENCE_MEAN) - mean)
    gain = (np.array(REFERENCE_DEVIATION) / deviation) ** trust
    return ToneCurve(gain.astype(np.float32), (wanted_mean - gain * mean).astype(np.float32))


def luma_chroma(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return standardised luma, blue and red difference (H, W, 3) of red, green, blue in 0 to 255 (ITU-R BT.601)."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    components = np.stack([luma, (blue - luma) / 1.772, (red - luma) / 1.402], axis=-1)
    return ((components - LUMA_MEAN) / LUMA_DEVIATION).astype(np.float32)


def picture(luma: Tensor, chroma: Tensor) -> Tensor:
    """Return red, green and blue (N, 3, H, W), -1 to 1 for 0 to 255, of `luma_chroma`'s components.

    `luma` is (N, 1, H, W), `chroma` (N, 2, H, W).
    """
    grey = luma * LUMA_DEVIATION[0] + LUMA_MEAN[0]
    blue = grey + 1.772 * (chroma[:, :1] * LUMA_DEVIATION[1] + LUMA_MEAN[1])
    red = grey + 1.402 * (chroma[:, 1:] * LUMA_DEVIATION[2] + LUMA_MEAN[2])
    green = (grey - 0.299 * red - 0.114 * blue) / 0.587
    return torch.cat([red, green, blue], dim=1) / 127.5 - 1.0


def luma_of(image: Tensor) -> Tensor:
    """Return standardised luma (N, 1, H, W) of red, green and blue (N, 3, H, W) of -1 to 1."""
    grey = 0.299 * image[:, :1] + 0.587 * image[:, 1:2] + 0.114 * image[:, 2:]
    return ((grey + 1.0) * 127.5 - LUMA_MEAN[0]) / LUMA_DEVIATION[0]


def fused_with_radar(sar: Tensor, image: Tensor) -> Tensor:
    """Return the colours of an image with the radar's brightness: the ground truth of Shen et al. (2024).

    Fast IHS fusion (Tu et al. 2001): the intensity I, the mean of the colours (N, 3, H, W, -1 to 1), is replaced by
    the radar (N, C, H, W), matched to it in mean and deviation: ``colour + (radar' - I)``. Mean and deviation are those
    that all targets are brought to, so that the result does not depend on the crop.
    """
    radar = (sar[:, :1] * LUMA_DEVIATION[0] + LUMA_MEAN[0]) / 127.5 - 1.0
    return (image + radar - image.mean(dim=1, keepdim=True)).clamp(-1.0, 1.0)
