"""Makes training pairs of OMBRIA: radar before a flood, and short-wave infrared, near infrared and red beside it.

OMBRIA (Drakonakis et al. 2022) holds ``manifest.csv`` (name, split), ``sar_before/`` (8-bit, in proportion to decibels)
and ``opt_before/``. What comes out is an ordinary folder of pairs, from which `fit` makes a network of false colour:
green for what grows, pink for bare soil, dark blue for water. With `true_colour`, green and blue are estimated from the
three bands, so that its rivers, lakes and fields can stand beside pairs of true colour in the training of `s1-rgb`.
Water, which may be as pale as sand where it carries mud, gets one colour: a network that shall show it must learn one.
With `floods`, the radar of the flood (``sar_after/``) makes a second pair of the chip, with water where its label
(``mask/``) and the radar agree.

Each chip's radar was stretched by itself. Its land tells what its grey values were (`backscatter_of_land`).
"""

import csv
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from geosar_training.errors import PairsError
from geosar_training.pairs.pair import REFERENCE

FLOOD_CONTRAST = 1.5
"""A label of flood is believed where land and water differ by so many deviations of their backscatter."""

LEAST_PIXELS = 300
"""Of land and of flood, to tell their backscatter."""

CLOUDED = 0.1
"""Chips with a larger share of cloud are left out; in the others cloud is masked."""

SHADE = 9
"""Pixels around a cloud that are masked with it."""

SPECTRUM = ((-0.063, 0.104, 0.830), (-0.075, 0.031, 0.682))
"""Green and blue reflectance of short-wave infrared, near infrared and red, but for a constant: least squares over the
five BigEarthNet example patches without snow (72 000 pixels; 0.96 and 0.93 of the variance, 0.008 rms)."""

TONE = ((3.03, 9.8), (3.46, 6.5), (4.35, 18.0))
"""Gain and offset of red, green and blue that bring OMBRIA as a whole to `geosar_training.pairs.tone`'s targets."""

WATER_COLOUR = (36, 58, 67)
"""Red, green and blue of water, in the targets' tone: the middle of what the pairs of true colour show."""

WATER_INFRARED = 45
"""Water is darker than that in the near infrared, and hardly brighter there than in red."""

TYPICAL_CONTRAST = 20.0
"""Grey levels in one deviation of land, in the middle of all chips."""

SMOOTH = 5
"""Pixels on a side of the mean that is compared with a label of flood."""

SPECKLE = 1.6
"""Deviation in decibels inside even fields of ground range products at 10 m (Sen1Floods11: 1.5 to 1.8)."""

EVEN = 7
"""Pixels on a side of what is looked at for speckle; the evener quarter of them counts."""

FILL = (4, 252)
"""The optical image is dark to this level outside its swath; the radar is bright from this level outside its own."""


Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class MadePairs:
    """What was written, by split, and the names that were left out for clouds."""

    pairs: Counter[str]
    clouded: list[str]


@dataclass(frozen=True)
class Chip:
    """Radar (H, W), optical image before the flood (H, W, 3), where water is and where both show the ground (H, W)."""

    sar: Grey
    optical: NDArray[np.uint8]
    wet: Mask
    shown: Mask


def make_pairs(ombria: Path, target: Path, *, true_colour: bool = False, floods: bool = False) -> MadePairs:
    """Write manifest.csv, sar/, opt/ and mask/ into `target`, which must be new or empty.

    Each chip was stretched by itself, so each is a source of its own, ``ombria/NAME``, and ``flood/NAME`` during the
    flood (of true colour only). Raises PairsError for a folder that is not OMBRIA, an image that is missing or cannot
    be read, and a target with files in it.
    """
    if target.is_dir() and any(target.iterdir()):
        raise PairsError(f"{target} holds files. Give a new or empty folder.")
    result = MadePairs(Counter(), [])
    rows: list[tuple[str, ...]] = []
    estimated = "yes" if true_colour else ""

    def write(name: str, split: str, source: str, chip: Chip) -> None:
        sar, optical = chip.sar, chip.optical
        scale = backscatter_of_land(sar, chip.shown & ~chip.wet)
        if true_colour:
            sar, optical = speckled(sar, chip.shown, scale, seed=len(rows)), estimated_colours(optical, chip.wet)
        for kind, image in (("sar", sar), ("opt", optical), ("mask", chip.shown)):
            (target / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(target / kind / f"{name}.png")
        rows.append((name, split, source, "picture", estimated, *(f"{value:.1f}" for value in scale or ())))
        result.pairs[split] += 1

    for name, split in _names(ombria):
        sar, optical = _images(ombria, name, "sar_before")
        cloud, wet = clouds(optical), water(optical)
        if cloud.mean() > CLOUDED:
            result.clouded.append(name)
            continue
        write(name, split, f"ombria/{name}", Chip(sar, optical, wet, valid(sar, optical, cloud)))
        if floods:
            sar, _ = _images(ombria, name, "sar_after")
            chip = with_flood(Chip(sar, optical, wet, valid(sar, optical, cloud)), _label(ombria, name))
            if chip is not None:
                write(f"{name}_flood", split, f"flood/{name}", chip)
    if not rows:
        raise PairsError(f"{ombria} has no chip with less than {CLOUDED:.0%} of cloud. Give the whole data set.")
    with (target / "manifest.csv").open("w", newline="") as table:
        csv.writer(table).writerows([("name", "split", "source", "unit", "estimated", "mean", "deviation"), *rows])
    return result


def clouds(optical: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where cloud or haze is, (H, W): bright in red, and no darker there than in the infrared, as soil is."""
    infrared, red = optical[..., 0].astype(np.float32), optical[..., 2].astype(np.float32)
    bare: NDArray[np.bool_] = (red > 70) & (red > 0.75 * infrared)
    return bare


def water(optical: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where open water is, (H, W)."""
    infrared, red = optical[..., 1].astype(np.float32), optical[..., 2].astype(np.float32)
    mask: NDArray[np.bool_] = (infrared < 1.1 * red) & (infrared < WATER_INFRARED)
    return mask


def with_flood(chip: Chip, label: Mask) -> Chip | None:
    """Return the chip with new water: where it was land, the radar is dark and the label (H, W) says so.

    What is as dark and not in the label is not known, and counts as not shown. None where the radar does not see what
    the label says: it was drawn from another date, or the flood stands under trees or is rough.
    """
    values = torch.from_numpy(chip.sar[None].astype(np.float32))
    even = functional.avg_pool2d(values, SMOOTH, 1, SMOOTH // 2, count_include_pad=False)[0].numpy()
    land = chip.shown & ~chip.wet
    flood, dry = even[label & land], even[~label & land]
    if min(flood.size, dry.size) < LEAST_PIXELS:
        return None
    low, high = np.median(flood), np.median(dry)
    if high - low < FLOOD_CONTRAST * np.sqrt((flood.var() + dry.var()) / 2):
        return None
    dark = land & (even < (low + high) / 2)
    return replace(chip, wet=chip.wet | (dark & label), shown=chip.shown & ~(dark & ~label))


def estimated_colours(optical: NDArray[np.uint8], wet: Mask) -> NDArray[np.uint8]:
    """Return red, green and blue (H, W, 3) of short-wave infrared, near infrared and red, in the targets' tone."""
    bands = optical.astype(np.float32)
    colours = np.concatenate([bands[..., 2:], bands @ np.array(SPECTRUM, np.float32).T], axis=-1)
    gain, offset = np.array(TONE, np.float32).T
    result: NDArray[np.uint8] = np.clip(colours * gain + offset, 0, 255).round().astype(np.uint8)
    result[wet] = WATER_COLOUR
    return result


def backscatter_of_land(sar: NDArray[np.uint8], land: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Return the grey value of the reference's mean, and the grey levels in one of its deviations.

    The chip's own mean would call a lake with some shore average land. The pixels of `land` are taken to have the mean
    of the reference, which is land's, and a deviation half way (in logarithms) between its and what the stretch of the
    other chips would make of theirs. None where there is too little land to tell: the chip's own statistics count then.
    """
    values = sar[land].astype(np.float64)
    if values.size < land.size // 20:
        return None
    contrast = max(float(np.diff(np.percentile(values, [16, 84]))[0]) / 2, 4.0)
    return float(values.mean()), float(np.sqrt(contrast * TYPICAL_CONTRAST))


def speckled(
    sar: NDArray[np.uint8], shown: NDArray[np.bool_], scale: tuple[float, float] | None, *, seed: int
) -> NDArray[np.uint8]:
    """Put back the speckle that a chip was filtered of, for its colours are for radar as it comes.

    As much as its even parts lack to `SPECKLE`, multiplied on as gamma-distributed intensity (Goodman), of the number
    of looks whose decibels deviate so.
    """
    per_decibel = (scale[1] if scale else TYPICAL_CONTRAST) / REFERENCE["VV"][1]
    within = np.where(shown, sar.astype(np.float64), np.nan)
    parts = sliding_window_view(within, (EVEN, EVEN))[::4, ::4].std(axis=(-2, -1))
    speckle = float(np.nanpercentile(parts, 25)) / per_decibel if np.isfinite(parts).any() else SPECKLE
    lacking = SPECKLE**2 - speckle**2
    if lacking <= 0:
        return sar
    looks = (10 / np.log(10)) ** 2 / lacking + 0.5  # the deviation in decibels of so many, within 1 % above two
    power = np.random.default_rng(seed).gamma(looks, 1 / looks, sar.shape)
    values = sar + 10 * np.log10(power) * per_decibel
    result: NDArray[np.uint8] = np.where(shown, np.clip(values, 0, FILL[1] - 1), sar).round().astype(np.uint8)
    return result


def valid(sar: NDArray[np.uint8], optical: NDArray[np.uint8], cloud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where both images show the ground, (H, W)."""
    grown = functional.max_pool2d(torch.from_numpy(cloud[None].astype(np.float32)), 2 * SHADE + 1, 1, SHADE)[0] > 0
    shown: NDArray[np.bool_] = (sar > 0) & (sar < FILL[1]) & (optical.max(axis=-1) > FILL[0]) & ~grown.numpy()
    return shown


def _images(ombria: Path, name: str, radar: str) -> tuple[Grey, NDArray[np.uint8]]:
    """Radar (H, W) of a date and the optical image (H, W, 3) of one chip."""
    sar, optical = _image(_file(ombria / radar, name), "L"), _image(_file(ombria / "opt_before", name), "RGB")
    if sar.shape != optical.shape[:2]:
        raise PairsError(f"The chip {name} has radar of {sar.shape} and optical of {optical.shape[:2]} pixels.")
    return sar, optical


def _label(ombria: Path, name: str) -> Mask:
    """Where the chip's label says flood, (H, W)."""
    label: Mask = _image(_file(ombria / "mask", name), "L") > 0
    return label


def _names(ombria: Path) -> list[tuple[str, str]]:
    manifest = ombria / "manifest.csv"
    if not manifest.is_file():
        raise PairsError(f"{ombria} has no manifest.csv; expected OMBRIA: manifest.csv, sar_before/ and opt_before/.")
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if missing := {"name", "split"} - set(rows.fieldnames or ()):
            raise PairsError(f"{manifest} lacks the columns {', '.join(sorted(missing))}.")
        return [(row["name"], row["split"]) for row in rows]


def _file(folder: Path, name: str) -> Path:
    if Path(name).name != name or name.startswith("."):
        raise PairsError(f"The name {name!r} in the manifest is no file's; expected one without folders.")
    files = sorted(folder.glob(f"{name}.*")) if folder.is_dir() else []
    if not files:
        raise PairsError(f"The chip {name} lacks its file in {folder}; add it or drop the row.")
    return files[0]


def _image(path: Path, mode: str) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode))
    except OSError as error:
        raise PairsError(f"{path} cannot be read as an image ({error}); replace it or drop the row.") from error
