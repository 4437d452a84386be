"""Opening what `open_scene` was given: files found, checked, warped where needed, and their bands named."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.io import DatasetReader

from geosar.errors import (
    GeosarError,
    GridMismatchError,
    PolarisationError,
    SceneContentError,
    SceneReadError,
    UsageError,
)
from geosar.grid import MapGrid
from geosar.scene import georeference, polarisations, safe, untrusted, warp
from geosar.scene.elevation import ElevationModel
from geosar.scene.fit import check_fit, own_grid
from geosar.scene.raster import Raster, bands_are_equal, check_readable, is_photograph, measurement_bands
from geosar.scene.request import Request
from geosar.scene.source import Source, gdal_errors, resolve
from geosar.scene.warp import Placed
from geosar.vocabulary import UNKNOWN, Unit

if TYPE_CHECKING:
    from rasterio.vrt import WarpedVRT

    from geosar.scene.placement.placed import PlacedRaster

# Tags whose values may name a unit. Others hold words such as LINEAR for reasons of their own.
_UNIT_TAGS = ("unit", "scale", "backscatter", "calibration", "radiometr", "long_name", "imagedescription")
_TIME_TAGS = ("ACQUISITION_START_TIME", "START_TIME", "DATETIME", "ACQUISITIONDATETIME", "ACQUISITION_TIME")
MAX_UNNAMED_BANDS = 2

SourceText = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Band:
    """One band of the scene: which raster it is in, its number there (from 1), and its polarisation."""

    raster: int
    index: int
    polarisation: str


@dataclass(frozen=True, slots=True)
class OpenedRaster:
    """One raster that was opened, and what it says of its unit, of its time, and for the user to know."""

    raster: Raster
    hints: tuple[str, ...]
    times: tuple[str, ...]
    notes: tuple[str, ...]
    placed: Placed | None = None

    @property
    def source(self) -> Source:
        """Where it comes from."""
        return self.raster.source


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that opening found out: rasters that share a grid and a type, and what they say."""

    parts: tuple[OpenedRaster, ...]
    bands: tuple[Band, ...]
    notes: tuple[str, ...]
    unit: Unit | None = None
    elevation: ElevationModel | None = None

    @property
    def rasters(self) -> tuple[Raster, ...]:
        """The rasters, in the order that bands count them by."""
        return tuple(part.raster for part in self.parts)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Each file, or the one product that holds all rasters."""
        listed = tuple(part.source for part in self.parts)
        return listed[:1] if listed[0].driver == "SAFE" else listed

    @property
    def files(self) -> frozenset[Path]:
        """Every local file that is read, and what belongs to them."""
        sources = [part.source for part in self.parts]
        sources += [] if self.elevation is None else [self.elevation.source]
        return frozenset(file for source in sources for file in source.read)

    @property
    def hints(self) -> tuple[str, ...]:
        """What may name the unit."""
        return tuple(hint for part in self.parts for hint in part.hints)

    @property
    def times(self) -> tuple[str, ...]:
        """What may name the time of acquisition."""
        return tuple(time for part in self.parts for time in part.times)

    @property
    def grid(self) -> MapGrid:
        """The grid that all rasters share."""
        return self.rasters[0].grid

    @property
    def placed(self) -> Placed | None:
        """How the rasters came to lie on that grid; None where it is their own, or they have none."""
        return self.parts[0].placed

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that all rasters share."""
        return self.rasters[0].dtype

    @property
    def striped(self) -> bool:
        """Whether a file is stored in rows as wide as itself, so that windows beside each other read the same ones."""
        return any(raster.striped for raster in self.rasters)

    @property
    def scaled(self) -> bool:
        """Whether the values were stored as integers with a scale."""
        return any(raster.scaled for raster in self.rasters)


def open_rasters(source: "SourceText | Mapping[str, SourceText]", request: Request) -> Opened:
    """Open a source, or one file for each polarisation."""
    with ExitStack() as undo:
        if isinstance(source, Mapping):
            opened = _open_mapping(source, request, undo)
        else:
            found = resolve(source)
            opened = (_open_safe if found.driver == "SAFE" else _open_file)(found, request, undo)
        check_fit(opened.grid, opened.sources[0].printable)
        opened = replace(_chosen(request, opened), elevation=request.elevation)
        undo.pop_all()
    return opened


def _open_mapping(given: "Mapping[str, SourceText]", request: Request, undo: ExitStack) -> Opened:
    if not given:
        raise UsageError("No file was given; expected one for each polarisation.")
    parts: list[OpenedRaster] = []
    bands: list[Band] = []
    for number, (name, path) in enumerate(given.items()):
        (polarisation,) = polarisations.parse(name)[:1]
        found = resolve(path)
        if found.driver == "SAFE":
            raise UsageError(f"{found.printable} holds all its polarisations; give it alone, not among several.")
        part = _open_one(found, request, undo, first=not parts)
        count = len(part.raster.bands)
        if count != 1:
            raise SceneContentError(f"{found.printable} has {count} bands; expected one, for {polarisation}.")
        parts.append(part)
        bands.append(Band(number, part.raster.bands[0], polarisation))
    _check_grids(parts)
    return Opened(tuple(parts), tuple(bands), _notes_of(parts))


def _open_file(found: Source, request: Request, undo: ExitStack) -> Opened:
    own = _open_one(found, request, undo)
    parts: tuple[OpenedRaster, ...] = (own,)
    notes = own.notes
    names = own.raster.polarisations
    others: tuple[Band, ...] = ()
    pair = polarisations.sibling(found.files[0]) if len(names) == 1 and not found.remote else None
    if pair is not None and names[0] in {UNKNOWN, pair[0]}:
        mine, other, path = pair
        names = (mine,)
        if request.wanted != names:
            beside = _open_sibling(path, own, request, undo)
            if isinstance(beside, OpenedRaster):
                parts = (own, beside)
                others = (Band(1, beside.raster.bands[0], other),)
                notes += (*beside.notes, f"{other} is read from {path.name}, which was found beside it.")
            else:
                notes += (f"{path.name} stands beside it but was left out: {beside}",)
    names, note = _named(found, names, request)
    bands = tuple(Band(0, index, name) for index, name in zip(own.raster.bands, names, strict=True))
    return Opened(parts, bands + others, notes + note)


def _open_sibling(path: Path, own: OpenedRaster, request: Request, undo: ExitStack) -> OpenedRaster | GeosarError:
    """Open the file of the other polarisation; gives the reason where the two do not belong together."""
    with ExitStack() as unless_it_fits:
        try:
            beside = _open_one(resolve(path), request, unless_it_fits, first=False)
            _check_grids((own, beside))
        except (GridMismatchError, SceneContentError, SceneReadError) as error:
            return error
        undo.push(unless_it_fits.pop_all())
    return beside


def _named(found: Source, names: tuple[str, ...], request: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name bands that do not say their polarisation by the file's name or as the caller has it; gives a note of that.

    Raises SceneContentError where there are too many of them.
    """
    if set(names) != {UNKNOWN}:
        return names, ()
    in_name = polarisations.named_in(found.name)
    if len(in_name) == len(names):
        return in_name, (f"Polarisation {' and '.join(in_name)}, taken from the name of the file.",)
    if request.wanted is not None and len(request.wanted) == len(names):
        return request.wanted, (f"Polarisation {' and '.join(request.wanted)}, as stated by the caller.",)
    if len(names) > MAX_UNNAMED_BANDS:
        raise SceneContentError(
            f"{found.printable} has {len(names)} bands and none says its polarisation; expected one "
            "or two. Name the bands VV, VH, HH or HV in their descriptions, or extract them.",
        )
    return names, ("The file does not say its polarisation.",)


def _open_safe(found: Source, request: Request, undo: ExitStack) -> Opened:
    listed = safe.measurements(found)
    if request.wanted is not None:
        listed = tuple(one for one in listed if one.polarisation in request.wanted) or listed
    calibrated = all(one.calibration is not None for one in listed)
    parts: list[OpenedRaster] = []
    for one in listed:
        used = one if calibrated else replace(one, calibration=None)
        like = parts[0].placed if parts else None
        parts.append(_open_one(found, request, undo, used, first=not parts, like=like))
    bands = tuple(
        Band(number, part.raster.bands[0], one.polarisation)
        for number, (part, one) in enumerate(zip(parts, listed, strict=True))
    )
    _check_grids(parts)
    unit, note = (
        (Unit.POWER, "Calibrated to sigma0 with the product's own tables.")
        if calibrated
        else (Unit.DIGITAL_NUMBER, "The product has no calibration tables, so its digital numbers are used.")
    )
    return Opened(tuple(parts), bands, (*_notes_of(parts), note), unit)


def _open_one(
    found: Source,
    request: Request,
    undo: ExitStack,
    part: safe.Measurement | None = None,
    *,
    first: bool = True,
    like: Placed | None = None,
) -> OpenedRaster:
    """Open one raster, check what it is, and put it on the grid that was asked for; `undo` closes it.

    What is noted of the grid is noted of the `first` alone; another of its product is placed `like` it.
    """
    notes, of_grid = list[str](), list[str]()
    with ExitStack() as half:
        dataset = half.enter_context(untrusted.open_raster(found, part.gdal_name if part else None))
        check_readable(dataset, found.printable)
        with found.environment():
            bands = _measurements(dataset, found, request, notes)
        names = tuple(_polarisation(dataset, number) for number in bands)
        with untrusted.settings(found), gdal_errors(found.printable, "Warping", found.files):
            placed = georeference.placed(dataset, request, found, part, like)
            if placed is not None and placed.heights is not None:
                half.callback(placed.heights.close)
            view, keep = _on_grid(dataset, request, placed, of_grid, half)
        raster = Raster(found, view, like=dataset, keep=keep, bands=bands, polarisations=names)
        if part is not None and part.calibration is not None:
            table = part.calibration.on_lattice(dataset.width, dataset.height, warp.LATTICE_STEP)
            raster.calibrate(warp.rectified_table(table, placed or warp.unplaced(raster.grid)))
        notes += of_grid if first else []
        if not found.identity:
            notes.append(f"{found.printable} has no version that could be asked for: changes go unnoticed.")
        hints, times = tuple(_hints(dataset, found)), (found.name, *_times(dataset))
        half.pop_all()
    undo.callback(raster.close)
    return OpenedRaster(raster, hints, times, tuple(notes), placed)


def _notes_of(parts: Sequence[OpenedRaster]) -> tuple[str, ...]:
    return tuple(note for part in parts for note in part.notes)


def _polarisation(dataset: DatasetReader, number: int) -> str:
    return polarisations.of_band(dataset.descriptions[number - 1], dataset.tags(number).values())


def _measurements(dataset: DatasetReader, found: Source, request: Request, notes: list[str]) -> tuple[int, ...]:
    bands = measurement_bands(dataset)
    if not bands:
        raise SceneContentError(f"{found.printable} holds an alpha channel only; expected one or two bands.")
    named = any(_polarisation(dataset, number) != UNKNOWN for number in bands)
    if named or not is_photograph(dataset):
        return bands
    if len(bands) > 1 and bands_are_equal(dataset, bands, found.printable):
        notes.append("The colour bands are equal, so the first one is taken for the SAR image.")
        return bands[:1]
    if request.force:
        notes.append("It looks like a colour photograph; its first band is taken for SAR, as was asked.")
        return bands[:1]
    raise SceneContentError(
        f"{found.printable} does not look like SAR: {len(bands)} bands of 8-bit colour, as in a photograph; "
        "expected one or two bands of backscatter. If it is SAR all the same, say so with `force`.",
    )


def _on_grid(
    dataset: DatasetReader,
    request: Request,
    placed: Placed | None,
    notes: list[str],
    undo: ExitStack,
) -> "tuple[DatasetReader | WarpedVRT | PlacedRaster, tuple[DatasetReader, ...]]":
    """Return the dataset, or a view of it on the wanted grid, and the datasets under that view."""
    if placed is not None:
        notes.append(placed.words)
        return warp.rectified(dataset, placed, _fill(dataset)), (dataset,)
    crs = request.crs()
    if crs is not None or request.resolution is not None:
        own = own_grid(MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height))
        check_fit(own, "the scene")
        grid = warp.resampled_grid(own, crs, request.resolution)
        if grid != own:
            across, down = grid.pixel_size_metres() or (math.nan, math.nan)
            notes.append(f"Resampled to {grid.crs} at {across:.4g} m by {down:.4g} m, bilinear.")
            view = warp.resampled(dataset, grid, _fill(dataset))
            undo.callback(view.close)
            return view, (dataset,)
    if dataset.crs is None:
        notes.append("There is no georeference: the scene is in image space.")
    elif dataset.transform.is_identity:
        notes.append(f"It names a CRS ({dataset.crs.to_string()}) and no place in it: the scene is in image space.")
    return dataset, ()


def _fill(dataset: DatasetReader) -> float | None:
    """Return the value that the warper must not mix into its neighbours."""
    if dataset.nodata is not None:
        return float(dataset.nodata)
    dtype = np.dtype(dataset.dtypes[0])
    if warp.has_mask(dataset) or dtype == np.uint8:
        return None
    if dtype.kind == "f":
        return math.nan
    # Integers of two bytes or more are amplitudes, whose zero is the fringe of the swath.
    return 0.0


def _check_grids(parts: Sequence[OpenedRaster]) -> None:
    first = parts[0].raster
    for raster in (part.raster for part in parts[1:]):
        if raster.grid != first.grid:
            raise GridMismatchError(
                f"{raster.source.printable} lies on another grid ({raster.grid.width} x {raster.grid.height}, "
                f"{raster.grid.bounds}) than {first.source.printable} ({first.grid.width} x "
                f"{first.grid.height}, {first.grid.bounds}); expected one grid. Resample one onto the "
                "other first.",
            )
        if raster.dtype != first.dtype:
            raise GridMismatchError(
                f"{raster.source.printable} holds {raster.dtype}, {first.source.printable} {first.dtype}; "
                "expected one type. Convert one first.",
            )


def _chosen(request: Request, opened: Opened) -> Opened:
    """Keep the bands that are wanted, in the order that was asked for."""
    known = {band.polarisation: band for band in reversed(opened.bands) if band.polarisation != UNKNOWN}
    if request.wanted is not None:
        missing = [name for name in request.wanted if name not in known]
        if missing:
            has = ", ".join(band.polarisation for band in opened.bands)
            raise PolarisationError(
                f"{opened.sources[0].printable} has {has}, not {', '.join(missing)}; choose among those it has.",
            )
        return replace(opened, bands=tuple(known[name] for name in request.wanted))
    if known and len(opened.bands) > len(known):
        note = f"Of {len(opened.bands)} bands those that name a polarisation are used."
        used = tuple(band for band in opened.bands if known.get(band.polarisation) is band)
        return replace(opened, bands=used, notes=(*opened.notes, note))
    return opened


def _hints(dataset: DatasetReader, found: Source) -> list[str]:
    tags = [dataset.tags(), *(dataset.tags(n) for n in dataset.indexes)]
    by_key = [
        value for group in tags for key, value in group.items() if any(word in key.lower() for word in _UNIT_TAGS)
    ]
    described = [text for text in (*dataset.units, *dataset.descriptions) if text]
    return [*described, *by_key, Path(found.name).name]


def _times(dataset: DatasetReader) -> Sequence[str]:
    tags = {key.upper(): value for key, value in dataset.tags().items()}
    return [tags[key] for key in _TIME_TAGS if key in tags]
