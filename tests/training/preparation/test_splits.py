"""Which tiles validate."""

import pytest

from geosar_training.preparation.splits import split_blocks


def test_the_split_is_near_the_share_and_independent_of_order() -> None:
    tiles = {(f"scene{i}", 0, 0): 10 + i for i in range(20)}
    chosen = split_blocks(tiles, 0.2, seed=1)
    share = sum(tiles[block] for block, split in chosen.items() if split == "val") / sum(tiles.values())
    assert 0.12 < share < 0.28
    assert chosen == split_blocks(dict(reversed(tiles.items())), 0.2, seed=1)
    assert chosen != split_blocks(tiles, 0.2, seed=2)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_both_splits_always_have_something(share: float) -> None:
    chosen = split_blocks({("a", 0, 0): 5, ("b", 0, 0): 5}, share, seed=1)
    assert sorted(chosen.values()) == ["train", "val"]
