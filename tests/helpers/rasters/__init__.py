"""Makes tiny rasters for the tests, and the speckle in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

UTM = "EPSG:32643"
TEN_METRES = Affine(10, 0, 600_000, 0, -10, 1_200_000)


def speckled(shape: tuple[int, ...], seed: int = 0, looks: float = 4.4) -> np.ndarray:
    """Make linear backscatter: fields between -22 and -4 dB under gamma-distributed speckle, as in a GRD."""
    random = np.random.default_rng(seed)
    rows, cols = np.indices(shape[-2:])
    fields = 10 ** ((-13 + 6 * np.sin(rows / 9) + 3 * np.cos(cols / 7)) / 10)
    return (fields * random.gamma(looks, 1 / looks, shape)).astype(np.float32)


def write_raster(
    path: Path,
    values: np.ndarray | None = None,
    *,
    shape: tuple[int, int, int] | None = None,
    dtype: Any = None,
    driver: str = "GTiff",
    crs: Any = UTM,
    transform: Affine | None = TEN_METRES,
    nodata: float | None = None,
    mask: np.ndarray | None = None,
    tags: Mapping[str, str] | None = None,
    band_tags: Sequence[Mapping[str, str]] = (),
    descriptions: Sequence[str] = (),
    scale: float | None = None,
    offset: float | None = None,
    units: str | None = None,
    colorinterp: Sequence[Any] = (),
    gcps: Sequence[Any] = (),
    **options: Any,
) -> Path:
    """Write `values` (bands, height, width), or a sparse raster of a `shape` without any."""
    if values is not None:
        values = values[np.newaxis] if values.ndim == 2 else values
        shape, dtype = values.shape, dtype or values.dtype
    assert shape is not None
    count, height, width = shape
    place = {"gcps": list(gcps)} if gcps else {"transform": transform}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver=driver,
            count=count,
            height=height,
            width=width,
            dtype=dtype,
            crs=crs,
            nodata=nodata,
            **place,
            **options,
        ) as target,
    ):
        if colorinterp:
            target.colorinterp = tuple(colorinterp)
        if values is not None:
            target.write(values)
        if mask is not None:
            target.write_mask(mask)
        target.update_tags(**(tags or {}))
        for band, words in enumerate(band_tags, start=1):
            target.update_tags(band, **words)
        if descriptions:
            target.descriptions = tuple(descriptions)
        if scale is not None:
            target.scales = (scale,) * count
        if offset is not None:
            target.offsets = (offset,) * count
        if units is not None:
            target.units = (units,) * count
    return path
