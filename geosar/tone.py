"""The tone of a place: one gain and offset a channel that bring a translation to a true optical image of it.

What radar cannot tell is how bright and how green land is in this season, in this light and in that product's stretch.
A true image of any date can. It moves the whole scene alike, so that a pixel keeps one value, whatever the window.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio import windows
from rasterio.enums import MaskFlags, Resampling
from rasterio.vrt import WarpedVRT

from geosar.display import WHITE_PERCENTILE, colour_bands
from geosar.errors import GridMismatchError, SceneContentError
from geosar.grid import MapGrid, Window
from geosar.scene.source import Source, gdal_errors, resolve
from geosar.scene.untrusted import open_raster, settings
from geosar.window_translator import Prediction

CELL = 16
"""Pixels on a side of what is compared: the mean tone of land, and no detail that may lie elsewhere."""

SAMPLE, ACROSS = 512, 5
"""Side of the windows that are translated to be compared, and how many of them across and down a large scene."""

LEAST_CELLS = 50
"""Cells that must be valid in both, an eighth of a square kilometre at 10 m."""

SPREAD = (10, 90)
"""Percentiles whose distance is a channel's contrast: a few clouds or a flood change neither them nor the median."""

LEAST_GAIN, MOST_GAIN = 0.5, 2.0

Colours = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tone:
    """A gain and an offset in grey levels for red, green and blue, and what they were taken from."""

    gain: tuple[float, float, float]
    offset: tuple[float, float, float]
    reference: str

    def __call__(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return red, green, blue and expected error (h, w, 4) with the colours in this tone; the error as it was."""
        result = values.copy()
        levels = np.arange(256, dtype=np.float64)
        for band, (gain, offset) in enumerate(zip(self.gain, self.offset, strict=True)):
            table = np.clip(np.rint(gain * levels + offset), 0, 255).astype(np.uint8)
            result[..., band] = table[values[..., band]]
        return result

    @property
    def words(self) -> str:
        """What a report says of it."""
        each = ", ".join(
            f"{name} x {gain:.2f} {offset:+.0f}"
            for name, gain, offset in zip(("red", "green", "blue"), self.gain, self.offset, strict=True)
        )
        return f"matched in tone to {self.reference} ({each})"


def match_tone(grid: MapGrid, translate: Callable[[Window], Prediction | None], reference: str) -> Tone:
    """Fit the tone of a scene on `grid` to a true optical image, by windows over the whole scene.

    `translate` gives the pixels of a window; `reference` is a path or URL of a raster on any map grid, of 8 bits or of
    others, whose 0 is black and whose brightest hundredth is white.

    Raises `GridMismatchError` where the scene or the image has no map grid or they hardly overlap, `SceneContentError`
    for one without colours, and what opening raises.
    """
    source = resolve(reference)
    made_cells, true = [np.empty((0, 3))], [np.empty((0, 3))]
    with gdal_errors(source.printable, "Reading", source.files), _laid_over(grid, source) as (image, bands):
        for window in sample_windows(grid.width, grid.height):
            pixels = translate(window)
            if pixels is not None:
                seen, target = _cells(pixels, image, bands, window)
                made_cells.append(seen)
                true.append(target)
        bytes_ = image.dtypes[bands[0] - 1] == "uint8"
    seen, target = np.concatenate(made_cells), np.concatenate(true)
    if len(seen) < LEAST_CELLS:
        raise GridMismatchError(
            f"{source.printable} hardly overlaps the scene: {len(seen)} cells of {CELL} x {CELL} pixels hold data in "
            f"both, expected {LEAST_CELLS} or more. Give an image of the same place."
        )
    if not bytes_:
        target = np.clip(target / max(np.percentile(target, WHITE_PERCENTILE), 1e-9), 0, 1) * 255
    red, green, blue = (_fitted(seen[:, band], target[:, band]) for band in range(3))
    return Tone((red[0], green[0], blue[0]), (red[1], green[1], blue[1]), source.name)


@contextmanager
def _laid_over(grid: MapGrid, source: Source) -> Iterator[tuple[WarpedVRT, tuple[int, ...]]]:
    """Open an optical image on cells of the scene's grid; yields it and its colours' bands."""
    if grid.crs is None:
        raise GridMismatchError("the scene has no map grid, so that no image can be laid over it; leave --match out.")
    with settings(source), open_raster(source) as image:
        if image.crs is None:
            raise GridMismatchError(f"{source.printable} has no map grid; expected a georeferenced optical image.")
        bands = colour_bands(image)
        if len(bands) != 3:
            raise SceneContentError(f"{source.printable} has {image.count} bands; expected red, green and blue.")
        masked = any(flags != [MaskFlags.all_valid] for flags in image.mask_flag_enums)
        with WarpedVRT(
            image, crs=grid.crs, transform=grid.transform * Affine.scale(CELL), width=grid.width // CELL,
            height=grid.height // CELL, resampling=Resampling.average, add_alpha=not masked,
        ) as laid:  # fmt: skip
            yield laid, bands


def sample_windows(width: int, height: int) -> Iterator[Window]:
    """Yield windows of whole cells, spread evenly over a scene of that size: all of it where it is small."""
    for row in _starts(height):
        for column in _starts(width):
            across, down = (min(SAMPLE, (size - at) // CELL * CELL) for size, at in ((width, column), (height, row)))
            yield Window(column, row, across, down)


def _starts(length: int) -> list[int]:
    whole = length // CELL * CELL
    if whole <= ACROSS * SAMPLE:
        return list(range(0, whole, SAMPLE))
    return [round((whole - SAMPLE) * index / (ACROSS - 1)) // CELL * CELL for index in range(ACROSS)]


def _cells(prediction: Prediction, laid: WarpedVRT, bands: tuple[int, ...], window: Window) -> tuple[Colours, Colours]:
    """Return the mean colours of the cells of a window that hold data in both, made and true, (N, 3) each."""
    rows, columns = window.height // CELL, window.width // CELL
    place = windows.Window(window.col_off // CELL, window.row_off // CELL, columns, rows)
    true = laid.read(list(bands), window=place).astype(np.float64)
    known = laid.dataset_mask(window=place) == 255
    blocks = prediction.values[..., :3].reshape(rows, CELL, columns, CELL, 3).mean(axis=(1, 3))
    whole = prediction.valid.reshape(rows, CELL, columns, CELL).all(axis=(1, 3)) & known & np.isfinite(true).all(axis=0)
    return blocks[whole], np.moveaxis(true, 0, -1)[whole]


def _fitted(values: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    (low, high), (darkest, brightest) = np.percentile(values, SPREAD), np.percentile(true, SPREAD)
    gain = float(np.clip((brightest - darkest) / max(high - low, 1.0), LEAST_GAIN, MOST_GAIN))
    return gain, float(np.median(true) - gain * np.median(values))
