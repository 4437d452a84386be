"""Opening what `open_scene` was given: files found, checked, warped where needed, and their bands named."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.io import DatasetReader

from geosar.backscatter import Unit
from geosar.errors import GridMismatchError, PolarisationError, SceneContentError, SceneReadError, UsageError
from geosar.grid import MapGrid
from geosar.scene import polarisations, safe, untrusted
from geosar.scene import source as sources
from geosar.scene import warp as warping
from geosar.scene.polarisations import UNKNOWN
from geosar.scene.raster import Raster, bands_are_equal, check_readable, is_photograph, measurement_bands
from geosar.scene.source import Source, gdal_errors

if TYPE_CHECKING:
    from rasterio.vrt import WarpedVRT

# Tags whose values may name a unit. Others hold words such as LINEAR for reasons of their own.
_UNIT_TAGS = ("unit", "scale", "backscatter", "calibration", "radiometr", "long_name", "imagedescription")
_TIME_TAGS = ("ACQUISITION_START_TIME", "START_TIME", "DATETIME", "ACQUISITIONDATETIME", "ACQUISITION_TIME")
MAX_UNNAMED_BANDS = 2

SourceText = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Request:
    """How a caller wants a scene opened."""

    dst_crs: Any = None
    resolution: float | None = None
    force: bool = False
    wanted: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.resolution is not None and not 0 < self.resolution < float("inf"):
            raise UsageError(f"The resolution is {self.resolution}; expected metres above zero.")

    def crs(self) -> CRS | None:
        """Return the CRS that was asked for; raises `UsageError` if there is no such thing."""
        if self.dst_crs is None:
            return None
        try:
            return CRS.from_user_input(self.dst_crs)
        except CRSError as error:
            raise UsageError(f"{self.dst_crs!r} is no CRS ({error}); give one such as EPSG:32643.") from error


@dataclass(frozen=True, slots=True)
class Band:
    """One band of the scene: which raster it is in, its number there (from 1), and its polarisation."""

    raster: int
    index: int
    polarisation: str


@dataclass(slots=True)
class Opened:
    """Everything that opening found out."""

    sources: list[Source] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    rasters: list[Raster] = field(default_factory=list)
    bands: tuple[Band, ...] = ()
    notes: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    unit: Unit | None = None

    @property
    def grid(self) -> MapGrid:
        """The grid that all rasters share."""
        return self.rasters[0].grid

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
        opened = Opened()
        undo.callback(_close, opened)
        if isinstance(source, Mapping):
            _open_mapping(source, request, opened)
        else:
            found = sources.resolve(source)
            if found.driver == "SAFE":
                _open_safe(found, request, opened)
            else:
                _open_file(found, request, opened)
        _choose(request, opened)
        undo.pop_all()
    return opened


def _close(opened: Opened) -> None:
    for raster in opened.rasters:
        raster.close()


def _open_mapping(given: "Mapping[str, SourceText]", request: Request, opened: Opened) -> None:
    if not given:
        raise UsageError("No file was given; expected one for each polarisation.")
    for name, path in given.items():
        (polarisation,) = polarisations.parse(name)[:1]
        found = sources.resolve(path)
        if found.driver == "SAFE":
            raise UsageError(f"{found.printable} holds all its polarisations; give it alone, not among several.")
        _add(found, request, opened)
        raster = opened.rasters[-1]
        count = len(raster.bands)
        if count != 1:
            raise SceneContentError(f"{found.printable} has {count} bands; expected one, for {polarisation}.")
        opened.bands += (Band(len(opened.rasters) - 1, raster.bands[0], polarisation),)
    _check_grids(opened)


def _open_file(found: Source, request: Request, opened: Opened) -> None:
    raster = _add(found, request, opened)
    names = raster.polarisations
    if len(names) == 1 and not found.remote:
        names = _with_sibling(found, names, request, opened)
    if set(names) == {UNKNOWN}:
        in_name = polarisations.named_in(found.name)
        if len(in_name) == len(names):
            opened.notes.append(f"Polarisation {' and '.join(in_name)}, taken from the name of the file.")
            names = in_name
        elif request.wanted is not None and len(request.wanted) == len(names):
            opened.notes.append(f"Polarisation {' and '.join(request.wanted)}, as stated by the caller.")
            names = request.wanted
    if set(names) == {UNKNOWN}:
        if len(names) > MAX_UNNAMED_BANDS:
            raise SceneContentError(
                f"{found.printable} has {len(names)} bands and none says its polarisation; expected one "
                "or two. Name the bands VV, VH, HH or HV in their descriptions, or extract them.",
            )
        opened.notes.append("The file does not say its polarisation.")
    own = tuple(Band(0, index, name) for index, name in zip(raster.bands, names, strict=True))
    opened.bands = own + opened.bands


def _with_sibling(found: Source, names: tuple[str, ...], request: Request, opened: Opened) -> tuple[str, ...]:
    """Add the file of the other polarisation, where the names of the two say that they belong together."""
    pair = polarisations.sibling(found.files[0])
    if pair is None or names[0] not in {UNKNOWN, pair[0]}:
        return names
    own, other, path = pair
    if request.wanted == (own,):
        return (own,)
    try:
        _add(sources.resolve(path), request, opened)
        _check_grids(opened)
    except (GridMismatchError, SceneContentError, SceneReadError) as error:
        for raster in opened.rasters[1:]:
            raster.close()
        del opened.rasters[1:], opened.sources[1:]
        opened.notes.append(f"{path.name} stands beside it but was left out: {error}")
        return (own,)
    opened.notes.append(f"{other} is read from {path.name}, which was found beside it.")
    opened.bands = (Band(1, opened.rasters[1].bands[0], other),)
    return (own,)


def _open_safe(found: Source, request: Request, opened: Opened) -> None:
    listed = safe.measurements(found)
    if request.wanted is not None:
        listed = tuple(one for one in listed if one.polarisation in request.wanted) or listed
    calibrated = all(one.calibration is not None for one in listed)
    for number, one in enumerate(listed):
        raster = _add(found, request, opened, one.gdal_name, one.calibration if calibrated else None)
        opened.bands += (Band(number, raster.bands[0], one.polarisation),)
    if calibrated:
        opened.unit = Unit.POWER
        opened.notes.append("Calibrated to sigma0 with the product's own tables.")
    else:
        opened.unit = Unit.DIGITAL_NUMBER
        opened.notes.append("The product has no calibration tables, so its digital numbers are used.")
    _check_grids(opened)
    del opened.sources[1:]


def _add(
    found: Source,
    request: Request,
    opened: Opened,
    part: str | None = None,
    calibration: safe.Calibration | None = None,
) -> Raster:
    """Open one raster, check what it is, and put it on the grid that was asked for."""
    with ExitStack() as undo:
        dataset = undo.enter_context(untrusted.open_raster(found, part))
        check_readable(dataset, found.printable)
        with found.environment():
            bands = _measurements(dataset, found, request, opened.notes)
        names = tuple(_polarisation(dataset, number) for number in bands)
        first = not opened.rasters
        with untrusted.settings(found), gdal_errors(found.printable, "Warping", found.files):
            view, keep = _on_grid(dataset, request, opened.notes if first else [], undo)
        raster = Raster(found, view, like=dataset, keep=keep, bands=bands, polarisations=names)
        if calibration is not None:
            table = calibration.on_lattice(dataset.width, dataset.height, warping.LATTICE_STEP)
            raster.calibrate(*warping.rectified_lattice(table, dataset, raster.grid))
        opened.hints += _hints(dataset, found)
        opened.times += [found.name, *_times(dataset)]
        if not found.identity:
            opened.notes.append(f"{found.printable} has no version that could be asked for: changes go unnoticed.")
        opened.sources.append(found)
        opened.files.update(found.read)
        opened.rasters.append(raster)
        undo.pop_all()
    return raster


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
    notes: list[str],
    undo: ExitStack,
) -> "tuple[DatasetReader | WarpedVRT, tuple[DatasetReader, ...]]":
    """Return the dataset, or a view of it on the wanted grid, and the datasets under that view."""
    crs = request.crs()
    if dataset.crs is None and dataset.gcps[0]:
        points, grid, size = warping.place_control_points(dataset, crs, request.resolution)
        notes.append(
            f"Warped by its {len(dataset.gcps[0])} ground control points to {grid.crs} at {size:g} m, "
            "bilinear; the terrain's relief is not corrected.",
        )
        view = warping.rectified(dataset, untrusted.name_for_views(dataset), points, grid, _fill(dataset))
        return undo.enter_context(view), (dataset,)
    if crs is not None or request.resolution is not None:
        own = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
        grid = warping.resampled_grid(own, crs, request.resolution)
        if grid != own:
            across, down = grid.pixel_size_metres() or (math.nan, math.nan)
            notes.append(f"Resampled to {grid.crs} at {across:.4g} m by {down:.4g} m, bilinear.")
            return undo.enter_context(warping.resampled(dataset, grid, _fill(dataset))), (dataset,)
    if dataset.crs is None:
        notes.append("There is no georeference: the scene is in image space.")
    return dataset, ()


def _fill(dataset: DatasetReader) -> float | None:
    """Return the value that the warper must not mix into its neighbours."""
    if dataset.nodata is not None:
        return float(dataset.nodata)
    dtype = np.dtype(dataset.dtypes[0])
    if warping.has_mask(dataset) or dtype == np.uint8:
        return None
    if dtype.kind == "f":
        return math.nan
    # Integers of two bytes or more are amplitudes, whose zero is the fringe of the swath.
    return 0.0


def _check_grids(opened: Opened) -> None:
    first = opened.rasters[0]
    for source, raster in zip(opened.sources[1:], opened.rasters[1:], strict=False):
        if raster.grid != first.grid:
            raise GridMismatchError(
                f"{source.printable} lies on another grid ({raster.grid.width} x {raster.grid.height}, "
                f"{raster.grid.bounds}) than {opened.sources[0].printable} ({first.grid.width} x "
                f"{first.grid.height}, {first.grid.bounds}); expected one grid. Resample one onto the "
                "other first.",
            )
        if raster.dtype != first.dtype:
            raise GridMismatchError(
                f"{source.printable} holds {raster.dtype}, {opened.sources[0].printable} {first.dtype}; "
                "expected one type. Convert one first.",
            )


def _choose(request: Request, opened: Opened) -> None:
    """Keep the bands that are wanted, in the order that was asked for."""
    known = {band.polarisation: band for band in reversed(opened.bands) if band.polarisation != UNKNOWN}
    if request.wanted is not None:
        missing = [name for name in request.wanted if name not in known]
        if missing:
            has = ", ".join(band.polarisation for band in opened.bands)
            raise PolarisationError(
                f"{opened.sources[0].printable} has {has}, not {', '.join(missing)}; choose among those it has.",
            )
        opened.bands = tuple(known[name] for name in request.wanted)
    elif known and len(opened.bands) > len(known):
        opened.notes.append(f"Of {len(opened.bands)} bands those that name a polarisation are used.")
        opened.bands = tuple(band for band in opened.bands if known.get(band.polarisation) is band)


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
