"""Putting a raster on another map grid while it is read: control points, another CRS, another resolution.

Nothing is resampled ahead: GDAL's warped virtual dataset computes the windows that are asked for.

Resampling is bilinear, as in the terrain-corrected products that models learn from (SNAP's default); nearest
would keep the speckle's statistics but displace every pixel by up to half its size. Every pixel is
transformed exactly and with a kernel of one size, so that its value does not depend on the window that it is
read in.
"""

import itertools
import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import GCPTransformer
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform

from geosar.errors import SceneContentError, UsageError
from geosar.grid import MapGrid

UTM_LATITUDES = (-80.0, 84.0)
WARP_MEMORY_MEGABYTES = 64
# Pixels a side. GDAL's own 512 x 128 would warp sixteen times what a statistics window needs.
WARP_BLOCK = 128
LATTICE_STEP = 64
# In source pixels; none to speak of. At zero rasterio builds no transformer at all.
TRANSFORM_TOLERANCE = 1e-9

# Terms of a polynomial in two variables: what GDAL needs to fit each order.
_POINTS_FOR_ORDER = ((3, 10), (2, 6), (1, 3))
_EDGE_SAMPLES = 64
_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}


def universal_crs(longitude: float, latitude: float) -> CRS:
    """Return the UTM zone of a place; beyond 84 N and 80 S the polar stereographic CRS of UPS."""
    if latitude > UTM_LATITUDES[1]:
        return CRS.from_epsg(32661)
    if latitude < UTM_LATITUDES[0]:
        return CRS.from_epsg(32761)
    zone = math.floor((longitude + 180) % 360 / 6) + 1
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def place_control_points(
    dataset: DatasetReader,
    dst_crs: CRS | None,
    resolution: float | None,
) -> tuple[list[GroundControlPoint], MapGrid, float]:
    """Express a dataset's ground control points in a map CRS, and choose the grid that it fills there.

    The points are projected before a polynomial is fitted to them: near a pole, and across the antimeridian,
    longitude and latitude are no smooth functions of the pixel; eastings and northings are.

    Returns the points, the grid with square pixels of `resolution` metres (default: the pixel size of the
    source), and that size.
    """
    points, points_crs = dataset.gcps
    if points_crs is None:
        raise SceneContentError("The control points have no CRS; expected one. Assign it with gdal_edit.")
    if len(points) < _POINTS_FOR_ORDER[-1][1]:
        raise SceneContentError(f"There are {len(points)} ground control points; expected three or more.")
    given = [p.x for p in points], [p.y for p in points]
    lons, lats = pyproj.Transformer.from_crs(points_crs.to_wkt(), "EPSG:4326", always_xy=True).transform(*given)
    crs = dst_crs or universal_crs(*_mean_direction(lons, lats))
    xs, ys = pyproj.Transformer.from_crs(points_crs.to_wkt(), crs.to_wkt(), always_xy=True).transform(*given)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise UsageError(f"The scene near {lons[0]:.3f}, {lats[0]:.3f} has no place in {crs.to_string()}.")
    placed = [GroundControlPoint(row=p.row, col=p.col, x=x, y=y) for p, x, y in zip(points, xs, ys, strict=True)]
    geod = pyproj.Geod(ellps="WGS84")
    pixel = _pixel_size(points, lambda i, j: float(geod.inv(lons[i], lats[i], lons[j], lats[j])[2]))
    size = resolution or _round(math.sqrt(pixel[0] * pixel[1]), 3)
    return placed, _covering_grid(placed, crs, dataset.width, dataset.height, size), size


def resampled_grid(grid: MapGrid, dst_crs: CRS | None, resolution: float | None) -> MapGrid:
    """Return the grid on which a georeferenced raster lies after a change of CRS or ground sampling distance.

    `resolution` is in metres on the ground. Within one CRS the origin and the rotation stay.
    """
    size = grid.pixel_size_metres()
    if grid.crs is None or size is None:
        raise UsageError("The scene has no CRS, so neither another CRS nor a resolution in metres can be asked for.")
    if dst_crs is not None and dst_crs != grid.crs:
        transform, width, height = calculate_default_transform(
            grid.crs,
            dst_crs,
            grid.width,
            grid.height,
            *grid.bounds,
        )
        grid = MapGrid(dst_crs, transform, width, height)
        wanted = resolution or _round(math.sqrt(size[0] * size[1]), 6)
        size = grid.pixel_size_metres()
        if size is None:
            raise UsageError(f"The scene has no place in {dst_crs.to_string()}.")
        resolution = wanted
    if resolution is None:
        return grid
    across, down = resolution / size[0], resolution / size[1]
    width, height = (max(math.ceil(n / by - 1e-6), 1) for n, by in ((grid.width, across), (grid.height, down)))
    return MapGrid(grid.crs, grid.transform @ Affine.scale(across, down), width, height)


def resampled(dataset: DatasetReader, grid: MapGrid, nodata: float | None) -> WarpedVRT:
    """Return a view of a georeferenced dataset on another grid.

    `nodata` is the value that stands for no measurement; where there is none an alpha band tells.
    """
    own = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height).pixel_size_metres()
    new = grid.pixel_size_metres()
    across, down = (own[0] / new[0], own[1] / new[1]) if own and new else (1.0, 1.0)
    coverage: dict[str, Any] = {"add_alpha": True} if nodata is None else {"nodata": nodata, "src_nodata": nodata}
    return WarpedVRT(
        dataset,
        crs=grid.crs,
        transform=grid.transform,
        width=grid.width,
        height=grid.height,
        resampling=Resampling.bilinear,
        tolerance=TRANSFORM_TOLERANCE,
        warp_mem_limit=WARP_MEMORY_MEGABYTES,
        # Destination pixels per source pixel. GDAL would estimate them anew for every chunk.
        XSCALE=min(across, 1.0),
        YSCALE=min(down, 1.0),
        **coverage,
    )


def rectified(
    dataset: DatasetReader,
    gdal_name: str,
    points: Sequence[GroundControlPoint],
    grid: MapGrid,
    nodata: float | None,
) -> DatasetReader:
    """Return a view of a dataset on a map grid, by a polynomial through control points in the grid's CRS.

    The view is a warped VRT that is written here, in memory: rasterio's own cannot combine control points
    with a grid of the caller's choice. `nodata` as in `resampled`.
    """
    width, height = _pixel_size(points, lambda i, j: math.dist(_place(points[i]), _place(points[j])))
    unit = math.hypot(grid.transform.a, grid.transform.d)
    kinds = [_GDAL_TYPES[dtype] for dtype in dataset.dtypes]
    view = ET.Element(
        "VRTDataset",
        rasterXSize=str(grid.width),
        rasterYSize=str(grid.height),
        subClass="VRTWarpedDataset",
    )
    _add(view, "SRS", "" if grid.crs is None else grid.crs.to_wkt())
    _add(view, "GeoTransform", _numbers(grid.transform.to_gdal()))
    for number, kind in enumerate(kinds, start=1):
        band = ET.SubElement(
            view,
            "VRTRasterBand",
            dataType=kind,
            band=str(number),
            subClass="VRTWarpedRasterBand",
        )
        if nodata is not None:
            _add(band, "NoDataValue", repr(nodata))
    for axis in ("BlockXSize", "BlockYSize"):
        _add(view, axis, str(WARP_BLOCK))
    options = ET.SubElement(view, "GDALWarpOptions")
    _add(options, "WarpMemoryLimit", str(WARP_MEMORY_MEGABYTES * 2**20))
    _add(options, "ResampleAlg", "Bilinear")
    _add(options, "WorkingDataType", kinds[0])
    for name, value in {
        "UNIFIED_SRC_NODATA": "NO",
        "INIT_DEST": "0" if nodata is None else "NO_DATA",
        "ERROR_OUT_IF_EMPTY_SOURCE_WINDOW": "FALSE",
        "XSCALE": repr(min(width / unit, 1.0)),
        "YSCALE": repr(min(height / unit, 1.0)),
    }.items():
        _add(options, "Option", value).set("name", name)
    _add(options, "SourceDataset", gdal_name).set("relativeToVRT", "0")
    _add_transformer(options, points, grid)
    bands = ET.SubElement(options, "BandList")
    for number in range(1, len(kinds) + 1):
        mapping = ET.SubElement(bands, "BandMapping", src=str(number), dst=str(number))
        for name in ("SrcNoDataReal", "DstNoDataReal") if nodata is not None else ():
            _add(mapping, name, repr(nodata))
    if nodata is None:
        alpha = str(len(kinds) + 1)
        band = ET.SubElement(
            view,
            "VRTRasterBand",
            dataType=kinds[0],
            band=alpha,
            subClass="VRTWarpedRasterBand",
        )
        _add(band, "ColorInterp", "Alpha")
        _add(options, "DstAlphaBand", alpha)
    return rasterio.open(ET.tostring(view, encoding="unicode"), driver="VRT")


def rectified_lattice(
    table: npt.NDArray[np.float32],
    dataset: DatasetReader,
    grid: MapGrid,
) -> tuple[DatasetReader, MemoryFile]:
    """Put a table of values, one at every `LATTICE_STEP`-th pixel of a dataset, on the dataset's map grid.

    Returns the view and the file in memory that it stands on, both to be closed. The view is 0 outside.
    """
    points = place_control_points(dataset, grid.crs, None)[0]
    # Table entry k is the centre of pixel k * step; GDAL counts pixels and entries from their outer corners.
    on_table = [
        GroundControlPoint(
            row=(p.row - 0.5) / LATTICE_STEP + 0.5,
            col=(p.col - 0.5) / LATTICE_STEP + 0.5,
            x=p.x,
            y=p.y,
        )
        for p in points
    ]
    height, width = table.shape
    file = MemoryFile(ext="tif")
    with file.open(driver="GTiff", count=1, height=height, width=width, dtype="float32") as target:
        target.write(table, 1)
    with file.open() as stored:
        return rectified(stored, file.name, on_table, grid, 0.0), file


def has_mask(dataset: DatasetReader) -> bool:
    """Whether a mask of its own or an alpha band says which pixels are real."""
    return any(MaskFlags.per_dataset in flags or MaskFlags.alpha in flags for flags in dataset.mask_flag_enums)


def _order(count: int) -> int:
    return next(order for order, needed in _POINTS_FOR_ORDER if count >= needed)


def _mean_direction(lons: Sequence[float], lats: Sequence[float]) -> tuple[float, float]:
    # Longitudes cannot be averaged across the antimeridian; directions in space can.
    lon, lat = np.radians(lons), np.radians(lats)
    x, y, z = (np.cos(lat) * np.cos(lon)).mean(), (np.cos(lat) * np.sin(lon)).mean(), np.sin(lat).mean()
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def _pixel_size(
    points: Sequence[GroundControlPoint],
    distance: Callable[[int, int], float],
) -> tuple[float, float]:
    """Return the median width and height of a pixel, from the distances of neighbouring control points."""
    spacings: dict[str, list[float]] = {"col": [], "row": []}
    for along, across in (("col", "row"), ("row", "col")):
        order = sorted(range(len(points)), key=lambda i: (getattr(points[i], across), getattr(points[i], along)))
        for i, j in itertools.pairwise(order):
            step = getattr(points[j], along) - getattr(points[i], along)
            if getattr(points[i], across) == getattr(points[j], across) and step > 0:
                spacings[along].append(distance(i, j) / step)
    if not spacings["col"] or not spacings["row"]:
        raise SceneContentError(
            "The ground control points form no grid of columns and rows, so the pixel size is unknown; "
            "expected the regular grid of a GRD product.",
        )
    return float(np.median(spacings["col"])), float(np.median(spacings["row"]))


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _covering_grid(
    points: Sequence[GroundControlPoint],
    crs: CRS,
    width: int,
    height: int,
    size: float,
) -> MapGrid:
    """Return a grid of square pixels around the outline of a raster, its lines on multiples of the size.

    The control points reach to the outline of the raster (or just inside it), so the outline is computed with
    their polynomial.
    """
    across, down = np.linspace(0, width, _EDGE_SAMPLES), np.linspace(0, height, _EDGE_SAMPLES)
    cols = np.concatenate([across, across, np.zeros_like(down), np.full_like(down, width)])
    rows = np.concatenate([np.zeros_like(across), np.full_like(across, height), down, down])
    with GCPTransformer(list(points)) as transformer:
        xs, ys = transformer.xy(rows, cols, offset="ul")
    unit = size / _metres_per_unit(crs)
    left, bottom = (math.floor(min(values) / unit) for values in (xs, ys))
    right, top = (math.ceil(max(values) / unit) for values in (xs, ys))
    transform = Affine(unit, 0, left * unit, 0, -unit, top * unit)
    return MapGrid(crs, transform, right - left, top - bottom)


def _metres_per_unit(crs: CRS) -> float:
    if not crs.is_projected:
        raise UsageError(f"{crs.to_string()} is not a projected CRS; scenes with control points need one in metres.")
    return float(crs.linear_units_factor[1])


def _place(point: GroundControlPoint) -> tuple[float, float]:
    return point.x, point.y


def _add_transformer(options: ET.Element, points: Sequence[GroundControlPoint], grid: MapGrid) -> None:
    outer = ET.SubElement(ET.SubElement(options, "Transformer"), "GenImgProjTransformer")
    fitted = ET.SubElement(ET.SubElement(outer, "SrcGCPTransformer"), "GCPTransformer")
    _add(fitted, "Order", str(_order(len(points))))
    _add(fitted, "Reversed", "0")
    listed = ET.SubElement(fitted, "GCPList")
    for number, point in enumerate(points, start=1):
        ET.SubElement(
            listed,
            "GCP",
            Id=str(number),
            Pixel=repr(float(point.col)),
            Line=repr(float(point.row)),
            X=repr(float(point.x)),
            Y=repr(float(point.y)),
        )
    _add(outer, "DstGeoTransform", _numbers(grid.transform.to_gdal()))
    _add(outer, "DstInvGeoTransform", _numbers((~grid.transform).to_gdal()))


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = text
    return element


def _numbers(values: Sequence[float]) -> str:
    return ",".join(repr(float(value)) for value in values)
