"""Memory must depend on the window, not on the scene."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio
from rasterio.windows import Window

from helpers.rasters import speckled
from helpers.rasters.swaths import Swath

READ_ALL = """
import resource, sys
import geosar.scene
from geosar.grid import windows
from rasterio import Env
with Env(GDAL_CACHEMAX=32), geosar.scene.open_scene(sys.argv[1], scale="dn") as scene:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if scene.grid.width == 10_000:
        # The swath is nearly empty: all of it would be searched, which takes long.
        scene.statistics
    for window in windows(scene.grid.width, scene.grid.height, 512)[::23]:
        scene.read(window)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def growth(path: Path) -> int:
    """Return by how many megabytes the peak memory of a process grows while it reads a scene."""
    process = subprocess.run([sys.executable, "-c", READ_ALL, str(path)], capture_output=True, text=True, check=True)
    return int(process.stdout)


@pytest.mark.parametrize("kind", ["map grid", "control points"])
def test_a_scene_of_hundreds_of_megabytes_is_read_in_far_less(
    make_raster: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    if kind == "map grid":
        path = make_raster("big_power.tif", shape=(1, 10_000, 10_000), dtype="float32", tiled=True, sparse_ok=True)
        tile = speckled((1, 512, 512))
        with rasterio.open(path, "r+") as target:
            for offset in range(0, 9_000, 900):
                target.write(tile, window=Window(offset, offset, 512, 512))
    else:
        path = Swath(10.0, 50.0, -12.0, size=12_000).write(tmp_path / "grd_vv.tif", [(6000, 6000), (500, 500)])
    assert growth(path) < 250
