"""Which radar file belongs to which optical file."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from geosar_training.errors import PrepareError

RASTERS = frozenset({".tif", ".tiff", ".vrt", ".jp2", ".img", ".nc"})

_SENSORS = frozenset({
    "s1", "s2", "sentinel1", "sentinel2", "sar", "radar", "grd", "rtc", "vv", "vh", "hh", "hv", "db", "sigma0",
    "gamma0", "opt", "optical", "rgb", "tci", "truth",
})  # fmt: skip
"""Words that tell the two files of a pair apart; what is left of their names must be equal."""


@dataclass(frozen=True)
class Source:
    """Two files of one place, the name of the scene, and what a list says of its split and land cover, if anything."""

    name: str
    sar: Path
    optical: Path
    split: str = ""
    landcover: str = ""


@dataclass(frozen=True)
class Unusable:
    """A scene from which no tile can be made, and why."""

    name: str
    reason: str


class Matches(NamedTuple):
    """Scenes with both of their files, and those that lack one."""

    sources: list[Source]
    unusable: list[Unusable]


def match(sar: Path, optical: Path | None) -> Matches:
    """Match two files, two folders by the files' names, two text lists line by line, or one CSV list.

    The CSV has the columns `sar` and `optical`, and may have `name`, `split` and `landcover`; paths in lists are
    relative to the list. Raises PrepareError for lists that cannot be read and where no two files are partners.
    """
    alone: list[Unusable] = []
    if optical is None:
        if sar.suffix.lower() != ".csv":
            raise PrepareError(f"{sar} is no CSV list; give one with the columns sar and optical, or OPTICAL as well.")
        sources = _from_csv(sar)
    elif sar.is_dir() and optical.is_dir():
        sources, alone = _from_folders(sar, optical)
    elif sar.suffix.lower() == ".txt" and optical.suffix.lower() == ".txt":
        lists = [_lines(path) for path in (sar, optical)]
        if len(lists[0]) != len(lists[1]):
            raise PrepareError(f"{sar} names {len(lists[0])} files, {optical} {len(lists[1])}; expected as many.")
        sources = [Source(a.stem, a, b) for a, b in zip(*lists, strict=True)]
    elif sar.is_dir() or optical.is_dir():
        raise PrepareError(f"{sar} and {optical} are a file and a folder; give two of the same kind.")
    else:
        sources = [Source(sar.stem, sar, optical)]
    if not sources:
        raise PrepareError(f"{sar} names no raster; expected files that end in {', '.join(sorted(RASTERS))}.")
    _check_names(sources)
    for source in sources:
        if lacking := [str(path) for path in (source.sar, source.optical) if not path.exists()]:
            alone.append(Unusable(source.name, f"it lacks {' and '.join(lacking)}; no such file"))
    names = {scene.name for scene in alone}
    return Matches([source for source in sources if source.name not in names], alone)


def _check_names(sources: Sequence[Source]) -> None:
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PrepareError(f"Several scenes are called {', '.join(twice)}; give a CSV list with a column `name`.")


def _from_folders(sar: Path, optical: Path) -> Matches:
    radar, truth = (_by_place(folder) for folder in (sar, optical))
    alone = [path for key, path in (radar | truth).items() if (key in radar) != (key in truth)]
    if not radar.keys() & truth.keys():
        raise PrepareError(
            f"No files of {sar} and {optical} are partners: {', '.join(path.name for path in alone[:5]) or 'no raster'}"
            f"{' ...' if len(alone) > 5 else ''}. Partners have equal names but for words like s1, s2, sar, rgb, vv; "
            "else give a CSV list with the columns sar and optical."
        )
    words = "it has no partner in the other folder; partners have equal names but for words like s1, s2, sar, rgb, vv"
    pairs = [Source(path.stem, path, truth[key]) for key, path in sorted(radar.items()) if key in truth]
    return Matches(pairs, [Unusable(path.stem, words) for path in alone])


def _by_place(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in RASTERS:
            continue
        key = place(path.stem)
        if key in files:
            raise PrepareError(
                f"{files[key]} and {path} seem to be of one place; give a CSV list with the columns sar and optical."
            )
        files[key] = path
    return files


def place(stem: str) -> str:
    """Return what is left of a file's name without the words of sensors: `la_s1_vh` and `la_s2_rgb` give `la`."""
    words = [word for word in re.split(r"[^a-z0-9]+", stem.lower()) if word]
    others = [word for word in words if word not in _SENSORS]
    return "_".join(others or words)


def _from_csv(path: Path) -> list[Source]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    missing = {"sar", "optical"} - set(rows[0] if rows else ())
    if missing:
        raise PrepareError(f"{path} lacks the columns {', '.join(sorted(missing))}, or has no row.")
    return [_row(path.parent, row) for row in rows]


def _row(folder: Path, row: Mapping[str, str | None]) -> Source:
    sar, optical = (folder / (row[key] or "") for key in ("sar", "optical"))
    split = row.get("split") or ""
    if split not in {"", "train", "val", "test"}:
        raise PrepareError(f"The split of {sar} is {split!r}; expected train, val or test, or nothing.")
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", row.get("name") or sar.stem)
    return Source(name, sar, optical, split, row.get("landcover") or "")


def _lines(path: Path) -> list[Path]:
    return [path.parent / line.strip() for line in path.read_text().splitlines() if line.strip()]
