"""Pairs of co-registered SAR and optical patches on disk, and how each source is normalised."""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geosar.backscatter import Normaliser, band_statistics, infer_unit, to_decibel
from geosar.vocabulary import Unit
from geosar_training.errors import PairsError
from geosar_training.pairs.tone import ToneCurve, fit_tone, identity

CLIP = (-4.0, 4.0)
"""Normalised backscatter beyond this is cut; the packaged model's manifest declares the same."""

REFERENCE = {"VV": (-10.0, 3.0), "VH": (-16.5, 3.0)}
"""Mean and deviation in decibel of land, which calibrated backscatter is normalised by, here and (by the manifest of
the model) in translation. Four data sets have means of -9.5 to -10.5 and -15.9 to -17.4, and deviations within a place
of 2.5 to 3.7 (docs/adr/0004). A scene without calibration is normalised by its own, and is mostly land."""

COLUMNS = ("name", "split", "source")
"""What ``manifest.csv`` must have; OPTIONAL are taken where they are there, other columns are for people."""

OPTIONAL = ("landcover", "polarisation", "unit", "mean", "deviation", "estimated", "pixel_size")
"""`polarisation` begins with that of the 8-bit SAR, and `unit` is its unit; `mean` and `deviation`, in its grey values,
of the whole scene that it was cut from; `estimated` is `yes` where the optical colours are no observation; `pixel_size`
is in metres."""


@dataclass(frozen=True)
class Pair:
    """One SAR patch and its optical truth.

    `sar` is 8-bit (H, W), or decibels of several polarisations (P, H, W), float32, NaN where nothing was measured.
    `optical` is RGB (H, W, 3), or grey (H, W) when `coloured` is false. `unit` and `statistics` (mean and deviation
    of the scene, in values of `sar`) are None where the manifest does not say; `valid` (H, W) where all pixels are. The
    expected error is not calibrated on `estimated` colours. `polarisations` are those of `sar`, none where nothing
    says; `calibrated` backscatter is normalised by the `REFERENCE` of its polarisations. `pixel_size` is in metres.
    """

    name: str
    source: str
    split: str
    landcover: str
    sar: NDArray[Any]
    optical: NDArray[np.uint8]
    coloured: bool
    unit: Unit | None = None
    statistics: tuple[float, float] | None = None
    valid: NDArray[np.bool_] | None = None
    estimated: bool = False
    polarisations: tuple[str, ...] = ()
    calibrated: bool = False
    pixel_size: float | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.sar.shape[-2:]
        return height, width

    @property
    def bands(self) -> NDArray[Any]:
        """Backscatter (P, H, W), whatever the number of polarisations."""
        return self.sar if self.sar.ndim == 3 else self.sar[None]

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """Optical as (H, W, 3), grey repeated."""
        return self.optical if self.coloured else np.repeat(self.optical[..., None], 3, axis=2)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Where both images hold data, (H, W)."""
        floating = self.sar.dtype.kind == "f"
        measured: NDArray[np.bool_] = np.isfinite(self.bands).all(axis=0) if floating else np.ones(self.shape, np.bool_)
        return measured if self.valid is None else measured & self.valid

    def cut(self, rows: slice, columns: slice) -> "Pair":
        """Return a part of both images, without copying."""
        valid = None if self.valid is None else self.valid[rows, columns]
        return replace(self, sar=self.sar[..., rows, columns], optical=self.optical[rows, columns], valid=valid)


def read_pairs(folder: Path, splits: Sequence[str] = ("train", "val"), polarisations: Sequence[str] = ()) -> list[Pair]:
    """Read ``manifest.csv`` and the images of the splits wanted.

    ``sar/NAME.*`` is grey, ``opt/NAME.*`` RGB or grey, ``mask/NAME.*`` (where it is there) not 0 where both hold data.
    With `polarisations`, the radar is read from ``sar_db/NAME.tif`` instead, by the bands' descriptions, else VV and
    VH; pairs without it, or without one of them, are left out. That needs rasterio.

    Raises PairsError when the manifest, a column, an image or every pair of the splits is missing, when an
    image cannot be read or is not 8-bit, and when the two images of a pair differ in size.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise PairsError(f"{folder} has no manifest.csv; expected a folder with manifest.csv, sar/ and opt/.")
    for name in ("sar", "opt"):
        if not (folder / name).is_dir():
            raise PairsError(f"{folder} has no folder {name}/; expected manifest.csv, sar/ and opt/.")
    sar_files, optical_files, masks, decibels = (_files(folder / name) for name in ("sar", "opt", "mask", "sar_db"))
    pairs = []
    for row in _rows(manifest):
        name = row["name"]
        if row["split"] not in splits or (polarisations and name not in decibels):
            continue
        if name not in sar_files or name not in optical_files:
            raise PairsError(f"The pair {name} of {manifest} lacks its file in sar/ or opt/; add it or drop the row.")
        pair = _read_pair(row, sar_files[name], optical_files[name], masks.get(name))
        if polarisations:
            values = import_module("geosar_training.pairs.decibels").read_decibels(decibels[name], polarisations)
            if values is None:
                continue
            pair = replace(pair, sar=values, unit=Unit.DECIBEL, statistics=None, polarisations=tuple(polarisations))
            _check_sizes(pair)
        pairs.append(pair)
    if not pairs:
        also = f" with {' and '.join(polarisations)} in sar_db/" if polarisations else ""
        raise PairsError(f"{manifest} has no pair in the splits {', '.join(splits)}{also}.")
    return pairs


def in_decibels(pairs: Sequence[Pair], folder: Path, *, together: bool = False) -> list[Pair]:
    """Return those pairs of a folder that have ``sar_db/NAME.tif``, with its decibels instead.

    A pair of one polarisation each, of source ``calibrated/SOURCE/VV`` and ``/VH``; `together`, one pair of both, of
    source ``calibrated/SOURCE``. They are normalised by the `REFERENCE`, as calibrated scenes are in translation. That
    needs rasterio. Raises PairsError for a file that cannot be read or is of another size.
    """
    files, result = _files(folder / "sar_db"), []
    for pair in (pair for pair in pairs if pair.name in files):
        for names in [tuple(REFERENCE)] if together else [(name,) for name in REFERENCE]:
            values = import_module("geosar_training.pairs.decibels").read_decibels(files[pair.name], names)
            if values is None:
                continue
            converted = replace(
                pair, source="/".join(["calibrated", pair.source, *(() if together else names)]),
                sar=values if together else values[0], unit=Unit.DECIBEL, polarisations=names, calibrated=True,
            )  # fmt: skip
            _check_sizes(converted)
            result.append(converted)
    return result


def _rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise PairsError(f"{manifest} lacks the columns {', '.join(missing)}; expected at least {COLUMNS}.")
        return list(rows)


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.iterdir()} if folder.is_dir() else {}


def _read_pair(row: Mapping[str, str], sar_file: Path, optical_file: Path, mask_file: Path | None) -> Pair:
    sar, _ = _read_image(sar_file, ("L",))
    optical, mode = _read_image(optical_file, ("RGB", "L"))
    coloured = mode == "RGB"
    source = row["source"] if coloured else row["source"] + "-grey"  # another stretch
    try:
        unit = Unit.parse(row["unit"]) if row.get("unit") else None
        statistics = (float(row["mean"]), float(row["deviation"])) if row.get("mean") else None
        pixel_size = float(row["pixel_size"]) if row.get("pixel_size") else None
    except (ValueError, KeyError, TypeError) as error:
        raise PairsError(
            f"The pair {row['name']} has a unit, mean, deviation or pixel size that cannot be used: {error}"
        ) from error
    valid = None if mask_file is None else _read_image(mask_file, ("L", "1"))[0] > 0
    pair = Pair(
        row["name"], source, row["split"], row.get("landcover") or "", sar, optical, coloured, unit, statistics, valid,
        estimated=row.get("estimated") == "yes", polarisations=_polarisation(row.get("polarisation") or ""),
        pixel_size=pixel_size,
    )  # fmt: skip
    _check_sizes(pair)
    return pair


def _polarisation(words: str) -> tuple[str, ...]:
    """Return the polarisation that a manifest's words begin with, as `VV (one band)` does."""
    return (words[:2],) if words[:2] in REFERENCE else ()


def _check_sizes(pair: Pair) -> None:
    mask = pair.shape if pair.valid is None else pair.valid.shape
    if not pair.shape == pair.optical.shape[:2] == mask:
        raise PairsError(
            f"The pair {pair.name} has SAR of {pair.shape} and optical of {pair.optical.shape[:2]} pixels"
            f"{'' if mask == pair.shape else f' and a mask of {mask}'}; "
            "expected equal sizes. Cut both to the same ground, or drop the row."
        )


def _read_image(path: Path, modes: Sequence[str]) -> tuple[NDArray[np.uint8], str]:
    try:
        with Image.open(path) as image:
            mode, values = image.mode, np.asarray(image)
    except (OSError, SyntaxError) as error:  # Pillow calls a broken PNG a SyntaxError
        raise PairsError(f"{path} cannot be read as an image ({error}); replace it or drop the pair's row.") from error
    if mode not in modes:
        raise PairsError(f"{path} is of mode {mode}; expected 8-bit {' or '.join(modes)}. Convert it first.")
    return values, mode


def shared(pairs: Sequence[Pair], share: float) -> list[Pair]:
    """Return a share of each source's pairs, at least one, drawn by their names; a larger share holds a smaller."""
    chosen: set[tuple[str, str]] = set()
    for source, members in by_source(pairs).items():
        drawn = sorted((pair.name for pair in members), key=lambda name: sha256(name.encode()).digest())
        chosen.update((source, name) for name in drawn[: math.ceil(share * len(drawn))])
    return [pair for pair in pairs if (pair.source, pair.name) in chosen]


def coloured_split(pairs: Sequence[Pair], split: str) -> list[Pair]:
    """Return the pairs of a split that have colour; raises PairsError when there are none."""
    chosen = [pair for pair in pairs if pair.coloured and pair.split == split]
    if not chosen:
        splits = ", ".join(sorted({pair.split for pair in pairs if pair.coloured})) or "none"
        raise PairsError(
            f"No coloured pair has the split {split!r}; found are: {splits}. Give another split or folder."
        )
    return chosen


def fit_normalisers(pairs: Sequence[Pair]) -> dict[str, Normaliser]:
    """One normaliser a source: by the statistics of its scene where the manifest has them, else of its patches."""
    return {source: _normaliser(members) for source, members in by_source(pairs).items()}


def _normaliser(members: Sequence[Pair]) -> Normaliser:
    """Statistics of all patches of one source are what a scene's are at inference."""
    samples = [pair.bands[:, ::3, ::3].reshape(len(pair.bands), -1) for pair in members]
    values = np.concatenate(samples, axis=1)
    valid = np.concatenate([pair.mask[::3, ::3].ravel() for pair in members]) & np.isfinite(values).all(axis=0)
    unit = members[0].unit or infer_unit(values[0][valid], values.dtype).unit
    decibels = to_decibel(values, unit)
    statistics = [band_statistics(band, valid & np.isfinite(band)) for band in decibels]
    if members[0].calibrated:
        known = [REFERENCE[name] for name in members[0].polarisations]
        statistics = [replace(one, mean=mean, std=std) for one, (mean, std) in zip(statistics, known, strict=True)]
    elif members[0].statistics is not None and len(statistics) == 1:
        mean, deviation = members[0].statistics
        statistics = [replace(statistics[0], mean=mean, std=deviation)]
    return Normaliser(unit, statistics, CLIP)


def fit_tones(pairs: Sequence[Pair], *, align: bool = True) -> dict[str, ToneCurve]:
    """One tone curve a source from its training patches, or the identity for all when `align` is false."""
    return {
        source: fit_tone([pair.rgb for pair in members]) if align else identity()
        for source, members in by_source(pairs).items()
    }


def set_of(pair: Pair) -> str:
    """Return the data set of a pair: its source, and of a source ``SET/SCENE`` the first."""
    return pair.source.split("/")[0]


def unknown_sources(names: Iterable[str], pairs: Sequence[Pair]) -> list[str]:
    """Return those of the names of sources or data sets that no pair has, with the nearest that one has."""
    known = {part for pair in pairs for part in (pair.source, *pair.source.split("/"))} | {"grey", "other"}
    strange = [name for name in names if name not in known]
    near = {name: get_close_matches(name, known, n=1) for name in strange}
    return [f"{name} (did you mean {near[name][0]}?)" if near[name] else name for name in strange]


def by_source(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Pairs in groups of one source."""
    groups: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.source].append(pair)
    return dict(groups)


def normalised(pair: Pair, normalisers: Mapping[str, Normaliser]) -> NDArray[np.float32]:
    """Return the pair's backscatter as the network sees it: (H, W), or (P, H, W) for several polarisations."""
    result: NDArray[np.float32] = normalisers[pair.source](pair.bands, pair.mask)
    return result if pair.sar.ndim == 3 else result[0]
