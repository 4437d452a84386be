"""Heights of the ground from a digital elevation model, on the map grid of a scene, above the ellipsoid."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import PathLike

import numpy as np
import pyproj
import rasterio.warp
from pyproj.transformer import TransformerGroup
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from geosar.backscatter import Mask
from geosar.errors import SceneContentError, UsageError
from geosar.grid import MapGrid, Window
from geosar.scene import untrusted
from geosar.scene.placement.base import Numbers, OnGrid
from geosar.scene.placement.lattice import MAX_STEP, Heights, Lattice
from geosar.scene.placement.placed import PlacedRaster, StoredImage
from geosar.scene.source import Source, gdal_errors, resolve

GEOID, ELLIPSOID = "geoid", "ellipsoid"
# Longitude, latitude and height above the geoid, newest first: EGM2008 and EGM96.
_ABOVE_GEOID = {"EGM2008": "EPSG:9518", "EGM96": "EPSG:9707"}
_LOWEST, _HIGHEST = -12_000.0, 10_000.0

Undulation = Callable[[Numbers, Numbers], Numbers]


@dataclass(frozen=True, slots=True)
class ElevationModel:
    """A raster of heights in metres, and what they count from: `geoid`, `ellipsoid`, or metres to add."""

    source: Source
    above: str

    @classmethod
    def given(cls, source: str | PathLike[str], above: str | float) -> "ElevationModel":
        """Check what a caller gave; raises `UsageError`, and what finding the file raises."""
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
        found = resolve(source)
        if found.driver == "SAFE":
            raise UsageError(f"{found.printable} is a product of radar; expected a raster of heights.")
        return cls(found, text)

    @property
    def identity(self) -> str:
        """What changes when the heights do."""
        return f"{self.source.identity} {self.above}"

    @property
    def words(self) -> str:
        """How to name it in a note."""
        if self.above == ELLIPSOID:
            return f"{self.source.name}, heights above the ellipsoid"
        if self.above == GEOID:
            return f"{self.source.name}, heights above the geoid {_geoid()[0]}"
        return f"{self.source.name}, {self.above} m added to its heights"

    def on(self, grid: MapGrid) -> "Elevation":
        """Open it on a map grid; raises `SceneContentError` where it does not touch the grid."""
        with gdal_errors(self.source.printable, "Opening", self.source.files):
            dataset = untrusted.open_raster(self.source)
        try:
            _check(dataset, grid, self.source.printable)
            return Elevation(self.source, dataset, grid, self._undulation())
        except BaseException:
            dataset.close()
            raise

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


def _check(dataset: DatasetReader, grid: MapGrid, printable: str) -> None:
    if dataset.crs is None or grid.crs is None or dataset.dtypes[0].startswith("complex"):
        raise SceneContentError(f"{printable} has no CRS; expected an elevation model with a map grid.")
    try:
        left, bottom, right, top = rasterio.warp.transform_bounds(grid.crs, dataset.crs, *grid.bounds)
    except RasterioError as error:
        raise SceneContentError(f"{printable} has no place where the scene lies ({error}).") from error
    has = dataset.bounds
    beside = min(has.left, has.right) > right or max(has.left, has.right) < left
    if left <= right and (beside or min(has.bottom, has.top) > top or max(has.bottom, has.top) < bottom):
        raise SceneContentError(
            f"{printable} covers {has.left:.6g}, {has.bottom:.6g} to {has.right:.6g}, {has.top:.6g} and so no part of "
            f"the scene, which lies at {left:.6g}, {bottom:.6g} to {right:.6g}, {top:.6g} in its CRS; expected an "
            "elevation model that covers it.",
        )


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
