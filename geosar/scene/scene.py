"""`SarScene`: any SAR raster as one thing: a map grid, polarisations, a unit, a mask and windows to read."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from affine import Affine

from geosar.backscatter import (
    BandStatistics,
    Mask,
    Values,
    band_statistics,
    measured,
    to_decibel,
)
from geosar.errors import PolarisationError, SceneChangedError, SceneContentError, SceneNotFoundError
from geosar.grid import MapGrid, Window, read_plan
from geosar.image_place import ImagePlace
from geosar.scene import polarisations
from geosar.scene.composition import Band, open_rasters
from geosar.scene.elevation import GEOID, ElevationModel
from geosar.scene.evidence import Evidence, Topic
from geosar.scene.evidence.fills import without_fills
from geosar.scene.evidence.verdict import UnitVerdict
from geosar.scene.foreign import own_errors
from geosar.scene.request import Bands, Request, read_bands, read_mask_band, read_nodata
from geosar.scene.shared import Shared
from geosar.vocabulary import Unit


@dataclass(frozen=True, slots=True)
class SarBlock:
    """Pixels of a window: `values` (bands, height, width) in the scene's type, `valid` (height, width)."""

    values: Values
    valid: Mask


class SarScene:
    """A SAR raster, opened for reading. Use it as a context manager, or call `close`.

    Made by `open_scene`. `select` gives views of some of the polarisations; they share the open files, and
    one thread reads at a time.
    """

    def __init__(self, shared: Shared, bands: tuple[Band, ...]) -> None:
        self._shared = shared
        self._bands = bands

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SarScene {self.name!r} {self.grid.width} x {self.grid.height} {'+'.join(self.polarisations)}>"

    def close(self) -> None:
        """Close the files; views that share them cannot be read any more."""
        with self._shared.lock:
            for raster in self._shared.opened.rasters:
                raster.close()

    @property
    def source(self) -> str:
        """Path or URL, without credentials; several are joined by commas."""
        return ", ".join(dict.fromkeys(source.printable for source in self._shared.opened.sources))

    @property
    def files(self) -> frozenset[Path]:
        """Every local file that was opened: siblings, measurements, and what belongs to them."""
        return self._shared.opened.files

    @property
    def name(self) -> str:
        """Name of the file or product, without folder and extension."""
        return self._shared.opened.sources[0].name

    @property
    def grid(self) -> MapGrid:
        """Where the pixels lie. Without CRS the scene is in image space."""
        return self._shared.opened.grid

    @property
    def image_place(self) -> ImagePlace | None:
        """What the image says of its place without lying on a map: control points or rational polynomials."""
        return self._shared.opened.parts[0].place

    @property
    def placement(self) -> str:
        """What put the scene on its grid: its own grid, control points, ...; image space where nothing did."""
        placed = self._shared.opened.placed
        if placed is not None:
            return placed.method
        return "image space" if self.grid.crs is None else "its own map grid"

    @property
    def placement_error_metres(self) -> float | None:
        """By how much a place is expected to be off as relief is not corrected, root mean square; None if unknown."""
        placed = self._shared.opened.placed
        return None if placed is None else placed.error

    @property
    def polarisations(self) -> tuple[str, ...]:
        """One for each band: VV, VH, HH, HV or "unknown"."""
        return tuple(band.polarisation for band in self._bands)

    @property
    def unit(self) -> Unit:
        """What the values mean. The first call may read a sample of the scene; raises `UnitError`."""
        return self.verdict.inference.unit

    @cached_property
    def verdict(self) -> UnitVerdict:
        """What the evidence for the unit comes to; the first call may read a sample. Raises `UnitError`."""
        return self._shared.verdict(self._bands)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What says what about the unit, polarisation, time and fill values of the bands, which count from 0."""
        return (*self._shared.evidence(self._bands), *self._shared.evidence_of_fill(self._bands))

    @property
    def calibrated(self) -> bool:
        """Whether the values are backscatter coefficients: decibels and power, and amplitudes of known products."""
        return self.unit in {Unit.DECIBEL, Unit.POWER} or (
            self.unit is Unit.AMPLITUDE and self._shared.opened.coefficients
        )

    @property
    def given(self) -> tuple[str, ...]:
        """The polarisations of what the caller named, without those of a file that was found beside it."""
        return self._shared.opened.given

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values that `read` gives."""
        return self._shared.opened.dtype

    @property
    def striped(self) -> bool:
        """Whether a file is stored in rows as wide as itself, so that windows beside each other read the same ones."""
        return self._shared.opened.striped

    @property
    def driver(self) -> str:
        """GDAL's name of the format."""
        return self._shared.opened.sources[0].driver

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything that was inferred or left out, in plain words."""
        return (*self._shared.opened.notes, *self._shared.notes(self._bands), *self.verdict.notes)

    @property
    def acquired(self) -> datetime | None:
        """When the image was taken, in UTC, from tags or the product's name; None where neither says a likely time."""
        for part in self._shared.opened.parts:
            times = [one for one in part.evidence if one.topic is Topic.ACQUIRED]
            if times:  # a product's name is surer than a tag
                surest: datetime = min(times, key=lambda one: one.weight).value
                return surest
        return None

    @cached_property
    @own_errors
    def statistics(self) -> tuple[BandStatistics, ...]:
        """Statistics of each band over the whole scene, in decibel; `SceneContentError` if none is valid.

        They come from a fixed lattice of windows over the scene (all of it, if it is small), so they are the
        same whatever part is translated.
        """
        with self._shared.lock:
            sample = self._shared.sample
        rows = [self._shared.opened.bands.index(band) for band in self._bands]
        values = sample.values[rows]
        valid: Mask = np.logical_and.reduce(sample.valid[rows])
        meaningful = self._measured(values)
        if meaningful is not None:
            valid = valid & np.logical_and.reduce(meaningful)
        if not valid.any():
            raise SceneContentError(
                f"{self.source} has no valid pixel: all is nodata, NaN or zero. "
                "Expected backscatter; check the nodata value and the mask of the file.",
            )
        self._shared.refuse_other(self._bands)
        fraction = float(np.count_nonzero(valid)) / sample.seen
        return tuple(
            replace(band_statistics(to_decibel(raw, self.unit), valid), valid_fraction=fraction) for raw in values
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of what identifies the pixels: file size and time or ETag, grid, bands."""
        grid = self.grid
        parts = (
            *(source.identity for source in self._shared.opened.sources),
            grid.crs.to_wkt() if grid.crs else "",
            repr(tuple(grid.transform)),
            repr(grid.shape),
            self.dtype.str,
            self.unit.value,
            *(f"page {source.page}" for source in self._shared.opened.sources if source.page is not None),
            *(() if self._shared.opened.placed is None else (self.placement,)),
            *(() if self._shared.opened.elevation is None else (self._shared.opened.elevation.identity,)),
            ",".join(f"{band.raster}:{band.index}:{band.polarisation}" for band in self._bands),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def check_unchanged(self) -> None:
        """Raise `SceneChangedError` if a file is not the one that was opened."""
        elevation = self._shared.opened.elevation
        for source in (*self._shared.opened.sources, *(() if elevation is None else elevation.sources)):
            try:
                identity = source.current_identity()
            except SceneNotFoundError as error:
                raise SceneChangedError(f"{error} It was there when it was opened; put it back.") from error
            if identity != source.identity:
                raise SceneChangedError(
                    f"{source.printable} changed after it was opened; expected one version from beginning to "
                    "end. Wait until it is complete, then start again.",
                )

    def select(self, polarisation: str | Sequence[str]) -> "SarScene":
        """Return a view of one polarisation or several, in that order; raises `PolarisationError`."""
        names = (polarisation,) if isinstance(polarisation, str) else tuple(polarisation)
        known = {band.polarisation: band for band in reversed(self._bands)}
        missing = [name for name in names if name not in known]
        if missing or not names:
            raise PolarisationError(
                f"{self.source} has the polarisations {', '.join(self.polarisations)}, not "
                f"{', '.join(missing) or 'none at all'}; choose among those it has, or name its bands.",
            )
        return SarScene(self._shared, tuple(known[name] for name in names))

    @own_errors
    def read(self, window: Window) -> SarBlock:
        """Read a window that lies inside the scene.

        Valid are the pixels that are real in all bands. Raises `SceneReadError` with the window and the
        reason, and `ValueError` for a window that reaches outside.
        """
        if window.intersection(self.grid.window) != window:
            raise ValueError(f"{window} is not inside the scene of {self.grid.width} x {self.grid.height} pixels.")
        return self._block(*self._shared.read(self._bands, window))

    @own_errors
    def read_overview(self, side: int) -> tuple[SarBlock, MapGrid]:
        """Read the whole scene at most `side` pixels long, for the eye: through overviews where the file has them.

        A pixel is the mean of those that it covers, in the scene's own unit; the scene is shrunk by a power of two.
        Returns the block and the grid that it lies on. Raises `SceneReadError`.
        """
        grid = self.grid
        shape = grid.shape
        while max(shape) > side:
            shape = (-(-shape[0] // 2), -(-shape[1] // 2))
        block = self._block(*self._shared.read(self._bands, grid.window, shape))
        scale = Affine.scale(grid.width / shape[1], grid.height / shape[0])
        return block, MapGrid(grid.crs, grid.transform @ scale, shape[1], shape[0])

    def _block(self, values: Values, masks: Sequence[Mask | None]) -> SarBlock:
        valid: Mask | None = None
        for mask in masks:
            if mask is not None:
                valid = mask if valid is None else valid & mask
        meaningful = self._measured(values)
        if meaningful is not None:
            in_all: Mask = meaningful[0] if len(meaningful) == 1 else np.logical_and.reduce(meaningful)
            valid = in_all if valid is None else valid & in_all
        return SarBlock(values, np.ones(values.shape[1:], np.bool_) if valid is None else valid)

    def read_padded(self, padded: Window) -> SarBlock:
        """Read a window that may reach outside the scene, which is mirrored at its edges there."""
        plan = read_plan(padded, self.grid.width, self.grid.height)
        block = self.read(plan.window)
        values, valid = block.values, block.valid
        if plan.rows is not None:
            values, valid = values[:, plan.rows, :], valid[plan.rows, :]
        if plan.cols is not None:
            values, valid = values[:, :, plan.cols], valid[:, plan.cols]
        return SarBlock(values, valid)

    def _measured(self, values: Values) -> Mask | None:
        mask = measured(values, self.unit, zero_is_fill=not self._shared.opened.scaled)
        fills = self._shared.fills(self._bands)
        if not any(fills):
            return mask
        unfilled: Mask = np.stack([without_fills(band, own) for band, own in zip(values, fills, strict=True)])
        return unfilled if mask is None else unfilled & mask


@own_errors
def open_scene(
    source: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]],
    *,
    scale: Unit | str | None = None,
    polarisation: str | None = None,
    bands: Bands | None = None,
    nodata: float | str | None = None,
    mask_band: int | str | None = None,
    src_crs: Any = None,
    dst_crs: Any = None,
    resolution: float | None = None,
    keep_border: bool = False,
    force: bool = False,
    dem: str | os.PathLike[str] | None = None,
    dem_heights: str | float = GEOID,
    dem_optional: bool = False,
    most_block_bytes: int | None = None,
    radiometric: bool = False,
) -> SarScene:
    """Open a SAR raster.

    Parameters
    ----------
    source
        A raster file, a Sentinel-1 SAFE folder or zip, an https:// or s3:// URL, or one file a polarisation,
        as ``{"VV": path, "VH": path}``.
    scale
        The unit of the values: db, power, amplitude, dn or picture. By default it is taken from the file's
        tags, band descriptions and name, as far as the values allow, else concluded from the values and noted.
    polarisation
        Which polarisations to use, as "VV" or "VV,VH"; for bands that say nothing of themselves, what they
        are.
    bands
        Which band holds which polarisation, by number (from 1) or name, as ``{"VV": 1, "VH": "Sigma0_VH"}``,
        whatever the band says of itself; or one band, by number or name.
    nodata
        The fill value, whatever the file declares; "none" for none at all.
    mask_band
        The number of the band that is zero where nothing was measured; "none" where no band is a mask.
    src_crs
        The CRS that the source has, whatever it says.
    dst_crs
        Map CRS for the scene (anything that rasterio understands), or "none": image space, also for a scene that has
        control points or rational polynomials, which the result's tags keep. Scenes with ground control points go to
        their UTM zone by default, others stay where they are.
    resolution
        Ground sampling distance in metres on which to read the scene; by default its own.
    keep_border
        Take the dark border of a swath or a picture for data.
    force
        Take what looks like no backscatter (a colour photograph, phase, elevation) for SAR.
    dem
        Digital elevation model of heights in metres (a raster file or URL, a folder of rasters, a VRT of some), by
        which a Sentinel-1 GRD product (SAFE) is corrected for terrain.
    dem_heights
        What its heights count from: "geoid" (EGM2008 or EGM96, where PROJ has its grid), "ellipsoid" (WGS 84), or the
        metres of the geoid above the ellipsoid, which are added.
    dem_optional
        Use the model as far as it goes: what it cannot correct is placed without it, and noted; else it is an error,
        and nothing is shown where it has no height.
    most_block_bytes
        The largest block of the file that is decoded, of all bands that are stored together; by default 512 MiB. It
        bounds the memory that a read takes.
    radiometric
        Correct brightness for slopes too: gamma0 flattened by the terrain of `dem`. Slopes in layover or radar shadow
        are masked.

    Raises
    ------
    SceneNotFoundError, SceneReadError, SceneContentError, BlockSizeError, UnitError, PolarisationError,
    GridMismatchError, UsageError

    """
    request = Request(
        dst_crs=dst_crs, resolution=resolution, force=force, polarisations=_names_in(polarisation),
        scale=None if scale is None else Unit.parse(scale), bands=read_bands(bands), nodata=read_nodata(nodata),
        mask_band=read_mask_band(mask_band), src_crs=src_crs, keep_border=keep_border,
        elevation=None if dem is None else ElevationModel.given(dem, dem_heights, optional=dem_optional),
        most_block_bytes=most_block_bytes,
        radiometric=radiometric,
    )  # fmt: skip
    opened = open_rasters(source, request)
    return SarScene(Shared(opened, request), opened.bands)


def _names_in(polarisation: str | None) -> tuple[str, ...] | None:
    return None if polarisation is None else polarisations.parse(polarisation)
