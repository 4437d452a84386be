"""Pairs of co-registered SAR and optical patches, and crops of them for training.

The crop of index i is a pure function of the seed and i, so a resumed run sees what an undisturbed one
would have seen, and any number of loader workers gives the same stream.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from geosar.backscatter import Normaliser, Unit, band_statistics, infer_unit, to_decibel
from training.colour import ToneCurve, fit_tone, identity, luma_chroma

CLIP = (-4.0, 4.0)
"""Normalised backscatter beyond this is cut; the packaged model's manifest declares the same."""

COLUMNS = ("name", "split", "source")
"""What ``manifest.csv`` must have; `landcover` is taken where it is there, other columns are for people."""


@dataclass(frozen=True)
class Pair:
    """One SAR patch and its optical truth; `optical` is RGB, or grey when `coloured` is false."""

    name: str
    source: str
    split: str
    landcover: str
    sar: NDArray[np.uint8]
    optical: NDArray[np.uint8]
    coloured: bool


@dataclass(frozen=True)
class Batch:
    """What one update sees: (N, 1, H, W) each; `chroma` (N, 2, H, W); weights are 0 where nothing is known."""

    sar: Tensor
    luma: Tensor
    chroma: Tensor
    valid: Tensor
    coloured: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Move every tensor to a device."""
        return Batch(*(tensor.to(device, non_blocking=True) for tensor in vars(self).values()))


class PairsError(ValueError):
    """A manifest or a pair cannot be used; the message says which and why."""


def read_pairs(folder: Path, splits: Sequence[str] = ("train", "val")) -> list[Pair]:
    """Read ``manifest.csv`` and the images of the splits wanted: ``sar/NAME.*`` grey, ``opt/NAME.*`` RGB or grey.

    Raises PairsError when the manifest, a column, an image or every pair of the splits is missing, when an
    image cannot be read or is not 8-bit, and when the two images of a pair differ in size.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise PairsError(f"{folder} has no manifest.csv; expected a folder with manifest.csv, sar/ and opt/.")
    for name in ("sar", "opt"):
        if not (folder / name).is_dir():
            raise PairsError(f"{folder} has no folder {name}/; expected manifest.csv, sar/ and opt/.")
    sar_files = {path.stem: path for path in (folder / "sar").iterdir()}
    optical_files = {path.stem: path for path in (folder / "opt").iterdir()}
    pairs = []
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise PairsError(f"{manifest} lacks the columns {', '.join(missing)}; expected at least {COLUMNS}.")
        for row in rows:
            if row["split"] not in splits:
                continue
            name = row["name"]
            if name not in sar_files or name not in optical_files:
                raise PairsError(
                    f"The pair {name} of {manifest} lacks its file in sar/ or opt/; add it or drop the row."
                )
            pairs.append(_read_pair(row, sar_files[name], optical_files[name]))
    if not pairs:
        raise PairsError(f"{manifest} has no pair in the splits {', '.join(splits)}.")
    return pairs


def _read_pair(row: Mapping[str, str], sar_file: Path, optical_file: Path) -> Pair:
    sar, _ = _read_image(sar_file, ("L",))
    optical, mode = _read_image(optical_file, ("RGB", "L"))
    if sar.shape != optical.shape[:2]:
        raise PairsError(
            f"The pair {row['name']} has SAR of {sar.shape} and optical of {optical.shape[:2]} pixels; "
            "expected equal sizes. Cut both to the same ground, or drop the row."
        )
    coloured = mode == "RGB"
    source = row["source"] if coloured else row["source"] + "-grey"  # another stretch
    return Pair(row["name"], source, row["split"], row.get("landcover") or "", sar, optical, coloured)


def _read_image(path: Path, modes: Sequence[str]) -> tuple[NDArray[np.uint8], str]:
    try:
        with Image.open(path) as image:
            mode, values = image.mode, np.asarray(image)
    except (OSError, SyntaxError) as error:  # Pillow calls a broken PNG a SyntaxError
        raise PairsError(f"{path} cannot be read as an image ({error}); replace it or drop the pair's row.") from error
    if mode not in modes:
        raise PairsError(f"{path} is of mode {mode}; expected 8-bit {' or '.join(modes)}. Convert it first.")
    return values, mode


def coloured_split(pairs: Sequence[Pair], split: str) -> list[Pair]:
    """Return the pairs of a split that have colour; raises PairsError when there are none."""
    chosen = [pair for pair in pairs if pair.coloured and pair.split == split]
    if not chosen:
        found = ", ".join(sorted({pair.split for pair in pairs if pair.coloured})) or "none"
        raise PairsError(f"No coloured pair has the split {split!r}; found are: {found}. Give another split or folder.")
    return chosen


def fit_normalisers(pairs: Sequence[Pair]) -> dict[str, Normaliser]:
    """One normaliser a source, from all its patches: what a scene's statistics are at inference."""
    by_source: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_source[pair.source].append(pair)
    normalisers = {}
    for source, members in by_source.items():
        sample = np.concatenate([pair.sar[::3, ::3].ravel() for pair in members])
        unit: Unit = infer_unit(sample, sample.dtype, ()).unit
        decibels = to_decibel(sample, unit)
        normalisers[source] = Normaliser(unit, [band_statistics(decibels, np.isfinite(decibels))], CLIP)
    return normalisers


def fit_tones(pairs: Sequence[Pair], *, align: bool = True) -> dict[str, ToneCurve]:
    """One tone curve a source from its training patches, or the identity for all when `align` is false."""
    by_source: defaultdict[str, list[NDArray[np.uint8]]] = defaultdict(list)
    for pair in pairs:
        by_source[pair.source].append(_rgb(pair))
    return {source: fit_tone(images) if align else identity() for source, images in by_source.items()}


def normalised(pair: Pair, normalisers: Mapping[str, Normaliser]) -> NDArray[np.float32]:
    """Return the pair's backscatter as the network sees it, (H, W)."""
    valid = np.ones(pair.sar.shape, dtype=np.bool_)
    result: NDArray[np.float32] = normalisers[pair.source](pair.sar[None], valid)[0]
    return result


def _rgb(pair: Pair) -> NDArray[np.uint8]:
    return pair.optical if pair.coloured else np.repeat(pair.optical[..., None], 3, axis=2)


class Crops(Dataset[tuple[Tensor, ...]]):
    """Random augmented crops; sources are drawn by weight, patches of a source by their area."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        size: int,
        length: int,
        seed: int,
        source_weights: Mapping[str, float],
        align_tone: bool = True,
    ) -> None:
        self.pairs = [pair for pair in pairs if min(pair.sar.shape) >= 0.45 * size]
        if not self.pairs:
            raise PairsError(
                f"{len(pairs)} training pairs were given, none of them large enough for crops of {size} pixels. "
                "Give a folder with pairs in the split train, or a smaller crop."
            )
        self.size, self.length, self.seed = size, length, seed
        self.normalisers = fit_normalisers(self.pairs)
        self.tones = fit_tones(self.pairs, align=align_tone)
        area = np.array([pair.sar.size for pair in self.pairs], dtype=np.float64)
        kind = [pair.source if pair.coloured else "grey" for pair in self.pairs]
        total = {key: area[[other == key for other in kind]].sum() for key in set(kind)}
        default = source_weights.get("other", 1.0)
        weight = np.array([source_weights.get(key, default * total[key] / area.sum()) for key in kind]) * area
        weight /= np.array([total[key] for key in kind])
        if not weight.any():
            raise PairsError(f"source_weights gives no source among {', '.join(sorted(set(kind)))} a weight above 0.")
        self.probability = np.cumsum(weight / weight.sum())

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        random = np.random.default_rng((self.seed, index))
        pair = self.pairs[int(np.searchsorted(self.probability, random.random()).clip(0, len(self.pairs) - 1))]
        sar, optical = _random_crop(pair, self.size, random)
        turns, flip = int(random.integers(4)), bool(random.integers(2))
        sar, optical = (np.rot90(image, turns) for image in (sar, optical))
        if flip:
            sar, optical = sar[:, ::-1], optical[:, ::-1]
        valid = np.ones(sar.shape, dtype=np.bool_)
        backscatter = self.normalisers[pair.source](np.ascontiguousarray(sar)[None], valid)
        backscatter, valid = augment(backscatter, random)
        target = luma_chroma(self.tones[pair.source](optical))
        return (
            torch.from_numpy(backscatter),
            torch.from_numpy(target[None, ..., 0].copy()),
            torch.from_numpy(np.moveaxis(target[..., 1:], -1, 0).copy()),
            torch.from_numpy(valid[None].astype(np.float32)),
            torch.full((1, 1, 1), float(pair.coloured)),
        )


def collate(items: Sequence[tuple[Tensor, ...]]) -> Batch:
    """Stack crops into a batch."""
    return Batch(*(torch.stack(column) for column in zip(*items, strict=True)))


def _random_crop(pair: Pair, size: int, random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut the same square out of both images; smaller patches are mirrored up to the size."""
    sar, optical = pair.sar, _rgb(pair)
    short = [max(0, size - length) for length in sar.shape]
    if any(short):
        border = [(missing // 2, missing - missing // 2) for missing in short]
        sar = np.pad(sar, border, mode="symmetric")
        optical = np.pad(optical, [*border, (0, 0)], mode="symmetric")
    top, left = (int(random.integers(length - size + 1)) for length in sar.shape)
    area = slice(top, top + size), slice(left, left + size)
    return sar[area], optical[area]


def augment(
    backscatter: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Vary what differs between sensors and scenes: gain, contrast, speckle, looks, an empty swath edge.

    Works on normalised backscatter (1, H, W), where a gain is an offset and speckle is additive (decibels).
    Returns it with the mask of pixels that still hold data.
    """
    height, width = backscatter.shape[1:]
    result = backscatter * np.float32(random.uniform(0.8, 1.25)) + np.float32(random.normal(0.0, 0.2))
    if random.random() < 0.2:  # a product with more looks
        padded = np.pad(result, ((0, 0), (1, 1), (1, 1)), mode="edge")
        total = np.zeros_like(result)
        for i, j in product(range(3), range(3)):
            total += padded[:, i : i + height, j : j + width]
        result = total * np.float32(random.uniform(1.0, 1.5) / 9)
    if random.random() < 0.5:
        spread = np.float32(random.uniform(0.0, 0.4))
        result = result + spread * random.standard_normal(result.shape, dtype=np.float32)
    valid = np.ones((height, width), dtype=np.bool_)
    if random.random() < 0.06:
        angle, offset = random.uniform(0, 2 * np.pi), random.uniform(0.1, 0.45) * width
        rows, cols = np.mgrid[:height, :width] - width / 2
        valid = rows * np.sin(angle) + cols * np.cos(angle) < offset
        result = result * valid
    return np.clip(result, *CLIP).astype(np.float32), valid
