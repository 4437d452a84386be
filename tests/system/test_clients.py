"""Clients that others wrote: GDAL's drivers for WMTS and for tiles, and rio, each in a process of its own over HTTP."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
from starlette.testclient import TestClient

from helpers.service import MERCATOR, middle_tile, picture
from helpers.service.serving import on_a_port

EDGE = 20037508.342789244
XYZ = """<GDAL_WMS><Service name="TMS"><ServerUrl>{address}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service>
<DataWindow><UpperLeftX>-{edge}</UpperLeftX><UpperLeftY>{edge}</UpperLeftY><LowerRightX>{edge}</LowerRightX>
<LowerRightY>-{edge}</LowerRightY><TileLevel>14</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>
<YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX>
<BlockSizeY>256</BlockSizeY><BandsCount>4</BandsCount><ZeroBlockHttpCodes>404,204</ZeroBlockHttpCodes></GDAL_WMS>"""
READ = """
import json, sys, numpy, rasterio
from rasterio.windows import from_bounds
name, bounds, target = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
with rasterio.open(name) as image:
    if image.subdatasets:
        image = rasterio.open(next(one for one in image.subdatasets if "WebMercatorQuad" in one))
    window = from_bounds(*bounds, image.transform)
    numpy.save(target, image.read(window=window, out_shape=(image.count, 256, 256), boundless=False))
"""


@pytest.fixture
def apart(tmp_path: Any) -> Any:
    """Return a function that runs a program which knows nothing of what GDAL is told here."""
    prefixes = ("GDAL_", "CPL_", "VSI_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}

    def run(*command: str) -> str:
        ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=clean, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def bounds_of(place: str) -> list[float]:
    z, x, y = map(int, place.split("/"))
    return list(MERCATOR.xy_bounds(morecantile.Tile(x, y, z)))


def coarse(image: np.ndarray) -> np.ndarray:
    """Average 16 x 16 pixels, as GDAL reads WMTS with the nearest pixel of its own choice."""
    return np.asarray(image[:3].reshape(3, 16, 16, 16, 16).mean(axis=(2, 4)))


@pytest.mark.parametrize("layer", ["optical", "live"])
def test_gdal_reads_the_tiles_as_xyz_and_as_wmts(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any], apart: Any, tmp_path: Any, *, layer: str
) -> None:
    assert job["status"] == "successful"
    place = middle_tile(scene, 14)  # wholly inside the scene, which is where WMTS ends
    with on_a_port(client) as address:
        here = f"{address}/scenes/{scene['id']}/{layer}"
        expected = np.moveaxis(picture(client.get(f"{here}/tiles/{place}.png")), -1, 0).astype(int)
        window = json.dumps(bounds_of(place))
        xyz = XYZ.format(address=f"{here}/tiles", edge=EDGE)
        apart(sys.executable, "-c", READ, xyz, window, "xyz.npy")
        apart(sys.executable, "-c", READ, f"WMTS:{here}/WMTSCapabilities.xml", window, "wmts.npy")
    for name in ("xyz", "wmts"):
        pixels = np.load(tmp_path / f"{name}.npy").astype(int)
        assert pixels.shape[0] >= 3, name
        assert np.abs(coarse(pixels) - coarse(expected)).mean() < 4, name


def test_rio_reads_a_result_where_it_lies(
    client: TestClient, scene: dict[str, Any], job: dict[str, Any], apart: Any
) -> None:
    with on_a_port(client) as address:
        result = f"{address}/jobs/{job['jobID']}/results/optical"
        answer = json.loads(apart(str(Path(sys.executable).with_name("rio")), "info", f"/vsicurl/{result}"))
    assert (answer["width"], answer["height"], answer["count"]) == (scene["width"], scene["height"], 3)
    assert answer["crs"] == "EPSG:32643"
