"""What one read of a layer may take, in bytes, known from the request alone before anything is read."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform, transform_bounds
from rasterio.windows import Window
from rio_tiler.constants import WGS84_CRS

from geosar_tiler.errors import TooMuchError
from geosar_tiler.tiles import around, expressions

MOST_OUTPUT = 128 * 2**20
"""Bytes of the values that are made; what holds, masks and compresses them takes a few times as much."""
MOST_SOURCE = 256 * 2**20
"""Bytes of the source's pixels that these values are made of, through its overviews."""
MOST_BLOCK = 64 * 2**20
"""Bytes of a block of an upload, of all bands that are stored together: it is decoded as a whole in the service itself,
and kept for as long as the scene is open."""
MOST_BANDS = 64
MOST_PARTS = 128 * 2**20
"""Parts of pixels, of which is counted how many lie in a polygon; a byte each."""
MOST_BEYOND = 16
"""So many times the pixels of a layer may those of a polygon's box be."""
_OVERSAMPLING = 1.2
"""GDAL takes an overview that is coarser than what it needs by up to this factor."""
_COMPUTED = 8
"""Bytes of a value that an expression makes, at most."""

Box = Sequence[float]
Sizes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """What a layer's pixels are: where they lie, how many bands they have, and the bytes of a value as it is read.

    `coarsest` is how often the coarsest overview is shrunk; 1 where there is none.
    """

    crs: Any
    transform: Affine
    width: int
    height: int
    bands: int
    value_bytes: int
    coarsest: int


@dataclass(frozen=True, slots=True)
class _Bands:
    """How many bands are read, how many are made of them, and the bytes of a value of these."""

    read: int
    output: int
    output_bytes: int


def check_part(grid: Grid, bbox: Box, bounds_crs: CRS | None, dst_crs: CRS | None, sizes: Sizes) -> None:
    """Raise TooMuchError where the picture of a box in `bounds_crs` would take more than one read may."""
    bands = check_bands(grid, sizes)
    target = dst_crs or bounds_crs or WGS84_CRS
    source = bounds_crs or target
    width, height = sizes.get("width"), sizes.get("height")
    is_aligned = bool(sizes.get("align_bounds_with_dataset"))
    if is_aligned or not (width and height):
        with _unknown_places():
            box = bbox if source == target else transform_bounds(source, target, *bbox, densify_pts=21)
            across, down = _pixels(grid, box, target)
            if is_aligned:
                _check_beyond(grid, across, down)
            width, height = _fitted(across, down, sizes)
    edge = 2 * math.ceil(float(sizes.get("buffer") or 0)) + 2 * int(sizes.get("padding") or 0)
    width, height = (width or 1) + edge, (height or 1) + edge
    _check_output(width, height, bands)
    if grid.width * grid.height * grid.value_bytes * bands.read <= MOST_SOURCE:
        return
    with _unknown_places():
        box = around.box_in(grid.crs, bbox, source) or transform_bounds(source, grid.crs, *bbox, densify_pts=21)
        _check_source(grid, _window(grid, box), (width, height), bands)


def check_read(grid: Grid, window: Window | None, dst_crs: CRS | None, sizes: Sizes) -> None:
    """Raise TooMuchError where the picture of a window, or of the whole, would take more than one read may."""
    bands = check_bands(grid, sizes)
    col, row, across, down = (0, 0, grid.width, grid.height) if window is None else window.flatten()
    ratio_of = (across, down)
    if dst_crs is not None and grid.crs is not None and dst_crs != grid.crs:
        with _unknown_places():
            bounds = rasterio.transform.array_bounds(grid.height, grid.width, grid.transform)
            _, *ratio_of = calculate_default_transform(grid.crs, dst_crs, grid.width, grid.height, *bounds)
    width, height = _fitted(*ratio_of, sizes)
    _check_output(width, height, bands)
    _check_source(grid, (col, row, col + across, row + down), (width, height), bands)


def cover_scale(pixels: int, most: int) -> int:
    """Return into how many parts each side of a pixel is divided, to see how much of it lies in a polygon.

    As many as are asked for, but of all pixels together no more than MOST_PARTS.

    >>> cover_scale(1000 * 1000, 10), cover_scale(2048 * 2048, 10), cover_scale(4096 * 4096, 10)
    (10, 5, 2)
    """
    return max(1, min(most, math.isqrt(MOST_PARTS // max(pixels, 1))))


def check_bands(grid: Grid, sizes: Sizes) -> _Bands:
    """Return what bands are asked for; raises TooMuchError for too many, InvalidError for those that there are not."""
    expression = sizes.get("expression")
    if expression:
        read, output = expressions.check(expression, grid.bands)
        output_bytes = _COMPUTED
    else:
        indexes = sizes.get("indexes")
        read = output = len(indexes) if isinstance(indexes, list | tuple) else 1 if indexes else grid.bands
        output_bytes = grid.value_bytes
    if max(read, output) > max(MOST_BANDS, grid.bands):
        raise TooMuchError(
            f"{max(read, output)} bands are asked for; one picture has {MOST_BANDS} at most. Ask in parts."
        )
    return _Bands(read, output, output_bytes)


def _check_beyond(grid: Grid, across: float, down: float) -> None:
    """Refuse a box of many more pixels than the layer has, where each of them is looked at: those beyond it too."""
    most = MOST_BEYOND * grid.width * grid.height + MOST_OUTPUT
    if not across * down <= most:
        raise TooMuchError(
            f"the box of the polygon is {across:.3g} x {down:.3g} pixels of the layer, which has {grid.width} x "
            f"{grid.height}. Ask for a polygon that reaches less far beyond it."
        )


def _check_output(width: int, height: int, bands: _Bands) -> None:
    # An expression holds the bands that it is made of meanwhile.
    size = width * height * (bands.output * bands.output_bytes + (bands.read if bands.output_bytes == _COMPUTED else 0))
    if size > MOST_OUTPUT:
        raise TooMuchError(
            f"the picture would have {width} x {height} pixels in {bands.output} bands, {_mebibytes(size)} of values; "
            f"at most {_mebibytes(MOST_OUTPUT)} are made at once. Ask for fewer pixels or bands, or for a part of it.",
        )


def _check_source(grid: Grid, window: Box, size: tuple[int, int], bands: _Bands) -> None:
    """Refuse what needs too much of the source; `window` is left, top, right, bottom in its pixels, and may reach out.

    One overview serves both directions, so a picture that is squeezed in one needs more pixels than it has.
    """
    left, top, right, bottom = window
    ratio = min((right - left) / size[0], (bottom - top) / size[1]) * _OVERSAMPLING
    factor = min(2 ** math.floor(math.log2(max(1.0, ratio))), grid.coarsest) if math.isfinite(ratio) else grid.coarsest
    across = max(0.0, min(right, grid.width) - max(left, 0))
    down = max(0.0, min(bottom, grid.height) - max(top, 0))
    needed = across * down / factor**2 * bands.read * grid.value_bytes
    if needed > MOST_SOURCE:
        raise TooMuchError(
            f"the picture would be made of {across:.0f} x {down:.0f} pixels of the layer in {bands.read} bands, "
            f"{_mebibytes(needed)} at the nearest overview; at most {_mebibytes(MOST_SOURCE)} are read at once. Ask "
            "for a smaller part, or for width and height that are in the proportion of the part.",
        )


def _fitted(across: float, down: float, sizes: Sizes) -> tuple[int, int]:
    """Return width and height of the picture of so many pixels, as rio-tiler finds them."""
    width, height, most = (sizes.get(name) for name in ("width", "height", "max_size"))
    if width and height:
        return int(width), int(height)
    ratio = down / max(across, 1e-9)
    if width:
        return int(width), math.ceil(width * ratio)
    if height:
        return math.ceil(height / max(ratio, 1e-9)), int(height)
    shrunk = min(1.0, most / max(across, down, 1)) if most else 1.0
    return max(1, math.ceil(across * shrunk)), max(1, math.ceil(down * shrunk))


def _pixels(grid: Grid, box: Box, crs: CRS) -> tuple[float, float]:
    """Return how many pixels a box has across and down at the layer's own ground sampling distance."""
    transform = grid.transform
    if crs != grid.crs:
        bounds = rasterio.transform.array_bounds(grid.height, grid.width, grid.transform)
        transform, _, _ = calculate_default_transform(grid.crs, crs, grid.width, grid.height, *bounds)
    return max(1.0, abs((box[2] - box[0]) / transform.a)), max(1.0, abs((box[3] - box[1]) / transform.e))


def _window(grid: Grid, box: Box) -> Box:
    """Return left, top, right and bottom of a box of the layer's CRS in its pixels."""
    inverse = ~grid.transform
    corners = [inverse @ (x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    cols, rows = np.array(corners).T
    return float(cols.min()), float(rows.min()), float(cols.max()), float(rows.max())


def _unknown_places() -> suppress:
    """Leave a place that a CRS does not have to the reading, which says so itself and reads nothing."""
    return suppress(rasterio.errors.RasterioError, rasterio._err.CPLE_BaseError, ValueError)  # noqa: SLF001 - PROJ's


def _mebibytes(size: float) -> str:
    return f"{size / 2**20:.0f} MiB"
