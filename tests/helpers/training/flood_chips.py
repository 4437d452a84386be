"""Generated flood chips in both layouts: dark water in the middle of bright, speckled land."""

from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.transform import from_origin

SIZE = 64


def scene(seed: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Return backscatter in dB and where water is, (size, size) each."""
    random = np.random.default_rng(seed)
    rows, cols = np.mgrid[:size, :size]
    water = np.hypot(rows - random.uniform(20, 44), cols - random.uniform(20, 44)) < random.uniform(12, 20)
    return np.where(water, -22.0, -9.0) + random.normal(0, 1.0, (size, size)), water


def write_ombria(folder: Path, *, train: int = 3, val: int = 2) -> Path:
    """Write manifest.csv, sar_after/, mask/ and opt_before/."""
    for name in ("sar_after", "mask", "opt_before"):
        (folder / name).mkdir(parents=True)
    rows = ["name,split"]
    for index in range(train + val):
        name, split = (f"train_{index}", "train") if index < train else (f"place_{index}", "val")
        rows.append(f"{name},{split}")
        decibels, water = scene(index)
        Image.fromarray(np.clip((decibels + 30) * 8, 1, 255).astype(np.uint8)).save(
            folder / "sar_after" / f"{name}.png"
        )
        Image.fromarray(water).save(folder / "mask" / f"{name}.png")
        green = np.full((SIZE, SIZE, 3), (60, 120, 40), np.uint8)
        Image.fromarray(green).save(folder / "opt_before" / f"{name}.png")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_sen1floods11(folder: Path) -> Path:
    """Write two chips, the first with Sentinel-2, and one called Seen_1; unknown in a corner, nodata in another."""
    folder.mkdir(parents=True)
    for index, name in enumerate(("Place_1", "Place_2", "Seen_1")):
        decibels, water = scene(10 + index)
        label = water.astype(np.int16)
        label[:4, :4] = -1
        decibels[-4:, -4:] = np.nan
        _write(folder / f"{name}_S1Hand.tif", np.stack([decibels, decibels - 6]).astype(np.float32))
        _write(folder / f"{name}_LabelHand.tif", label[None])
        if index == 0:
            bands = np.arange(1, 14, dtype=np.int16)[:, None, None] * 100
            _write(folder / f"{name}_S2Hand.tif", np.broadcast_to(bands, (13, SIZE, SIZE)))
    return folder


def write_own(folder: Path) -> Path:
    """Write three labelled chips: power of VV and VH with an optical image, decibels of VH, and a picture."""
    for name in ("sar", "label", "optical"):
        (folder / name).mkdir(parents=True)
    for index, name in enumerate(("first", "second", "third")):
        decibels, water = scene(20 + index)
        both = np.stack([decibels, decibels - 6]).astype(np.float32)
        label = water.astype(np.uint8)
        label[:4, :4] = 9
        _write(folder / "label" / f"{name}.tif", label[None])
        bands, words = {
            "first": (10 ** (both / 10), {"descriptions": ("VV", "VH"), "units": "power"}),
            "second": (both[1:], {"descriptions": ("VH",), "units": "dB"}),
            "third": (np.clip((both[:1] + 30) * 8, 1, 255).astype(np.uint8), {}),
        }[name]
        _write(folder / "sar" / f"{name}.tif", bands, **words)
    _write(folder / "optical" / "first.tif", np.stack([np.full((SIZE, SIZE), value, np.uint8) for value in (9, 8, 7)]))
    (folder / "manifest.csv").write_text("name,split,group\nfirst,train,\nsecond,test,May\nthird,test,May\n")
    return folder


def _write(path: Path, bands: np.ndarray, *, descriptions: tuple[str, ...] = (), units: str | None = None) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=SIZE, height=SIZE, count=len(bands), dtype=bands.dtype, crs="EPSG:4326",
        transform=from_origin(10, 50, 1e-4, 1e-4),
    ) as target:  # fmt: skip
        target.write(bands)
        if descriptions:
            target.descriptions = descriptions
        if units:
            target.units = (units,) * len(bands)
