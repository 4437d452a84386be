"""One opened raster: which of its bands hold backscatter, and the reading of a window with its mask."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from rasterio.enums import ColorInterp, Interleaving, MaskFlags, Resampling
from rasterio.io import DatasetReader

from geosar.backscatter import Mask, Values
from geosar.errors import BlockSizeError, SceneContentError
from geosar.grid import MapGrid, Window
from geosar.scene.evidence.border import Edge
from geosar.scene.evidence.sampling import lattice
from geosar.scene.fit import own_grid
from geosar.scene.request import NO_MASK, Request
from geosar.scene.source import Source, gdal_errors

if TYPE_CHECKING:
    from rasterio.vrt import WarpedVRT

    from geosar.scene.placement.placed import PlacedRaster
    from geosar.scene.placement.slopes import Flattening

MASK_PLACES = 4
MAX_PIXELS = 2**40
# A block is decoded as a whole: one larger than this would break the promise of constant memory.
MAX_BLOCK_BYTES = 512 * 2**20

_COLOUR_BANDS = 3
_COLOURS = {ColorInterp.red, ColorInterp.green, ColorInterp.blue}


class Closable(Protocol):
    """What is closed when it is done with."""

    def close(self) -> None:
        """Close it."""


class Raster:
    """An open dataset, or a warped view of one, with the bands that hold measurements.

    `like` is the dataset as it is stored, `keep` are those that the view stands on: they are closed with it,
    in that order. `bands` are the numbers of the bands that hold measurements, with their `polarisations`.
    """

    def __init__(
        self,
        source: Source,
        dataset: "DatasetReader | WarpedVRT | PlacedRaster",
        *,
        like: DatasetReader,
        bands: Sequence[int],
        polarisations: Sequence[str],
        keep: Sequence[Closable] = (),
        mask: int | None = None,
        request: Request | None = None,
    ) -> None:
        request = request or Request()
        self.source = source
        self.dataset = dataset
        self.bands = tuple(bands)
        self.polarisations = tuple(polarisations)
        self.striped = int(like.block_shapes[0][1]) == like.width
        self._keep: tuple[Closable, ...] = tuple(keep)
        self._gain: PlacedRaster | None = None
        self._factor: float | None = None
        self._flattening: Flattening | None = None
        self._edge: Edge | None = None
        self._edge_is_here = False
        own_crs = request.own_crs() if dataset is like else None
        self.grid = own_grid(MapGrid(own_crs or dataset.crs, dataset.transform, dataset.width, dataset.height))
        self.raw_dtype = np.dtype(like.dtypes[0])
        self.scales = tuple((float(s), float(o)) for s, o in zip(like.scales, like.offsets, strict=True))
        self.scaled = any(scale != (1.0, 0.0) for scale in self.scales)
        self.dtype = np.dtype(np.float32) if self.scaled else self.raw_dtype
        self.nodata = tuple(declared_nodata(dataset, request))
        self._nodata = [_representable(value, self.raw_dtype) for value in self.nodata]
        # Bands beyond those of the file are what warping adds: which pixels it covered.
        alphas = [n for n, meaning in enumerate(dataset.colorinterp, 1) if meaning is ColorInterp.alpha]
        added = [n for n in alphas if n > like.count]
        self._masks = tuple(added if mask is None else {mask, *added})
        masked = [n for n, flags in enumerate(dataset.mask_flag_enums, 1) if MaskFlags.per_dataset in flags]
        own = masked and not alphas and not self._masks and request.mask_band != NO_MASK
        self._mask_band = masked[0] if own else None

    def calibrate(self, gain: "PlacedRaster") -> None:
        """Divide what is read by the values of `gain`, which lies on the same grid, and square it: DN to sigma0."""
        self._gain = gain
        self._keep = (gain, *self._keep)
        self.dtype = np.dtype(np.float32)

    def flatten(self, flattening: "Flattening") -> None:
        """Multiply what is read by the factor of slopes on the same grid; where they have none, nothing is real."""
        self._flattening = flattening

    def bound(self, edge: Edge, *, here: bool) -> None:
        """Read no further than the edge of the raster's own pixels (`here`), or of those that its view stands on."""
        self._edge = edge
        self._edge_is_here = here

    @property
    def border(self) -> str | None:
        """What is said of a dark border that is masked; None where there is none."""
        with self.source.environment(), gdal_errors(self.source.printable, "Reading"):
            return None if self._edge is None else self._edge.words

    def calibrate_by(self, factor: float) -> None:
        """Multiply what is read by a factor, and square it: DN to sigma0."""
        self._factor = factor
        self.dtype = np.dtype(np.float32)

    @property
    def calibrated(self) -> bool:
        """Whether what is read is sigma0, by the product's own figures."""
        return self._gain is not None or self._factor is not None

    def close(self) -> None:
        """Close the dataset and what it stands on."""
        for dataset in (self.dataset, *self._keep):
            dataset.close()

    def read(
        self, bands: Sequence[int], window: Window, shape: tuple[int, int] | None = None
    ) -> tuple[Values, list[Mask | None]]:
        """Read bands (counted from 1) of a window inside the raster.

        Returns values (bands, height, width) with the band's scale and offset applied, and for each band a
        mask of what is not nodata; None where nothing declares any. A `shape` (height, width) smaller than the
        window's gets the means of the pixels that are not nodata, through the file's overviews where it has them.
        Raises `SceneReadError`.
        """
        where = f"columns {window.col_off} to {window.col_end}, rows {window.row_off} to {window.row_end}, of"
        place: dict[str, Any] = {"window": window.to_rasterio()}
        all_bands: dict[str, Any] = {}
        if shape is not None:
            place |= {"out_shape": shape, "resampling": Resampling.average}
            all_bands = {"out_shape": (len(bands), *shape)}
        with self.source.environment(), gdal_errors(self.source.printable, f"Reading {where}"):
            values = self.dataset.read(list(bands), **{**place, **all_bands})
            shared = self._real(window, shape, place)
            gain = None if self._gain is None else self._gain.read(1, **place)
            slopes = None if self._flattening is None else self._flattening.read(window, shape)
        if slopes is not None:
            shared = _both(shared, np.isfinite(slopes))
        masks = [_not_nodata(raw, self._nodata[band - 1], shared) for band, raw in zip(bands, values, strict=True)]
        if self.scaled:
            values = values.astype(np.float32)
            for row, band in enumerate(bands):
                scale, offset = self.scales[band - 1]
                values[row] *= np.float32(scale)
                values[row] += np.float32(offset)
        if gain is not None:
            values = values.astype(np.float32)
            np.divide(values, gain, out=values, where=gain > 0)
            values *= values
        if slopes is not None:
            values = values * np.where(np.isfinite(slopes), slopes, np.float32(0))
        if self._factor is not None:
            values = values.astype(np.float32) * np.float32(self._factor)
            values *= values
        return values, masks

    def _real(self, window: Window, shape: tuple[int, int] | None, place: dict[str, Any]) -> Mask | None:
        """Say which pixels masks and a dark border leave, of all bands; None where there are none."""
        shared: Mask | None = None
        for number in self._masks:
            band = self.dataset.read(number, **place)
            shared = _both(shared, (band != 0) & (band == band))  # noqa: PLR0124 - NaN is none
        if self._mask_band is not None:
            shared = self.dataset.read_masks(self._mask_band, **place) != 0
        inside = self._edge.inside(window, shape) if self._edge is not None and self._edge_is_here else None
        return shared if inside is None else _both(shared, inside)


def check_readable(dataset: DatasetReader, printable: str, most_block_bytes: int | None = None) -> None:
    """Refuse what no pixel of should be read: no bands, complex values, an absurd size, a giant block.

    Raises `SceneContentError`; `BlockSizeError` for blocks of more than `most_block_bytes`, by default 512 MiB.
    """
    if dataset.count == 0:
        raise SceneContentError(f"{printable} holds no bands; expected one or two of backscatter.")
    dtype = dataset.dtypes[0]
    if dtype.startswith("complex"):
        raise SceneContentError(
            f"{printable} holds complex values ({dtype}), as single-look complex (SLC) products do; expected "
            "detected backscatter. Detect, multilook and terrain-correct it first, with SNAP for example.",
        )
    if dataset.width * dataset.height > MAX_PIXELS:
        raise SceneContentError(
            f"{printable} declares {dataset.width} x {dataset.height} pixels; expected at most 2^40 in all. "
            "The header is damaged, or the raster must be cut into parts.",
        )
    _check_area(dataset, printable)
    # A block that holds all bands is decoded with all of them, whichever are read.
    together = dataset.count if dataset.interleaving == Interleaving.pixel else 1
    most = min(most_block_bytes or MAX_BLOCK_BYTES, MAX_BLOCK_BYTES)
    for height, width in dataset.block_shapes:
        if height * width * together * np.dtype(dtype).itemsize > most:
            bands = f" in {together} bands" if together > 1 else ""
            raise BlockSizeError(
                f"{printable} is stored in blocks of {width} x {height} pixels{bands}, too large to decode; "
                f"expected at most {most / 2**20:.0f} MiB. Rewrite it in tiles, with `rio cogeo create` for example.",
            )


def _check_area(dataset: DatasetReader, printable: str) -> None:
    """Refuse a transform by which pixels have no area or place; where there is none, it is the identity."""
    placing = dataset.transform
    values = (placing.a, placing.b, placing.c, placing.d, placing.e, placing.f)
    area = placing.a * placing.e - placing.b * placing.d
    if not all(math.isfinite(value) for value in (*values, area)) or not area:
        raise SceneContentError(
            f"the transform of {printable} is {values}, by which its pixels have no area or place; expected finite "
            "numbers. Write its georeference anew, or take it out.",
        )


def declared_nodata(dataset: "DatasetReader | WarpedVRT", request: Request) -> tuple[float | None, ...]:
    """Return the fill value of each band: as stated, else as the file declares it."""
    if request.nodata is None:
        return tuple(dataset.nodatavals)
    fill: float | None = None if isinstance(request.nodata, str) else request.nodata
    return tuple(fill for _ in range(dataset.count))


def holds_a_mask(dataset: DatasetReader, band: int, printable: str) -> bool:
    """Whether a band holds nothing but 0 and 1, 255 or the most that its type can hold; looks at a few places."""
    dtype = np.dtype(dataset.dtypes[band - 1])
    most = {1, 255} | (set() if dtype.kind == "f" else {int(np.iinfo(dtype).max)})
    values: set[float] = set()
    for window in lattice(dataset.width, dataset.height, MASK_PLACES):
        with gdal_errors(printable, "Reading a part of"):
            values |= set(np.unique(dataset.read(band, window=window.to_rasterio())).tolist())
        if not any(values <= {0, one} for one in most):
            return False
    return values != {0}


def measurement_bands(dataset: DatasetReader) -> tuple[int, ...]:
    """Return the bands that are not an alpha channel, counted from 1."""
    return tuple(n for n, meaning in enumerate(dataset.colorinterp, 1) if meaning is not ColorInterp.alpha)


def is_photograph(dataset: DatasetReader) -> bool:
    """Whether a raster looks like a picture for the eye: red, green and blue, or a colour table."""
    if dataset.dtypes[0] != "uint8":
        return False
    meanings = set(dataset.colorinterp)
    if meanings >= _COLOURS or ColorInterp.palette in meanings:
        return True
    return len(measurement_bands(dataset)) == _COLOUR_BANDS


def bands_are_equal(dataset: DatasetReader, bands: Sequence[int], printable: str) -> bool:
    """Whether three colour bands hold one grey picture; looks at the middle only."""
    size = 512
    col, row = (max((n - size) // 2, 0) for n in (dataset.width, dataset.height))
    window = Window(col, row, min(size, dataset.width), min(size, dataset.height))
    with gdal_errors(printable, "Reading the middle of"):
        values = dataset.read(list(bands), window=window.to_rasterio())
    return bool((values == values[0]).all())


def _representable(nodata: float | None, dtype: np.dtype[Any]) -> Any:
    """Return nodata as a number of the raster's type; None where no pixel can hold it."""
    if nodata is None:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return dtype.type(nodata)
    if not math.isfinite(nodata) or nodata != int(nodata):
        return None
    limits = np.iinfo(dtype)
    return dtype.type(int(nodata)) if limits.min <= nodata <= limits.max else None


def _both(one: Mask | None, other: Mask) -> Mask:
    return other if one is None else one & other


def _not_nodata(raw: Values, nodata: Any, shared: Mask | None) -> Mask | None:
    if nodata is None:
        return shared
    # NaN is no value of any unit, so the scene masks it without being told.
    if nodata != nodata:  # noqa: PLR0124
        return shared
    mask: Mask = raw != nodata
    return mask if shared is None else mask & shared
