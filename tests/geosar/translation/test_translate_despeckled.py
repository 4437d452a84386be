"""The despeckled radar as a file of its own: its grid, mask, bands and words."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

import geosar
from geosar.errors import UsageError
from geosar.models import Model, load_model
from helpers.rasters import write_raster
from helpers.tiny_model import write_dual_model, write_model

HEIGHT, WIDTH = 300, 2100
"""Two windows."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(write_dual_model(tmp_path_factory.mktemp("models") / "dual"))


def decibels() -> NDArray[np.float32]:
    random = np.random.default_rng(4)
    means = np.array([-10.0, -16.5])[:, None, None]
    bands = (means + random.normal(0, 2, (2, HEIGHT, WIDTH))).astype(np.float32)
    bands[:, :40, :50] = np.nan
    return bands


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "s.tif"
    return write_raster(path, decibels(), descriptions=("VV", "VH"), units="dB")


@pytest.fixture(scope="module")
def path(scene: Path, model: Model) -> Path:
    target = scene.with_name("optical.tif")
    report = geosar.translate(scene, target, model=model, despeckled=True, error_band=True, stac=True)
    assert report.despeckled == target.with_name("optical.despeckled.tif")
    assert report.despeckled in report.outputs
    return report.despeckled


def test_it_holds_decibels_on_the_sources_grid_and_mask(scene: Path, path: Path) -> None:
    with rasterio.open(scene) as source, rasterio.open(path) as result:
        assert (result.crs, result.transform, result.shape) == (source.crs, source.transform, source.shape)
        assert result.dtypes == ("float32", "float32")
        assert result.descriptions == ("VV", "VH")
        assert result.units == ("dB", "dB")
        values, mask = result.read(), result.dataset_mask()
    bands = decibels()
    np.testing.assert_array_equal(mask > 0, np.isfinite(bands[0]))
    # The tiny model takes the mean of 3 x 3 pixels; across the border of the two windows too.
    inner = np.s_[:, 100:200, 1990:2090]
    padded = np.stack([bands[:, 99 + i : 199 + i, 1989 + j : 2089 + j] for i in range(3) for j in range(3)])
    np.testing.assert_allclose(values[inner], padded.mean(axis=0), atol=0.005)


def test_it_says_that_it_is_estimated_and_not_synthetic(path: Path) -> None:
    with rasterio.open(path) as result:
        tags = result.tags()
    assert (tags["GEOSAR_SYNTHETIC"], tags["GEOSAR_ESTIMATED"]) == ("NO", "YES")
    assert "estimated from the observation, not synthetic" in tags["TIFFTAG_IMAGEDESCRIPTION"]
    asset = json.loads(path.with_name("optical.json").read_text())["assets"]["despeckled"]
    assert asset["href"] == "./optical.despeckled.tif"
    assert [band["name"] for band in asset["bands"]] == ["VV", "VH"]


def test_the_picture_is_the_same_with_and_without_it(scene: Path, model: Model, path: Path) -> None:
    alone = path.with_name("alone.tif")
    geosar.translate(scene, alone, model=model)
    with rasterio.open(alone) as one, rasterio.open(path.with_name("optical.tif")) as other:
        np.testing.assert_array_equal(one.read(), other.read())


def test_a_scene_of_one_polarisation_has_one_band(tmp_path: Path, model: Model) -> None:
    path = write_raster(tmp_path / "s.tif", decibels()[1:], descriptions=("VH",), units="dB")
    report = geosar.translate(path, tmp_path / "o.tif", model=model, despeckled=tmp_path / "clean.tif")
    assert report.despeckled == tmp_path / "clean.tif"
    assert report.polarisations == ("VH",)
    with rasterio.open(report.despeckled) as result:
        assert result.descriptions == ("VH",)


def test_a_model_that_makes_none_is_refused_before_anything_is_written(tmp_path: Path, scene: Path) -> None:
    plain = load_model(write_model(tmp_path / "tiny"))
    with pytest.raises(UsageError, match="makes no despeckled backscatter"):
        geosar.translate(scene, tmp_path / "o.tif", model=plain, despeckled=True)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
