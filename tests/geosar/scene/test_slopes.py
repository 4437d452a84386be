"""Brightness flattened by terrain: areas on slopes as the radar has them, and slopes of which it sees nothing."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from geosar.errors import UsageError
from geosar.grid import MapGrid, Window, windows
from geosar.scene import open_scene
from geosar.scene.placement.orbit import RangeDoppler, range_doppler
from geosar.scene.placement.slopes import Flattening
from helpers.rasters.sentinel1 import annotation, coarse_product

ALPS = "s1b_iw_alps"
PIXEL = 40.0
TO_SPACE = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
TO_UTM = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True)
LEFT, TOP = (round(value / PIXEL) * PIXEL for value in TO_UTM.transform(10.6, 46.6))
GRID = MapGrid(CRS.from_epsg(32632), Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP), 90, 70)


class Plane:
    """Heights that rise evenly to the east and to the north, metre by metre; unknown from a column on."""

    def __init__(self, east: float, north: float, unknown: int = 10**6) -> None:
        self.east, self.north, self.unknown = east, north, unknown

    def read(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        cols = np.arange(window.col_off, window.col_end)
        rows = np.arange(window.row_off, window.row_end)[:, np.newaxis]
        heights = 900 + self.east * PIXEL * (cols - 45) - self.north * PIXEL * (rows - 35)
        return heights.astype(np.float32), np.broadcast_to(cols < self.unknown, heights.shape)

    def coarser(self, grid: MapGrid) -> "Plane":
        raise NotImplementedError(grid)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def geometry() -> RangeDoppler:
    return range_doppler(ET.fromstring(annotation(ALPS)))  # noqa: S314 - our own files


def expected(geometry: RangeDoppler, plane: Plane, col: int, row: int) -> float:
    """Work out the factor from areas: the corners of a pixel of ground in space, seen along and across the look.

    Small (2011): gamma0 is beta0 times the area in the slant plane, over that at right angles to the look.
    """
    cols, rows = np.array([col, col + 1, col]), np.array([row, row, row + 1])
    heights = [float(plane.read(Window(c, r, 1, 1))[0][0, 0]) for c, r in zip(cols, rows, strict=True)]
    lons, lats = TO_UTM.transform(LEFT + (cols + 0.5) * PIXEL, TOP - (rows + 0.5) * PIXEL, direction="INVERSE")
    corner, right, below = np.stack(TO_SPACE.transform(lons, lats, heights), axis=1)
    time, distance = geometry.orbit.passes(corner[np.newaxis])
    satellite, velocity, _ = (one[0] for one in geometry.orbit(time))
    assert np.linalg.norm(corner - satellite) == pytest.approx(distance[0])
    look, flight = (corner - satellite) / distance[0], velocity / np.linalg.norm(velocity)
    # In the slant plane: metres of range and of flight.
    (r1, a1), (r2, a2) = ((side @ look, side @ flight) for side in (right - corner, below - corner))
    slant = abs(r1 * a2 - r2 * a1)
    facing = abs(np.cross(right - corner, below - corner) @ look)
    up = np.array([np.cos(np.radians(lats[0])) * f(np.radians(lons[0])) for f in (np.cos, np.sin)]
                  + [np.sin(np.radians(lats[0]))])  # fmt: skip
    sine = np.sqrt(1 - (look @ up) ** 2)
    return slant / facing / sine


@pytest.mark.parametrize(("east", "north"), [(0, 0), (0.3, 0), (-0.3, 0.1), (0.1, -0.4), (-0.6, 0.3)])
def test_the_factor_is_that_of_areas_in_space(geometry: RangeDoppler, east: float, north: float) -> None:
    plane = Plane(east, north)
    factor = Flattening(geometry, GRID, plane).read(GRID.window)
    for col, row in ((0, 0), (45, 35), (88, 3)):
        # Directions are those on the ellipsoid, a kilometre below: near layover that is 0.06 dB.
        assert factor[row, col] == pytest.approx(expected(geometry, plane, col, row), rel=0.02)


def test_slopes_in_layover_and_in_shadow_have_none(geometry: RangeDoppler) -> None:
    # Descending and looking right, to the west, at some 37 degrees: slopes that fall to the east face the radar.
    for east, seen in ((-1.2, False), (-0.6, True), (0.9, True), (1.6, False)):
        measured = np.isfinite(Flattening(geometry, GRID, Plane(east, 0)).read(GRID.window))
        assert measured.all() if seen else not measured.any()


def test_the_factor_knows_nothing_of_windows_and_is_none_without_heights(geometry: RangeDoppler) -> None:
    heights = Plane(0.2, -0.1, unknown=60)
    whole = Flattening(geometry, GRID, heights).read(GRID.window)
    assert np.isfinite(whole[:, :59]).all()
    assert np.isnan(whole[:, 59:]).all()
    for window in windows(GRID.width, GRID.height, 23):
        np.testing.assert_array_equal(Flattening(geometry, GRID, heights).read(window), whole[window.slices])


def test_a_product_is_flattened_and_says_so(tmp_path: Path) -> None:
    product = coarse_product(tmp_path, ALPS, 16, calibration=True)
    lons = 8.4 + (np.indices((240, 430))[1] + 0.5) * 0.01
    with rasterio.open(
        tmp_path / "ridge.tif", "w", driver="GTiff", count=1, height=240, width=430, dtype="float32",
        crs="EPSG:4326", transform=Affine(0.01, 0, 8.4, 0, -0.01, 47.8),
    ) as target:  # fmt: skip
        # Rises to the east by a quarter up to 10.6, and falls again.
        target.write((9000 - np.abs(lons - 10.605) * 76_300 / 4).clip(0).astype(np.float32), 1)
    dem = {"dem": tmp_path / "ridge.tif", "dem_heights": "ellipsoid"}
    with open_scene(product, **dem) as plain, open_scene(product, **dem, radiometric=True) as flat:
        assert flat.placement == "terrain correction, gamma0 flattened"
        assert flat.fingerprint != plain.fingerprint
        assert any("masked" in note and "layover" in note for note in flat.notes)
        middle = Window(flat.grid.width // 2 - 150, flat.grid.height // 2 - 16, 300, 32)
        before, after = plain.read(middle), flat.read(middle)
        ratio = np.median(after.values[0][after.valid] / before.values[0][after.valid])
        assert 0.5 < ratio < 2.5
        facing, turned = (
            float(np.nanmedian(np.where(after.valid, after.values[0] / before.values[0], np.nan)[:, part]))
            for part in (slice(250, 300), slice(0, 50))
        )
        assert facing < 1 < turned  # bright slopes darken, dark ones brighten
        inner = Window(middle.col_off + 40, middle.row_off + 8, 50, 9)
        at = inner.shifted(-middle.col_off, -middle.row_off).slices
        assert (flat.read(inner).values == after.values[:, *at]).all()
        assert flat.read_overview(200)[0].valid.any()
    with open_scene(product, **dem, dem_optional=True, radiometric=True) as optional:
        assert any("no height nothing is shown" in note for note in optional.notes)
    with pytest.raises(UsageError, match="give one"):
        open_scene(product, radiometric=True)
