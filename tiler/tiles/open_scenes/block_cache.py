"""Blocks that were translated live: the latest in memory, more of them in files that all processes share."""

import os
import threading
import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import imagecodecs
import numpy as np

from geosar.cog.overviews import Pixels
from geosar.publish import published
from geosar_tiler.state.store import Store

SPARE_BYTES = 2**30
"""What the disk keeps free: with less, no block is written."""
SHARE = 64
"""A process looks at the size of all files when it has written one part in so many of what they may have."""
KEPT = 15 / 16
"""Part of the limit that is left when files were removed, so that this is not done for every block."""
MAGIC = b"GSB1"
_SUM = Struct("<4sI")
_SHAPE = Struct("<HHH")


class BlockKey(NamedTuple):
    """What tells a block from all others; `version` changes with the scene's content and with what translates it."""

    scene: str
    version: str
    col: int
    row: int


class BlockMemory:
    """Blocks in memory; the least recently used leave when the bytes are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blocks: OrderedDict[BlockKey, Pixels] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0

    def get(self, key: BlockKey) -> Pixels | None:
        """Return a block, if it is there."""
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key: BlockKey, block: Pixels) -> None:
        """Keep a block."""
        with self._lock:
            if key in self._blocks:
                return
            self._blocks[key] = block
            self.bytes += _size(block)
            while self.bytes > self._limit and len(self._blocks) > 1:
                _, oldest = self._blocks.popitem(last=False)
                self.bytes -= _size(oldest)

    def forget(self, scene: str) -> None:
        """Drop the blocks of a scene."""
        with self._lock:
            for key in [key for key in self._blocks if key.scene == scene]:
                self.bytes -= _size(self._blocks.pop(key))


class BlockFiles:
    """Blocks in files beside their scene, which leave with it, or when the bytes are too many, the least used first.

    Any process of the service writes and reads them. A file that cannot be read, is damaged or cannot be written is
    as none: the block is made again.
    """

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._unseen = limit  # so that the first block that is written looks at what is there
        self._lock = threading.Lock()
        self.bytes = 0

    def get(self, key: BlockKey) -> Pixels | None:
        """Read a block, if it is there and whole."""
        path = self._path(key)
        try:
            block = unpacked(path.read_bytes())
            if block is None:
                path.unlink(missing_ok=True)
            else:
                os.utime(path)
        except OSError:
            return None
        return block

    def put(self, key: BlockKey, block: Pixels) -> None:
        """Write a block, unless the scene is gone or the disk is nearly full."""
        path, data = self._path(key), packed(block)
        with suppress(OSError):
            if len(data) > self._limit or self._store.free_bytes() < SPARE_BYTES:
                return
            # Not the scene's own folder: that goes when the scene is removed, and is not to come back.
            path.parent.parent.mkdir(exist_ok=True)
            path.parent.mkdir(exist_ok=True)
            with published(path, shared=True, lasting=False) as part:
                part.write_bytes(data)
            self._count(len(data))

    def _path(self, key: BlockKey) -> Path:
        return self._store.live_blocks(key.scene) / key.version / f"{key.col}_{key.row}"

    def _count(self, written: int) -> None:
        with self._lock:
            self.bytes += written
            self._unseen += written
            if self._unseen > self._limit / SHARE:
                self._unseen = 0
                self._prune()

    def _prune(self) -> None:
        """Remove the least recently used files where all together are too large."""
        files = sorted(self._files())
        self.bytes = sum(size for _, size, _ in files)
        if self.bytes <= self._limit * (1 - 1 / SHARE):
            return
        for _, size, path in files:
            if self.bytes <= self._limit * KEPT:
                return
            path.unlink(missing_ok=True)
            self.bytes -= size
            with suppress(OSError):  # others are in it
                path.parent.rmdir()

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """Return time of last use, size and path of all blocks."""
        for path in self._store.all_live_blocks():
            with suppress(FileNotFoundError):  # another process was faster
                status = path.stat()
                yield status.st_mtime, status.st_size, path


class Blocks:
    """Memory before files."""

    def __init__(self, store: Store, memory_bytes: int, disk_bytes: int) -> None:
        self.memory = BlockMemory(memory_bytes)
        self.files = BlockFiles(store, disk_bytes) if disk_bytes else None
        self.found = Counter[str]()
        """How often a block was found in "memory", on "disk", or "nowhere", and was made."""
        self._lock = threading.Lock()

    def get(self, key: BlockKey) -> Pixels | None:
        """Return a block from wherever it is."""
        block = self.memory.get(key)
        if block is not None:
            self._count("memory")
        elif self.files is not None:
            block = self.files.get(key)
            if block is not None:
                self._count("disk")
                self.memory.put(key, block)
        return block

    def put(self, key: BlockKey, block: Pixels) -> None:
        """Keep a block that was just made in memory."""
        self._count("nowhere")
        self.memory.put(key, block)

    def save(self, key: BlockKey, block: Pixels) -> None:
        """Keep it on disk too, for other processes and times, where that is wanted."""
        if self.files is not None:
            self.files.put(key, block)

    def _count(self, where: str) -> None:
        with self._lock:
            self.found[where] += 1


def packed(block: Pixels) -> bytes:
    """Write a block as bytes that tell when they are damaged."""
    raw = block.values.tobytes() + np.packbits(block.mask).tobytes()
    content = _SHAPE.pack(*block.values.shape) + imagecodecs.zstd_encode(raw, 1)
    return _SUM.pack(MAGIC, zlib.crc32(content)) + content


def unpacked(data: bytes) -> Pixels | None:
    """Read what `packed` wrote; None where it is damaged."""
    if len(data) < _SUM.size + _SHAPE.size or _SUM.unpack_from(data) != (MAGIC, zlib.crc32(data[_SUM.size :])):
        return None
    height, width, bands = _SHAPE.unpack_from(data, _SUM.size)
    raw = np.frombuffer(imagecodecs.zstd_decode(data[_SUM.size + _SHAPE.size :]), np.uint8)
    valid = np.unpackbits(raw[height * width * bands :], count=height * width).astype(np.bool_)
    return Pixels(raw[: height * width * bands].reshape(height, width, bands), valid.reshape(height, width))


def _size(block: Pixels) -> int:
    return block.values.nbytes + block.mask.nbytes
