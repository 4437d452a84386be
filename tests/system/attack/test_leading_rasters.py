"""No raster leads to another file or machine, whatever it or a file beside it names, in whatever format."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from helpers.bait import Bait
from helpers.leading import PIXEL, WAYS, Way, plain
from rasterio._err import CPLE_BaseError
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from geosar.errors import SceneReadError, UsageError
from geosar.grid import MapGrid
from geosar.scene import open_scene
from geosar.scene.untrusted import name_for_views, open_path
from geosar.scene.warp import rectified

COARSE = 64


@pytest.fixture
def made(request: pytest.FixtureRequest, tmp_path: Path, bait: Bait) -> Path:
    way: Way = request.param
    folder = tmp_path / "scene"
    folder.mkdir()
    path = way.make(folder, bait)
    bait.lay()
    return path


each_way = pytest.mark.parametrize(("way", "made"), [(way, way) for way in WAYS], indirect=["made"], ids=str)


def read_coarsely(dataset: Any) -> np.ndarray:
    dataset.dataset_mask(out_shape=(COARSE, COARSE))
    _ = dataset.files, dataset.overviews(1), dataset.tags(ns="RPC"), dataset.rpcs
    return np.asarray(dataset.read(1, out_shape=(COARSE, COARSE)))


@each_way
def test_gdal_by_itself_would_be_led_away(way: Way, made: Path, bait: Bait) -> None:
    """Otherwise the tests below would find nothing however a raster is opened."""
    with suppress(RasterioError, CPLE_BaseError), rasterio.open(made, driver=way.driver) as dataset:
        read_coarsely(dataset)
        with WarpedVRT(dataset, crs="EPSG:4326") as view:
            read_coarsely(view)
    assert bait.touched()


@each_way
def test_a_scene_does_not_follow_it(way: Way, made: Path, bait: Bait) -> None:
    with refusal(way), open_scene(made, scale="dn") as scene:
        values = scene.read_overview(COARSE)[0].values
        assert np.abs(values.astype(int) - PIXEL).max() <= 1
    assert bait.touched() == []


@each_way
def test_a_scene_on_another_grid_does_not_follow_it(way: Way, made: Path, bait: Bait) -> None:
    with refusal(way), suppress(UsageError), open_scene(made, scale="dn", dst_crs="EPSG:4326") as scene:
        scene.read_overview(COARSE)
    assert bait.touched() == []


@each_way
def test_other_readers_do_not_follow_it(way: Way, made: Path, bait: Bait) -> None:
    with refusal(way), open_path(made) as dataset:
        assert np.abs(read_coarsely(dataset).astype(int) - PIXEL).max() <= 1
    assert bait.touched() == []


def test_raw_pixels_that_read_as_a_virtual_raster_are_pixels_still_when_gdal_opens_them_again(
    tmp_path: Path, bait: Bait
) -> None:
    path = tmp_path / "scene.dat"
    path.write_bytes(bait.vrt.encode().ljust(400))
    path.with_suffix(".hdr").write_text(
        "ENVI\nsamples = 20\nlines = 20\nbands = 1\nfile type = ENVI Standard\ndata type = 1\ninterleave = bsq\n"
    )
    points = [GroundControlPoint(row=r, col=c, x=10 * c, y=-10 * r) for r in (0, 10, 20) for c in (0, 10, 20)]
    grid = MapGrid(CRS.from_epsg(32643), Affine(10, 0, 0, 0, -10, 0), 20, 20)
    with open_path(path) as dataset, rectified(dataset, name_for_views(dataset), points, grid, None) as view:
        assert bytes(view.read(1)[0][:11]) == b"<VRTDataset"
    assert bait.touched() == []


def test_a_name_that_gdal_would_read_as_a_virtual_raster_is_not_opened_again(tmp_path: Path) -> None:
    path = plain(tmp_path / "scene.tif", "GTiff").rename(tmp_path / "<VRTDataset>.tif")
    with open_path(path) as dataset, pytest.raises(SceneReadError, match="rename"):
        name_for_views(dataset)


@contextmanager
def refusal(way: Way) -> Iterator[None]:
    """Expect that a raster is refused because of the file that it names, if it is one of those."""
    if way.refused:
        with pytest.raises(SceneReadError, match="another file"):
            yield
    else:
        yield
