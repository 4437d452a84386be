"""No raster leads to another file or machine, whatever it or a file beside it names, in whatever format."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from geosar.errors import SceneReadError, UsageError
from geosar.scene import open_scene
from geosar.scene.untrusted import open_path
from helpers.attack.bait import Bait
from helpers.attack.leading import PIXEL, WAYS, Way

COARSE = 64


@pytest.fixture
def raster(request: pytest.FixtureRequest, tmp_path: Path, bait: Bait) -> Path:
    way: Way = request.param
    folder = tmp_path / "scene"
    folder.mkdir()
    path = way.make(folder, bait)
    bait.lay()
    return path


each_way = pytest.mark.parametrize(("way", "raster"), [(way, way) for way in WAYS], indirect=["raster"], ids=str)


def read_coarsely(dataset: Any) -> np.ndarray:
    dataset.dataset_mask(out_shape=(COARSE, COARSE))
    _ = dataset.files, dataset.overviews(1), dataset.tags(ns="RPC"), dataset.rpcs
    return np.asarray(dataset.read(1, out_shape=(COARSE, COARSE)))


@each_way
def test_gdal_by_itself_would_be_led_away(way: Way, raster: Path, bait: Bait) -> None:
    """Otherwise the tests below would find nothing however a raster is opened."""
    with suppress(RasterioError, CPLE_BaseError), rasterio.open(raster, driver=way.driver) as dataset:
        read_coarsely(dataset)
        with WarpedVRT(dataset, crs="EPSG:4326") as view:
            read_coarsely(view)
    assert bait.touched()


@each_way
def test_a_scene_does_not_follow_it(way: Way, raster: Path, bait: Bait) -> None:
    with refusal(way), open_scene(raster, scale="dn") as scene:
        values = scene.read_overview(COARSE)[0].values
        assert np.abs(values.astype(int) - PIXEL).max() <= 1
    assert bait.touched() == []


@each_way
def test_a_scene_on_another_grid_does_not_follow_it(way: Way, raster: Path, bait: Bait) -> None:
    with refusal(way), suppress(UsageError), open_scene(raster, scale="dn", dst_crs="EPSG:4326") as scene:
        scene.read_overview(COARSE)
    assert bait.touched() == []


@each_way
def test_other_readers_do_not_follow_it(way: Way, raster: Path, bait: Bait) -> None:
    with refusal(way), open_path(raster) as dataset:
        assert np.abs(read_coarsely(dataset).astype(int) - PIXEL).max() <= 1
    assert bait.touched() == []


@contextmanager
def refusal(way: Way) -> Iterator[None]:
    """Expect that a raster is refused because of the file that it names, if it is one of those."""
    if way.refused:
        with pytest.raises(SceneReadError, match="another file"):
            yield
    else:
        yield
