"""A scene put together: the rasters of what `open_scene` was given, on one grid, of one type, bands by polarisation."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from geosar.errors import (
    GeosarError,
    GridMismatchError,
    PolarisationError,
    SceneContentError,
    SceneReadError,
    UnitError,
    UsageError,
)
from geosar.grid import MapGrid
from geosar.scene import pages, polarisations, safe
from geosar.scene.elevation import ElevationModel
from geosar.scene.evidence import Evidence, Topic, Weight
from geosar.scene.fit import check_fit
from geosar.scene.opening import OpenedRaster, open_one, with_unit
from geosar.scene.raster import Raster
from geosar.scene.request import Request
from geosar.scene.source import Source, resolve
from geosar.scene.warp import Placed
from geosar.vocabulary import UNKNOWN, Unit

SourceText = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Band:
    """One band of the scene: which raster it is in, its number there (from 1), and its polarisation."""

    raster: int
    index: int
    polarisation: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that opening found out: rasters that share a grid and a type, and what they say.

    `given` are the polarisations of what the caller named, without those of a file that was found beside it.
    """

    parts: tuple[OpenedRaster, ...]
    bands: tuple[Band, ...]
    notes: tuple[str, ...]
    given: tuple[str, ...] = ()
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
        sources += [] if self.elevation is None else list(self.elevation.sources)
        return frozenset(file for source in sources for file in source.read)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What is said of the scene, where bands are those of each file."""
        return tuple(one for part in self.parts for one in part.evidence)

    def evidence_of(self, bands: Sequence[Band]) -> tuple[Evidence, ...]:
        """Return what is said of some bands, which are counted from 0 there as in `bands`."""
        return tuple(
            replace(one, band=place)
            for place, band in enumerate(bands)
            for one in self.parts[band.raster].evidence
            if one.band in {None, band.index}
        )

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
    def calibrated(self) -> bool:
        """Whether the values are sigma0 by a product's own figures, which geosar applied."""
        return any(raster.calibrated for raster in self.rasters)

    @property
    def coefficients(self) -> bool:
        """Whether a product is known whose values are backscatter coefficients, in whatever unit."""
        return all(part.calibrated for part in self.parts)

    @property
    def scaled(self) -> bool:
        """Whether the values were stored as integers with a scale."""
        return any(raster.scaled for raster in self.rasters)


def open_rasters(source: "SourceText | Mapping[str, SourceText]", request: Request) -> Opened:
    """Open a source, or one file for each polarisation."""
    with ExitStack() as undo:
        if isinstance(source, Mapping):
            opened = _open_apart(_resolved(source), request, undo)
        else:
            resolved = resolve(source)
            if resolved.parts:
                opened = _open_apart(
                    {polarisations.named_in(part.name)[0]: part for part in resolved.parts}, request, undo
                )
            else:
                opened = (_open_safe if resolved.driver == "SAFE" else _open_file)(resolved, request, undo)
        check_fit(opened.grid, opened.sources[0].printable)
        opened = replace(_chosen(request, opened), elevation=request.elevation)
        undo.pop_all()
    return opened


def _resolved(files: "Mapping[str, SourceText]") -> dict[str, Source]:
    if not files:
        raise UsageError("No file was given; expected one for each polarisation.")
    return {polarisations.parse(name)[0]: resolve(path) for name, path in files.items()}


def _open_apart(sources: Mapping[str, Source], request: Request, undo: ExitStack) -> Opened:
    """Open one raster for each polarisation."""
    parts: list[OpenedRaster] = []
    bands: list[Band] = []
    for number, (polarisation, source) in enumerate(sources.items()):
        if source.driver == "SAFE" or source.parts:
            raise UsageError(f"{source.printable} holds all its polarisations; give it alone, not among several.")
        own_bands = tuple((pol, band) for pol, band in request.bands if pol in {"", polarisation})
        part = open_one(source, replace(request, bands=own_bands, polarisations=(polarisation,)), undo, first=not parts)
        mine = [index for index, own in part.bands if own == polarisation] or [index for index, _ in part.bands]
        if len(mine) != 1:
            raise SceneContentError(
                f"{source.printable} has {len(mine)} bands; expected one, for {polarisation}. Say which: "
                f"`--band {polarisation}={mine[0]}`."
            )
        own = dict(part.bands)[mine[0]]
        if own not in {UNKNOWN, polarisation}:
            part = replace(
                part, notes=(*part.notes, f"{source.filename} says {own}; {polarisation} is used, as stated.")
            )
        parts.append(part)
        bands.append(Band(number, mine[0], polarisation))
    _check_grids(parts)
    return Opened(tuple(parts), tuple(bands), _notes_of(parts), tuple(sources))


def _open_file(source: Source, request: Request, undo: ExitStack) -> Opened:
    if paged := pages.chosen(source, request):
        there = replace(request, bands=())
        if any(name for name, _ in paged):
            return _open_apart(dict(paged), there, undo)
        source, request = paged[0][1], there
    own = open_one(source, request, undo)
    bands = tuple(Band(0, index, name) for index, name in own.bands)
    opened = Opened((own,), bands, own.notes + own.naming, tuple(name for _, name in own.bands))
    alone = source.remote or source.page is not None or bool(request.bands)
    pair = polarisations.sibling(source.files[0]) if len(bands) == 1 and not alone else None
    if pair is None or bands[0].polarisation not in {UNKNOWN, pair[0]} or request.polarisations == (pair[0],):
        return opened
    mine, other, path = pair
    bands = (replace(bands[0], polarisation=mine),)
    beside = _open_sibling(path, own, request, undo)
    if not isinstance(beside, OpenedRaster):
        return replace(
            opened, bands=bands, notes=(*own.notes, f"{path.name} stands beside it but was left out: {beside}")
        )
    return Opened(
        (own, beside),
        (*bands, Band(1, beside.bands[0][0], other)),
        (*own.notes, *beside.notes, f"{other} is read from {path.name}, which was found beside it."),
        (mine,),
    )


def _open_sibling(path: Path, own: OpenedRaster, request: Request, undo: ExitStack) -> OpenedRaster | GeosarError:
    """Open the file of the other polarisation; returns the reason where the two do not belong together."""
    with ExitStack() as unless_it_fits:
        try:
            beside = open_one(resolve(path), replace(request, polarisations=None), unless_it_fits, first=False)
            _check_grids((own, beside))
            _check_units(own, beside)
        except (GridMismatchError, SceneContentError, SceneReadError, UnitError) as error:
            return error
        undo.push(unless_it_fits.pop_all())
    return beside


def _open_safe(source: Source, request: Request, undo: ExitStack) -> Opened:
    listed, notes = safe.measurements(source)
    if request.polarisations is not None:
        listed = tuple(one for one in listed if one.polarisation in request.polarisations) or listed
    names = [one.polarisation for one in listed]
    if request.bands:
        listed, names, more = _stated_of_safe(source, listed, request)
        notes += more
    calibrated = all(one.calibration is not None for one in listed)
    unit = Unit.POWER if calibrated else Unit.DIGITAL_NUMBER
    said_of_unit = Evidence(Topic.UNIT, unit, Weight.CALIBRATION, "the product's own calibration")
    parts: list[OpenedRaster] = []
    for one in listed:
        used = one if calibrated else replace(one, calibration=None)
        like = parts[0].placed if parts else None
        part = open_one(source, replace(request, bands=(), polarisations=None), undo, used, first=not parts, like=like)
        parts.append(replace(part, evidence=with_unit(part.evidence, said_of_unit)))
    bands = tuple(
        Band(number, part.bands[0][0], name) for number, (part, name) in enumerate(zip(parts, names, strict=True))
    )
    _check_grids(parts)
    note = (
        "Calibrated to sigma0 with the product's own tables."
        if calibrated
        else "The product has no calibration tables, so its digital numbers are used."
    )
    return Opened(tuple(parts), bands, (*_notes_of(parts), *notes, note), tuple(names))


def _stated_of_safe(
    source: Source, listed: Sequence[safe.Measurement], request: Request
) -> tuple[tuple[safe.Measurement, ...], list[str], tuple[str, ...]]:
    """Take the measurements that the caller named, by number or polarisation, for the polarisations stated."""
    known = {str(number): one for number, one in enumerate(listed, 1)} | {one.polarisation: one for one in listed}
    chosen, names, notes = [], [], []
    for name, reference in request.bands:
        one = known.get(reference.upper())
        if one is None:
            has = ", ".join(each.polarisation for each in listed)
            raise UsageError(f"{source.printable} has no measurement {reference!r}; it has {has}.")
        chosen.append(one)
        names.append(name or one.polarisation)
        notes.append(f"{one.polarisation} is taken for {names[-1]}, as stated.")
    return tuple(chosen), names, tuple(notes)


def _notes_of(parts: Sequence[OpenedRaster]) -> tuple[str, ...]:
    return tuple(note for part in parts for note in part.notes)


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


def _check_units(own: OpenedRaster, beside: OpenedRaster) -> None:
    """Raise `UnitError` where two files say that they are in different units."""
    units = [
        {one.value for one in part.evidence if one.topic is Topic.UNIT and one.band in {None, part.bands[0][0]}}
        for part in (own, beside)
    ]
    if units[0] and units[1] and not units[0] & units[1]:
        words = [" or ".join(sorted(each)) for each in units]
        raise UnitError(f"it is in {words[1]}, and {own.source.filename} in {words[0]}.")


def _chosen(request: Request, opened: Opened) -> Opened:
    """Keep the bands that are wanted, in the order that was asked for."""
    if request.polarisations is None:
        return opened
    known = {band.polarisation: band for band in reversed(opened.bands) if band.polarisation != UNKNOWN}
    missing = [name for name in request.polarisations if name not in known]
    if missing:
        has = ", ".join(band.polarisation for band in opened.bands)
        raise PolarisationError(
            f"{opened.sources[0].printable} has {has}, not {', '.join(missing)}; choose among those it has, or say "
            f"which band is to be taken for it: `--band {missing[0]}={opened.bands[0].index}`.",
        )
    return replace(opened, bands=tuple(known[name] for name in request.polarisations))
