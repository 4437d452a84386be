"""What `geosar-train prepare` writes of its work: the manifest, what was left out, and a report to read."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from geosar.grid import MapGrid
from geosar_training.preparation.checks import SEARCH, Shift
from geosar_training.preparation.sources import Unusable
from geosar_training.preparation.tiles import MIDDLE, SCALE, Cutter, Tile

BAR = 40
"""Characters of the histogram's longest bar."""

WARN_SHIFT = 1.5
"""Pixels of a scene's median shift from which the report warns."""


def write_manifest(path: Path, tiles: Sequence[Tile], splits: Mapping[str, str]) -> None:
    """Write ``manifest.csv`` as `geosar_training.pairs.pair.read_pairs` takes it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([
            "name", "split", "source", "polarisation", "landcover", "unit", "mean", "deviation", "width", "height",
            "crs", "left", "bottom", "right", "top", "valid", "clouds", "shift_rows", "shift_columns", "confidence",
            "products", "pixel_size",
        ])  # fmt: skip
        for tile in tiles:
            shift = tile.shift or Shift(0, 0, 0.0)
            table.writerow([
                tile.name, splits[tile.name], tile.source.name, "+".join(tile.polarisations), tile.source.landcover,
                "picture", MIDDLE, SCALE, tile.grid.width, tile.grid.height,
                tile.grid.crs.to_string() if tile.grid.crs else "", *tile.grid.bounds, f"{tile.valid:.4f}",
                f"{tile.clouds:.4f}", shift.rows, shift.columns, f"{shift.confidence:.1f}",
                f"{tile.source.sar.name} | {tile.source.optical.name}", _pixel_size(tile.grid),
            ])  # fmt: skip


def _pixel_size(grid: MapGrid) -> str:
    """Return the mean of a pixel's sides in metres; nothing where no map says it."""
    sides = grid.pixel_size_metres()
    return f"{(sides[0] * sides[1]) ** 0.5:.3g}" if sides else ""


def write_dropped(path: Path, tiles: Sequence[Tile], unusable: Sequence[Unusable]) -> None:
    """Write which tiles and whole scenes were left out, and why."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["name", "source", "reason"])
        table.writerows([scene.name, scene.name, f"scene: {scene.reason}"] for scene in unusable)
        table.writerows([tile.name, tile.source.name, tile.reason] for tile in tiles)


def markdown(
    good: Sequence[Tile], dropped: Sequence[Tile], unusable: Sequence[Unusable], splits: Mapping[str, str],
    cutter: Cutter,
) -> str:  # fmt: skip
    """Return the report: how many tiles, why others were left out, and how well radar and optical lie on each other."""
    shifts = cutter.shifts()
    counts = Counter(splits[tile.name] for tile in good)
    tiles = [*good, *dropped]
    shares = ", ".join(f"{number} {split}" for split, number in sorted(counts.items()))
    lines = [
        "# Pairs", "", f"{len(good)} tiles: {shares}. {len(dropped)} were left out. `sheet.png` shows some.", "",
        "| scene | kept | left out | shift of the scene: rows, columns | certainty | optical bands |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for scene in dict.fromkeys(tile.source.name for tile in tiles):
        shift = shifts.get(scene, Shift(0, 0, 0.0))
        lines.append(
            f"| {scene} | {sum(tile.source.name == scene for tile in good)} "
            f"| {sum(tile.source.name == scene for tile in dropped)} "
            f"| {f'{shift.rows:+d}, {shift.columns:+d}' if shift.certain else 'cannot be told'} "
            f"| {shift.confidence:.1f} | {cutter.bands.get(scene, '')} |"
        )
    lines += ["", *_unusable(unusable), *_warnings(shifts), *_strangers(shifts), *_alignment(tiles), *_reasons(dropped)]
    return "\n".join(lines) + "\n"


def _unusable(scenes: Sequence[Unusable]) -> list[str]:
    if not scenes:
        return []
    return ["## Scenes that cannot be used", "", *(f"- **{scene.name}**: {scene.reason}" for scene in scenes), ""]


def _strangers(shifts: Mapping[str, Shift]) -> list[str]:
    strange = ", ".join(f"**{scene}**" for scene, shift in shifts.items() if not shift.certain)
    words = (
        f"In {strange} no shift makes radar and optical image agree. That is so over water and open fields, and where "
        "the optical image is of another place: look at `sheet.png`."
    )
    return [words, ""] if strange else []


def _warnings(shifts: Mapping[str, Shift]) -> list[str]:
    off = {scene: shift for scene, shift in shifts.items() if shift.certain and shift.distance > WARN_SHIFT}
    if not off:
        return []
    lines = [
        f"- **{scene}**: the optical image lies {shift.rows:+d} rows and {shift.columns:+d} columns off."
        for scene, shift in off.items()
    ]
    advice = (
        "Register such scenes again, or leave them out: a network learns to blur by that much. Layover moves tall "
        "buildings and steep slopes towards the radar, so look at flat land first."
    )
    return [*lines, "", advice, ""]


def _alignment(tiles: Sequence[Tile]) -> list[str]:
    distances = [tile.shift.distance for tile in tiles if tile.shift is not None and tile.shift.certain]
    seen = sum(tile.shift is not None for tile in tiles)
    lines = ["## Alignment", "", f"Shift of the {len(distances)} tiles of {seen} in which it is certain:", ""]
    counts, _ = np.histogram(distances, [0, 0.5, 1.2, 2.5, 4.5, 8.5, 2 * SEARCH])
    labels = ["0 pixels", "1", "2", "3 to 4", "5 to 8", "9 or more"]
    longest = max(int(counts.max()), 1)
    bars = [
        f"{label:>9} {'#' * round(BAR * int(count) / longest)} {count}"
        for label, count in zip(labels, counts, strict=True)
    ]
    return [*lines, "```", *bars, "```", ""]


def _reasons(dropped: Sequence[Tile]) -> list[str]:
    if not dropped:
        return []
    words = Counter(tile.reason.split(":")[0] for tile in dropped)
    table = [f"| {reason} | {number} |" for reason, number in words.most_common()]
    return ["## Left out", "", "`dropped.csv` names each tile.", "", "| why | tiles |", "|---|---|", *table]
