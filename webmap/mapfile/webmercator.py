"""Where a picture lies on the web's map: its grid in Web Mercator, the corners in degrees, and the warping onto it."""

import math

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import calculate_default_transform, reproject

from geosar.errors import GridMismatchError
from geosar.footprint import footprint
from geosar.grid import MapGrid

RADIUS = 6378137.0
"""Of the sphere that Web Mercator takes the Earth for, in metres."""
HIGHEST_LATITUDE = 85.06
FINEST = 2
"""Small rasters are shown with pixels half as large as their own, so that turning them loses nothing."""

Corners = tuple[tuple[float, float], tuple[float, float]]
"""South-west and north-east, each latitude and longitude in degrees, as Leaflet wants them."""
Values = NDArray[np.float32]


def web_grid(grid: MapGrid, size: int, name: str) -> MapGrid:
    """Choose the grid of Web Mercator that shows a raster, its longer side `size` pixels at most.

    A raster that crosses the antimeridian gets a Web Mercator that is centred there. Raises GridMismatchError, with
    the raster's `name`, where it has no place on such a map.
    """
    outline = footprint(grid)
    if grid.crs is None or outline is None:
        raise GridMismatchError(f"{name} has a CRS that is not tied to the Earth, so it has no place on a map.")
    west, south, east, north = outline[1]
    if south < -HIGHEST_LATITUDE or north > HIGHEST_LATITUDE:
        raise GridMismatchError(
            f"{name} reaches from {south:.2f} to {north:.2f} degrees of latitude; a map of the web ends at "
            f"{HIGHEST_LATITUDE}. Cut the raster there."
        )
    crs = _centred(180.0 if west > east else 0.0)
    transform, width, height = calculate_default_transform(grid.crs, crs, grid.width, grid.height, *grid.bounds)
    factor = max(max(width, height) / size, 1 / FINEST)
    width, height = (min(max(math.ceil(n / factor - 1e-6), 1), size) for n in (width, height))
    return MapGrid(crs, transform @ Affine.scale(factor), width, height)


def corners(grid: MapGrid) -> Corners:
    """Return the corners of a grid made by `web_grid`; beyond the antimeridian longitudes go on above 180."""
    left, bottom, right, top = grid.bounds
    centre = float((grid.crs.to_dict() if grid.crs else {}).get("lon_0", 0))
    (west, east), (south, north) = (
        (centre + math.degrees(left / RADIUS), centre + math.degrees(right / RADIUS)),
        (math.degrees(math.atan(math.sinh(y / RADIUS))) for y in (bottom, top)),
    )
    return (south, west), (north, east)


def warped(values: Values, grid: MapGrid, target: MapGrid) -> Values:
    """Bring values (bands, height, width), NaN where there are none, from one grid to another; bilinear."""
    pixels = np.full((len(values), *target.shape), np.nan, np.float32)
    for band, out in zip(values, pixels, strict=True):  # one at a time holds less memory
        reproject(
            band, out, src_transform=grid.transform, src_crs=grid.crs, src_nodata=np.nan,
            dst_transform=target.transform, dst_crs=target.crs, dst_nodata=np.nan, resampling=Resampling.bilinear,
        )  # fmt: skip
    return pixels


def _centred(longitude: float) -> CRS:
    if longitude == 0:
        return CRS.from_epsg(3857)
    return CRS.from_proj4(
        f"+proj=merc +a={RADIUS} +b={RADIUS} +lat_ts=0 +lon_0={longitude} +x_0=0 +y_0=0 +k=1 +units=m "
        "+nadgrids=@null +wktext +no_defs"
    )
