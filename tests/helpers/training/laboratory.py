"""Generated pairs of SAR and optical patches, and settings small enough to train on in a second."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from geosar.vocabulary import Unit
from geosar_training.config import Config
from geosar_training.pairs.batch import Batch
from geosar_training.pairs.pair import Pair
from geosar_training.pairs.tone import luma_chroma
from geosar_training.settings import from_dict

WIDTHS = [4, 6, 8, 8, 8]
SEA, LAKE, WOOD, ROOFS, MEADOW = (45, 85, 130), (36, 58, 67), (30, 48, 32), (120, 125, 135), (90, 120, 60)


def land(size: int, seed: int) -> np.ndarray:
    """Smooth random land between 0 and 1, (size, size)."""
    random = np.random.default_rng(seed)
    rows, cols = np.mgrid[:size, :size]
    waves = sum(
        np.sin(rows * random.uniform(-0.2, 0.2) + cols * random.uniform(-0.2, 0.2) + random.uniform(0, 6))
        for _ in range(6)
    )
    return (waves - waves.min()) / (waves.max() - waves.min())


def make_pair(
    name: str = "a", *, source: str = "here", split: str = "train", size: int = 96, seed: int = 0, coloured: bool = True
) -> Pair:
    """Make dark radar over green land and bright radar over red land, with speckle."""
    ground = land(size, seed)
    speckle = np.random.default_rng(seed + 1).normal(0, 12, (size, size))
    sar = np.clip(60 + 130 * ground + speckle, 1, 255).astype(np.uint8)
    optical = np.stack([60 + 120 * ground, 140 - 60 * ground, 70 + 10 * ground], axis=-1).astype(np.uint8)
    return Pair(name, source, split, "field", sar, optical if coloured else optical[..., 1], coloured)


def make_pairs(size: int = 96, *, train: int = 3, val: int = 2) -> list[Pair]:
    """Make pairs of both splits."""
    splits = ["train"] * train + ["val"] * val
    return [make_pair(f"p{i}", split=split, size=size, seed=10 * i) for i, split in enumerate(splits)]


def write_pairs(folder: Path, pairs: Iterable[Pair]) -> Path:
    """Write pairs as a folder with manifest.csv, sar/ and opt/ (PNG, so that nothing is lost)."""
    for name in ("sar", "opt"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "split", "source", "landcover"])
        for pair in pairs:
            rows.writerow([pair.name, pair.split, pair.source, pair.landcover])
            Image.fromarray(pair.sar).save(folder / "sar" / f"{pair.name}.png")
            Image.fromarray(pair.optical).save(folder / "opt" / f"{pair.name}.png")
    return folder


def tiny_config(**changes: Any) -> Config:
    """Make settings for a network of a few thousand weights."""
    values: dict[str, Any] = {
        "updates": 4, "batch": 2, "crop": 96, "warmup": 2, "widths": WIDTHS, "adversary_width": 4, "ema": 0.9,
        "learning_rate": 3e-3, "checkpoint_every": 2, "preview_every": 1000,
    } | changes  # fmt: skip
    return from_dict(values)


def make_dual_pair(name: str = "a", **changes: Any) -> Pair:
    """Make a pair of two polarisations in decibel: VV as `make_pair`'s radar, VH darker, and a corner without data."""
    pair = make_pair(name, **changes)
    vv = pair.sar.astype(np.float32) / 12 - 25
    vh = 0.8 * vv - 9
    vh[:4, :4] = np.nan
    return replace(pair, sar=np.stack([vv, vh]), unit=Unit.DECIBEL)


def showing(*colours: tuple[int, int, int], noise: float = 0.0) -> Batch:
    """A truth of bands of these colours (red, green, blue), 32 rows each."""
    random = np.random.default_rng(0)
    image = np.concatenate([np.full((32, 32, 3), colour, np.float32) for colour in colours])
    image = luma_chroma(image + random.normal(0, noise, (*image.shape[:2], 1)).astype(np.float32))
    truth = torch.from_numpy(np.moveaxis(image, -1, 0)[None])
    mask = torch.ones_like(truth[:, :1])
    one = torch.ones(1, 1, 1, 1)
    return Batch(sar=mask, luma=truth[:, :1], chroma=truth[:, 1:], valid=mask, coloured=one, label=one)


def same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(same(a, b) for a, b in zip(first, second, strict=True))
    return bool(first == second)
