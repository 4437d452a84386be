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
from rasterio.crs import CRS
from rasterio.enums import MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform

from geosar import footprint
from geosar.errors import SceneContentError, UsageError
from geosar.grid import MapGrid, full_turn
from geosar.scene.evidence.border import Edge
from geosar.scene.placement.base import OnGrid, transformer
from geosar.scene.placement.lattice import MAX_STEP, Lattice
from geosar.scene.placement.placed import HeightModel, PlacedRaster, StoredImage, Table
from geosar.scene.placement.slopes import Flattening

UTM_LATITUDES = (-80.0, 84.0)
WARP_MEMORY_MEGABYTES = 64
LATTICE_STEP = 64
# In source pixels; none to speak of. At zero rasterio builds no transformer at all.
TRANSFORM_TOLERANCE = 1e-9
_EDGE_SAMPLES = 64
_BESIDE_POLE = 0.1
"""Degrees from a pole at which it is looked whether a CRS is whole there."""
_METRES_OF_DEGREE = 111_200.0
MOST_PIXELS = 16
"""A grid of so many times the image's area, or a part of it, does not hold it: the CRS is torn where the image lies."""


Points = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """How a raster comes to lie on a map grid, in words too.

    `error` is by how many metres a place is expected to be missed, root mean square; None where nothing tells. Where
    `heights` has none, the image lies as `beyond` has it, or is not shown. `flattening` is asked for, or None.
    """

    lattice: Lattice
    method: str
    words: str
    error: float | None
    heights: HeightModel | None = None
    points: Points = ()
    beyond: Lattice | None = None
    flattening: Flattening | None = None

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
        resolution = resolution or rounded(metres, 6)
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
    middle = mean_direction(lons[on_earth], lats[on_earth])
    if over_a_pole(grid, dst_crs):
        raise SceneContentError(torn(dst_crs, middle))
    left, bottom, right, top = grid.bounds
    if grid.crs is not None and grid.crs.is_geographic and (turn := full_turn(grid.crs)) is not None:
        back = round((left + right) / 2 / turn) * turn
        left, right = left - back, right - back
    transform, width, height = calculate_default_transform(
        grid.crs, dst_crs, grid.width, grid.height, left, bottom, right, top
    )
    warped = MapGrid(dst_crs, transform, width, height)
    if not _holds(warped, grid, metres) and dst_crs.is_geographic:
        xs, ys = onto(dst_crs, lons[on_earth], lats[on_earth], middle[0])
        warped = around(dst_crs, xs, ys, metres)
    if not _holds(warped, grid, metres):
        raise SceneContentError(torn(dst_crs, middle))
    return warped


def _holds(warped: MapGrid, grid: MapGrid, metres: float) -> bool:
    size = warped.pixel_size_metres()
    if size is None:
        return False
    share = size[0] * size[1] * warped.window.area / (metres**2 * grid.window.area)
    return 1 / MOST_PIXELS < share < MOST_PIXELS


def _outline(grid: MapGrid) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    cols, rows = edges(grid.width, grid.height)
    to_map = grid.transform
    return to_map.a * cols + to_map.b * rows + to_map.c, to_map.d * cols + to_map.e * rows + to_map.f


def _beyond(grid: MapGrid) -> bool:
    """Whether a grid goes on beyond the antimeridian, where PROJ gives back the coordinates of the other side."""
    turn = full_turn(grid.crs)
    return turn is not None and (grid.bounds[0] < -turn / 2 or grid.bounds[2] > turn / 2)


def over_a_pole(grid: MapGrid, dst_crs: CRS) -> bool:
    """Whether a pole lies in a grid, and around it another CRS is torn: degrees, and Mercator's metres."""
    ends = None if grid.crs is None else footprint.pole_inside(grid, pyproj.CRS.from_wkt(grid.crs.to_wkt()))
    if ends is None:
        return False
    lons, lats = np.array([0.0, 90.0, 180.0, 270.0]), np.full(4, ends - math.copysign(_BESIDE_POLE, ends))
    xs, ys = pyproj.Transformer.from_crs("EPSG:4326", dst_crs.to_wkt(), always_xy=True).transform(lons, lats)
    apart = 4 * _BESIDE_POLE * _METRES_OF_DEGREE
    return dst_crs.is_geographic or not max(np.ptp(xs), np.ptp(ys)) * float(dst_crs.linear_units_factor[1]) < apart


def resampled(
    dataset: DatasetReader, stored: MapGrid, grid: MapGrid, fills: Sequence[float]
) -> WarpedVRT | PlacedRaster:
    """Return a view of a dataset, which lies on the grid `stored`, on another grid.

    `fills` are the values that stand for no measurement, in the view the first of them for all; where there is none
    an alpha band tells.
    """
    nodata = fills[0] if fills else None
    if len(fills) > 1 or _beyond(stored) or _beyond(grid):  # GDAL's warper knows one fill
        lattice = Lattice(OnGrid(stored, grid.crs), grid, MAX_STEP)
        return PlacedRaster(StoredImage(dataset, fills), lattice, dtypes=dataset.dtypes, nodata=nodata)
    own = stored.pixel_size_metres()
    new = grid.pixel_size_metres()
    across, down = (own[0] / new[0], own[1] / new[1]) if own and new else (1.0, 1.0)
    coverage: dict[str, Any] = {"add_alpha": True} if nodata is None else {"nodata": nodata, "src_nodata": nodata}
    return WarpedVRT(
        dataset,
        src_crs=stored.crs,
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


def rectified(dataset: DatasetReader, placed: Placed, fills: Sequence[float], edge: Edge | None = None) -> PlacedRaster:
    """Return a view of a dataset, as far as its `edge`, on the grid where it is placed; `fills` as in `resampled`."""
    nodata = fills[0] if fills else None
    return PlacedRaster(
        StoredImage(dataset, fills, edge), placed.lattice, dtypes=dataset.dtypes, nodata=nodata,
        heights=placed.heights, beyond=placed.beyond,
    )  # fmt: skip


def rectified_table(table: npt.NDArray[np.float32], placed: Placed) -> PlacedRaster:
    """Put a table of values, one at every `LATTICE_STEP`-th pixel of an image, where the image is placed; 0 outside."""
    return PlacedRaster(
        Table(table), placed.lattice, dtypes=["float32"], nodata=0.0, spacing=LATTICE_STEP, heights=placed.heights,
        beyond=placed.beyond,
    )  # fmt: skip


def unplaced(grid: MapGrid) -> Placed:
    """Return the placement of an image on the grid that it has already."""
    return Placed(Lattice(OnGrid(grid, grid.crs), grid, MAX_STEP), "its own map grid", "", None)


def has_mask(dataset: DatasetReader) -> bool:
    """Whether a mask of its own or an alpha band says which pixels are real."""
    return any(MaskFlags.per_dataset in flags or MaskFlags.alpha in flags for flags in dataset.mask_flag_enums)


def mean_direction(lons: Any, lats: Any) -> tuple[float, float]:
    """Return the longitude and latitude in the middle of places."""
    # Longitudes cannot be averaged across the antimeridian; directions in space can.
    lon, lat = np.radians(lons), np.radians(lats)
    x, y, z = (np.cos(lat) * np.cos(lon)).mean(), (np.cos(lat) * np.sin(lon)).mean(), np.sin(lat).mean()
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def onto(crs: CRS, lons: Any, lats: Any, middle: float) -> tuple[Any, Any]:
    """Project longitudes and latitudes; longitudes of a geographic CRS go on beyond 180 degrees around `middle`."""
    xs, ys = transformer("EPSG:4326", crs.to_wkt()).transform(lons, lats)
    if crs.is_geographic and (turn := full_turn(crs)) is not None:
        xs = xs - np.round((xs - middle * turn / 360) / turn) * turn
    return xs, ys


def rounded(value: float, digits: int) -> float:
    """Round to significant digits."""
    return float(f"{value:.{digits}g}")


def edges(width: int, height: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return columns and rows around an image."""
    across, down = np.linspace(0, width, _EDGE_SAMPLES), np.linspace(0, height, _EDGE_SAMPLES)
    cols = np.concatenate([across, across, np.zeros_like(down), np.full_like(down, width)])
    rows = np.concatenate([np.zeros_like(across), np.full_like(across, height), down, down])
    return cols, rows


def around(crs: CRS, xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64], size: float) -> MapGrid:
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


def torn(crs: CRS, middle: tuple[float, float]) -> str:
    """Say that a CRS would tear a scene apart, and name one that does not."""
    return (
        f"The scene around {middle[0]:.2f}, {middle[1]:.2f} lies across the edge of {crs.to_string()}, which would "
        f"tear it apart; choose a CRS that holds it whole, such as {universal_crs(*middle).to_string()}."
    )
