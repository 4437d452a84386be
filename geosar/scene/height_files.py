"""Which rasters an elevation model is made of: one, all of a folder, or those that a virtual mosaic (VRT) names.

The rasters of a folder or a mosaic are one model: each is opened as every raster is, alone, and those that a scene
needs are put together by their own georeference.
"""

import os
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

import rasterio.warp
from rasterio.coords import BoundingBox
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from geosar.errors import SceneContentError, SceneReadError, UsageError
from geosar.grid import MapGrid
from geosar.scene import untrusted
from geosar.scene.source import Source, gdal_errors, resolve

SUFFIXES = frozenset({".tif", ".tiff", ".img", ".jp2"})
UNKNOWN = -99_999.0
"""Stands in a mosaic where none of its rasters has a height."""
_VRT = b"<VRTDataset"


class NoCoverError(SceneContentError):
    """An elevation model has no height where the scene lies."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a raster lies: its CRS, bounds and the size of its pixels in units of the CRS."""

    crs: CRS
    bounds: BoundingBox
    across: float
    down: float
    nodata: float | None

    def meets(self, grid: MapGrid) -> bool:
        """Whether it lies where a grid does, in part at least; raises `SceneContentError` where that has no meaning."""
        if grid.crs is None:
            return False
        try:
            left, bottom, right, top = rasterio.warp.transform_bounds(grid.crs, self.crs, *grid.bounds)
        except RasterioError as error:
            raise SceneContentError(f"the elevation model has no place where the scene lies ({error}).") from error
        has = self.bounds
        beside = min(has.left, has.right) > right or max(has.left, has.right) < left
        outside = beside or min(has.bottom, has.top) > top or max(has.bottom, has.top) < bottom
        return left > right or not outside


def rasters(reference: str | os.PathLike[str]) -> tuple[Source, ...]:
    """Return the rasters of an elevation model; raises `UsageError`, and what finding a file raises."""
    path = Path(reference)
    if path.is_dir() and not (path / "manifest.safe").is_file():
        files = sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES and one.is_file())
        if not files:
            raise UsageError(f"{path} holds no raster of heights; expected {', '.join(sorted(SUFFIXES))} files.")
        return tuple(map(resolve, files))
    if path.is_file() and _begins_with(path, _VRT):
        return tuple(map(resolve, _named_in(path)))
    source = resolve(reference)
    if source.driver == "SAFE":
        raise UsageError(f"{source.printable} is a product of radar; expected a raster of heights.")
    return (source,)


def _begins_with(path: Path, text: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(200).lstrip().startswith(text)


def _named_in(path: Path) -> list[Path]:
    try:
        tree = ET.fromstring(path.read_bytes())  # noqa: S314 - the caller's own, and expat ends entities that expand
    except ET.ParseError as error:
        raise UsageError(f"{path} is a damaged mosaic ({error}); make it anew with `gdalbuildvrt`.") from error
    if tree.find(".//VRTRasterBand[@subClass]") is not None or tree.find(".//ScaleRatio") is not None:
        raise UsageError(f"{path} changes the values of its rasters; expected a plain mosaic, as `gdalbuildvrt` makes.")
    names = [(one.text or "", one.get("relativeToVRT") == "1") for one in tree.iter("SourceFilename")]
    paths = dict.fromkeys(path.parent / name if relative else Path(name) for name, relative in names)
    if not paths:
        raise UsageError(f"{path} names no raster; expected a mosaic, as `gdalbuildvrt` makes.")
    return list(paths)


@lru_cache(maxsize=65536)
def extent(source: Source) -> Extent:
    """Return where a raster lies; raises `SceneContentError` where it is none of heights on a map."""
    with gdal_errors(source.printable, "Opening", source.files), untrusted.open_raster(source) as dataset:
        if dataset.crs is None or dataset.dtypes[0].startswith("complex"):
            raise SceneContentError(f"{source.printable} has no CRS; expected an elevation model with a map grid.")
        nodata = None if dataset.nodata is None else float(dataset.nodata)
        a, b, _, d, e, _ = tuple(dataset.transform)[:6]
        return Extent(dataset.crs, dataset.bounds, abs(a) + abs(b), abs(d) + abs(e), nodata)


def opened(sources: Sequence[Source], grid: MapGrid) -> DatasetReader:
    """Open what a grid needs of a model's rasters, as one; raises `NoCoverError` where that is nothing."""
    meeting = [source for source in sources if extent(source).meets(grid)]
    if not meeting:
        first = extent(sources[0]).bounds
        covers = f"{first.left:.6g}, {first.bottom:.6g} to {first.right:.6g}, {first.top:.6g}"
        left, bottom, right, top = rasterio.warp.transform_bounds(grid.crs, extent(sources[0]).crs, *grid.bounds)
        raise NoCoverError(
            f"{sources[0].printable} {'' if len(sources) == 1 else f'and {len(sources) - 1} others cover no part; it '}"
            f"covers {covers} and so no part of the scene, which lies at {left:.6g}, {bottom:.6g} to {right:.6g}, "
            f"{top:.6g} in its CRS; expected an elevation model that covers it.",
        )
    if len(meeting) == 1:
        return untrusted.open_raster(meeting[0])
    return untrusted.open_together(meeting, _mosaic(meeting))


def _mosaic(sources: Sequence[Source]) -> str:
    """Write a virtual raster of rasters that lie in one CRS, on pixels of the size of their smallest."""
    extents = [extent(source) for source in sources]
    crs = extents[0].crs
    if other := next((one for one in extents if one.crs != crs), None):
        raise SceneReadError(
            f"The elevation model has rasters in {crs.to_string()} and in {other.crs.to_string()} where the scene lies;"
            " expected one CRS. Bring them to one with `gdalwarp`.",
        )
    across, down = min(one.across for one in extents), min(one.down for one in extents)
    left, top = min(one.bounds.left for one in extents), max(one.bounds.top for one in extents)
    width = round((max(one.bounds.right for one in extents) - left) / across)
    height = round((top - min(one.bounds.bottom for one in extents)) / down)
    parts = [
        _part(source, one, left=left, top=top, across=across, down=down)
        for source, one in zip(sources, extents, strict=True)
    ]
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{escape(crs.to_wkt())}</SRS>'
        f"<GeoTransform>{left!r},{across!r},0,{top!r},0,{-down!r}</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1"><NoDataValue>{UNKNOWN}</NoDataValue>{"".join(parts)}'
        "</VRTRasterBand></VRTDataset>"
    )


def _part(source: Source, one: Extent, *, left: float, top: float, across: float, down: float) -> str:
    bounds = one.bounds
    x, y = (bounds.left - left) / across, (top - bounds.top) / down
    width, height = (bounds.right - bounds.left) / across, (bounds.top - bounds.bottom) / down
    size = f'xSize="{width!r}" ySize="{height!r}"'
    own = f'xSize="{width * across / one.across!r}" ySize="{height * down / one.down!r}"'
    nodata = "" if one.nodata is None else f"<NODATA>{one.nodata!r}</NODATA>"
    return (
        f'<ComplexSource resampling="bilinear"><SourceFilename>{escape(source.gdal_name)}</SourceFilename>'
        f'<SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" {own}/><DstRect xOff="{x!r}" yOff="{y!r}" {size}/>'
        f"{nodata}</ComplexSource>"
    )
