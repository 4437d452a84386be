"""Is the error band right? Stated expected errors beside the true ones, in tenths of the pixels."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geosar_training.scoring.patches import Evaluation

TOLERANCE = 0.2
"""A tenth of the pixels is calibrated where the mean true error is this near the stated one, as a fraction of it."""


@dataclass(frozen=True)
class Decile:
    """Means over a tenth of the pixels, in grey levels of 255."""

    stated: float
    true: float

    @property
    def ratio(self) -> float:
        """True over stated: 1 is calibrated."""
        return self.true / max(self.stated, 1e-6)

    @property
    def calibrated(self) -> bool:
        """Whether it lies within the tolerance."""
        return abs(self.ratio - 1) <= TOLERANCE


@dataclass(frozen=True)
class Reliability:
    """Deciles of the stated error, for the image as it was made (`raw`) and after the tone match (`matched`)."""

    raw: list[Decile]
    matched: list[Decile]
    correlation: float
    """Of stated and true error after the tone match, pixel by pixel: how much the band knows beyond the mean."""


def reliability(evaluation: Evaluation, translator: str) -> Reliability | None:
    """Measure the fourth band of one translator over all measured pixels, or return None where it has none.

    The true error is the mean over red, green and blue of the absolute difference to the true optical image.
    """
    pictures = evaluation.pictures[translator]
    if pictures[0].shape[-1] < 4:
        return None
    stated, raw, matched = [], [], []
    for pair, picture, match in zip(evaluation.pairs, pictures, evaluation.matches[translator], strict=True):
        image, truth = picture[..., :3].astype(np.float32), pair.optical.astype(np.float32)
        stated.append(picture[..., 3][pair.mask])
        raw.append(np.abs(image - truth).mean(axis=-1)[pair.mask])
        matched.append(np.abs(match(image) - truth).mean(axis=-1)[pair.mask])
    band, true = np.concatenate(stated), np.concatenate(matched)
    correlation = float(np.corrcoef(band, true)[0, 1]) if band.std() > 0 else 0.0
    return Reliability(deciles(band, np.concatenate(raw)), deciles(band, true), correlation)


def deciles(stated: NDArray[np.uint8], true: NDArray[np.floating], parts: int = 10) -> list[Decile]:
    """Cut pixels, sorted by what was stated (whole grey levels), into ten equal parts.

    A level that lies on a cut goes into both parts by its share, each time with its mean true error.
    """
    levels = np.arange(256)
    count = np.bincount(stated, minlength=256).astype(np.float64)
    mean = np.bincount(stated, true, minlength=256) / np.maximum(count, 1)
    end = np.cumsum(count)
    cuts = end[-1] * np.arange(parts + 1) / parts
    result = []
    for low, high in pairwise(cuts):
        share = np.clip(np.minimum(end, high) - np.maximum(end - count, low), 0, None)
        result.append(Decile(float(share @ levels / share.sum()), float(share @ mean / share.sum())))
    return result
