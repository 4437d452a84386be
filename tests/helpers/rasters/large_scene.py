"""What the tests of the translation pipeline share: a scene that is larger than a window, and how to read results."""

from pathlib import Path

import numpy as np
import rasterio

from helpers.rasters import TEN_METRES, UTM, write_raster

WIDTH, HEIGHT = 4180, 2230
"""Three by two windows of 2048 pixels, the last ones small and no multiples of any stride."""


def write_scene(path: Path, *, width: int = WIDTH, height: int = HEIGHT, holes: bool = True) -> Path:
    """Write speckled 16-bit amplitudes, with one empty window, a slanted swath edge and a hole, as nodata 0."""
    random = np.random.default_rng(11)
    rows, cols = np.ogrid[:height, :width]
    fields = 300 * (1 + 0.8 * np.sin(rows / 37) * np.cos(cols / 53))
    values = (fields * np.sqrt(random.gamma(4.4, 1 / 4.4, (height, width)))).astype(np.uint16) + 1
    if holes:
        values[:2048, :2048] = 0
        values[(cols + rows / 40 > width - 20) & (rows > 10)] = 0
        values[2100:2150, 2500:2700] = 0
    return write_raster(
        path, values, nodata=0, crs=UTM, transform=TEN_METRES, tiled=True, blockxsize=512, blockysize=512,
        compress="zstd", descriptions=("VV",),
    )  # fmt: skip


def pixels(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the bands (bands, height, width) and the mask (height, width) of a result."""
    with rasterio.open(path) as dataset:
        return dataset.read(), dataset.dataset_mask()
