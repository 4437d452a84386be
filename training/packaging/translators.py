"""Packaged models as translators of patches, for scores of exactly what users run."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from geosar.engines import open_engine
from geosar.models import Model, load_model
from geosar_training.inference import mirrored
from geosar_training.pairs.pair import Pair, fit_normalisers
from geosar_training.pairs.planes import fitting, planes
from geosar_training.scoring.baselines import Translator
from geosar_training.scoring.metrics import Image
from geosar_training.scoring.patches import PATCH


@dataclass(frozen=True)
class Agreement:
    """How far int8 is from float32 on red, green and blue (0 to 255)."""

    psnr: float
    """In dB, peak 255."""
    mean_difference: float
    difference_99_9: float
    """The absolute difference that 99.9 % of the values keep."""

    def __str__(self) -> str:
        return (
            f"{self.psnr:.1f} dB, mean difference {self.mean_difference:.2f}, "
            f"99.9 % within {self.difference_99_9:.0f} of 255"
        )

    def to_dict(self) -> dict[str, float]:
        """Return plain values for the manifest."""
        return asdict(self)


def engine_translators(model: str | os.PathLike[str]) -> dict[str, Translator]:
    """Return a translator on the CPU for each precision that a packaged model has, by a name for reports."""
    loaded = load_model(model)
    kinds = [kind for kind in ("float32", "int8") if kind in loaded.manifest.files]
    return {f"{loaded.label} ({kind})": engine_translator(loaded, kind) for kind in kinds}


def engine_translator(model: str | os.PathLike[str] | Model, precision: str) -> Translator:
    """Return a translator that runs a packaged model on the CPU."""
    loaded = model if isinstance(model, Model) else load_model(model)
    engine = open_engine(loaded, "cpu", precision, torch.get_num_threads())
    halo, stride = loaded.manifest.halo, loaded.manifest.stride
    border = halo - loaded.manifest.margin

    def translate(backscatter: NDArray[np.float32]) -> Image:
        height, width = backscatter.shape[-2:]
        bands = fitting(backscatter, loaded.manifest.inputs.channels)
        pixels = engine.run(mirrored(bands, halo, stride)[None])[0]
        image: Image = pixels[border : border + height, border : border + width].astype(np.float32)
        return image

    return translate


def agreement(model: str | os.PathLike[str], pairs: Sequence[Pair]) -> Agreement:
    """Measure how far int8 is from float32 on one patch of each pair."""
    normalisers = fit_normalisers(pairs)
    full, quick = engine_translator(model, "float32"), engine_translator(model, "int8")
    patches = [planes(pair, normalisers)[..., :PATCH, :PATCH] for pair in pairs]
    difference = np.abs(np.concatenate([(full(sar) - quick(sar))[..., :3].ravel() for sar in patches]))
    return Agreement(
        psnr=float(10 * np.log10(255**2 / max(float(np.mean(difference**2)), 1e-6))),
        mean_difference=float(difference.mean()),
        difference_99_9=float(np.percentile(difference, 99.9)),
    )
