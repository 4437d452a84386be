"""Every measure of one patch: what it is called, how it reads, and how it is computed.

Images are float32 (H, W, 3) of 0 to 255. A measure that a patch cannot give (MS-SSIM of a small one, say) is NaN and
left out of the means.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from geosar_training.scoring import metrics
from geosar_training.scoring.metrics import Image
from geosar_training.scoring.quaternions import q2n
from geosar_training.scoring.spectra import LUMA, spectrum_distance
from geosar_training.torchvision_operators import module

image_metrics = module("torchmetrics.functional.image")
regression_metrics = module("torchmetrics.functional.regression")

SMALLEST_MS_SSIM = 177
"""Pixels on a side that five scales of an 11-pixel window need (more than 10 x 2^4, and a margin of one window)."""
HIGHEST_PSNR = 100.0


@dataclass(frozen=True)
class Measure:
    """One figure of a patch. `best` says which way is better: `high`, `low`, or `one` (the truth's own value)."""

    name: str
    label: str
    unit: str
    best: Literal["high", "low", "one"]
    of: Callable[[Image, Image, Image], float]
    """Of the generated image, the truth and the radar as a grey picture."""
    as_made: bool = False
    """Judged on the image as it was made, because the tone match flattens what does not agree with the truth."""


def psnr(generated: Image, truth: Image) -> float:
    """Peak signal to noise ratio in dB, peak 255; equal images have 100, so that means stay finite."""
    return min(metrics.psnr(generated, truth), HIGHEST_PSNR)


def nrmse(generated: Image, truth: Image) -> float:
    """Root mean square error over the truth's mean."""
    score = regression_metrics.normalized_root_mean_squared_error
    return float(score(_batch(generated).reshape(-1), _batch(truth).reshape(-1), normalization="mean"))


def ms_ssim(generated: Image, truth: Image) -> float:
    """SSIM over five scales (Wang et al. 2003); NaN where the patch is too small for them."""
    if min(truth.shape[:2]) < SMALLEST_MS_SSIM:
        return float("nan")
    measure = image_metrics.multiscale_structural_similarity_index_measure
    return float(measure(_batch(generated), _batch(truth), data_range=255.0, normalize="relu"))


def spectral_angle(generated: Image, truth: Image) -> float:
    """Mean angle between the two colours of a pixel, in degrees; black pixels have none and are left out."""
    angles = image_metrics.spectral_angle_mapper(_batch(generated), _batch(truth), reduction="none")
    coloured = (_batch(generated).sum(1) > 0) & (_batch(truth).sum(1) > 0)
    return float(torch.rad2deg(angles[coloured].mean()))


def ergas(generated: Image, truth: Image) -> float:
    """Relative dimensionless global error (Wald 2000), in per cent; both images have one resolution, so h/l is 1."""
    return float(
        image_metrics.error_relative_global_dimensionless_synthesis(_batch(generated), _batch(truth), ratio=1.0)
    )


def identity_ratio(generated: Image, truth: Image, radar: Image) -> float:
    """Return |generated - SAR| / |truth - SAR|: 0 copies the radar, 1 is as far from it as the truth is."""
    return float(np.abs(generated - radar).mean() / max(float(np.abs(truth - radar).mean()), 1e-6))


def edge_agreement(generated: Image, truth: Image) -> float:
    """Correlation of the strength of luma's edges (Sobel over 3 x 3 means): 1 has them in the same places."""
    ours, theirs = (_edges(image) for image in (generated, truth))
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    scale = float(ours.norm() * theirs.norm())
    return float((ours * theirs).sum()) / scale if scale > 1e-3 else 0.0


def _edges(image: Image) -> torch.Tensor:
    luma = functional.avg_pool2d(torch.from_numpy(np.ascontiguousarray(image @ LUMA))[None, None], 3, stride=1)
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    return torch.hypot(*functional.conv2d(luma, torch.stack([sobel, sobel.T])[:, None])[0])


def _batch(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(image, -1, 0)))[None]


QUICK = (
    Measure("psnr", "PSNR", "dB", "high", lambda image, truth, _: psnr(image, truth)),
    Measure("ssim", "SSIM", "", "high", lambda image, truth, _: metrics.ssim(image, truth)),
    Measure(
        "psnr_80m", "PSNR over 80 m", "dB", "high",
        lambda image, truth, _: psnr(metrics.block_means(image), metrics.block_means(truth)),
    ),
    Measure(
        "sharpness", "sharpness", "", "one", lambda image, truth, _: metrics.sharpness(image, truth), as_made=True
    ),
)  # fmt: skip
"""What the table of the README needs."""

MEASURES = (
    *QUICK,
    Measure("ms_ssim", "MS-SSIM", "", "high", lambda image, truth, _: ms_ssim(image, truth)),
    Measure("nrmse", "NRMSE", "", "low", lambda image, truth, _: nrmse(image, truth)),
    Measure("sam", "SAM", "°", "low", lambda image, truth, _: spectral_angle(image, truth)),
    Measure("ergas", "ERGAS", "%", "low", lambda image, truth, _: ergas(image, truth)),
    Measure("q2n", "Q2n", "", "high", lambda image, truth, _: q2n(image, truth)),
    Measure(
        "spectrum", "spectrum distance", "dB", "low", lambda image, truth, _: spectrum_distance(image, truth),
        as_made=True,
    ),
    Measure("edges", "edge agreement", "", "high", lambda image, truth, _: edge_agreement(image, truth)),
    Measure("identity", "identity ratio", "", "one", identity_ratio, as_made=True),
)  # fmt: skip
