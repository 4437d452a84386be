"""Mutated rasters and products, looked at as uploads are: described or refused in words, in bounded memory and time.

In CI the same few each time. With GEOSAR_FUZZ_SECONDS others, for so long, and with GEOSAR_FUZZ_FILES so many
(`make fuzz FUZZ=0 FUZZ_FILES=100000`); of products, which take longer, a quarter, and of those with heights a fortieth.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import rasterio
from affine import Affine

from geosar_tiler.errors import InvalidError, OverloadedError, ServiceError
from geosar_tiler.state.inspector import Inspector
from geosar_tiler.state.store import Store
from helpers.attack.mutating import mutated, mutated_product
from helpers.rasters import speckled, write_raster
from helpers.rasters.safe_product import write_product, zip_product
from helpers.rasters.sentinel1 import coarse_product

SECONDS = float(os.environ.get("GEOSAR_FUZZ_SECONDS", "0"))
FILES = int(os.environ.get("GEOSAR_FUZZ_FILES", "0"))
AT_RANDOM = bool(SECONDS or FILES)
MOST_MEMORY = 2**30
MOST_SECONDS = 60.0
KEPT = (2368248399988465134,)
"""Seeds of what once failed: a file of many thousand bands."""
Mutate = Callable[[bytes, random.Random], bytes]
Upload = tuple[Inspector, Path]
KINDS: dict[str, dict[str, Any]] = {
    "plain": {}, "deflate": {"compress": "deflate", "predictor": 3}, "lerc": {"bigtiff": "YES", "compress": "lerc"},
    "zstd": {"compress": "zstd", "tiled": True, "blockxsize": 16, "blockysize": 16}, "lzw": {"compress": "lzw"},
    "jpeg": {"compress": "jpeg"}, "png": {"driver": "PNG", "crs": None, "transform": None},
}  # fmt: skip


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small calibrated product in a zip."""
    folder = tmp_path_factory.mktemp("product")
    package = write_product(folder, {"VV": np.full((40, 60), 200, np.uint16), "VH": np.full((40, 60), 90, np.uint16)})
    return zip_product(package, folder / "product.zip").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, product: bytes) -> dict[str, bytes]:
    """A small scene in each kind of file, and a product."""
    folder = tmp_path_factory.mktemp("whole")
    decibel = (10 * np.log10(speckled((1, 40, 44), seed=31))).astype(np.float32)
    files = {"product.zip": product}
    for kind, options in KINDS.items():
        values = np.clip(decibel * 4 + 120, 1, 255).astype(np.uint8) if kind in {"jpeg", "png"} else decibel
        files[f"{kind}_VV.tif"] = write_raster(folder / f"{kind}_VV.tif", values, **options).read_bytes()
    return files


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upload]:
    """What looks at uploads, and the folder in which one comes in."""
    store = Store(tmp_path_factory.mktemp("store"))
    inspector = Inspector(MOST_SECONDS, store.incoming)
    with store.upload() as folder:
        yield inspector, folder
    inspector.close()


def test_no_mutated_raster_ends_the_inspector_or_fills_the_memory(whole: dict[str, bytes], upload: Upload) -> None:
    described, refused = looked_at(upload, whole, mutated, FILES or 200, kept=KEPT)
    assert described > 10
    assert refused > 50


def test_no_mutated_product_does_either(product: bytes, upload: Upload) -> None:
    described, refused = looked_at(upload, {"product.zip": product}, mutated_product, FILES // 4 or 40)
    assert described > 4
    assert refused > 10


def test_no_mutated_annotation_does_either(tmp_path_factory: pytest.TempPathFactory, upload: Upload) -> None:
    folder = coarse_product(tmp_path_factory.mktemp("terrain"), "s1b_iw_alps", 128)
    content = zip_product(folder, folder.parent / "product.zip").read_bytes()
    heights = upload[1] / "heights.tif"
    shape = {"count": 1, "width": 43, "height": 24, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(heights, "w", driver="GTiff", transform=Affine(0.1, 0, 8.4, 0, -0.1, 47.8), **shape) as target:
        target.write(np.full((1, 24, 43), 500, np.float32))
    options = {"dem": heights, "dem_heights": "ellipsoid"}
    described, refused = looked_at(upload, {"product.zip": content}, mutated_product, FILES // 40 or 8, **options)
    assert described > 0
    assert refused > 0


def looked_at(
    upload: Upload, whole: dict[str, bytes], mutate: Mutate, files: int, *, kept: Iterable[int] = (), **options: Any
) -> tuple[int, int]:
    """Mutate files, first by the seeds that are kept, and look at each; returns how many are described and refused."""
    seeds = chain(kept, (random.randrange(2**63) if AT_RANDOM else number for number in count(1)))  # noqa: S311
    inspector, folder = upload
    end, number, described, slowest, most, faults = time.monotonic() + SECONDS, 0, 0, 0.0, 0, list[str]()
    while number < files or time.monotonic() < end:
        number, seed = number + 1, next(seeds)
        chance = random.Random(seed)  # noqa: S311
        name = chance.choice(sorted(whole))
        path = folder / name
        path.write_bytes(mutate(whole[name], chance))
        begun = time.monotonic()
        error = refusal(inspector, path, options)
        slowest = max(slowest, time.monotonic() - begun)
        described += error is None
        most = max(most, memory := most_memory())
        if not (error is None or is_told(error)) or memory >= MOST_MEMORY:
            faults.append(f"seed {seed}, {name}, {memory >> 20} MiB: {error}")
            print(faults[-1], flush=True)  # noqa: T201 - the run may be long
    print(f"{number} files, {described} described; at most {most >> 20} MiB and {slowest:.1f} s")  # noqa: T201
    assert faults == []
    return described, number - described


def refusal(inspector: Inspector, path: Path, options: dict[str, Any]) -> ServiceError | None:
    try:
        assert inspector.describe(path, **options)["width"] > 0
    except ServiceError as error:
        return error
    return None


def is_told(error: ServiceError) -> bool:
    """Whether it is a refusal in words, or a busy service; not that of a process that died, and not foreign."""
    died = isinstance(error, InvalidError) and "crashed" in str(error)
    hung = "took longer than" in str(error)
    foreign = re.search(r"is damaged \(\w+(Error|Exception): ", str(error))
    return not (died or hung or foreign) and (error.status < 500 or isinstance(error, OverloadedError))


def most_memory() -> int:
    """The most memory that a process of the inspector has had, in bytes."""
    sizes = [0]
    for process in psutil.Process().children():
        status = Path(f"/proc/{process.pid}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        sizes += [1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return max(sizes)
