"""Scores of a generated image against the true one: images are float (H, W, 3), 0 to 255."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from geosar_training.torchvision_operators import module

Image = NDArray[np.float32]

image_metrics = module("torchmetrics.functional.image")

BLOCK = 8
"""Pixels on a side of the blocks over which the coarse score is averaged (80 m at 10 m)."""


@dataclass(frozen=True)
class Scores:
    """PSNR and coarse PSNR in dB, SSIM, sharpness (1 is the truth's)."""

    psnr: float
    ssim: float
    psnr_80m: float
    sharpness: float


def psnr(generated: Image, truth: Image) -> float:
    """Peak signal to noise ratio in dB, peak 255."""
    return float(image_metrics.peak_signal_noise_ratio(_batch(generated), _batch(truth), data_range=255.0))


def ssim(generated: Image, truth: Image) -> float:
    """Structural similarity (Wang et al. 2004), Gaussian window of 11 pixels: 1 is equal."""
    measure = image_metrics.structural_similarity_index_measure
    return float(measure(_batch(generated), _batch(truth), data_range=255.0))


def block_means(image: Image, size: int = BLOCK) -> Image:
    """Mean over blocks of `size` x `size` pixels; what does not fill a block is left out."""
    height, width = (length // size * size for length in image.shape[:2])
    blocks = image[:height, :width].reshape(height // size, size, width // size, size, -1)
    means: Image = blocks.mean(axis=(1, 3))
    return means


def high_frequency_energy(image: Image) -> float:
    """Mean square of luma minus its 5 x 5 box mean: detail finer than about 50 m at 10 m."""
    luma = torch.from_numpy(np.ascontiguousarray(image @ np.array([0.299, 0.587, 0.114], np.float32)))[None, None]
    smooth = torch.nn.functional.avg_pool2d(luma, 5, stride=1)
    return float(((luma[..., 2:-2, 2:-2] - smooth) ** 2).mean())


def sharpness(generated: Image, truth: Image) -> float:
    """Square root of the ratio of high-frequency energy to the truth's: 0 is flat, 1 as detailed as the truth."""
    return float(np.sqrt(high_frequency_energy(generated) / max(high_frequency_energy(truth), 1e-6)))


@dataclass(frozen=True)
class ToneMatch:
    """One gain and offset a channel that brings a network's tone to a scene's, by least squares."""

    gain: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __call__(self, image: Image) -> Image:
        """Apply to an (H, W, 3) image; clipped to 0 to 255."""
        return np.clip(image * self.gain + self.offset, 0.0, 255.0).astype(np.float32)


def match_tone(generated: list[Image], truth: list[Image]) -> ToneMatch:
    """Fit on all patches of one scene at once; a constant image is matched to the scene's mean colour."""
    x = np.concatenate([image[::2, ::2].reshape(-1, image.shape[-1]) for image in generated]).astype(np.float64)
    y = np.concatenate([image[::2, ::2].reshape(-1, 3) for image in truth]).astype(np.float64)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    variance = ((x - x_mean) ** 2).mean(axis=0)
    gain = np.where(variance > 1e-6, ((x - x_mean) * (y - y_mean)).mean(axis=0) / np.maximum(variance, 1e-6), 0.0)
    return ToneMatch(gain, y_mean - gain * x_mean)


def _batch(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(image, -1, 0)))[None]
