"""Places seen on two dates: speckle differs from one to the other and land does not, so one teaches to clean the other.

Noise2noise: Lehtinen et al. 2018; over dates of Sentinel-1: Dalsasso et al. 2021.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset

from geosar_training.errors import PairsError
from geosar_training.pairs.augmentation import speckle
from geosar_training.pairs.batch import DateCrop
from geosar_training.pairs.pair import CLIP, Pair
from geosar_training.pairs.planes import PLANES, drawn_planes, placed

LEAST_VALID = 0.5
"""Share of a place that must be measured and unchanged on both dates."""

HELD_OUT = 60
"""Places that are not trained on, so that the structure that a picture keeps is measured there."""

SPECKLED = 0.3
"""Share of crops whose input gets more speckle: of fewer looks than the product has."""


@dataclass(frozen=True)
class Place:
    """One place on several dates: (D, P, H, W), each date normalised by itself, and where all of it is valid (H, W).

    `polarisations` are none where nothing says; the dates are in order.
    """

    name: str
    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    polarisations: tuple[str, ...] = ()


def read_places(folder: Path, *, held_out: bool = False) -> list[Place]:
    """Read the places of ``manifest.csv``: a folder ``sar_DATE`` for each date, 8-bit, and ``mask``.

    What is not 0 in ``mask/NAME.*`` has changed from date to date, and is left out as are pixels of 0. Of all places
    some `HELD_OUT`, evenly over the manifest, are for measuring: they are read if `held_out`, else the others. Raises
    PairsError where the folder is none of that kind.
    """
    manifest = folder / "manifest.csv"
    dates = sorted(path for path in folder.glob("sar_*") if path.is_dir())
    if not manifest.is_file() or len(dates) < 2:
        raise PairsError(
            f"{folder} holds no dates; expected manifest.csv, and a folder sar_DATE for each of two or more."
        )
    files = [{path.stem: path for path in date.iterdir()} for date in dates]
    masks = {path.stem: path for path in (folder / "mask").glob("*")}
    places = []
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    measured = set(names[:: max(1, len(names) // HELD_OUT)][:HELD_OUT])
    for name in names:
        if (name in measured) is not held_out or not all(name in by_name for by_name in files):
            continue
        looks = np.stack([_grey(by_name[name]) for by_name in files])[:, None]
        valid = (looks > 0).all(axis=(0, 1))
        if name in masks:
            valid &= _grey(masks[name]) == 0
        places += _place(name, looks, valid, ())
    if not places:
        raise PairsError(f"{folder} has no place that is measured and unchanged on all dates.")
    return places


def places_among(pairs: Sequence[Pair], names: Sequence[str]) -> list[Place]:
    """Return the places whose pairs, in decibels, begin with one of these names: a date a pair, in order."""
    groups = defaultdict(list)
    for pair in sorted(pairs, key=lambda pair: pair.name):
        place = next((name for name in names if pair.name.startswith(name)), None)
        if place is not None and pair.calibrated:
            groups[place].append(pair)
    places = []
    for name, members in groups.items():
        if len(members) > 1:
            valid = np.stack([pair.mask for pair in members]).all(axis=0)
            places += _place(name, np.stack([pair.bands for pair in members]), valid, members[0].polarisations)
    return places


def _place(name: str, values: NDArray[np.float32], valid: Any, names: tuple[str, ...]) -> list[Place]:
    """Return the place, or nothing where too little of it is valid."""
    if valid.mean() < LEAST_VALID:
        return []
    known = values[..., valid]
    mean, deviation = known.mean(axis=-1), np.maximum(known.std(axis=-1), 1e-3)
    normalised = ((values - mean[..., None, None]) / deviation[..., None, None]).clip(*CLIP)
    return [Place(name, (np.nan_to_num(normalised) * valid).astype(np.float32), valid, names)]


def _grey(path: Path) -> NDArray[np.float32]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), np.float32)


class Dates(Dataset[DateCrop]):
    """Random crops of places on two dates next to each other in time, either way round.

    The crop of index i is a pure function of the seed and i. Places of several polarisations are drawn for a share
    `several` of the crops, and then lack one of them in a share `dropout`. One polarisation stands for any.
    """

    def __init__(self, places: Sequence[Place], size: int, *, seed: int, several: float, dropout: float) -> None:
        large = [place for place in places if min(place.valid.shape) >= size]
        self.groups = [[place for place in large if (len(place.values[0]) > 1) is many] for many in (False, True)]
        if not large:
            raise PairsError(f"None of {len(places)} places of several dates has {size} pixels; give larger ones.")
        self.size, self.seed, self.dropout = size, seed, dropout
        self.several = several if self.groups[0] and self.groups[1] else float(bool(self.groups[1]))

    def __getitem__(self, index: int) -> DateCrop:
        random = np.random.default_rng((self.seed, 7, index))
        group = self.groups[int(random.random() < self.several)]
        place = group[int(random.integers(len(group)))]
        first = int(random.integers(len(place.values) - 1))
        order = [first, first + 1] if random.random() < 0.5 else [first + 1, first]
        top, left = (int(random.integers(length - self.size + 1)) for length in place.valid.shape)
        square = np.s_[..., top : top + self.size, left : left + self.size]
        quarters, flip = int(random.integers(4)), bool(random.integers(2))
        images = (*place.values[order], place.valid)
        seen, truth, valid = (_turned(image[square], quarters, flip=flip) for image in images)
        gain, offset = np.float32(random.uniform(0.7, 1.4)), np.float32(random.normal(0.0, 0.3))
        seen, truth = seen * gain + offset, truth * gain + offset
        if random.random() < SPECKLED:
            seen = seen + speckle(seen.shape, float(2 ** random.uniform(2.0, 5.0)), random, correlated=True)
        shown, channels = drawn_planes(len(seen), place.polarisations, self.dropout, random)
        # The network is to repeat the only polarisation that it sees in the place of the other.
        target = np.broadcast_to(truth[shown], (len(PLANES), self.size, self.size)).astype(np.float32)
        known = np.broadcast_to(valid, target.shape).astype(np.float32)
        sar = placed(seen[shown].clip(*CLIP).astype(np.float32) * valid, channels)
        return DateCrop(*(torch.from_numpy(image) for image in (sar, target, known)))


def _turned(image: NDArray[Any], quarters: int, *, flip: bool) -> NDArray[Any]:
    turned = np.rot90(image, quarters, (-2, -1))
    return np.ascontiguousarray(turned[..., ::-1] if flip else turned)
