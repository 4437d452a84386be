"""Packaged models as translators of patches, for scores of exactly what users run."""

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geosar.engines import open_engine
from geosar.engines.generator import STRIDE
from geosar.models import load_model
from training.data import Pair, fit_normalisers, normalised
from training.evaluate import Translator
from training.metrics import Image
from training.preview import MARGIN


def engine_translator(model: str | os.PathLike[str], precision: str) -> Translator:
    """Return a translator that runs a packaged model on the CPU."""
    engine = open_engine(load_model(model), "cpu", precision)

    def translate(backscatter: NDArray[np.float32]) -> Image:
        height, width = backscatter.shape
        grown = [(MARGIN, MARGIN + -length % STRIDE) for length in (height, width)]
        pixels = engine.run(np.pad(backscatter, grown, mode="symmetric")[None, None])[0]
        return pixels[MARGIN : MARGIN + height, MARGIN : MARGIN + width].astype(np.float32)

    return translate


def agreement(model: str | os.PathLike[str], pairs: Sequence[Pair]) -> dict[str, float]:
    """How far int8 is from float32 on red, green and blue: PSNR in dB, mean and 99.9 % difference of 255."""
    normalisers = fit_normalisers(pairs)
    full, quick = engine_translator(model, "float32"), engine_translator(model, "int8")
    patches = [normalised(pair, normalisers)[:256, :256] for pair in pairs]
    difference = np.concatenate([(full(sar) - quick(sar))[..., :3].ravel() for sar in patches])
    return {
        "psnr": float(10 * np.log10(255**2 / np.mean(difference**2))),
        "mean_difference": float(np.abs(difference).mean()),
        "difference_99_9": float(np.percentile(np.abs(difference), 99.9)),
    }
