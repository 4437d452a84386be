"""Places on the web's map: where Leaflet draws a pixel is where the raster has it."""

import math

import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.crs import CRS

from geosar.errors import GridMismatchError
from geosar.grid import MapGrid
from geosar_webmap.mapfile.webmercator import corners, warped, web_grid

UTM = MapGrid(CRS.from_epsg(32722), Affine(10, 0, 790236, 0, -10, 7198039), 300, 200)
LOS_ANGELES = MapGrid(CRS.from_epsg(3395), Affine(10.0003, 0, -13193982.5, 0, -10.0003, 4017420.3), 640, 384)
ROTATED = MapGrid(CRS.from_epsg(32633), Affine(10, 0, 500000, 0, -10, 5.9e6) @ Affine.rotation(30), 250, 180)
DEGREES = MapGrid(CRS.from_epsg(4326), Affine(0.001, 0, 88.2, 0, -0.001, 24.5), 200, 300)
DATELINE = MapGrid(CRS.from_epsg(32701), Affine(60, 0, 160000, 0, -60, 8.1e6), 400, 400)
GRIDS = {"utm": UTM, "world_mercator": LOS_ANGELES, "rotated": ROTATED, "degrees": DEGREES, "dateline": DATELINE}


def leaflet_y(latitude: float) -> float:
    """Leaflet's SphericalMercator, in radians."""
    sine = math.sin(math.radians(latitude))
    return math.log((1 + sine) / (1 - sine)) / 2


def degrees_of(grid: MapGrid) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of each pixel's centre, if a picture on the grid is drawn between its corners."""
    (south, west), (north, east) = corners(grid)
    xs = west + (np.arange(grid.width) + 0.5) / grid.width * (east - west)
    top, bottom = leaflet_y(north), leaflet_y(south)
    ys = top + (np.arange(grid.height) + 0.5) / grid.height * (bottom - top)
    return np.meshgrid(xs, np.degrees(np.arctan(np.sinh(ys))))


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("size", [100, 2048])
def test_every_pixel_is_drawn_where_the_raster_has_it(grid: MapGrid, size: int) -> None:
    rows, columns = np.indices(grid.shape, dtype=np.float32) + 0.5  # each pixel's value is its own place
    target = web_grid(grid, size, "it")
    assert max(target.shape) <= size
    found_columns, found_rows = warped(np.stack([columns, rows]), grid, target)
    assert grid.crs is not None
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", grid.crs.to_wkt(), always_xy=True)
    xs, ys = to_grid.transform(*degrees_of(target))
    true_columns, true_rows = ~grid.transform @ (xs, ys)
    inside = np.isfinite(found_columns) & (np.abs(true_columns - grid.width / 2) < grid.width / 2 - 2)
    inside &= np.abs(true_rows - grid.height / 2) < grid.height / 2 - 2
    assert np.count_nonzero(inside) > 0.3 * inside.size
    pixel = max(1.0, max(grid.shape) / max(target.shape))
    assert np.abs(found_columns - true_columns)[inside].max() < pixel / 2
    assert np.abs(found_rows - true_rows)[inside].max() < pixel / 2


def test_the_corners_hold_the_whole_raster() -> None:
    (south, west), (north, east) = corners(web_grid(UTM, 2048, "it"))
    to_degrees = pyproj.Transformer.from_crs("EPSG:32722", "EPSG:4326", always_xy=True)
    for column, row in ((0, 0), (300, 0), (300, 200), (0, 200), (150, 0)):
        longitude, latitude = to_degrees.transform(*(UTM.transform @ (column, row)))
        assert west - 1e-4 <= longitude <= east + 1e-4
        assert south - 1e-4 <= latitude <= north + 1e-4


def test_beyond_the_antimeridian_longitudes_go_on() -> None:
    (_, west), (_, east) = corners(web_grid(DATELINE, 2048, "it"))
    assert 177 < west < 180 < east < 183
    assert east - west < 1


def test_small_rasters_keep_their_pixels_and_large_ones_fit() -> None:
    assert max(web_grid(UTM, 2048, "it").shape) == pytest.approx(2 * 300, rel=0.15)
    assert max(web_grid(UTM, 150, "it").shape) == 150


def test_no_value_stays_no_value_and_does_not_darken_its_neighbours() -> None:
    values = np.full((1, *UTM.shape), 50, np.float32)
    values[:, 50:100, 50:100] = np.nan
    web = warped(values, UTM, web_grid(UTM, 2048, "it"))
    assert np.isnan(web).any()
    np.testing.assert_allclose(web[np.isfinite(web)], 50, rtol=1e-6)


@pytest.mark.parametrize(
    ("grid", "reason"),
    [
        (
            MapGrid(CRS.from_epsg(3413), Affine(1000, 0, -2.5e5, 0, -1000, 2.5e5), 500, 500),
            "a map of the web ends at 85",
        ),
        (MapGrid(CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]'), Affine.identity(), 5, 5), "not tied to the Earth"),
    ],
)
def test_what_has_no_place_on_the_map_is_refused_by_name(grid: MapGrid, reason: str) -> None:
    with pytest.raises(GridMismatchError, match=f"polar.tif .*{reason}"):
        web_grid(grid, 2048, "polar.tif")
