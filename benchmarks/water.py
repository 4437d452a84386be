"""How much of the true images' water is water in the pictures? Over California's validation tiles, narrow water apart.

True water is what `geosar_training.fitting.losses.open_water` finds; in a picture any dark and bluish cell of 4 x 4
pixels counts, so that no shade of blue decides. Optical images are moved onto their radar first. Needs GEOSAR_DATA.

With `--false-colour`, over the validation chips of that folder of pairs; there the true images, whose water is dark and
bluish too, are judged as the pictures are.

    python benchmarks/water.py s1-rgb other/model/folder
    python benchmarks/water.py s1-falsecolour --false-colour pairs-falsecolour
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from geosar_training.packaging.translators import engine_translator
from geosar_training.pairs.crops import water_in
from geosar_training.pairs.pair import Pair, fit_normalisers, fit_tones, read_pairs
from geosar_training.pairs.planes import planes
from geosar_training.pairs.registration import registered
from geosar_training.pairs.tone import ToneCurve, luma_chroma

CELL = 4
BLUE_OVER_RED, BRIGHTEST = 8.0, 90.0
"""Grey levels by which blue is above red, and below which the mean of the colours is, where a picture shows water."""

NARROW = (16, 0.4)
"""Water is narrow where it covers at most that share of the cells up to so many away."""

Cells = NDArray[np.bool_]


def painted_water(rgb: NDArray[np.float32]) -> Cells:
    """Where a picture shows water."""
    red, green, blue = functional.avg_pool2d(torch.from_numpy(np.moveaxis(rgb, -1, 0).copy()), CELL).numpy()
    found: Cells = (blue - red > BLUE_OVER_RED) & ((red + green + blue) / 3 < BRIGHTEST)
    return found


def narrow(water: Cells) -> Cells:
    """Those cells of water that have little of it around them."""
    reach, share = NARROW
    whole = torch.from_numpy(water[None, None].astype(np.float32))
    around = functional.avg_pool2d(whole, 2 * reach + 1, 1, reach, count_include_pad=False)[0, 0].numpy()
    found: Cells = water & (around <= share)
    return found


def water_of(tile: Pair, tones: Mapping[str, ToneCurve]) -> Cells:
    """Where the true image of a tile shows water, in cells."""
    if tile.source in tones:
        return water_in(luma_chroma(tones[tile.source](tile.rgb)))[0, 0].numpy() > 0
    return painted_water(tile.rgb.astype(np.float32))


def measured(tile: Pair) -> Cells:
    """The cells of a tile that are valid throughout."""
    valid = np.ones(tile.rgb.shape[:2], np.bool_) if tile.valid is None else tile.valid
    rows, cols = (side // CELL for side in valid.shape)
    cells: Cells = valid[: rows * CELL, : cols * CELL].reshape(rows, CELL, cols, CELL).all(axis=(1, 3))
    return cells


def main() -> None:
    """Print a table of the models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["s1-rgb"], help="names or folders of packaged models")
    parser.add_argument("--precision", default="int8", choices=("int8", "float32"))
    parser.add_argument("--false-colour", type=Path, metavar="PAIRS", help="pairs that `geosar-train falsecolour` made")
    arguments = parser.parse_args()
    data = os.environ.get("GEOSAR_DATA")
    if not (data or arguments.false_colour):
        sys.exit("Set GEOSAR_DATA to the folder that holds pairs/.")
    pairs = read_pairs(arguments.false_colour or Path(data or "") / "pairs")
    normalisers = fit_normalisers(pairs)
    tones = {} if arguments.false_colour else fit_tones(pairs, align=True)
    source = "ombria" if arguments.false_colour else "volkov"
    tiles = registered([pair for pair in pairs if pair.split == "val" and pair.source.startswith(source)])
    print("| model | IoU | recall | precision | recall of narrow water |\n|---|---|---|---|---|")
    for model in arguments.models:
        translate = engine_translator(model, arguments.precision)
        both = true = made = thin = found = 0
        for tile in tiles:
            valid = measured(tile)
            water = water_of(tile, tones) & valid
            painted = painted_water(translate(planes(tile, normalisers))[..., :3].astype(np.float32)) & valid
            both, true, made = both + (water & painted).sum(), true + water.sum(), made + painted.sum()
            thin, found = thin + narrow(water).sum(), found + (narrow(water) & painted).sum()
        scores = (both / (true + made - both), both / true, both / made, found / thin)
        print(f"| {model} | " + " | ".join(f"{score:.3f}" for score in scores) + " |")


if __name__ == "__main__":
    main()
