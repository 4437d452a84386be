"""Scenes for the benchmarks, made from the real Los Angeles scene and kept between runs."""

import math
from pathlib import Path

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.windows import Window

IW_WIDTH, IW_HEIGHT = 25_788, 16_685


def repeated(source: Path, megapixels: int, target: Path) -> Path:
    """A scene of at least so many megapixels: the source repeated, every second time mirrored, on its grid."""
    if target.exists():
        return target
    with rasterio.open(source) as dataset:
        tile = dataset.read()
        profile = dataset.profile
    _, height, width = tile.shape
    times = math.ceil(math.sqrt(megapixels * 1e6 / (height * width)))
    across, down = times, math.ceil(megapixels * 1e6 / (height * width * times))
    profile |= {
        "driver": "GTiff", "width": width * across, "height": height * down, "tiled": True, "blockxsize": 512,
        "blockysize": 512, "compress": "deflate", "bigtiff": "if_safer",
    }  # fmt: skip
    partial = target.with_suffix(".part.tif")
    with rasterio.open(partial, "w", **profile) as dataset:
        for row in range(down):
            for column in range(across):
                turned = tile[:, :: -1 if row % 2 else 1, :: -1 if column % 2 else 1]
                dataset.write(turned, window=Window(column * width, row * height, width, height))
    partial.rename(target)
    return target


def interferometric_wide(source: Path, target: Path) -> Path:
    """A full Sentinel-1 IW GRD product in shape: 25 788 x 16 685, VV and VH, uint16, striped, 210 GCPs, no CRS."""
    if target.exists():
        return target
    with rasterio.open(source) as dataset:
        tile = dataset.read(1)
    amplitude = np.where(tile == 0, 90, tile.astype(np.uint16) * 3)
    height, width = amplitude.shape
    partial = target.with_suffix(".part.tif")
    with rasterio.open(
        partial, "w", driver="GTiff", width=IW_WIDTH, height=IW_HEIGHT, count=2, dtype="uint16", bigtiff="if_safer",
        gcps=_control_points(), crs="EPSG:4326",
    ) as dataset:  # fmt: skip
        dataset.descriptions = ("VV", "VH")
        for top in range(0, IW_HEIGHT, height):
            rows = min(height, IW_HEIGHT - top)
            line = np.tile(amplitude[:rows], (1, math.ceil(IW_WIDTH / width)))[:, :IW_WIDTH]
            line[:, :300] = 0  # the fringe of a swath
            line[:, -250:] = 0
            for band, gain in ((1, 2), (2, 1)):
                dataset.write(line * gain, band, window=Window(0, top, IW_WIDTH, rows))
    partial.rename(target)
    return target


def _control_points() -> list[GroundControlPoint]:
    """10 x 21 points of a swath over California that is turned by 12 degrees from north."""
    turn, metres = math.radians(12.0), 10.0
    points = []
    for row in np.linspace(0, IW_HEIGHT, 10):
        for column in np.linspace(0, IW_WIDTH, 21):
            east = metres * (column * math.cos(turn) - row * math.sin(turn))
            north = -metres * (column * math.sin(turn) + row * math.cos(turn))
            longitude, latitude = -118.5 + east / (111_320 * math.cos(math.radians(34.5))), 35.5 + north / 110_900
            points.append(GroundControlPoint(row=float(row), col=float(column), x=longitude, y=latitude, z=0.0))
    return points
