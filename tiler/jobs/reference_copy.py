"""The copy of a true optical image that its tiles are made from: red, green, blue and a mask, as a COG."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import DatasetReader

from geosar.display import colour_bands
from geosar.errors import SceneContentError, TranslationCancelled
from geosar.grid import windows
from geosar.scene.source import gdal_errors
from geosar.scene.untrusted import open_path
from geosar_tiler.jobs.publish_copy import published_as_cog

WINDOW = 2048
SAMPLE_SIDE = 1024
SHOWN = (2, 98)
"""Percentiles of values that are no 8-bit colours, shown from black to white."""


def write_picture(
    source: Path,
    destination: Path,
    place: dict[str, Any] | None,
    *,
    progress: Callable[[float], None],
    cancel: threading.Event,
) -> None:
    """Write the copy window by window; it appears under its name when it is whole.

    `place` is a crs and a transform for a picture that has none of its own. Raises geosar's SceneReadError and
    SceneContentError, TranslationCancelled when `cancel` is set, TargetError when the disk fails.
    """
    with (
        published_as_cog(destination) as flat,
        gdal_errors(source.name, "Reading"),
        open_path(source) as picture,
    ):
        bands = colour_bands(picture)
        bands = bands if len(bands) == 3 else bands * 3
        ranges = _ranges(picture, bands)
        _write(picture, flat, place, bands=bands, ranges=ranges, progress=progress, cancel=cancel)


def _write(
    picture: DatasetReader, flat: Path, place: dict[str, Any] | None, *, bands: tuple[int, ...], ranges: Any,
    progress: Callable[[float], None], cancel: threading.Event,
) -> None:  # fmt: skip
    crs, transform = picture.crs, picture.transform
    if place is not None:
        crs, transform = place["crs"], Affine(*place["transform"])
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": "uint8", "count": 3, "width": picture.width, "height": picture.height, "crs": crs,
        "transform": transform, "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "zstd",
        "zstd_level": 1, "bigtiff": "if_safer", "photometric": "rgb",
    }  # fmt: skip
    places = windows(picture.width, picture.height, WINDOW)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(flat, "w", **profile) as target:
        for done, window in enumerate(places, start=1):
            pixels = window.to_rasterio()
            mask = picture.dataset_mask(window=pixels)
            values = _in_bytes(picture.read(list(bands), window=pixels), ranges)
            values[:, mask == 0] = 0
            target.write(values, window=pixels)
            target.write_mask(mask, window=pixels)
            if cancel.is_set():
                raise TranslationCancelled("making the copy for tiles was stopped.")
            progress(0.7 * done / len(places))


def _ranges(picture: DatasetReader, bands: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Return for each band the values shown black and white, from a coarse look; None for colours in 8 bits."""
    if picture.dtypes[0] == "uint8":
        return None
    scale = max(1.0, max(picture.width, picture.height) / SAMPLE_SIDE)
    shape = (max(1, round(picture.height / scale)), max(1, round(picture.width / scale)))
    sample = picture.read(list(bands), out_shape=(len(bands), *shape), masked=True)
    ranges = []
    for band in sample:
        values = band.compressed().astype(np.float64)
        values = values[np.isfinite(values)]
        if not values.size:
            raise SceneContentError("the picture has no valid pixel; expected an optical image.")
        low, high = np.percentile(values, SHOWN)
        ranges.append((low, high if high > low else low + 1))
    return np.array(ranges)


def _in_bytes(values: Any, ranges: NDArray[np.float64] | None) -> NDArray[np.uint8]:
    if ranges is None:
        return np.asarray(values, np.uint8)
    low, high = ranges[:, 0, None, None], ranges[:, 1, None, None]
    shown = np.nan_to_num((values.astype(np.float32) - low) / (high - low))
    stretched: NDArray[np.uint8] = np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return stretched
