"""The copy of a scene that SAR tiles are made from: decibels in hundredths, as a Cloud-Optimized GeoTIFF."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from geosar.backscatter import to_decibel
from geosar.errors import TranslationCancelled
from geosar.grid import windows
from geosar.scene import SarScene
from geosar_tiler.jobs.publish_copy import published_as_cog

SCALE = 0.01
"""A hundredth of a decibel: far below speckle, and half the size of floating point."""
NODATA = -32768
WINDOW = 2048


def write_display(
    scene: SarScene,
    destination: Path,
    *,
    progress: Callable[[float], None],
    cancel: threading.Event,
) -> None:
    """Write the copy window by window; it appears under its name when it is whole.

    Raises TranslationCancelled when `cancel` is set, TargetError when the disk fails.
    """
    grid = scene.grid
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": "int16", "count": len(scene.polarisations), "width": grid.width,
        "height": grid.height, "crs": grid.crs, "transform": grid.transform, "nodata": NODATA, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer",
    }  # fmt: skip
    places = windows(grid.width, grid.height, WINDOW)
    with published_as_cog(destination) as flat, rasterio.open(flat, "w", **profile) as target:
        target.scales = (SCALE,) * len(scene.polarisations)
        target.descriptions = scene.polarisations
        target.units = ("picture" if scene.unit.value == "picture" else "dB",) * len(scene.polarisations)
        for done, window in enumerate(places, start=1):
            block = scene.read(window)
            values = to_decibel(block.values, scene.unit)
            real = block.valid & np.isfinite(values).all(axis=0)
            counts = np.full(values.shape, NODATA, np.int16)
            np.clip(np.rint(values / SCALE), NODATA + 1, -NODATA - 1, out=values, where=real)
            np.copyto(counts, values, where=real, casting="unsafe")
            target.write(counts, window=window.to_rasterio())
            if cancel.is_set():
                raise TranslationCancelled("making the copy for display was stopped.")
            progress(0.7 * done / len(places))
