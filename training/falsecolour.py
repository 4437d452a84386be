"""Makes training pairs of OMBRIA: radar before a flood, and short-wave infrared, near infrared and red beside it.

OMBRIA (Drakonakis et al. 2022) holds ``manifest.csv`` (name, split), ``sar_before/`` (8-bit, in proportion to decibels)
and ``opt_before/``. What comes out is an ordinary folder of pairs, from which `fit` makes a network of false colour:
green for what grows, pink for bare soil, dark blue for water.
"""

import csv
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from training.data import PairsError

CLOUDED = 0.1
"""Chips with a larger share of cloud are left out; in the others cloud is masked."""

SHADE = 9
"""Pixels around a cloud that are masked with it."""

FILL = (4, 252)
"""The optical image is dark to this level outside its swath; the radar is bright from this level outside its own."""


@dataclass(frozen=True)
class Made:
    """What was written, by split, and the names that were left out for clouds."""

    pairs: Counter[str]
    clouded: list[str]


def make_pairs(ombria: Path, target: Path) -> Made:
    """Write manifest.csv, sar/, opt/ and mask/ into `target`, which must be new or empty.

    Each chip was stretched by itself, so each is a source of its own, ``ombria/NAME``. Raises PairsError for a folder
    that is not OMBRIA, an image that is missing or cannot be read, and a target with files in it.
    """
    if target.is_dir() and any(target.iterdir()):
        raise PairsError(f"{target} holds files. Give a new or empty folder.")
    made = Made(Counter(), [])
    rows = []
    for name, split in _names(ombria):
        sar_file, optical_file = (_file(ombria / kind, name) for kind in ("sar_before", "opt_before"))
        sar, optical = _image(sar_file, "L"), _image(optical_file, "RGB")
        if sar.shape != optical.shape[:2]:
            raise PairsError(f"The chip {name} has radar of {sar.shape} and optical of {optical.shape[:2]} pixels.")
        cloud = clouds(optical)
        if cloud.mean() > CLOUDED:
            made.clouded.append(name)
            continue
        for kind, file in (("sar", sar_file), ("opt", optical_file)):
            (target / kind).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / kind / f"{name}{file.suffix}")
        (target / "mask").mkdir(exist_ok=True)
        Image.fromarray(valid(sar, optical, cloud)).save(target / "mask" / f"{name}.png")
        rows.append((name, split, f"ombria/{name}", "picture"))
        made.pairs[split] += 1
    if not rows:
        raise PairsError(f"{ombria} has no chip with less than {CLOUDED:.0%} of cloud. Give the whole data set.")
    with (target / "manifest.csv").open("w", newline="") as table:
        csv.writer(table).writerows([("name", "split", "source", "unit"), *rows])
    return made


def clouds(optical: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where cloud or haze is, (H, W): bright in red, and no darker there than in the infrared, as soil is."""
    infrared, red = optical[..., 0].astype(np.float32), optical[..., 2].astype(np.float32)
    found: NDArray[np.bool_] = (red > 70) & (red > 0.75 * infrared)
    return found


def valid(sar: NDArray[np.uint8], optical: NDArray[np.uint8], cloud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where both images show the ground, (H, W)."""
    grown = functional.max_pool2d(torch.from_numpy(cloud[None].astype(np.float32)), 2 * SHADE + 1, 1, SHADE)[0] > 0
    shown: NDArray[np.bool_] = (sar > 0) & (sar < FILL[1]) & (optical.max(axis=-1) > FILL[0]) & ~grown.numpy()
    return shown


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
    found = sorted(folder.glob(f"{name}.*")) if folder.is_dir() else []
    if not found:
        raise PairsError(f"The chip {name} lacks its file in {folder}; add it or drop the row.")
    return found[0]


def _image(path: Path, mode: str) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode))
    except OSError as error:
        raise PairsError(f"{path} cannot be read as an image ({error}); replace it or drop the row.") from error
