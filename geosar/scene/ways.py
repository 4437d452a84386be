"""The ways to place an image that has no map grid: control points, rational polynomials, heights and an orbit."""

import math
from dataclasses import replace

import numpy as np
import pyproj
from affine import Affine
from rasterio.crs import CRS
from rasterio.io import DatasetReader

from geosar.errors import SceneContentError
from geosar.grid import MapGrid
from geosar.scene.elevation import ElevationModel
from geosar.scene.fit import check_fit
from geosar.scene.placement.base import AtHeight, InDegrees, Numbers, transformer
from geosar.scene.placement.lattice import MAX_STEP, Lattice
from geosar.scene.placement.orbit import RangeDoppler
from geosar.scene.placement.placed import HeightModel
from geosar.scene.placement.points import ControlPoints, table_of
from geosar.scene.placement.polynomials import RationalPolynomials
from geosar.scene.placement.slopes import Flattening
from geosar.scene.warp import (
    MOST_PIXELS,
    Placed,
    Points,
    around,
    edges,
    mean_direction,
    onto,
    over_a_pole,
    rounded,
    torn,
    universal_crs,
)

_STEPS_BETWEEN_POINTS = 16
"""Nodes of the lattice between two control points: where the spline bends most, it is met within 0.02 pixels."""
_POLAR = 75.0
"""Degrees of latitude from which on a swath may hold a pole."""
_SMOOTH_METRES = 1000.0
"""Between places so far apart, at one height, the geometry of orbit and Earth bends by a thousandth of a pixel."""
_FLATTENED = (
    "Brightness is gamma0 of each slope, flattened by terrain; slopes that lie in layover or radar shadow by "
    "themselves are masked, what other ground lies over or shades is not."
)
_NOT_FLATTENED = (
    "Brightness is not corrected for slopes (--radiometric does); what lies in radar shadow or layover is not marked."
)


def by_control_points(
    dataset: DatasetReader, dst_crs: CRS | None, resolution: float | None, src_crs: CRS | None = None
) -> Placed:
    """Place a dataset by its ground control points, on a grid of square pixels of `resolution` metres.

    `src_crs` is the CRS of the points, whatever the dataset says.

    The points are projected before surfaces are fitted to them: near a pole, and across the antimeridian, longitude
    and latitude are no smooth functions of the pixel; eastings and northings are. By default the CRS is the UTM zone,
    and the resolution that of the image. Raises `SceneContentError` and `UsageError`.
    """
    points, points_crs = table_of(dataset.gcps[0]), src_crs or dataset.gcps[1]
    if points_crs is None:
        raise SceneContentError("The control points have no CRS; state it with `crs` (--crs EPSG:4326 or the like).")
    if not len(points):
        raise SceneContentError("There are 0 ground control points; expected three or more.")
    places = points[:, 2], points[:, 3]
    check_fit(_hull(*places, points_crs, dataset), "the control points")
    lons, lats = transformer(points_crs.to_wkt(), "EPSG:4326").transform(*places)
    if not (np.isfinite(lons).all() and np.isfinite(lats).all()):
        raise SceneContentError(
            f"The control points, as {places[0][0]:g}, {places[1][0]:g}, have no place on the Earth in their CRS "
            f"{points_crs.to_string()}; expected places in it. Assign them anew with gdal_edit.",
        )
    middle = mean_direction(lons, lats)
    crs = dst_crs or universal_crs(*middle)
    lonlats = np.asarray(lons), np.asarray(lats)
    through = _through(points, *onto(crs, *lonlats, middle[0]), crs)
    width, height = dataset.width, dataset.height
    own = universal_crs(*middle)  # which never tears a scene apart
    true = through if dst_crs is None else _through(points, *onto(own, *lonlats, middle[0]), own)
    pixel = _pixel_size(true, own, width, height)
    size = resolution or rounded(math.sqrt(pixel[0] * pixel[1]), 3)
    grid = _covering_grid(through, crs, width, height, size)
    whole = (
        abs(middle[1]) < _POLAR
        or dst_crs is None
        or not over_a_pole(_covering_grid(true, own, width, height, size), crs)
    )
    if not whole or grid.window.area * (size * size) > MOST_PIXELS * width * height * (pixel[0] * pixel[1]):
        raise SceneContentError(torn(crs, middle))
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
            f"be off by {rounded(error, 2):g} m (root mean square)."
        )
    if (doubtful := through.doubtful()) is not None:
        col, row = doubtful
        words += f" The point at column {col:g}, row {row:g} contradicts all others by far: correct it, or take it out."
    step = 2 ** math.floor(math.log2(max(1.0, min(MAX_STEP, spacing / _STEPS_BETWEEN_POINTS))))
    return Placed(Lattice(through, grid, step), "control points", words, error, None, points_of(dataset))


def over(anywhere: Placed, heights: HeightModel, model: str) -> Placed:
    """Place an image by polynomials that take heights, over a model of them."""
    words = (
        f"Terrain-corrected on {anywhere.grid.crs}, bilinear, by its rational polynomials (RPC) over {model}; where "
        "the model has no height nothing is shown. Brightness is not corrected for slopes."
    )
    return replace(anywhere, method="terrain correction", words=words, heights=heights)


def by_polynomials(dataset: DatasetReader, dst_crs: CRS | None, resolution: float | None) -> tuple[Placed, Placed]:
    """Place a dataset by its rational polynomials (RPC): at the height that they are centred on, and at any height.

    Raises `SceneContentError` where they are damaged or lead nowhere.
    """
    polynomials = RationalPolynomials(dataset.rpcs)
    height = float(polynomials.rpc.height_off)
    cols, rows = edges(dataset.width, dataset.height)
    lons, lats = polynomials.on_earth(cols, rows, height)
    # The middle pixel and its neighbours, for its size.
    near = np.array([-0.5, 0.5, 0.0, 0.0]) + dataset.width / 2, np.array([0.0, 0.0, -0.5, 0.5]) + dataset.height / 2
    beside = polynomials.on_earth(*near, height)
    if not np.isfinite(np.concatenate([lons, lats, *beside])).all() or np.abs(lats).max() > 90:
        raise SceneContentError(
            "The rational polynomial coefficients (RPC) lead to no place on the Earth; expected those of the whole "
            "image. Write them anew, or take them out.",
        )
    middle = mean_direction(lons, lats)
    crs = dst_crs or universal_crs(*middle)
    (east, north), geod = beside, pyproj.Geod(ellps="WGS84")
    sizes = geod.inv(east[::2], north[::2], east[1::2], north[1::2])[2]
    metres = math.sqrt(float(sizes[0]) * float(sizes[1]))
    size = resolution or rounded(metres, 3)
    grid = around(crs, *onto(crs, lons, lats, middle[0]), size)
    share = size**2 * grid.window.area / (metres**2 * dataset.width * dataset.height)
    if not 1 / MOST_PIXELS < share < MOST_PIXELS:
        raise SceneContentError(torn(crs, middle))
    step = max(1, min(MAX_STEP, int(_SMOOTH_METRES / size)))
    words = (
        f"Placed by its rational polynomials (RPC) on {crs} at {size:g} m, bilinear, at the one height that they are "
        f"centred on, {height:g} m; relief is not corrected, and how far it displaces is not known: --dem corrects it."
    )
    anywhere = InDegrees(polynomials, crs)
    level = Placed(Lattice(AtHeight(anywhere, height), grid, step), "rational polynomials", words, None)
    return level, replace(level, lattice=Lattice(anywhere, grid, step))


def points_of(dataset: DatasetReader) -> Points:
    """Return a dataset's size and its control points as plain numbers."""
    return (
        (dataset.width, dataset.height),
        *map(tuple, table_of(dataset.gcps[0]).tolist()),
    )


def by_terrain(
    placed: Placed, geometry: RangeDoppler, heights: HeightModel, model: ElevationModel, *, radiometric: bool
) -> Placed:
    """Place an image by the radar's geometry and the ground's heights, on the grid that its control points fill.

    Where an optional `model` has no height, the control points place it. `radiometric` flattens brightness too, and
    shows nothing there, as no slope is known.
    """
    grid, elsewhere = placed.grid, model.optional and not radiometric
    size = grid.pixel_size_metres()
    step = MAX_STEP if size is None else max(1, min(MAX_STEP, int(_SMOOTH_METRES / max(size))))
    words = (
        f"Terrain-corrected on {grid.crs}, bilinear: range-Doppler geometry of the product's orbit over {model.words}; "
        f"where the model has no height {_elsewhere(placed) if elsewhere else 'nothing is shown'}. "
        + (_FLATTENED if radiometric else _NOT_FLATTENED)
    )
    return Placed(
        Lattice(InDegrees(geometry, grid.crs), grid, step),
        "terrain correction, gamma0 flattened" if radiometric else "terrain correction",
        words, None, heights, placed.points, placed.lattice if elsewhere else None,
        Flattening(geometry, grid, heights) if radiometric else None,
    )  # fmt: skip


def _hull(xs: Numbers, ys: Numbers, crs: CRS, dataset: DatasetReader) -> MapGrid:
    """Return a grid of the dataset's size around points in a CRS."""
    across, down = (max(float(np.ptp(values)), np.finfo(float).tiny) for values in (xs, ys))
    placing = Affine(across / dataset.width, 0, float(xs.min()), 0, -down / dataset.height, float(ys.max()))
    return MapGrid(crs, placing, dataset.width, dataset.height)


def _elsewhere(placed: Placed) -> str:
    off = "" if placed.error is None else f", off by some {rounded(placed.error, 2):g} m"
    return f"the control points place it, relief not corrected{off}"


def _through(points: Numbers, xs: Numbers, ys: Numbers, crs: CRS) -> ControlPoints:
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise SceneContentError(
            f"The scene near {points[0, 2]:.3f}, {points[0, 3]:.3f} has no place in {crs.to_string()}."
        )
    return ControlPoints(np.column_stack([points[:, :2], xs, ys, points[:, 4]]))


def _pixel_size(points: ControlPoints, crs: CRS, width: int, height: int) -> tuple[float, float]:
    """Return the median width and height of a pixel on the ground, in metres, relief left out."""
    rows, cols = (np.indices((5, 5)).reshape(2, -1) + 0.5) / 5 * np.array([[height], [width]])
    geod = pyproj.Geod(ellps="WGS84")
    to_degrees = transformer(crs.to_wkt(), "EPSG:4326")
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


def _covering_grid(points: ControlPoints, crs: CRS, width: int, height: int, size: float) -> MapGrid:
    """Return a grid of pixels of `size` metres around the outline of a raster."""
    return around(crs, *points.on_map(*edges(width, height)), size)
