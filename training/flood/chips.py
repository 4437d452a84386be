"""Flood chips: radar, its colorized image, an optical image where there is one, and where the water is.

Three layouts are read, and told apart by what lies in the folder:

* OMBRIA (Drakonakis et al. 2022): ``manifest.csv`` (name, split), ``sar_after/`` (8-bit, in proportion to decibels),
  ``mask/`` and ``opt_before/`` (short-wave infrared, near infrared, red, *before* the flood).
* Sen1Floods11 (Bonafilia et al. 2020): ``*_S1Hand.tif`` (VV and VH in dB), ``*_LabelHand.tif`` (1 water, 0 land, -1
  unknown) and, for some, ``*_S2Hand.tif`` (13 bands); all of them test chips.
* One's own: ``manifest.csv`` (name, split, and, if wanted, group), ``sar/`` (rasters that geosar translates),
  ``label/`` (1 water, 0 land, anything else unknown) and, for some, ``optical/`` (red, green, blue), all on one grid.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geosar.backscatter import Normaliser, band_statistics, to_decibel
from geosar.scene import open_scene
from geosar.scene.untrusted import open_path
from geosar.vocabulary import Unit
from geosar_training.errors import PairsError
from geosar_training.pairs.pair import CLIP
from geosar_training.preparation.optical import open_optical

SEEN_IN_TRAINING = frozenset({"India_900498"})
"""Chips whose radar a packaged model was trained on; they are left out of the scores."""

FALSE_COLOUR_BANDS = (12, 8, 4)
"""B11, B8 and B4 in a 13-band stack that counts from 1: short-wave infrared, near infrared, red."""

BRIGHTEST_REFLECTANCE = 4000
"""Sentinel-2 digital number (reflectance times 10 000) that becomes 255."""

Reference = tuple[float, float]
"""Mean and standard deviation, in dB."""


@dataclass(frozen=True)
class Chip:
    """One place in flood, all (H, W): `radar` normalised as the network sees it, `water` and `known` masks.

    `optical` is (H, W, 3) of 0 to 255, or None. `group` is what scores are told by.
    """

    name: str
    group: str
    split: str
    radar: NDArray[np.float32]
    water: NDArray[np.bool_]
    known: NDArray[np.bool_]
    optical: NDArray[np.uint8] | None


def read_chips(
    folder: Path, reference: Reference | None = None, leave_out: Callable[[str], None] = lambda _name: None
) -> list[Chip]:
    """Read a folder of either layout; raises PairsError that says what was expected and what is missing.

    `reference` is what a model normalises calibrated VV by; without it each chip goes by its own values. `leave_out`
    is told of each chip without a pixel that was measured.
    """
    if (folder / "manifest.csv").is_file() and (folder / "sar_after").is_dir():
        chips = list(_ombria(folder, leave_out))
    elif any(folder.glob("*_S1Hand.tif")):
        chips = list(_sen1floods11(folder, reference, leave_out))
    elif (folder / "manifest.csv").is_file() and (folder / "sar").is_dir():
        chips = list(_own(folder, reference, leave_out))
    else:
        raise PairsError(
            f"{folder} holds no flood chips; expected manifest.csv, sar/ and label/ of your own, OMBRIA's "
            "manifest.csv, sar_after/ and mask/, or Sen1Floods11's *_S1Hand.tif and *_LabelHand.tif."
        )
    if not chips:
        raise PairsError(f"{folder} names no chip. Give a manifest with rows, or another folder.")
    return chips


def _ombria(folder: Path, leave_out: Callable[[str], None]) -> Iterator[Chip]:
    for row in _rows(folder):
        name = row["name"]
        radar = _picture(folder / "sar_after", name, "L")
        water = _picture(folder / "mask", name, "L") > 127
        optical = _picture(folder / "opt_before", name, "RGB") if (folder / "opt_before").is_dir() else None
        if water.shape != radar.shape:
            raise PairsError(f"The chip {name} of {folder} has radar of {radar.shape}, a mask of {water.shape} pixels.")
        # Each chip was stretched by itself, so each is a scene of its own; 0 is the fringe of a swath.
        known = radar > 0
        if not known.any():
            leave_out(name)
            continue
        event = name.rsplit("_", 1)[0]
        group = f"OMBRIA {event}" if row["split"] != "train" else "OMBRIA"
        yield Chip(name, group, row["split"], _normalised(radar, known, Unit.PICTURE), water, known, optical)


def _rows(folder: Path) -> Iterator[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if missing := {"name", "split"} - set(rows.fieldnames or ()):
            raise PairsError(f"{folder / 'manifest.csv'} lacks the columns {', '.join(sorted(missing))}.")
        yield from rows


def _file(folder: Path, name: str) -> Path:
    files = sorted(path for path in folder.glob(f"{name}.*") if not path.name.endswith(".aux.xml"))
    if not files:
        raise PairsError(f"The chip {name} lacks its file in {folder}; add it or drop the row.")
    return files[0]


def _picture(folder: Path, name: str, mode: str) -> NDArray[np.uint8]:
    path = _file(folder, name)
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert(mode))
    except OSError as error:
        raise PairsError(f"{path} cannot be read as an image ({error}); replace it or drop the row.") from error


def _own(folder: Path, reference: Reference | None, leave_out: Callable[[str], None]) -> Iterator[Chip]:
    whole = folder.resolve().name.replace(" ", "-")
    for row in _rows(folder):
        name = row["name"]
        with open_scene(_file(folder / "sar", name)) as opened:
            scene = opened.select("VV" if "VV" in opened.polarisations else opened.polarisations[0])
            block, grid = scene.read(scene.grid.window), scene.grid
            # The reference is of calibrated VV; all else goes by its own values, as in translation.
            known_by = reference if scene.calibrated and scene.polarisations == ("VV",) else None
            radar, measured, unit = block.values[0], block.valid, scene.unit
        if not measured.any():
            leave_out(name)
            continue
        label = _file(folder / "label", name)
        with open_path(label) as source:
            truth = source.read(1, masked=True).astype(np.float32).filled(np.nan)
        if truth.shape != radar.shape:
            raise PairsError(f"{label} has {truth.shape} pixels, the radar {radar.shape}; expected one grid.")
        picture = None
        if any((folder / "optical").glob(f"{name}.*")):
            with open_optical(_file(folder / "optical", name), grid, (), resample=False) as optical:
                picture, _ = optical.read(grid.window)
            if not optical.coloured:
                raise PairsError(f"The optical image of {name} has one band; expected red, green and blue.")
        group = " ".join(filter(None, (whole, row.get("group"))))
        normal = _normalised(radar, measured, unit, known_by)
        yield Chip(name, group, row["split"], normal, truth == 1, measured & np.isin(truth, (0, 1)), picture)


def _sen1floods11(folder: Path, reference: Reference | None, leave_out: Callable[[str], None]) -> Iterator[Chip]:
    for path in sorted(folder.glob("*_S1Hand.tif")):
        name = path.name.removesuffix("_S1Hand.tif")
        label, optical = (folder / f"{name}_{kind}Hand.tif" for kind in ("Label", "S2"))
        if name in SEEN_IN_TRAINING:
            continue
        if not label.is_file():
            raise PairsError(f"{path} has no {label.name} beside it; add it or take the chip away.")
        with open_path(path) as source:
            radar = source.read(1)
        with open_path(label) as source:
            truth = source.read(1)
        measured = np.isfinite(radar)
        if not measured.any():
            leave_out(name)
            continue
        picture = None
        if optical.is_file():
            with open_path(optical) as source:
                bands = source.read(FALSE_COLOUR_BANDS).astype(np.float32)
            picture = np.moveaxis(np.clip(bands / BRIGHTEST_REFLECTANCE * 255, 0, 255).astype(np.uint8), 0, -1)
        normal = _normalised(radar, measured, Unit.DECIBEL, reference)
        yield Chip(name, "Sen1Floods11", "test", normal, truth == 1, measured & (truth >= 0), picture)


def _normalised(
    values: NDArray[np.generic], valid: NDArray[np.bool_], unit: Unit, reference: Reference | None = None
) -> NDArray[np.float32]:
    """Normalise by the reference, or by the statistics of the whole chip, as a scene of its own would be."""
    decibels = to_decibel(values, unit)
    statistics = band_statistics(decibels, valid & np.isfinite(decibels))
    if reference:
        statistics = replace(statistics, mean=reference[0], std=reference[1])
    normaliser = Normaliser(unit, [statistics], CLIP)
    result: NDArray[np.float32] = normaliser(values[None], valid)[0]
    return result
