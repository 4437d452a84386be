"""The whole of `geosar-train prepare`: scenes in, a folder of pairs out, published whole or not at all."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from training.preparation.report import markdown, write_dropped, write_manifest
from training.preparation.sources import PrepareError, Source
from training.preparation.splits import Block, split_blocks
from training.preparation.tiles import Cutter, Options, Tile, check_room

By = Literal["scene", "block"]


def prepare(
    sources: Sequence[Source], output: Path, options: Options, *, by: By = "scene", block: int = 4,
    validation: float = 0.15, seed: int = 1,
) -> str:  # fmt: skip
    """Make the folder `output`: manifest.csv, sar/, opt/, mask/, sar_db/, dropped.csv, report.md; return the report.

    Whole scenes, or blocks of `block` x `block` tiles, go to the split `val` until about the share `validation` is
    reached. Raises PrepareError for a pair that cannot be used, named, or when there is nothing to split.
    """
    output = output.absolute()
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise PrepareError(f"{output} is not empty; give a new folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    check_room(sources, output.parent)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as work:
        folder = Path(work, "new")
        for name in ("sar", "opt"):
            (folder / name).mkdir(parents=True)
        cutter = Cutter(folder, options)
        tiles = [tile for source in tqdm(sources, unit="scene") for tile in cutter.cut(source)]
        kept, dropped = [tile for tile in tiles if not tile.reason], [tile for tile in tiles if tile.reason]
        if not kept:
            reasons = Counter(tile.reason.split(":")[0] for tile in dropped).most_common()
            raise PrepareError(
                f"None of {len(tiles)} tiles can be used: "
                f"{'; '.join(f'{reason} ({number})' for reason, number in reasons)}. "
                "Look at --minimum-valid, --maximum-clouds and --maximum-shift."
            )
        splits = _splits(kept, by, block, validation, seed)
        text = markdown(kept, dropped, splits, cutter.shifts())
        write_manifest(folder / "manifest.csv", kept, splits)
        write_dropped(folder / "dropped.csv", dropped)
        (folder / "report.md").write_text(text)
        if output.exists():
            output.rmdir()
        folder.replace(output)
    return text


def _splits(tiles: Sequence[Tile], by: By, block: int, validation: float, seed: int) -> dict[str, str]:
    """Return the split of each tile by its name; what a list said goes before what is drawn."""
    free = [tile for tile in tiles if not tile.source.split]
    places = {tile.name: _block(tile, by, block) for tile in free}
    drawn = split_blocks(Counter(places.values()), validation, seed) if free else {}
    return {tile.name: tile.source.split or drawn[places[tile.name]] for tile in tiles}


def _block(tile: Tile, by: By, size: int) -> Block:
    return (tile.source.name, 0, 0) if by == "scene" else (tile.source.name, tile.row // size, tile.column // size)
