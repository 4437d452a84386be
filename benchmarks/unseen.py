"""Scores models where nobody trained: colour and water, in a table to paste; structure is `geosar-evaluate structure`.

The manual's scene of Los Angeles (VH), two calibrated scenes on other continents (VV, VH, both), and the validation
split of California and SEN1-2, whose regions were trained on. Optical images are moved onto their radar first; scores
are tone-matched, by one gain and offset a channel and scene. What counts as water: see `benchmarks/water.py`. Inland
is land with no water within 600 m. Needs GEOSAR_DATA.

    python benchmarks/unseen.py s1-rgb runs/s1-rgb/last.pt --precision int8
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from torch.nn import functional
from water import CELL, narrow, painted_water

from geosar_training.fitting.runs import load_network
from geosar_training.inference import generate
from geosar_training.packaging.translators import engine_translator
from geosar_training.pairs.crops import water_in
from geosar_training.pairs.pair import Pair, coloured_split, fit_tones, read_pairs
from geosar_training.pairs.registration import registered
from geosar_training.pairs.tone import ToneCurve, luma_chroma
from geosar_training.scoring.baselines import Translator, mean_colour, smooth_grey
from geosar_training.scoring.measures import QUICK
from geosar_training.scoring.patches import Evaluation, score_patches
from geosar_training.scoring.reliability import reliability

TILE = 1024
INLAND = 15
"""Cells around a cell of land that hold no water: 600 m."""

ENOUGH = 500
"""Cells of water, of 40 m, from which on a share is said."""

COLUMNS = (
    "place", "picture", "PSNR, dB (as made)", "over 80 m", "SSIM", "water found: open", "narrow", "painted inland, %",
    "error band: tenths, correlation",
)  # fmt: skip

Cells = NDArray[np.bool_]


def los_angeles(scenes: Path) -> Iterator[Pair]:
    """Yield the scene's tiles, with statistics of the scene as a translation has them."""
    with (
        rasterio.open(scenes / "los_angeles_s1_vh.tif") as radar,
        rasterio.open(scenes / "los_angeles_s2_rgb.tif") as true,
    ):
        sar, rgb = radar.read(1), np.moveaxis(true.read(), 0, -1)
        valid = (sar > 0) & (true.dataset_mask() > 0)
    whole = Pair("los_angeles", "los_angeles", "val", "", sar, rgb, True, valid=valid, polarisations=("VH",))
    for top in range(0, sar.shape[0], TILE):
        for left in range(0, sar.shape[1], TILE):
            area = slice(top, top + TILE), slice(left, left + TILE)
            if valid[area].mean() > 0.5:
                yield whole.cut(*area)


def calibrated(scenes: Path, bands: Sequence[int]) -> Iterator[Pair]:
    """Yield the scenes in decibels with these of their bands (0 VV, 1 VH)."""
    names = tuple(("VV", "VH")[band] for band in bands)
    for file in sorted(scenes.glob("rtc_*_vv_vh_db.tif")):
        with rasterio.open(file) as radar, rasterio.open(str(file).replace("vv_vh_db", "s2_rgb")) as true:
            sar, rgb = radar.read().astype(np.float32)[list(bands)], np.moveaxis(true.read(), 0, -1)
        yield Pair(file.stem, file.stem, "val", "", sar, rgb, True, polarisations=names, calibrated=True)


def places(data: Path, pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Return what is scored, by its name in the table."""
    val = coloured_split(pairs, "val")
    found = {"Los Angeles, VH": list(los_angeles(data / "scenes"))}
    for bands in ((0,), (1,), (0, 1)):
        found["calibrated, " + " and ".join(("VV", "VH")[band] for band in bands)] = list(
            calibrated(data / "scenes", bands)
        )
    found["SEN1-2, validation"] = [pair for pair in val if pair.source == "sen12"]
    found["Long Beach, validation"] = [pair for pair in val if pair.source == "volkov_T11SLT"]
    found["Riverside, validation"] = [pair for pair in val if pair.source == "volkov_T11SMT"]
    return found


def water_of(evaluation: Evaluation, name: str, tone: ToneCurve) -> str:
    """Return the columns on water: found of the open and of the narrow, and painted of inland land, in per cent."""
    counts = np.zeros(6)
    for pair, picture in zip(evaluation.pairs, evaluation.pictures[name], strict=True):
        true = water_in(luma_chroma(tone(pair.rgb)))[0, 0].numpy() > 0
        known = functional.avg_pool2d(torch.from_numpy(pair.mask[None].astype(np.float32)), CELL)[0].numpy() > 0.99
        painted = painted_water(picture[..., :3].astype(np.float32))
        thin, inland = true & narrow(closed(true)), ~near(true)
        for index, where in enumerate((true & ~thin, thin, inland)):
            counts[2 * index : 2 * index + 2] += (painted & where & known).sum(), (where & known).sum()
    wide, thin, inland = counts[::2] / np.maximum(counts[1::2], 1)
    found = [f"{share:.2f}" if cells > ENOUGH else "" for share, cells in zip((wide, thin), counts[1:4:2], strict=True)]
    return " | ".join([*found, f"{100 * inland:.2f}"])


def band_of(evaluation: Evaluation, name: str) -> str:
    """Return how many tenths of the pixels the error band is right in (within 20 %), and how much it knows."""
    band = reliability(evaluation, name)
    return f"{sum(tenth.calibrated for tenth in band.matched)}, {band.correlation:.2f}" if band else ""


def closed(water: Cells) -> Cells:
    """Water with gaps of up to 8 cells filled: waves break the sea into pieces, which are not narrow."""
    whole = torch.from_numpy(water[None, None].astype(np.float32))
    grown = functional.max_pool2d(whole, 9, 1, 4)
    filled: Cells = -functional.max_pool2d(-grown, 9, 1, 4)[0, 0].numpy() > 0
    return filled


def near(water: Cells) -> Cells:
    """Where water lies within `INLAND` cells."""
    whole = torch.from_numpy(water[None, None].astype(np.float32))
    grown: Cells = functional.max_pool2d(whole, 2 * INLAND + 1, 1, INLAND)[0, 0].numpy() > 0
    return grown


def translator(model: str, precision: str, pairs: list[Pair]) -> Translator:
    """Return a checkpoint (.pt, float32) or a packaged model at work."""
    if model.endswith(".pt"):
        return partial(generate, load_network(Path(model), pairs)[0])
    return engine_translator(model, precision)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "models", nargs="*", default=["s1-rgb"], help="checkpoints (.pt), names or folders of packaged models"
    )
    parser.add_argument("--precision", default="int8", choices=("int8", "float32"), help="of packaged models")
    parser.add_argument("--place", default="", help="only places whose name holds this")
    arguments = parser.parse_args()
    data = os.environ.get("GEOSAR_DATA")
    if not data:
        sys.exit("Set GEOSAR_DATA to the folder that holds pairs/ and scenes/.")
    pairs = read_pairs(Path(data) / "pairs")
    translators = {"mean colour": mean_colour(coloured_split(pairs, "train")), "smooth grey": smooth_grey}
    translators |= {model: translator(model, arguments.precision, pairs) for model in arguments.models}
    tones = fit_tones(pairs)
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for place, members in places(Path(data), pairs).items():
        if arguments.place not in place:
            continue
        evaluation = score_patches(translators, registered(members), QUICK)
        california = "Los Angeles" in place or "Beach" in place or "Riverside" in place
        tone = tones["volkov_T11SMT" if "Riverside" in place else "volkov_T11SLT"]
        for name in translators:
            psnr, raw, coarse, ssim = (
                summary.mean if (summary := evaluation.summary(name, key, matched=matched)) else float("nan")
                for key, matched in (("psnr", True), ("psnr", False), ("psnr_80m", True), ("ssim", True))
            )
            water = water_of(evaluation, name, tone) if california and name in arguments.models else " | | "
            scores = f"{psnr:.2f} ({raw:.2f}) | {coarse:.2f} | {ssim:.3f}"
            print(f"| {place} | {name} | {scores} | {water} | {band_of(evaluation, name)} |", flush=True)


if __name__ == "__main__":
    main()
