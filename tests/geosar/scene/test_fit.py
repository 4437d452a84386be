"""A CRS that does not fit the coordinates is found on opening, and it is said what to state; and the antimeridian."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.crs import CRS

from geosar.errors import GeosarError, SceneContentError
from geosar.scene import SarScene, open_scene

VALUES = np.random.default_rng(2).uniform(0.01, 0.3, (1, 60, 80)).astype(np.float32)
UTM = Affine(10, 0, 600_000, 0, -10, 5_100_000)
DEGREES = Affine(1e-4, 0, 11.2, 0, -1e-4, 46.1)


@pytest.mark.parametrize(
    ("crs", "transform", "message"),
    [
        ("EPSG:4326", UTM, r"look like metres.*rio edit-info --crs EPSG:32643"),
        ("EPSG:4326", Affine(1e-4, 0, -32.5, 0, -1e-4, 151.0), "latitude and longitude seem to be swapped"),
        ("EPSG:32632", DEGREES, r"look like degrees.*rio edit-info --crs EPSG:4326"),
        ("EPSG:32632", Affine(10, 0, 1e12, 0, -10, 1e12), "no place on the Earth"),
        ("EPSG:4326", Affine(1e-4, 0, float("nan"), 0, -1e-4, 46), "finite numbers"),
        ("EPSG:32633", Affine(10, 0, 5e6, 0, -10, 5e5), "eastings and northings seem to be swapped"),
        ("EPSG:32633", Affine(10, 0, 4e6, 0, -10, 5e6), r"degrees from its meridian 15\. State"),
        ("EPSG:3857", Affine(10, 0, 5e7, 0, -10, 5e6), "no place on the Earth"),
    ],
    ids=["metres as degrees", "swapped", "degrees as UTM", "far away", "NaN", "swapped UTM", "another zone", "turns"],
)
@pytest.mark.parametrize("options", [{}, {"resolution": 10.0}, {"dst_crs": "EPSG:3857"}], ids=["", "size", "crs"])
def test_coordinates_that_do_not_fit_are_refused_whatever_is_asked_for(
    make_raster: Callable[..., Path], crs: str, transform: Affine, message: str, options: dict[str, object]
) -> None:
    path = make_raster("a_VV.tif", VALUES, crs=crs, transform=transform)
    with pytest.raises(SceneContentError, match=message):
        open_scene(path, **options)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
def test_a_crs_without_any_transform_is_image_space(make_raster: Callable[..., Path], crs: str) -> None:
    path = make_raster("a_VV.tif", VALUES, crs=crs, transform=Affine.identity())
    with open_scene(path) as scene:
        assert scene.grid.crs is None
        assert scene.placement == "image space"
        assert any(f"names a CRS ({crs}) and no place in it" in note for note in scene.notes)
    with pytest.raises(SceneContentError, match=r"no place in it.*--resample-to-model"):
        open_scene(path, resolution=10)


def test_a_crs_that_is_not_tied_to_the_earth_stays_and_cannot_be_resampled(make_raster: Callable[..., Path]) -> None:
    local = CRS.from_wkt('LOCAL_CS["Site grid",UNIT["metre",1]]')
    path = make_raster("a_VV.tif", VALUES, crs=local, transform=Affine(10, 0, 0, 0, -10, 0))
    with open_scene(path) as scene:
        assert scene.grid.crs is not None
    with pytest.raises(SceneContentError, match="not tied to the Earth"):
        open_scene(path, resolution=10)


def shown(scene: SarScene, lon: float, lat: float) -> float:
    """Return what a scene shows at a place."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", scene.grid.crs.to_wkt(), always_xy=True).transform(lon, lat)
    left, _, right, _ = scene.grid.bounds
    if scene.grid.crs.is_geographic:
        x += 360 * np.round(((left + right) / 2 - x) / 360)
    col, row = ~scene.grid.transform @ (x, y)
    block = scene.read(scene.grid.window)
    assert block.valid[int(row), int(col)]
    return float(block.values[0, int(row), int(col)])


def ramp(height: int, width: int) -> np.ndarray:
    rows, cols = np.indices((height, width))
    return (1 + cols + 1000 * (rows // 8)).astype(np.float32)[np.newaxis] / 100_000


STEP = 1e-4
OVER = Affine(STEP, 0, 180 - 40 * STEP, 0, -STEP, -16.5)


@pytest.mark.parametrize("crs", ["EPSG:32760", "EPSG:32701", "EPSG:3832"])
@pytest.mark.parametrize("west", [180 - 40 * STEP, -180 - 40 * STEP], ids=["to 180.004", "from -180.004"])
def test_degrees_over_the_antimeridian_go_to_another_crs_whole(
    make_raster: Callable[..., Path], crs: str, west: float
) -> None:
    path = make_raster("a_VV.tif", ramp(60, 80), crs="EPSG:4326", transform=Affine(STEP, 0, west, 0, -STEP, -16.5))
    with open_scene(path, dst_crs=crs, scale="power") as scene:
        assert scene.statistics[0].valid_fraction > 0.8
        for col, row in ((5, 30), (39, 30), (40, 30), (75, 30)):
            lon, lat = west + (col + 0.5) * STEP, -16.5 - (row + 0.5) * STEP
            # Within a row of the ramp's steps, and the pixel beside.
            assert shown(scene, (lon + 180) % 360 - 180, lat) == pytest.approx((1 + col + 3000) / 1e5, abs=2e-5)


def test_longitudes_from_0_to_360_go_to_mercator(make_raster: Callable[..., Path]) -> None:
    path = make_raster("a_VV.tif", ramp(60, 80), crs="EPSG:4326", transform=Affine(STEP, 0, 190, 0, -STEP, -16.5))
    with open_scene(path, dst_crs="EPSG:3857", scale="power") as scene:
        left, _, right, _ = scene.grid.bounds
        assert -18_925_000 < left < right < -18_923_000
        assert shown(scene, -170 + 40.5 * STEP, -16.5 - 30.5 * STEP) == pytest.approx((1 + 40 + 3000) / 1e5, abs=2e-5)


def test_a_zone_over_the_antimeridian_goes_to_degrees_that_go_on(make_raster: Callable[..., Path]) -> None:
    path = make_raster(
        "a_VV.tif", ramp(60, 80), crs="EPSG:32760", transform=Affine(10, 0, 820_400 - 400, 0, -10, 8_174_000)
    )
    with open_scene(path, dst_crs="EPSG:4326", scale="power") as scene:
        assert scene.grid.width < 200
        assert scene.grid.height < 200
        x, y = 820_000 + 40.5 * 10, 8_174_000 - 30.5 * 10
        lon, lat = pyproj.Transformer.from_crs(32760, 4326, always_xy=True).transform(x, y)
        assert shown(scene, lon, lat) == pytest.approx((1 + 40 + 3000) / 1e5, abs=2e-5)


def test_a_crs_that_ends_where_the_scene_lies_is_refused_and_one_is_named(make_raster: Callable[..., Path]) -> None:
    zone = make_raster("a_VV.tif", VALUES, crs="EPSG:32760", transform=Affine(10, 0, 820_000, 0, -10, 8_174_000))
    over = make_raster("b_VV.tif", VALUES, crs="EPSG:4326", transform=OVER)
    for path in (zone, over):
        with pytest.raises(GeosarError, match=r"across the edge of EPSG:3857.*EPSG:327(60|01)"):
            open_scene(path, dst_crs="EPSG:3857")


@pytest.mark.parametrize(
    ("west", "counted"), [(190, -170), (350, -10), (-190, 170), (-179.9, -179.9), (179.997, 179.997)]
)
def test_longitudes_are_counted_as_maps_do(make_raster: Callable[..., Path], west: float, counted: float) -> None:
    path = make_raster("a_VV.tif", VALUES, crs="EPSG:4326", transform=Affine(STEP, 0, west, 0, -STEP, 46))
    with open_scene(path) as scene:
        assert scene.grid.bounds[0] == pytest.approx(counted)
        assert scene.grid.transform.a == pytest.approx(STEP)
        assert any("counted from -180 to 180" in note for note in scene.notes) == (west != counted)
        assert (scene.read(scene.grid.window).values == VALUES).all()


def test_a_raster_of_the_whole_earth_stays_as_it_is(make_raster: Callable[..., Path]) -> None:
    for west in (-180, 0):
        path = make_raster("a_VV.tif", VALUES, crs="EPSG:4326", transform=Affine(4.5, 0, west, 0, -3, 90))
        with open_scene(path) as scene:
            assert scene.grid.bounds == (west, -90, west + 360, 90)


def test_the_crs_that_the_message_advises_opens_the_scene_in_its_place(make_raster: Callable[..., Path]) -> None:
    path = make_raster("a_VV.tif", VALUES, crs="EPSG:4326", transform=UTM)
    with pytest.raises(SceneContentError, match=r"with `crs` \(--crs EPSG:32643\), or"):
        open_scene(path)
    with open_scene(path, src_crs="EPSG:32632") as scene:
        assert scene.grid.crs.to_epsg() == 32632
        assert scene.grid.bounds == (600_000, 5_099_400, 600_800, 5_100_000)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_a_scene_over_a_pole_is_not_torn_into_degrees_or_mercator(make_raster: Callable[..., Path], crs: str) -> None:
    path = make_raster("p_VV.tif", VALUES, crs="EPSG:3413", transform=Affine(10, 0, -100, 0, -10, 100))
    with pytest.raises(SceneContentError, match=r"tear it apart; .*EPSG:32661"):
        open_scene(path, dst_crs=crs, scale="db")
    with open_scene(path, dst_crs="EPSG:32661", scale="db") as scene:
        assert 60 * 80 <= scene.grid.window.area < 1.3 * 100 * 100


def test_mercator_across_the_antimeridian_goes_to_a_zone_whole(make_raster: Callable[..., Path]) -> None:
    half = 20_037_508.342789244
    path = make_raster("m_VV.tif", VALUES, crs="EPSG:3857", transform=Affine(10, 0, half - 400, 0, -10, -1_860_000))
    with open_scene(path, dst_crs="EPSG:32760", scale="db") as scene:
        assert np.mean(scene.read(scene.grid.window).valid) > 0.9
