"""The whole of `geosar-train prepare`: scenes in, a folder of pairs out, published whole or not at all."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from geosar_training.errors import PrepareError
from geosar_training.preparation.report import markdown, write_dropped, write_manifest
from geosar_training.preparation.sheet import save_sheet
from geosar_training.preparation.sources import Matches, Source, Unusable
from geosar_training.preparation.splits import BlockPlace, split_blocks
from geosar_training.preparation.tiles import Cutter, Options, Tile, check_free

By = Literal["scene", "block"]

SHOWN = 20
"""Scenes that a refusal names."""


@dataclass(frozen=True)
class Prepared:
    """What came of it: the report, the scenes that could not be used, and what the user should be told besides."""

    report: str
    unusable: list[Unusable]
    warnings: list[str]


def prepare(
    matches: Matches, output: Path, options: Options, *, by: By = "scene", block: int = 4, validation: float = 0.15,
    seed: int = 1, strict: bool = False,
) -> Prepared:  # fmt: skip
    """Make the folder `output`: manifest.csv, sar/, opt/, mask/, sar_db/, dropped.csv, report.md, sheet.png.

    Whole scenes, or blocks of `block` x `block` tiles, go to the split `val` until about the share `validation` is
    reached. All scenes are opened first; those that cannot be used are left out. Raises PrepareError when none can,
    when there is nothing to split, and, if `strict`, with all scenes that cannot be used.
    """
    output = output.absolute()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise PrepareError(f"{output} is not empty; give a new folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    check_free(matches.sources, output.parent)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as work:
        folder = Path(work, "new")
        for name in ("sar", "opt"):
            (folder / name).mkdir(parents=True)
        cutter = Cutter(folder, options)
        sources, unusable = _usable(cutter, matches)
        _refuse(sources, unusable, strict=strict)
        tiles: list[Tile] = []
        for source in tqdm(sources, unit="scene"):
            cut = cutter.scene(source)
            if isinstance(cut, Unusable):
                unusable.append(cut)
                _refuse(sources, unusable, strict=strict)
            else:
                tiles += cut
        good, dropped = [tile for tile in tiles if not tile.reason], [tile for tile in tiles if tile.reason]
        _check_kept(good, dropped, unusable)
        splits = _splits(good, by, block, validation, seed)
        text = markdown(good, dropped, unusable, splits, cutter)
        write_manifest(folder / "manifest.csv", good, splits)
        write_dropped(folder / "dropped.csv", dropped, unusable)
        save_sheet(folder, [tile.name for tile in good])
        (folder / "report.md").write_text(text)
        if output.exists():
            output.rmdir()
        folder.replace(output)
    return Prepared(text, unusable, _warnings(splits))


def _usable(cutter: Cutter, matches: Matches) -> tuple[list[Source], list[Unusable]]:
    """Open every scene, so that those that cannot be used are known before hours of work."""
    faults = {source: cutter.fault(source) for source in tqdm(matches.sources, unit="scene", desc="opening")}
    unusable = [Unusable(source.name, fault) for source, fault in faults.items() if fault]
    return [source for source, fault in faults.items() if not fault], [*matches.unusable, *unusable]


def _refuse(sources: Sequence[Source], unusable: Sequence[Unusable], *, strict: bool) -> None:
    """Raise PrepareError where no scene can be used, or, if `strict`, not every one."""
    if sources and not (strict and unusable):
        return
    shown = [f"{scene.name}: {scene.reason}" for scene in unusable[:SHOWN]]
    more = f"\n- and {len(unusable) - SHOWN} more" if len(unusable) > SHOWN else ""
    raise PrepareError(f"{len(unusable)} scenes cannot be used:\n- " + "\n- ".join(shown) + more)


def _check_kept(good: Sequence[Tile], dropped: Sequence[Tile], unusable: Sequence[Unusable]) -> None:
    if good:
        return
    if not dropped:
        _refuse([], unusable, strict=True)
    reasons = Counter(tile.reason.split(":")[0] for tile in dropped).most_common()
    raise PrepareError(
        f"None of {len(dropped)} tiles can be used: "
        f"{'; '.join(f'{reason} ({number})' for reason, number in reasons)}. "
        "Look at --minimum-valid, --maximum-clouds and --maximum-shift."
    )


def _warnings(splits: Mapping[str, str]) -> list[str]:
    return [
        f"No tile has the split {split}, which {use}; say it in the list's column `split`, or leave the column empty."
        for split, use in (("train", "networks learn from"), ("val", "`geosar-evaluate` scores"))
        if split not in splits.values()
    ]


def _splits(tiles: Sequence[Tile], by: By, block: int, validation: float, seed: int) -> dict[str, str]:
    """Return the split of each tile by its name; what a list said goes before what is drawn."""
    free = [tile for tile in tiles if not tile.source.split]
    places = {tile.name: _block(tile, by, block) for tile in free}
    drawn = split_blocks(Counter(places.values()), validation, seed) if free else {}
    return {tile.name: tile.source.split or drawn[places[tile.name]] for tile in tiles}


def _block(tile: Tile, by: By, size: int) -> BlockPlace:
    return (tile.source.name, 0, 0) if by == "scene" else (tile.source.name, tile.row // size, tile.column // size)
