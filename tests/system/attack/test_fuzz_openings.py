"""Mutated rasters, looked at as uploads are: described or refused in words, in bounded memory, and none ends it all.

In CI the same few each time. With GEOSAR_FUZZ_SECONDS others, for so long (`make fuzz`).
"""

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from helpers.rasters import speckled, write_raster
from helpers.safe_product import write_product, zip_product

from tiler.errors import InvalidError, OverloadedError, ServiceError
from tiler.state.inspector import Inspector
from tiler.state.store import Store

SECONDS = float(os.environ.get("GEOSAR_FUZZ_SECONDS", "0"))
FILES = 200
MOST_MEMORY = 2**30
NUMBERS = (0, 1, 2, 3, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
"""Values that widths, counts, offsets and types are overwritten with."""
KINDS: dict[str, dict[str, Any]] = {
    "plain": {}, "deflate": {"compress": "deflate", "predictor": 3}, "lerc": {"bigtiff": "YES", "compress": "lerc"},
    "zstd": {"compress": "zstd", "tiled": True, "blockxsize": 16, "blockysize": 16}, "lzw": {"compress": "lzw"},
    "jpeg": {"compress": "jpeg"}, "png": {"driver": "PNG", "crs": None, "transform": None},
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small scene in each kind of file, and a product."""
    folder = tmp_path_factory.mktemp("whole")
    decibel = (10 * np.log10(speckled((1, 40, 44), seed=31))).astype(np.float32)
    made = {}
    for kind, options in KINDS.items():
        values = np.clip(decibel * 4 + 120, 1, 255).astype(np.uint8) if kind in {"jpeg", "png"} else decibel
        made[f"{kind}_VV.tif"] = write_raster(folder / f"{kind}_VV.tif", values, **options).read_bytes()
    product = write_product(folder, {"VV": np.full((40, 60), 200, np.uint16)})
    made["product.zip"] = zip_product(product, folder / "product.zip").read_bytes()
    return made


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Flip bits, overwrite numbers, cut off, repeat and leave out parts; mostly near the head, where the tags are."""
    body = bytearray(content)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(4, min(len(body), 1024) if chance.random() < 0.7 else len(body))
        match chance.randrange(5):
            case 0:
                body[at] ^= 1 << chance.randrange(8)
            case 1 | 2:
                size = chance.choice((2, 4, 8))
                number = chance.choice(NUMBERS) % 2 ** (8 * size)
                body[at : at + size] = number.to_bytes(size, "little")
            case 3:
                body[at:at] = body[at : at + chance.randint(1, 64)]
            case _:
                del body[at : at + chance.randint(1, 64)]
        if len(body) < 16:
            break
    return bytes(body[: chance.randint(16, len(body))] if chance.random() < 0.1 and len(body) > 16 else body)


def test_no_mutated_raster_ends_the_inspector_or_fills_the_memory(whole: dict[str, bytes], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    inspector = Inspector(60, store.incoming)
    end, number, described, refused = time.monotonic() + SECONDS, 0, 0, 0
    try:
        with store.upload() as folder:
            while number < FILES or time.monotonic() < end:
                number += 1
                seed = number if not SECONDS else random.randrange(2**63)  # noqa: S311 - no secret
                chance = random.Random(seed)  # noqa: S311
                name = chance.choice(sorted(whole))
                path = folder / name
                path.write_bytes(mutated(whole[name], chance))
                error = refusal(inspector, path)
                described += error is None
                refused += error is not None
                assert error is None or is_told(error), (seed, name, str(error))
                assert most_memory() < MOST_MEMORY, (seed, name)
    finally:
        inspector.close()
    assert described > FILES // 20
    assert refused > FILES // 4


def refusal(inspector: Inspector, path: Path) -> ServiceError | None:
    try:
        assert inspector.describe(path)["width"] > 0
    except ServiceError as error:
        return error
    return None


def is_told(error: ServiceError) -> bool:
    """Whether it is a refusal in words, or a busy service; not that of a process that died."""
    died = isinstance(error, InvalidError) and "crashed" in str(error)
    return not died and (error.status < 500 or isinstance(error, OverloadedError))


def most_memory() -> int:
    """The most memory that a process of the inspector has had, in bytes."""
    sizes = [0]
    for process in psutil.Process().children():
        status = Path(f"/proc/{process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        sizes += [1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return max(sizes)
