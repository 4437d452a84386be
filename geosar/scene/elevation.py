"""Heights of the ground from a digital elevation model, on the map grid of a scene, above the ellipsoid."""

import hashlib
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import PurePath

import numpy as np
import pyproj
from pyproj.transformer import TransformerGroup
from rasterio.io import DatasetReader

from geosar.backscatter import Mask
from geosar.errors import UsageError
from geosar.grid import MapGrid, Window
from geosar.scene.height_files import opened, rasters
from geosar.scene.placement.base import Numbers, OnGrid
from geosar.scene.placement.lattice import MAX_STEP, Heights, Lattice
from geosar.scene.placement.placed import PlacedRaster, StoredImage
from geosar.scene.source import Source, gdal_errors

GEOID, ELLIPSOID = "geoid", "ellipsoid"
# Longitude, latitude and height above the geoid, newest first: EGM2008 and EGM96.
_ABOVE_GEOID = {"EGM2008": "EPSG:9518", "EGM96": "EPSG:9707"}
_LOWEST, _HIGHEST = -12_000.0, 10_000.0

Undulation = Callable[[Numbers, Numbers], Numbers]


@dataclass(frozen=True, slots=True)
class ElevationModel:
    """Rasters of heights in metres, and what they count from: `geoid`, `ellipsoid`, or metres to add.

    An `optional` one is used as far as it goes: what it cannot correct is placed without it.
    """

    sources: tuple[Source, ...]
    above: str
    name: str
    optional: bool = False

    @classmethod
    def given(
        cls, source: str | PathLike[str], above: str | float = GEOID, *, optional: bool = False
    ) -> "ElevationModel":
        """Check what a caller gave: a raster, a folder of some, or a mosaic (VRT) that names some.

        Raises `UsageError`, and what finding the files raises.
        """
        text = str(above).strip().lower()
        if text not in {GEOID, ELLIPSOID}:
            try:
                metres = float(text)
            except ValueError:
                metres = math.nan
            if not _LOWEST < metres < _HIGHEST:
                raise UsageError(
                    f"{above!r} does not say what the heights count from; expected geoid, ellipsoid, or the metres of "
                    "the geoid above the ellipsoid there, as 47.5.",
                )
        sources = rasters(source)
        name = sources[0].name if len(sources) == 1 else PurePath(source).stem
        return cls(sources, text, name, optional)

    @property
    def identity(self) -> str:
        """What changes when the heights do."""
        own = [source.identity for source in self.sources]
        together = own[0] if len(own) == 1 else hashlib.sha256("\n".join(own).encode()).hexdigest()
        return f"{together} {self.above}" + (" optional" if self.optional else "")

    @property
    def words(self) -> str:
        """How to name it in a note; raises `UsageError` where PROJ has no grid of the geoid."""
        if self.above == ELLIPSOID:
            return f"{self.name}, heights above the ellipsoid"
        if self.above == GEOID:
            return f"{self.name}, heights above the geoid {_geoid()[0]}"
        return f"{self.name}, {self.above} m added to its heights"

    def on(self, grid: MapGrid) -> "Elevation":
        """Open it on a map grid; raises `NoCoverError` where it does not touch the grid."""
        first = self.sources[0]
        with gdal_errors(first.printable, "Opening", first.files):
            dataset = opened(self.sources, grid)
        try:
            return Elevation(first, dataset, grid, self._undulation())
        except BaseException:
            dataset.close()
            raise

    def without_paths(self, text: str) -> str:
        """Name its files by their last part alone in a text."""
        for source in self.sources:
            text = text.replace(source.printable, source.filename)
        return text

    def _undulation(self) -> Undulation:
        if self.above == ELLIPSOID:
            return lambda lons, _lats: np.zeros_like(lons)
        if self.above == GEOID:
            return _geoid()[1]
        metres = float(self.above)
        return lambda lons, _lats: np.full_like(lons, metres)


class Elevation:
    """Heights above the ellipsoid on a map grid, read in windows; bilinear."""

    def __init__(self, source: Source, dataset: DatasetReader, grid: MapGrid, undulation: Undulation) -> None:
        if grid.crs is None:
            raise ValueError("the grid has no CRS")
        self._source, self._dataset, self._undulation = source, dataset, undulation
        fills = () if dataset.nodata is None else (float(dataset.nodata),)
        own = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
        lattice = Lattice(OnGrid(own, grid.crs), grid, MAX_STEP)
        self._view = PlacedRaster(StoredImage(dataset, fills), lattice, dtypes=["float32"], nodata=math.nan)
        to_degrees = pyproj.Transformer.from_crs(grid.crs.to_wkt(), "EPSG:4326", always_xy=True)

        def raised(xs: Numbers, ys: Numbers, height: float) -> tuple[Numbers, Numbers]:
            del height
            return undulation(*to_degrees.transform(xs, ys)), np.zeros_like(xs)

        self._raised = Lattice(raised, grid, MAX_STEP)
        self._latest: tuple[Window, Heights, Mask] | None = None

    def read(self, window: Window) -> tuple[Heights, Mask]:
        """Return metres above the ellipsoid (height, width), and where the model knows them."""
        if self._latest is None or self._latest[0] != window:
            with self._source.environment(), gdal_errors(self._source.printable, "Reading"):
                heights: Heights = self._view.read(1, window.to_rasterio())
            known: Mask = (heights > _LOWEST) & (heights < _HIGHEST)
            heights += self._raised.positions(window)[0].astype(np.float32)
            self._latest = window, heights, known
        return self._latest[1], self._latest[2]

    def coarser(self, grid: MapGrid) -> "Elevation":
        """Return the same model on a grid of larger pixels."""
        return Elevation(self._source, self._dataset, grid, self._undulation)

    def close(self) -> None:
        """Close the model."""
        self._dataset.close()


def _raised(to_ellipsoid: pyproj.Transformer, lons: Numbers, lats: Numbers) -> Numbers:
    return np.asarray(to_ellipsoid.transform(lons, lats, np.zeros_like(lons))[2])


def _geoid() -> tuple[str, Undulation]:
    """Return a geoid that PROJ has the grid of, by name, and its height above the ellipsoid at degrees."""
    missing: set[str] = set()
    for name, crs in _ABOVE_GEOID.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # PROJ says what it lacks, and so do we below
            group = TransformerGroup(crs, "EPSG:4979", always_xy=True)
        missing |= {grid.short_name for operation in group.unavailable_operations for grid in operation.grids}
        if group.transformers and group.best_available:
            return name, partial(_raised, group.transformers[0])
    raise UsageError(
        f"The heights are taken to count from the geoid, and PROJ has none of its grids ({', '.join(sorted(missing))}) "
        "here. Fetch one (`pyproj sync --file us_nga_egm96_15.tif`), or say --dem-heights ellipsoid, or the metres of "
        "the geoid above the ellipsoid there (--dem-heights 47.5).",
    )
