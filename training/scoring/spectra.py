"""Radially averaged power spectra: how much detail an image has at each scale, wherever it lies."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
FLOOR = 1e-3
"""Power (squared grey levels a pixel) below which a spectrum is not told from nothing: far under rounding's 1/12."""


def radial_spectrum(image: NDArray[Any]) -> NDArray[np.float64]:
    """Mean power of luma by spatial frequency, from 1 cycle a patch to the Nyquist frequency.

    The image (H, W, 3) of 0 to 255 is cut to a square, its mean taken off, and weighed by a Hann window so
    that its borders do not count as edges. Power is in squared grey levels a pixel.
    """
    side = min(image.shape[:2])
    luma = np.asarray(image[:side, :side] @ LUMA, dtype=np.float64)
    window = np.outer(np.hanning(side), np.hanning(side))
    weighed = (luma - luma.mean()) * window
    power = np.abs(np.fft.fft2(weighed)) ** 2 / (window**2).sum()
    frequency = np.fft.fftfreq(side, 1 / side)
    radius = np.rint(np.hypot(frequency[:, None], frequency[None, :])).astype(int).ravel()
    total, count = (np.bincount(radius, weights) for weights in (power.ravel(), None))
    spectrum: NDArray[np.float64] = total[1 : side // 2 + 1] / count[1 : side // 2 + 1]
    return spectrum


def spectrum_distance(generated: NDArray[Any], truth: NDArray[Any]) -> float:
    """Mean absolute difference of two radially averaged spectra, in dB: 0 has the truth's detail at every scale."""
    spectra = (10 * np.log10(radial_spectrum(image) + FLOOR) for image in (generated, truth))
    return float(np.abs(np.subtract(*spectra)).mean())
