"""Scores the mean over eight views of the radar, and over several networks, beside each network by itself.

Do they know more together than one shows? The eight views are the radar's quarter turns and their mirror images, each
brought back. A network that is taught by such a mean (distillation) can hardly be better than the mean itself.
Validation split, float32. Needs GEOSAR_DATA.

    python benchmarks/views.py s1-rgb runs/twin/last.pt runs/other/last.pt
"""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosar_training.fitting.runs import load_network
from geosar_training.inference import generate
from geosar_training.packaging.translators import engine_translator
from geosar_training.pairs.pair import Pair, coloured_split, read_pairs
from geosar_training.scoring.baselines import Translator, baselines
from geosar_training.scoring.metrics import Image
from geosar_training.scoring.table import evaluate, markdown

Backscatter = NDArray[np.float32]


def opened(model: str, pairs: list[Pair]) -> Translator:
    """Return a packaged model (name or folder) or a checkpoint (.pt) in float32."""
    if model.endswith(".pt"):
        return partial(generate, load_network(Path(model), pairs)[0])
    return engine_translator(model, "float32")


def eight_views(translate: Translator) -> Translator:
    """Return the mean over all turns and mirror images, each brought back to where it was."""

    def translated(backscatter: Backscatter) -> Image:
        images = []
        for quarters in range(4):
            turned = np.rot90(backscatter, quarters, axes=(-2, -1))
            images.append(np.rot90(translate(turned.copy()), -quarters))
            images.append(np.rot90(np.fliplr(translate(turned[..., ::-1].copy())), -quarters))
        return mean(images)

    return translated


def together(translators: Sequence[Translator]) -> Translator:
    """Return the mean of several."""
    return lambda backscatter: mean([translate(backscatter) for translate in translators])


def mean(images: Sequence[Image]) -> Image:
    """Average pictures (H, W, C)."""
    result: Image = np.mean(images, axis=0, dtype=np.float32)
    return result


def remembered(translate: Translator) -> Translator:
    """Return a translator that translates no patch twice."""
    known: dict[bytes, Image] = {}

    def translated(backscatter: Backscatter) -> Image:
        key = backscatter.tobytes()
        if key not in known:
            known[key] = translate(backscatter)[..., :3].astype(np.float16)
        return known[key].astype(np.float32)

    return translated


def main() -> None:
    """Print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["s1-rgb"], help="packaged models, or checkpoints (.pt)")
    models = parser.parse_args().models
    data = os.environ.get("GEOSAR_DATA")
    if not data:
        sys.exit("Set GEOSAR_DATA to the folder that holds pairs/.")
    pairs = read_pairs(Path(data) / "pairs")
    translators = baselines(coloured_split(pairs, "train"))
    views = []
    for model in models:
        one = opened(model, pairs)
        views.append(remembered(eight_views(one)))
        translators |= {model: one, f"{model}, eight views": views[-1]}
    if len(views) > 1:
        translators["all of them, eight views each"] = together(views)
    table, _ = evaluate(translators, coloured_split(pairs, "val"))
    print(markdown(table))


if __name__ == "__main__":
    main()
