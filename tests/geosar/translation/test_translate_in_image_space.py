"""A scene that is translated in image space, as asked: the result's tags say of its place what the scene's say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.rpc import RPC

import geosar
from geosar.errors import UsageError
from geosar.scene import open_scene
from helpers.rasters import speckled, write_raster
from helpers.tiny_model import write_model

VALUES = speckled((60, 80))
RPCS = RPC(
    err_bias=0.0, err_rand=0.0, height_off=100.0, height_scale=500.0, lat_off=36.1, lat_scale=0.05, line_off=30.0,
    line_scale=30.0, long_off=-5.3, long_scale=0.06, samp_off=40.0, samp_scale=40.0,
    line_num_coeff=[0, 0, -1] + [0] * 17, line_den_coeff=[1] + [0] * 19,
    samp_num_coeff=[0, 1, 0] + [0] * 17, samp_den_coeff=[1] + [0] * 19,
)  # fmt: skip
POINTS = [GroundControlPoint(r, c, 11 + c * 1e-4, 45 - r * 1e-4, 5.0) for r in (0, 30, 60) for c in (0, 40, 80)]


def translated(source: Path, folder: Path, **options: Any) -> Path:
    target = folder / "optical.tif"
    geosar.translate(source, target, model=write_model(folder / "tiny"), dst_crs="none", **options)
    return target


def test_rational_polynomials_are_kept_and_of_a_part_they_are_those_of_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "umbra_VV.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=60, width=80, dtype="float32", rpcs=RPCS
    ) as target:  # fmt: skip
        target.write(VALUES, 1)
    with open_scene(path, dst_crs="none") as scene:
        assert scene.placement == "image space"
        np.testing.assert_array_equal(scene.read(scene.grid.window).values[0], VALUES)
        assert any("(RPC)" in note for note in scene.notes)
    with rasterio.open(translated(path, tmp_path, bbox=(10, 20, 80, 60))) as result:
        assert result.crs is None
        assert (result.width, result.height) == (70, 40)
        polynomials = result.rpcs
        assert polynomials.samp_off == pytest.approx(30)
        assert polynomials.line_off == pytest.approx(10)
        assert polynomials.line_num_coeff == pytest.approx(RPCS.line_num_coeff)
        assert polynomials.lat_off == pytest.approx(36.1)


def test_control_points_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "swath_VV.tif"
    with rasterio.open(path, "w", driver="GTiff", count=1, height=60, width=80, dtype="float32") as target:
        target.gcps = POINTS, CRS.from_epsg(4326)
        target.write(VALUES, 1)
    with rasterio.open(translated(path, tmp_path)) as result:
        points, crs = result.gcps
        assert crs == CRS.from_epsg(4326)
        assert [(p.row, p.col, p.x, p.y, p.z) for p in points] == [(p.row, p.col, p.x, p.y, p.z) for p in POINTS]


def test_what_lies_on_a_map_grid_is_not_taken_off_it(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "scene_VV.tif", VALUES)
    with pytest.raises(UsageError, match="lies on a map grid"):
        open_scene(path, dst_crs="none")
    with pytest.raises(UsageError, match="no metres"):
        open_scene(path, dst_crs="none", resolution=10)
