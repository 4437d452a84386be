"""What all views of one opened scene have in common: rasters, a lock, a sample, and what follows from it."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np

from geosar.backscatter import DECIBEL_RANGE, FILL_MAGNITUDE, Mask, Values
from geosar.errors import SceneReadError
from geosar.grid import Window
from geosar.scene.composition import Band, Opened
from geosar.scene.evidence import Evidence, Topic, Weight
from geosar.scene.evidence.content import refuse_values
from geosar.scene.evidence.fills import ALWAYS, undeclared, without_fills
from geosar.scene.evidence.sampling import Sample, draw
from geosar.scene.evidence.verdict import UnitVerdict, weigh_unit
from geosar.scene.request import Request
from geosar.vocabulary import Unit

MOST_TOLD = 4
"""So many numbers beyond any radar are named in a note."""


class Shared:
    """What all views of one opened scene have in common."""

    def __init__(self, opened: Opened, request: Request) -> None:
        self.opened = opened
        self.lock = threading.RLock()
        self._request = request
        self._verdicts: dict[tuple[Band, ...], UnitVerdict] = {}
        self._kept: dict[Band, Values] = {}

    @cached_property
    def sample(self) -> Sample:
        """Raw values of all bands, before a unit says what is measured."""
        grid = self.opened.grid
        with self.lock:
            return draw(grid.width, grid.height, self._read_raw)

    def verdict(self, bands: tuple[Band, ...]) -> UnitVerdict:
        """Return the unit of some bands, and why; raises `UnitError`."""
        with self.lock:
            if bands not in self._verdicts:
                self._verdicts[bands] = self._weighed(bands)
            return self._verdicts[bands]

    def _weighed(self, bands: tuple[Band, ...]) -> UnitVerdict:
        evidence = self.evidence(bands)
        surest = max((one.weight for one in evidence if one.topic is Topic.UNIT), default=Weight.NAME)
        measured = surest >= Weight.CALIBRATION  # then no value has a say, and none is read
        nothing = np.empty(0, self.opened.dtype)
        samples = {place: nothing if measured else self._values(band) for place, band in enumerate(bands)}
        return weigh_unit(evidence, samples, self.opened.dtype)

    def _values(self, band: Band) -> Values:
        """Return what was sampled of a band, in rows, without fills."""
        if band not in self._kept:
            self._kept[band] = self._without_fills(band)
        return self._kept[band]

    def _without_fills(self, band: Band) -> Values:
        row = self.opened.bands.index(band)
        values: Values = self.sample.values[row][self.sample.valid[row]]
        values = values[without_fills(values, self._fills[row])]
        if values.dtype.kind == "f":
            # Zero is a fringe in every unit of floating-point numbers; what lies below these is a fill unheard of.
            values = values[(values != 0) & (values > DECIBEL_RANGE[0])] if not self.opened.scaled else values
        return values

    def refuse_other(self, bands: Sequence[Band]) -> None:
        """Raise `SceneContentError` where what was sampled is no radar's: one number everywhere, or phase."""
        if not self.opened.calibrated:
            refuse_values([self._values(band) for band in bands], self._request, self.opened.sources[0].printable)

    def fills(self, bands: Sequence[Band]) -> tuple[tuple[float, ...], ...]:
        """Return the fill values of each band that nothing declares."""
        return tuple(self._fills[self.opened.bands.index(band)] for band in bands)

    @cached_property
    def _fills(self) -> tuple[tuple[float, ...], ...]:
        with self.lock:
            nothing: tuple[tuple[float, ...], ...] = ((),) * len(self.opened.bands)
            if self._request.nodata is not None or self.opened.calibrated or self.opened.dtype == np.uint8:
                return nothing
            try:
                sample = self.sample
            except SceneReadError:  # a damaged block spoils the windows that touch it, no others
                return nothing if self.opened.dtype.kind != "f" else (ALWAYS,) * len(self.opened.bands)
            return tuple(undeclared(row[valid]) for row, valid in zip(sample.values, sample.valid, strict=True))

    def evidence(self, bands: Sequence[Band]) -> tuple[Evidence, ...]:
        """Return what says what about some bands, which are counted from 0 there."""
        of_caller: tuple[Evidence, ...] = ()
        if self._request.scale is not None:
            of_caller = (Evidence(Topic.UNIT, self._request.scale, Weight.STATED, "stated by the caller"),)
        return (*of_caller, *self.opened.evidence_of(bands))

    def evidence_of_fill(self, bands: Sequence[Band]) -> Iterator[Evidence]:
        """Return what says which values are no measurements, of bands that are counted from 0 there."""
        weight, words = (Weight.BAND_TAG, "nodata")
        if self._request.nodata is not None:
            weight, words = (Weight.STATED, "stated by the caller")
        for place, (band, fills) in enumerate(zip(bands, self.fills(bands), strict=True)):
            declared = self.opened.rasters[band.raster].nodata[band.index - 1]
            if declared is not None:
                yield Evidence(Topic.NODATA, declared, weight, words, place)
            for value in self._met(fills):
                yield Evidence(Topic.NODATA, value, Weight.VALUES, "as frequent as no value beside it", place)

    def _met(self, fills: Iterable[float]) -> list[float]:
        """Return those fill values that the sample has."""
        return sorted(one for one in fills if one not in ALWAYS or (self.sample.values == one).any())

    def _beyond_any_radar(self, bands: Sequence[Band]) -> list[float]:
        """Return some of the numbers that were sampled and that no radar measures, but for what is declared."""
        if self.opened.dtype.kind != "f" or self._request.nodata is not None or self.opened.calibrated:
            return []
        declared = {self.opened.rasters[band.raster].nodata[band.index - 1] for band in bands}
        rows = self.sample.values[[self.opened.bands.index(band) for band in bands]]
        beyond = np.unique(rows[np.isfinite(rows) & (np.abs(rows) >= FILL_MAGNITUDE)])[:MOST_TOLD]
        return [value for value in beyond.tolist() if value not in declared]

    def notes(self, bands: tuple[Band, ...]) -> tuple[str, ...]:
        """Say which borders and undeclared fills are masked, but for the zero that no unit but that of pictures has."""
        natural = 0.0 if self.verdict(bands).inference.unit is not Unit.PICTURE else None
        with self.lock:
            rasters = {band.raster: self.opened.rasters[band.raster] for band in bands}
            borders = tuple(dict.fromkeys(words for one in rasters.values() if (words := one.border) is not None))
        met = self._met({value for fills in self.fills(bands) for value in fills if value != natural})
        met += self._beyond_any_radar(bands)
        if not met:
            return borders
        words = ", ".join(f"{value:g}" for value in met)
        return (*borders, f"Masked as fill, though no tag declares it: {words}; `--nodata` states another.")

    def read(
        self, bands: Sequence[Band], window: Window, shape: tuple[int, int] | None = None
    ) -> tuple[Values, list[Mask | None]]:
        """Read bands, of one raster or several; into fewer pixels where `shape` (height, width) says so."""
        with self.lock:
            rasters = self.opened.rasters
            first = bands[0].raster
            if all(band.raster == first for band in bands):
                return rasters[first].read([band.index for band in bands], window, shape)
            values = np.empty((len(bands), *(shape or (window.height, window.width))), self.opened.dtype)
            masks: list[Mask | None] = []
            for band, out in zip(bands, values, strict=True):
                raw, of_band = rasters[band.raster].read([band.index], window, shape)
                out[...] = raw[0]
                masks += of_band
            return values, masks

    def _read_raw(self, window: Window) -> tuple[Values, Mask]:
        values, masks = self.read(self.opened.bands, window)
        valid = np.isfinite(values)
        for row, mask in enumerate(masks):
            if mask is not None:
                valid[row] &= mask
        return values, valid
