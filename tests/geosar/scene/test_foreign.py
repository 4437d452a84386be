"""Whatever a raster says of itself, the Python API raises no errors but geosar's own."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from affine import Affine, TransformNotInvertibleError
from rasterio._err import CPLE_AppDefinedError

import geosar
from geosar.errors import GeosarError, SceneContentError, UsageError
from geosar.footprint import footprint
from geosar.scene import foreign
from geosar.scene_info import describe_scene
from helpers.rasters import speckled, write_raster

ODD: dict[str, dict[str, Any]] = {
    "no area": {"transform": Affine(0, 0, 600_000, 0, 0, 1_200_000)},
    "one line": {"transform": Affine(10, 10, 600_000, 10, 10, 1_200_000)},
    "NaN": {"transform": Affine(float("nan"), 0, 0, 0, -10, 0)},
    "infinite": {"transform": Affine(10, 0, float("inf"), 0, -10, 0)},
    "huge": {"transform": Affine(1e300, 0, 1e300, 0, -1e300, 1e300)},
    "geocentric": {"crs": "EPSG:4978"},
    "heights": {"crs": "EPSG:5773"},
    "a local CRS": {"crs": 'LOCAL_CS["here",UNIT["metre",1]]'},
}


def _read(path: Path, **options: Any) -> None:
    with geosar.open_scene(path, **options) as scene:
        assert scene.statistics
        scene.read(scene.grid.window)
        scene.read_overview(16)
        footprint(scene.grid)
        scene.grid.window_from_bounds((0, 0, 1, 1))


DOORS: dict[str, Callable[[Path], Any]] = {
    "reading": _read,
    "another resolution": lambda path: _read(path, resolution=20),
    "another CRS": lambda path: _read(path, dst_crs="EPSG:3413"),
    "describing": lambda path: describe_scene(path, model=None, dst_crs="EPSG:32643"),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("odd", ODD)
def test_odd_places_are_geosars_errors_or_none(tmp_path: Path, odd: str, door: str) -> None:
    path = write_raster(tmp_path / "a_VV.tif", speckled((48, 48)), units="power", **ODD[odd])
    with suppress(GeosarError):
        DOORS[door](path)


@pytest.mark.parametrize("odd", ["no area", "one line", "NaN", "infinite"])
def test_pixels_without_a_place_are_refused_before_they_are_read(tmp_path: Path, odd: str) -> None:
    path = write_raster(tmp_path / "a_VV.tif", speckled((48, 48)), units="power", **ODD[odd])
    with pytest.raises(SceneContentError, match=r"no area or place.*Write its georeference anew"):
        geosar.open_scene(path)


def test_a_crs_in_which_pixels_have_no_size_is_no_target(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a_VV.tif", speckled((48, 48)), units="power", crs="EPSG:4978")
    with pytest.raises(UsageError, match="no size on the ground"):
        geosar.open_scene(path, resolution=20)


@pytest.mark.parametrize(
    "error",
    [
        CPLE_AppDefinedError(3, 1, "IReadBlock failed"), TransformNotInvertibleError("degenerate"), IndexError("-1"),
        NotImplementedError("complex"), ZeroDivisionError("0"),
    ],
)  # fmt: skip
def test_what_libraries_raise_is_said_in_geosars_words(error: Exception) -> None:
    @foreign.own_errors
    def surprised() -> None:
        raise error

    with pytest.raises(SceneContentError, match=type(error).__name__) as raised:
        surprised()
    assert raised.value.__cause__ is error


def test_geosars_own_errors_and_those_of_arguments_pass() -> None:
    @foreign.own_errors
    def door(error: Exception) -> None:
        raise error

    for error in (UsageError("own"), ValueError("outside")):
        with pytest.raises(type(error)) as raised:
            door(error)
        assert raised.value is error
