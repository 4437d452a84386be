"""Putting a raster on another map grid while it is read: control points, another CRS, another resolution.

Nothing is resampled ahead: the windows that are asked for are computed, through a placement (`geosar.scene.placed`)
for rasters without a map grid, by GDAL's warped virtual dataset for the others.

Resampling is bilinear, as in the terrain-corrected products that models learn from (SNAP's default); nearest
would keep the speckle's statistics but displace every pixel by up to half its size. Every pixel is
transformed exactly and with a kernel of one size, so that its value does not depend on the window that it is
read in.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform

from geosar.errors import SceneContentError, UsageError
from geosar.grid import MapGrid
from geosar.scene.lattice import MAX_STEP, Lattice
from geosar.scene.orbit import RangeDoppler
from geosar.scene.placed import HeightModel, PlacedRaster, StoredImage, Table
from geosar.scene.placement import ControlPoints, InDegrees, OnGrid

UTM_LATITUDES = (-80.0, 84.0)
WARP_MEMORY_MEGABYTES = 64
LATTICE_STEP = 64
# In source pixels; none to speak of. At zero rasterio builds no transformer at all.
TRANSFORM_TOLERANCE = 1e-9
_EDGE_SAMPLES = 64
_STEPS_BETWEEN_POINTS = 16
"""Nodes of the lattice between two control points: where the spline bends most, it is met within 0.02 pixels."""
_SMOOTH_METRES = 1000.0
"""Between places so far apart, at one height, the geometry of orbit and Earth bends by a thousandth of a pixel."""
_MOST_PIXELS = 16
"""A grid of so many times the image's area, or a part of it, does not hold it: the CRS is torn where the image lies."""


Points = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """How a raster comes to lie on a map grid, in words too.

    `error` is by how many metres a place is expected to be missed, root mean square; None where nothing tells.
    """

    lattice: Lattice
    method: str
    words: str
    error: float | None
    heights: HeightModel | None = None
    points: Points = ()

    @property
    def grid(self) -> MapGrid:
        """The map grid."""
        return self.lattice.grid


def universal_crs(longitude: float, latitude: float) -> CRS:
    """Return the UTM zone of a place; beyond 84 N and 80 S the polar stereographic CRS of UPS."""
    if latitude > UTM_LATITUDES[1]:
        return CRS.from_epsg(32661)
    if latitude < UTM_LATITUDES[0]:
        return CRS.from_epsg(32761)
    zone = math.floor((longitude + 180) % 360 / 6) + 1
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def by_control_points(dataset: DatasetReader, dst_crs: CRS | None, resolution: float | None) -> Placed:
    """Place a dataset by its ground control points, on a grid of square pixels of `resolution` metres.

    The points are projected before surfaces are fitted to them: near a pole, and across the antimeridian, longitude
    and latitude are no smooth functions of the pixel; eastings and northings are. By default the CRS is the UTM zone,
    and the resolution that of the image. Raises `SceneContentError` and `UsageError`.
    """
    points, points_crs = dataset.gcps
    if points_crs is None:
        raise SceneContentError("The control points have no CRS; expected one. Assign it with gdal_edit.")
    if not points:
        raise SceneContentError("There are 0 ground control points; expected three or more.")
    given = [p.x for p in points], [p.y for p in points]
    lons, lats = pyproj.Transformer.from_crs(points_crs.to_wkt(), "EPSG:4326", always_xy=True).transform(*given)
    if not (np.isfinite(lons).all() and np.isfinite(lats).all()):
        raise SceneContentError(
            f"The control points, as {given[0][0]:g}, {given[1][0]:g}, have no place on the Earth in their CRS "
            f"{points_crs.to_string()}; expected places in it. Assign them anew with gdal_edit.",
        )
    middle = _mean_direction(lons, lats)
    crs = dst_crs or universal_crs(*middle)
    lonlats = np.asarray(lons), np.asarray(lats)
    through = _through(points, *_onto(crs, *lonlats, middle[0]), crs)
    width, height = dataset.width, dataset.height
    own = universal_crs(*middle)  # which never tears a scene apart
    true = through if dst_crs is None else _through(points, *_onto(own, *lonlats, middle[0]), own)
    pixel = _pixel_size(true, own, width, height)
    size = resolution or _round(math.sqrt(pixel[0] * pixel[1]), 3)
    grid = _covering_grid(through, crs, width, height, size)
    if grid.window.area * (size * size) > _MOST_PIXELS * width * height * (pixel[0] * pixel[1]):
        raise SceneContentError(_torn(crs, middle))
    spacing = math.sqrt(pixel[0] * pixel[1] * width * height / len(points)) / size
    lowest, highest = through.heights
    words = f"Placed by its {len(points)} ground control points (thin-plate spline) on {crs} at {size:g} m, bilinear; "
    if highest == lowest:
        error = None
        words += "the points tell of no heights, so relief is not corrected, and how far it displaces is not known."
    else:
        error = math.hypot(through.missed[0] * pixel[0], through.missed[1] * pixel[1])
        words += (
            f"relief (control points from {lowest:.0f} to {highest:.0f} m) is not corrected between them: expect to "
            f"be off by {_round(error, 2):g} m (root mean square)."
        )
    step = 2 ** math.floor(math.log2(max(1.0, min(MAX_STEP, spacing / _STEPS_BETWEEN_POINTS))))
    return Placed(Lattice(through, grid, step), "control points", words, error, None, points_of(dataset))


def points_of(dataset: DatasetReader) -> Points:
    """Return a dataset's size and its control points as plain numbers."""
    return (
        (dataset.width, dataset.height),
        *((p.col, p.row, p.x, p.y, p.z or 0.0) for p in dataset.gcps[0]),
    )


def by_terrain(placed: Placed, geometry: RangeDoppler, heights: HeightModel, model: str) -> Placed:
    """Place an image by the radar's geometry and the ground's heights, on the grid that its control points fill."""
    grid = placed.grid
    size = grid.pixel_size_metres()
    step = MAX_STEP if size is None else max(1, min(MAX_STEP, int(_SMOOTH_METRES / max(size))))
    words = (
        f"Terrain-corrected on {grid.crs}, bilinear: range-Doppler geometry of the product's orbit over {model}; where "
        "the model has no height nothing is shown. Brightness is not corrected for slopes; what lies in radar shadow "
        "or layover is not marked."
    )
    return Placed(
        Lattice(InDegrees(geometry, grid.crs), grid, step), "terrain correction", words, None, heights, placed.points
    )


def resampled_grid(grid: MapGrid, dst_crs: CRS | None, resolution: float | None) -> MapGrid:
    """Return the grid on which a georeferenced raster lies after a change of CRS or ground sampling distance.

    `resolution` is in metres on the ground. Within one CRS the origin and the rotation stay.
    """
    size, own = grid.pixel_size_metres(), grid.crs
    if own is None:
        raise SceneContentError(
            "The scene has no CRS or no place in it, so neither another CRS nor a resolution in metres can be had; "
            "leave out --dst-crs and --resample-to-model, or give the raster its georeference.",
        )
    if size is None:
        raise SceneContentError(
            "The scene's CRS is not tied to the Earth, so neither another CRS nor a resolution in metres can be had; "
            "leave out --dst-crs and --resample-to-model, or state a CRS such as EPSG:32643.",
        )
    if dst_crs is not None and dst_crs != grid.crs:
        metres = math.sqrt(size[0] * size[1])
        grid = _warped_grid(grid, dst_crs, metres)
        resolution = resolution or _round(metres, 6)
        size = grid.pixel_size_metres() or size
    if resolution is None:
        return grid
    if not all(math.isfinite(one) and one > 0 for one in (*size, resolution)):
        raise UsageError(
            f"The pixels have no size on the ground in {own.to_string()}; expected one of maps or degrees."
        )
    across, down = resolution / size[0], resolution / size[1]
    width, height = (max(math.ceil(n / by - 1e-6), 1) for n, by in ((grid.width, across), (grid.height, down)))
    return MapGrid(grid.crs, grid.transform @ Affine.scale(across, down), width, height)


def _warped_grid(grid: MapGrid, dst_crs: CRS, metres: float) -> MapGrid:
    """Return the grid that a georeferenced one, with pixels of so many `metres`, fills in another CRS.

    Longitudes of a geographic CRS go on beyond 180 degrees there. Raises `SceneContentError` where it is torn apart.
    """
    lons, lats = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(*_outline(grid))
    on_earth = np.isfinite(lons) & np.isfinite(lats)
    if not on_earth.any():
        raise SceneContentError(f"The scene has no place on the Earth, so none in {dst_crs.to_string()}.")
    middle = _mean_direction(lons[on_earth], lats[on_earth])
    left, bottom, right, top = grid.bounds
    if grid.crs is not None and (turn := _turn(grid.crs)) is not None:
        back = round((left + right) / 2 / turn) * turn
        left, right = left - back, right - back
    transform, width, height = calculate_default_transform(
        grid.crs, dst_crs, grid.width, grid.height, left, bottom, right, top
    )
    found = MapGrid(dst_crs, transform, width, height)
    if not _holds(found, grid, metres) and dst_crs.is_geographic:
        xs, ys = _onto(dst_crs, lons[on_earth], lats[on_earth], middle[0])
        found = _around(dst_crs, xs, ys, metres)
    if not _holds(found, grid, metres):
        raise SceneContentError(_torn(dst_crs, middle))
    return found


def _holds(found: MapGrid, grid: MapGrid, metres: float) -> bool:
    size = found.pixel_size_metres()
    if size is None:
        return False
    share = size[0] * size[1] * found.window.area / (metres**2 * grid.window.area)
    return 1 / _MOST_PIXELS < share < _MOST_PIXELS


def _outline(grid: MapGrid) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    cols, rows = _edges(grid.width, grid.height)
    to_map = grid.transform
    return to_map.a * cols + to_map.b * rows + to_map.c, to_map.d * cols + to_map.e * rows + to_map.f


def _turn(crs: CRS) -> float | None:
    """Return a turn around the Earth in the units of a geographic CRS; None for others."""
    return 360 / math.degrees(float(crs.units_factor[1])) if crs.is_geographic else None


def _beyond(grid: MapGrid) -> bool:
    """Whether a grid counts longitudes beyond 180 degrees, which PROJ gives back as others."""
    turn = None if grid.crs is None else _turn(grid.crs)
    return turn is not None and (grid.bounds[0] < -turn / 2 or grid.bounds[2] > turn / 2)


def resampled(dataset: DatasetReader, grid: MapGrid, nodata: float | None) -> WarpedVRT | PlacedRaster:
    """Return a view of a georeferenced dataset on another grid.

    `nodata` is the value that stands for no measurement; where there is none an alpha band tells.
    """
    stored = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
    if _beyond(stored) or _beyond(grid):
        lattice = Lattice(OnGrid(stored, grid.crs), grid, MAX_STEP)
        return PlacedRaster(StoredImage(dataset, nodata), lattice, dtypes=dataset.dtypes, nodata=nodata)
    own = stored.pixel_size_metres()
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


def rectified(dataset: DatasetReader, placed: Placed, nodata: float | None) -> PlacedRaster:
    """Return a view of a dataset on the grid where it is placed; `nodata` as in `resampled`."""
    return PlacedRaster(
        StoredImage(dataset, nodata), placed.lattice, dtypes=dataset.dtypes, nodata=nodata, heights=placed.heights
    )


def rectified_table(table: npt.NDArray[np.float32], placed: Placed) -> PlacedRaster:
    """Put a table of values, one at every `LATTICE_STEP`-th pixel of an image, where the image is placed; 0 outside."""
    return PlacedRaster(
        Table(table), placed.lattice, dtypes=["float32"], nodata=0.0, spacing=LATTICE_STEP, heights=placed.heights
    )


def unplaced(grid: MapGrid) -> Placed:
    """Return the placement of an image on the grid that it has already."""
    return Placed(Lattice(OnGrid(grid, grid.crs), grid, MAX_STEP), "its own map grid", "", None)


def has_mask(dataset: DatasetReader) -> bool:
    """Whether a mask of its own or an alpha band says which pixels are real."""
    return any(MaskFlags.per_dataset in flags or MaskFlags.alpha in flags for flags in dataset.mask_flag_enums)


def _through(points: Sequence[GroundControlPoint], xs: Any, ys: Any, crs: CRS) -> ControlPoints:
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise SceneContentError(
            f"The scene near {points[0].x:.3f}, {points[0].y:.3f} has no place in {crs.to_string()}."
        )
    return ControlPoints(
        [GroundControlPoint(row=p.row, col=p.col, x=x, y=y, z=p.z) for p, x, y in zip(points, xs, ys, strict=True)]
    )


def _mean_direction(lons: Sequence[float], lats: Sequence[float]) -> tuple[float, float]:
    # Longitudes cannot be averaged across the antimeridian; directions in space can.
    lon, lat = np.radians(lons), np.radians(lats)
    x, y, z = (np.cos(lat) * np.cos(lon)).mean(), (np.cos(lat) * np.sin(lon)).mean(), np.sin(lat).mean()
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def _onto(crs: CRS, lons: Any, lats: Any, middle: float) -> tuple[Any, Any]:
    """Project longitudes and latitudes; longitudes of a geographic CRS go on beyond 180 degrees around `middle`."""
    xs, ys = pyproj.Transformer.from_crs("EPSG:4326", crs.to_wkt(), always_xy=True).transform(lons, lats)
    if (turn := _turn(crs)) is not None:
        xs = xs - np.round((xs - middle * turn / 360) / turn) * turn
    return xs, ys


def _pixel_size(points: ControlPoints, crs: CRS, width: int, height: int) -> tuple[float, float]:
    """Return the median width and height of a pixel on the ground, in metres, relief left out."""
    rows, cols = (np.indices((5, 5)).reshape(2, -1) + 0.5) / 5 * np.array([[height], [width]])
    geod = pyproj.Geod(ellps="WGS84")
    to_degrees = pyproj.Transformer.from_crs(crs.to_wkt(), "EPSG:4326", always_xy=True)
    sizes = []
    for along, across in ((0.5, 0.0), (0.0, 0.5)):
        ends = [
            to_degrees.transform(*points.on_map(cols + side * along, rows + side * across, smooth=True))
            for side in (-1, 1)
        ]
        sizes.append(float(np.median(geod.inv(*ends[0], *ends[1])[2])))
    if not all(math.isfinite(one) and one > 0 for one in sizes):
        raise SceneContentError(
            "The ground control points give no size of the pixels: they contradict each other; expected points that "
            "rise with the columns and rows of the image.",
        )
    return sizes[0], sizes[1]


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _covering_grid(points: ControlPoints, crs: CRS, width: int, height: int, size: float) -> MapGrid:
    """Return a grid of pixels of `size` metres around the outline of a raster."""
    return _around(crs, *points.on_map(*_edges(width, height)), size)


def _edges(width: int, height: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    across, down = np.linspace(0, width, _EDGE_SAMPLES), np.linspace(0, height, _EDGE_SAMPLES)
    cols = np.concatenate([across, across, np.zeros_like(down), np.full_like(down, width)])
    rows = np.concatenate([np.zeros_like(across), np.full_like(across, height), down, down])
    return cols, rows


def _around(crs: CRS, xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64], size: float) -> MapGrid:
    """Return a grid of pixels of `size` metres around places, its lines on multiples of them."""
    x_unit, y_unit = _units(crs, float(xs.mean()), float(ys.mean()), size)
    left, bottom = math.floor(xs.min() / x_unit), math.floor(ys.min() / y_unit)
    right, top = math.ceil(xs.max() / x_unit), math.ceil(ys.max() / y_unit)
    return MapGrid(crs, Affine(x_unit, 0, left * x_unit, 0, -y_unit, top * y_unit), right - left, top - bottom)


def _units(crs: CRS, x: float, y: float, size: float) -> tuple[float, float]:
    """Return a size in metres in the units of a CRS: of a projected one its own, of degrees those on the ground."""
    if crs.is_projected:
        unit = size / float(crs.linear_units_factor[1])
        return unit, unit
    around = MapGrid(crs, Affine(1e-4, 0, x, 0, -1e-4, y), 1, 1).pixel_size_metres()
    if around is None:
        raise UsageError(f"{crs.to_string()} is not tied to the Earth; give a CRS such as EPSG:32643.")
    return size / around[0] * 1e-4, size / around[1] * 1e-4


def _torn(crs: CRS, middle: tuple[float, float]) -> str:
    return (
        f"The scene around {middle[0]:.2f}, {middle[1]:.2f} lies across the edge of {crs.to_string()}, which would "
        f"tear it apart; choose a CRS that holds it whole, such as {universal_crs(*middle).to_string()}."
    )
