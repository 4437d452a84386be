"""A raster on a map grid, looked up pixel by pixel through a placement, as a dataset that is read in windows.

Resampling is bilinear between the pixels that are real, as in the terrain-corrected products that models learn from
(SNAP's default); a pixel is real where the one of the image that it falls into is. Where the grid is coarser than
the image, the image is averaged first, over whole pixels.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import rasterio.windows
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.io import DatasetReader

from geosar.backscatter import Mask, Values
from geosar.grid import MapGrid, Window
from geosar.scene.evidence.border import Edge
from geosar.scene.placement.base import Numbers
from geosar.scene.placement.lattice import Heights, Lattice

CHUNK = 1024
"""Pixels a side that are looked up at once; the part of the image that they need is held in memory."""
_STRIP = 2**16
"""Pixels that are computed at once: few enough for the processor's cache."""
_MAX_IMAGE_SIDE = 4096
_MAX_IMAGE_PIXELS = _MAX_IMAGE_SIDE**2
_SMALLEST_CHUNK = 32


class Image(Protocol):
    """What a placement leads to: bands of pixels, and which of them are real."""

    width: int
    height: int

    def read(self, bands: Sequence[int], window: Window) -> tuple[Values, Mask]:
        """Return values (bands, height, width) and which are real, of a window inside the image."""


class HeightModel(Protocol):
    """The height of every pixel of a map grid."""

    def read(self, window: Window) -> tuple[Heights, Mask]:
        """Return metres above the ellipsoid (height, width), and where they are known."""

    def coarser(self, grid: MapGrid) -> "HeightModel":
        """Return the same on a grid of the same outline."""

    def close(self) -> None:
        """Close what it reads."""


class StoredImage:
    """The pixels of a dataset as far as its `edge`. `fills` stand for none; without any the dataset's mask tells."""

    def __init__(self, dataset: DatasetReader, fills: Sequence[float], edge: Edge | None = None) -> None:
        self.width, self.height = dataset.width, dataset.height
        self._dataset = dataset
        self._fills = tuple(fills)
        self._edge = edge

    def read(self, bands: Sequence[int], window: Window) -> tuple[Values, Mask]:
        """Return values and which are real."""
        at = window.to_rasterio()
        values = self._dataset.read(list(bands), window=at)
        if self._fills:
            valid = values != self._fills[0]
            for fill in self._fills[1:]:
                valid &= values != fill
        else:
            valid = np.repeat((self._dataset.read_masks(1, window=at) != 0)[np.newaxis], len(values), axis=0)
        if values.dtype.kind == "f":
            valid &= ~np.isnan(values)
        inside = None if self._edge is None else self._edge.inside(window)
        if inside is not None:
            valid &= inside
        return values, valid


class Averaged:
    """An image whose pixels are the means of `across` by `down` pixels of another, of those that are real."""

    def __init__(self, image: Image, across: int, down: int) -> None:
        self.width, self.height = -(-image.width // across), -(-image.height // down)
        self._image = image
        self._across, self._down = across, down

    def read(self, bands: Sequence[int], window: Window) -> tuple[Values, Mask]:
        """Return means; real is what half of is."""
        across, down = self._across, self._down
        full = Window(window.col_off * across, window.row_off * down, window.width * across, window.height * down)
        inside = full.intersection(Window(0, 0, self._image.width, self._image.height))
        assert inside is not None  # noqa: S101 - a window inside this image is one inside the other
        values, valid = self._image.read(bands, inside)
        beyond = ((0, 0), (0, full.height - inside.height), (0, full.width - inside.width))
        shape = (len(bands), window.height, down, window.width, across)
        real = np.pad(valid, beyond).reshape(shape)
        sums = np.pad(np.where(valid, values, 0), beyond).reshape(shape).sum(axis=(2, 4), dtype=np.float64)
        counts = np.count_nonzero(real, axis=(2, 4))
        means = (sums / np.maximum(counts, 1)).astype(np.float32)
        return means, counts * 2 >= across * down


class Table:
    """Values at evenly spaced pixels of an image, from the first on, as an image of one band."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.height, self.width = values.shape
        self._values = values

    def read(self, bands: Sequence[int], window: Window) -> tuple[Values, Mask]:
        """Return a part of the table."""
        values = np.broadcast_to(self._values[window.slices], (len(bands), window.height, window.width))
        return values, np.ones(values.shape, np.bool_)


class PlacedRaster:
    """An image on a map grid, with what `geosar.scene.raster` asks of a dataset.

    Where `heights` has none, the image lies as `beyond` has it. `nodata` stands where nothing is; where that is None,
    an alpha band behind the others tells. The image may be a `Table`, whose entry k is the centre of the placement's
    pixel k * `spacing`.
    """

    def __init__(
        self,
        image: Image,
        lattice: Lattice,
        *,
        dtypes: Sequence[str],
        nodata: float | None,
        spacing: int = 1,
        heights: HeightModel | None = None,
        beyond: Lattice | None = None,
    ) -> None:
        self._grid = lattice.grid
        self._given = image
        self._lattice = lattice
        self._spacing = spacing
        self._heights = heights
        self._beyond = beyond
        self._nodata = nodata
        self.dtypes = tuple(dtypes)
        across, down = (max(1, round(by / spacing)) for by in lattice.shrinkage())
        self._image: Image = image if across == down == 1 else Averaged(image, across, down)
        self._by = np.array([across, down], np.float64)[:, np.newaxis, np.newaxis]
        self._chunk = max(_STRIP // CHUNK, min(CHUNK, _MAX_IMAGE_SIDE // max(across, down)))
        count = len(dtypes)
        self._alpha = count + 1 if nodata is None else None
        self.nodatavals = (nodata,) * (count + (nodata is None))
        self.colorinterp = (ColorInterp.grey,) * count + ((ColorInterp.alpha,) if nodata is None else ())
        flag = MaskFlags.nodata if nodata is not None else MaskFlags.alpha
        self.mask_flag_enums = ((flag,),) * len(self.colorinterp)

    @property
    def crs(self) -> CRS | None:
        """The CRS of the grid."""
        return self._grid.crs

    @property
    def transform(self) -> Any:
        """From columns and rows to the map."""
        return self._grid.transform

    @property
    def width(self) -> int:
        """Columns of the grid."""
        return self._grid.width

    @property
    def height(self) -> int:
        """Rows of the grid."""
        return self._grid.height

    def close(self) -> None:
        """Close the heights; the image is whoever opened it's to close."""
        if self._heights is not None:
            self._heights.close()

    def read(
        self,
        indexes: int | Sequence[int],
        window: rasterio.windows.Window,
        out_shape: tuple[int, ...] | None = None,
        resampling: Resampling = Resampling.nearest,
    ) -> Values:
        """Read bands of a window, or the alpha band; with `out_shape` (..., height, width) the means of its pixels."""
        del resampling
        bands = (indexes,) if isinstance(indexes, int) else tuple(indexes)
        part = Window(*(int(n) for n in (window.col_off, window.row_off, window.width, window.height)))
        shape = part.width, part.height
        if out_shape is not None and (out_shape[-1], out_shape[-2]) != shape:
            return self._shrunk(part, out_shape).read(indexes, Window(0, 0, out_shape[-1], out_shape[-2]).to_rasterio())
        wants_alpha = bands == (self._alpha,)
        values, valid = self._looked_up((1,) if wants_alpha else bands, part)
        pixels: Values = valid.astype(np.uint8) * np.uint8(255) if wants_alpha else values
        return pixels[0] if isinstance(indexes, int) else pixels

    def read_masks(self, index: int, window: rasterio.windows.Window, **coarser: Any) -> NDArray[np.uint8]:
        """Read which pixels of a band are real, as 255; else 0."""
        values = self.read(index, window, **coarser)
        if self._nodata is None:
            return self.read(len(self.dtypes) + 1, window, **coarser)
        real: Mask = ~np.isnan(values) if np.isnan(self._nodata) else values != self._nodata
        return real.astype(np.uint8) * np.uint8(255)

    def _shrunk(self, part: Window, shape: tuple[int, ...]) -> "PlacedRaster":
        grid = self._grid.subgrid(part)
        height, width = shape[-2:]
        scale = grid.transform.scale(grid.width / width, grid.height / height)
        coarse = MapGrid(grid.crs, grid.transform @ scale, width, height)
        return PlacedRaster(
            self._given,
            self._lattice.on(coarse),
            dtypes=self.dtypes,
            nodata=self._nodata,
            spacing=self._spacing,
            heights=None if self._heights is None else self._heights.coarser(coarse),
            beyond=None if self._beyond is None else self._beyond.on(coarse),
        )

    def _looked_up(self, bands: Sequence[int], part: Window) -> tuple[Values, Mask]:
        dtype = np.dtype(self.dtypes[0])
        fill = 0 if self._nodata is None else self._nodata
        values: Values = np.full((len(bands), part.height, part.width), fill, dtype)
        valid: Mask = np.zeros(values.shape, np.bool_)
        for row in range(part.row_off, part.row_end, self._chunk):
            for col in range(part.col_off, part.col_end, self._chunk):
                size = min(self._chunk, part.col_end - col), min(self._chunk, part.row_end - row)
                window = Window(col, row, *size)
                at = window.shifted(-part.col_off, -part.row_off).slices
                self._chunk_looked_up(bands, window, values[:, *at], valid[:, *at])
        if self._nodata is not None and not np.isnan(self._nodata):
            _keep_apart(values, valid, dtype.type(self._nodata))
        return values, valid

    def _chunk_looked_up(self, bands: Sequence[int], window: Window, values: Values, valid: Mask) -> None:
        known: Mask | None = None
        heights: Heights | None = None
        if self._heights is not None:
            heights, known = self._heights.read(window)
            if not known.any() and self._beyond is None:
                return
            heights = np.where(known, heights, heights[known].min() if known.any() else 0)
        rows = max(1, _STRIP // window.width)
        strips = [
            Window(window.col_off, row, window.width, min(rows, window.row_end - row))
            for row in range(window.row_off, window.row_end, rows)
        ]
        inner = [strip.shifted(-window.col_off, -window.row_off).slices for strip in strips]
        places = [
            self._places(strip, None if heights is None else heights[at], None if known is None else known[at])
            for strip, at in zip(strips, inner, strict=True)
        ]
        needed = _around(places, self._image)
        if needed is None:
            return
        if needed.area * self._by.prod() > _MAX_IMAGE_PIXELS and max(window.width, window.height) > _SMALLEST_CHUNK:
            self._in_quarters(bands, window, values, valid)
            return
        pixels, real = self._image.read(bands, needed)
        everywhere = bool(real.all())
        for place, at in zip(places, inner, strict=True):
            lookup = _Lookup(place, needed, self._image)
            for band, (stored, mask) in enumerate(zip(pixels, real, strict=True)):
                values_at, valid_at = lookup(stored, None if everywhere else mask)
                if known is not None and self._beyond is None:
                    valid_at &= known[at]
                target = values[band][at]
                if target.dtype.kind in "iu":
                    np.rint(values_at, out=values_at)
                np.copyto(target, values_at, where=valid_at, casting="unsafe")
                valid[band][at] = valid_at

    def _places(self, window: Window, heights: Heights | None, known: Mask | None) -> Numbers:
        """Return columns and rows of the image that is read (2, height, width)."""
        places = self._lattice.positions(window, heights)
        if self._beyond is not None and known is not None and not known.all():
            places = np.where(known, places, self._beyond.positions(window))
        if self._spacing != 1:
            places = (places - 0.5) / self._spacing + 0.5
        return places / self._by

    def _in_quarters(self, bands: Sequence[int], window: Window, values: Values, valid: Mask) -> None:
        """Look up a chunk whose pixels lie far apart in the image in smaller ones."""
        half = max(window.width, window.height) // 2
        for row in range(0, window.height, half):
            for col in range(0, window.width, half):
                part = Window(col, row, min(half, window.width - col), min(half, window.height - row))
                self._chunk_looked_up(
                    bands, part.shifted(window.col_off, window.row_off), values[:, *part.slices], valid[:, *part.slices]
                )


class _Lookup:
    """The pixels and weights that make the values at some places, found once for all bands."""

    def __init__(self, places: Numbers, needed: Window, image: Image) -> None:
        cols, rows = places
        self._inside = (cols >= 0) & (cols < image.width) & (rows >= 0) & (rows < image.height)
        self._width = needed.width
        self._right, self._left, self._across = self._neighbours(cols, needed.col_off, needed.width)
        lower, upper, self._down = self._neighbours(rows, needed.row_off, needed.height)
        self._lower, self._upper = lower * needed.width, upper * needed.width
        self._nearest = np.where(self._across < 0.5, self._left, self._right)
        self._nearest += np.where(self._down < 0.5, self._upper, self._lower)

    @staticmethod
    def _neighbours(places: Numbers, first: int, count: int) -> tuple[Any, Any, Any]:
        below = np.floor(places - 0.5)
        share = (places - 0.5 - below).astype(np.float32)
        index = below.astype(np.int64)
        index -= first
        return np.clip(index + 1, 0, count - 1), np.clip(index, 0, count - 1), share

    def __call__(self, stored: Values, real: Mask | None) -> tuple[Values, Mask]:
        """Return values and which are real; `real` is None where all pixels are."""
        if real is None:
            flat = stored.astype(np.float32).reshape(-1)
            return self._mixed(flat), self._inside.copy()
        mask = real.reshape(-1)
        flat = np.where(real, stored, 0).astype(np.float32).reshape(-1)
        values = self._mixed(flat)
        weight = self._mixed(mask.astype(np.float32))
        valid = self._inside & mask[self._nearest]
        # Where all four are real the value is that of the shorter way above, to the last bit.
        beside = valid & (weight != 1)
        values[beside] = self._weighted(flat, mask, beside)
        return values, valid

    def _weighted(self, flat: NDArray[np.float32], mask: Mask, where: Mask) -> Numbers:
        """Return the means of those of the four pixels that are real."""
        across, down = self._across[where].astype(np.float64), self._down[where].astype(np.float64)
        sums, weights = np.zeros_like(across), np.zeros_like(across)
        for rows, along in ((self._upper, 1 - down), (self._lower, down)):
            for cols, beside in ((self._left, 1 - across), (self._right, across)):
                index = rows[where] + cols[where]
                share = along * beside * mask[index]
                sums += share * flat[index]
                weights += share
        means: Numbers = sums / weights
        return means

    def _mixed(self, flat: NDArray[np.float32]) -> NDArray[np.float32]:
        upper = self._between(flat, self._upper)
        lower = self._between(flat, self._lower)
        lower -= upper
        lower *= self._down
        lower += upper
        return lower

    def _between(self, flat: NDArray[np.float32], start: Any) -> NDArray[np.float32]:
        left: NDArray[np.float32] = flat.take(start + self._left)
        right: NDArray[np.float32] = flat.take(start + self._right)
        right -= left
        right *= self._across
        right += left
        return right


def _around(places: Sequence[Numbers], image: Image) -> Window | None:
    """Return the pixels of the image that lie around places in it; None where none does."""
    low = np.min([place.min(axis=(1, 2)) for place in places], axis=0)
    high = np.max([place.max(axis=(1, 2)) for place in places], axis=0)
    (left, top), (right, bottom) = (np.floor(np.clip(bound, -1e6, 1e9)).astype(int) for bound in (low - 1, high + 1))
    window = Window(int(left), int(top), int(right - left) + 1, int(bottom - top) + 1)
    return window.intersection(Window(0, 0, image.width, image.height))


def _keep_apart(values: Values, valid: Mask, nodata: Any) -> None:
    """Move what is real but fell on the value that stands for nothing to the next value."""
    hit = valid & (values == nodata)
    if not hit.any():
        return
    if values.dtype.kind == "f":
        values[hit] = np.nextafter(nodata, values.dtype.type(0) if nodata else values.dtype.type(1))
    else:
        top = np.iinfo(values.dtype).max
        values[hit] = nodata - 1 if nodata == top else nodata + 1
