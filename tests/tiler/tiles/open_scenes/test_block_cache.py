"""Blocks translated live: bounded in memory and on disk, shared by processes, made again where they are damaged."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geosar.cog.overviews import Pixels
from geosar_tiler.state.catalogue import get
from geosar_tiler.state.store import Store
from geosar_tiler.tiles.open_scenes.block_cache import BlockFiles, BlockKey, BlockMemory, packed, unpacked
from helpers.service import MakeService, middle_tile, picture, send, services_of


def noise(seed: int, side: int = 20) -> Pixels:
    random = np.random.default_rng(seed)
    return Pixels(random.integers(0, 256, (side, side, 4), np.uint8), random.random((side, side)) > 0.3)


def key(number: int) -> BlockKey:
    return BlockKey("scene", "version", number, 0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    empty = Store(tmp_path / "store")
    empty.live_blocks("scene").parent.mkdir()
    return empty


def test_memory_holds_no_more_than_it_may() -> None:
    memory = BlockMemory(10_000)
    for number in range(20):
        memory.put(key(number), noise(number))
    assert memory.bytes <= 10_000
    assert memory.get(key(19)) is not None
    assert memory.get(key(0)) is None
    memory.forget("scene")
    assert memory.bytes == 0


def test_files_hold_no_more_than_they_may_and_the_least_used_leave(store: Store) -> None:
    limit = 100_000
    files = BlockFiles(store, limit)
    for number in range(200):
        files.put(key(number), noise(number))
        os.utime(store.live_blocks("scene") / "version" / f"{number}_0", (number, number))
        assert files.get(key(0)) is not None  # which makes it the latest used
        assert sum(path.stat().st_size for path in store.all_live_blocks()) <= limit
    assert files.get(key(199)) is not None
    assert files.get(key(1)) is None
    assert files.bytes > limit / 2
    assert not [path for path in store.all_live_blocks() if path.name.startswith(".")]


def test_another_process_reads_the_same_pixels(store: Store) -> None:
    pixels = noise(1)
    BlockFiles(store, 10**6).put(key(1), pixels)
    block = BlockFiles(store, 10**6).get(key(1))
    assert block is not None
    assert (block.values == pixels.values).all()
    assert (block.mask == pixels.mask).all()


@pytest.mark.parametrize("damage", ["nothing left", "cut off", "a bit", "another file"])
def test_a_damaged_file_is_as_none(store: Store, damage: str) -> None:
    files = BlockFiles(store, 10**6)
    files.put(key(1), noise(1))
    (path,) = store.all_live_blocks()
    data = path.read_bytes()
    at = len(data) // 2
    changed = {
        "nothing left": b"",
        "cut off": data[:-7],
        "a bit": data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :],
        "another file": b"II*\0" + bytes(500),
    }
    path.write_bytes(changed[damage])
    assert files.get(key(1)) is None
    assert not path.exists()
    files.put(key(1), noise(1))
    assert files.get(key(1)) is not None


def test_each_bit_of_a_file_counts() -> None:
    data = packed(noise(1, side=3))
    for at in range(len(data)):
        for bit in range(8):
            assert unpacked(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]) is None


def test_nothing_is_written_beside_a_scene_that_is_gone(store: Store) -> None:
    files = BlockFiles(store, 10**6)
    store.discard(store.scene("scene"))
    files.put(key(1), noise(1))
    assert not store.live_blocks("scene").parent.exists()


def test_nothing_is_written_to_a_disk_that_is_nearly_full(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "free_bytes", lambda _: 2**29)
    files = BlockFiles(store, 10**6)
    files.put(key(1), noise(1))
    assert list(store.all_live_blocks()) == []


def tile(client: Any, scene: dict[str, Any]) -> np.ndarray:
    return picture(client.get(f"/scenes/{scene['id']}/live/tiles/{middle_tile(scene)}.png"))


def test_a_restarted_service_and_its_neighbour_need_no_network_for_what_was_made(
    make_service: MakeService, scene_file: Path
) -> None:
    with make_service() as first, make_service() as neighbour:
        scene = send(first, scene_file)
        content = tile(first, scene)
        assert (tile(neighbour, scene) == content).all()
        counts = services_of(neighbour).live.blocks.found
        assert counts["nowhere"] == 0
        assert counts["disk"] > 0
    with make_service() as again:
        assert (tile(again, scene) == content).all()
        services = services_of(again)
        assert services.live.blocks.found["nowhere"] == 0
        assert services.store.used_bytes() < sum(
            path.stat().st_size for path in services.store.root.rglob("*") if path.is_file()
        )
        again.delete(f"/scenes/{scene['id']}").raise_for_status()
        assert list(services.store.all_live_blocks()) == []


def test_damaged_blocks_are_made_again_for_the_same_tile(make_service: MakeService, scene_file: Path) -> None:
    with make_service() as client:
        scene = send(client, scene_file)
        content = tile(client, scene)
        for path in services_of(client).store.all_live_blocks():
            path.write_bytes(path.read_bytes()[:-1])
    with make_service() as again:
        assert (tile(again, scene) == content).all()
        assert services_of(again).live.blocks.found["nowhere"] > 0


def test_without_disk_for_blocks_there_are_no_files(make_service: MakeService, scene_file: Path) -> None:
    with make_service(live_disk_bytes=0) as client:
        scene = send(client, scene_file)
        tile(client, scene)
        assert list(services_of(client).store.all_live_blocks()) == []


def test_another_network_gets_blocks_of_its_own(make_service: MakeService, scene_file: Path) -> None:
    with make_service(precision="float32") as client:
        scene = send(client, scene_file)
        services = services_of(client)
        exact = services.live.get(get(services.database, scene["id"])).version
    with make_service() as client:
        services = services_of(client)
        assert services.live.get(get(services.database, scene["id"])).version != exact
