"""Which ground is for training and which for validation: whole scenes or whole blocks, never patches."""

import zlib
from collections.abc import Mapping

from geosar_training.errors import PrepareError

BlockPlace = tuple[str, int, int]
"""Scene, and row and column of a block of tiles in it; a whole scene is one block when scenes are split."""


def split_blocks(tiles: Mapping[BlockPlace, int], fraction: float, seed: int) -> dict[BlockPlace, str]:
    """Say `train` or `val` for each block, given its number of tiles; about `fraction` of all are for validation.

    Blocks are drawn in an order that depends on the seed and their own names alone. Raises PrepareError when there are
    fewer than two blocks.
    """
    if len(tiles) < 2:
        raise PrepareError(
            f"All tiles are of {len(tiles)} place, which cannot be split; give more scenes, `--split block`, "
            "or smaller blocks (`--block`)."
        )
    order = sorted(tiles, key=lambda block: zlib.crc32(f"{seed}/{block}".encode()))
    share, validating = fraction * sum(tiles.values()), 0
    chosen: dict[BlockPlace, str] = {}
    for block in order:
        nearer = abs(validating + tiles[block] - share) <= abs(validating - share)
        last = "train" not in chosen.values() and len(chosen) == len(order) - 1
        chosen[block] = "val" if (nearer or not validating) and not last else "train"
        validating += tiles[block] if chosen[block] == "val" else 0
    return chosen
