"""Images for the sink's tests, made up, and what their overviews must be by plain arithmetic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from geosar.cog import CogSink
from geosar.grid import MapGrid, Window, windows

TILE = 64
WINDOW = 4 * TILE
UTM = CRS.from_epsg(32633)
PLACE = Affine(10, 0, 399960.1, 0, -10, 5200020.7)

Image = tuple[NDArray[np.uint8], NDArray[np.bool_]]
DecibelImage = tuple[NDArray[np.float32], NDArray[np.bool_]]


def grid_of(width: int, height: int, crs: CRS | None = UTM, transform: Affine = PLACE) -> MapGrid:
    return MapGrid(crs, transform, width, height)


def smooth_image(width: int, height: int, bands: int = 3, *, holes: bool = True) -> Image:
    """Draw hills with grain; holes are a triangle, lone pixels and one whole window."""
    rows, columns = np.mgrid[0:height, 0:width]
    random = np.random.default_rng(width * 7 + height)
    hills = 120 + 60 * np.sin(rows / 37) + 50 * np.cos(columns / 53)
    pixels = np.stack([hills + 9 * band + random.normal(0, 4, hills.shape) for band in range(bands)], axis=-1)
    valid = np.ones((height, width), np.bool_)
    if holes:
        valid &= rows + columns > 90
        valid &= random.random((height, width)) > 0.001
        valid[WINDOW : 2 * WINDOW, WINDOW : 2 * WINDOW] = False
    return np.clip(pixels, 1, 255).astype(np.uint8), valid


def decibel_image(width: int, height: int, bands: int = 2, *, holes: bool = True) -> DecibelImage:
    """Draw the hills of `smooth_image` in decibel with all bits of their fraction, NaN where nothing was measured."""
    pixels, valid = smooth_image(width, height, bands, holes=holes)
    random = np.random.default_rng(width * 5 + height)
    decibels = pixels / 10 - 30 + random.normal(0, 0.1, pixels.shape)
    return np.where(valid[..., None], decibels, np.nan).astype(np.float32), valid


def coarser_decibels(image: DecibelImage) -> DecibelImage:
    """Average 2 x 2 valid pixels in double precision by numpy's own masked mean."""
    pixels, valid = image
    height, width, bands = pixels.shape
    quads = np.ma.masked_all((4, -(-height // 2), -(-width // 2), bands), np.float64)
    for corner, (down, right) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        part = pixels[down::2, right::2]
        hidden = np.repeat(~valid[down::2, right::2, None], bands, axis=2)
        quads[corner, : part.shape[0], : part.shape[1]] = np.ma.masked_array(part, hidden)
    means = quads.mean(axis=0)
    return means.filled(0).astype(np.float32), ~np.ma.getmaskarray(means)[..., 0]


def coarser(image: Image) -> Image:
    """Average 2 x 2 valid pixels in floating point, rounding half up."""
    pixels, valid = image
    height, width, bands = pixels.shape
    rows, columns = -(-height // 2), -(-width // 2)
    sums, counts = np.zeros((rows, columns, bands)), np.zeros((rows, columns, 1))
    for down in (0, 1):
        for right in (0, 1):
            part = valid[down::2, right::2]
            corner = np.s_[: part.shape[0], : part.shape[1]]
            sums[corner] += pixels[down::2, right::2] * part[..., None]
            counts[corner] += part[..., None]
    means = np.floor(sums / np.maximum(counts, 1) + 0.5)
    return means.astype(np.uint8), counts[..., 0] > 0


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def spool_of(path: Path) -> Path:
    """Return the folder that holds the unfinished output."""
    return path.with_name(f".{path.name}.geosar-part")


def write_image(
    path: Path, image: Image | DecibelImage, *, order: Sequence[Window] | None = None, **options: Any
) -> Path:
    """Write an image through the sink, window by window."""
    pixels, valid = image
    height, width, bands = pixels.shape
    settings: dict[str, Any] = {
        "tile": TILE,
        "window_size": WINDOW,
        "dtype": pixels.dtype.name,
        "colour": "rgb" if bands == 3 else "grey",
    }
    settings |= options
    grid = settings.pop("grid", grid_of(width, height))
    with CogSink(path, grid, bands=bands, **settings) as sink:
        for window in order or windows(width, height, settings["window_size"]):
            if (window.col_off, window.row_off) not in sink.finished:
                sink.write(window, pixels[window.slices], valid[window.slices])
    return path
