"""A synthetic radar swath whose every pixel has a known place, for the tests of georeferencing.

Lines run along a great circle and pixels at right angles to it, both at even spacing on the ellipsoid: smooth as a
real ground-range image, and nothing that a polynomial or a map projection could reproduce exactly.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.windows import Window

GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True)
class Swath:
    """A swath of square pixels: the place of its first corner, its heading, pixel size and number of pixels."""

    longitude: float
    latitude: float
    heading: float
    pixel: float = 40.0
    size: int = 6000

    def place(self, row: float, col: float) -> tuple[float, float]:
        """Longitude and latitude of a corner of pixels (row and column counted from the first corner)."""
        lon, lat, back = GEOD.fwd(self.longitude, self.latitude, self.heading, row * self.pixel)
        lon, lat, _ = GEOD.fwd(lon, lat, back + 180 + 90, col * self.pixel)
        return lon, lat

    def control_points(self) -> list[GroundControlPoint]:
        """Make a grid of 10 x 21 points, as a GRD product has."""
        points = []
        for row in np.linspace(0, self.size, 10):
            for col in np.linspace(0, self.size, 21):
                lon, lat = self.place(row, col)
                points.append(GroundControlPoint(row=row, col=col, x=lon, y=lat, z=0))
        return points

    def write(self, path: Path, targets: list[tuple[int, int]]) -> Path:
        """Write a sparse amplitude image: 100 around each target (row, column of its centre pixel), which is 1000."""
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=1,
            height=self.size,
            width=self.size,
            dtype="uint16",
            crs="EPSG:4326",
            gcps=self.control_points(),
            tiled=True,
            blockxsize=128,
            blockysize=128,
            sparse_ok=True,
            compress="deflate",
        ) as image:
            for row, col in targets:
                patch = np.full((1, 41, 41), 100, np.uint16)
                patch[0, 19:22, 19:22] = 1000
                image.write(patch, window=Window(col - 20, row - 20, 41, 41))
        return path
