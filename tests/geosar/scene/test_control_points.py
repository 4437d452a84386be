"""Scenes with ground control points: every pixel must come to lie where it is on the Earth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
from rasterio.control import GroundControlPoint

from geosar.errors import SceneContentError, UsageError
from geosar.grid import Window, windows
from geosar.scene import SarScene, open_scene
from geosar.vocabulary import Unit
from helpers.rasters import speckled
from helpers.rasters.swaths import GEOD, Swath

TARGETS = [(row, col) for row in (100, 3000, 5900) for col in (100, 3000, 5900)]

SWATHS = {
    "mid-latitude": (Swath(10.0, 50.0, -12.0), 32632),
    "equator": (Swath(101.0, -1.0, -12.0), 32647),
    "south": (Swath(-70.0, -40.0, 192.0), 32719),
    "far north, 79 to 83 degrees": (Swath(10.0, 79.5, -25.0), 32633),
    "beyond 84 N": (Swath(-30.0, 83.5, -20.0, pixel=40), 32661),
    "Antarctic, 78 S": (Swath(30.0, -77.0, 200.0), 32734),
    "beyond 80 S": (Swath(0.0, -81.0, 195.0), 32761),
    "antimeridian": (Swath(179.0, 66.0, -12.0), 32601),
    "antimeridian, south": (Swath(-179.2, -17.0, 192.0), 32760),
}


def found_place(scene: SarScene, longitude: float, latitude: float) -> tuple[float, float]:
    """Return where the target appears that stands at a place, as the brightness-weighted centre around it."""
    to_map = pyproj.Transformer.from_crs("EPSG:4326", scene.grid.crs.to_wkt(), always_xy=True)
    x, y = to_map.transform(longitude, latitude)
    col, row = ~scene.grid.transform @ (x, y)
    window = Window(int(col) - 10, int(row) - 10, 21, 21)
    block = scene.read(window)
    assert block.valid.all()
    weights = np.clip(block.values[0].astype(float) - 150, 0, None)
    assert weights.sum() > 0
    rows, cols = np.indices(weights.shape) + 0.5
    centre = scene.grid.transform @ (
        window.col_off + (weights * cols).sum() / weights.sum(),
        window.row_off + (weights * rows).sum() / weights.sum(),
    )
    return to_map.transform(*centre, direction="INVERSE")


@pytest.mark.parametrize("name", SWATHS)
def test_targets_of_known_place_are_found_there_within_ten_metres(tmp_path: Path, name: str) -> None:
    swath, epsg = SWATHS[name]
    with open_scene(swath.write(tmp_path / "grd_vv.tif", TARGETS), scale="dn") as scene:
        assert scene.grid.crs.to_epsg() == epsg
        size = scene.grid.transform.a
        assert size == pytest.approx(40, rel=0.02)
        assert scene.grid.transform.c % size == pytest.approx(0, abs=1e-6)
        for row, col in TARGETS:
            lon, lat = swath.place(row + 0.5, col + 0.5)
            distance = GEOD.inv(lon, lat, *found_place(scene, lon, lat))[2]
            assert distance < 10


def test_the_grid_covers_the_swath_and_what_is_outside_is_masked(tmp_path: Path) -> None:
    swath = Swath(10.0, 50.0, -12.0, size=400)
    path = swath.write(tmp_path / "grd_vv.tif", [(200, 200)])
    with open_scene(path) as scene:
        to_map = pyproj.Transformer.from_crs("EPSG:4326", scene.grid.crs.to_wkt(), always_xy=True)
        left, bottom, right, top = scene.grid.bounds
        for row, col in ((0, 0), (0, 400), (400, 0), (400, 400)):
            x, y = to_map.transform(*swath.place(row, col))
            assert left <= x <= right
            assert bottom <= y <= top
        assert not scene.read(Window(0, 0, 3, 3)).valid.any()
        assert scene.unit is Unit.DIGITAL_NUMBER
        assert "210 ground control points" in scene.notes[0]


def written(make_raster: Callable[..., Path], values: np.ndarray, **options: Any) -> Path:
    points = [
        GroundControlPoint(row=row, col=col, x=76 + col * 9.2e-5, y=10 - row * 9.1e-5, z=0)
        for row in np.linspace(0, values.shape[-2], 5)
        for col in np.linspace(0, values.shape[-1], 5)
    ]
    return make_raster("gcps.tif", values, gcps=points, crs="EPSG:4326", **options)


def test_values_do_not_depend_on_the_window_that_they_are_read_in(make_raster: Callable[..., Path]) -> None:
    values = (np.sqrt(speckled((1, 300, 400))) * 500).astype(np.uint16)
    path = written(make_raster, values)
    with open_scene(path) as whole, open_scene(path) as parts:
        expected = whole.read(whole.grid.window)
        for window in windows(parts.grid.width, parts.grid.height, 77):
            block = parts.read(window)
            assert (block.values == expected.values[:, *window.slices]).all()
            assert (block.valid == expected.valid[window.slices]).all()


@pytest.mark.parametrize("kind", ["declared nodata", "NaN", "mask", "zero of an 8-bit picture"])
def test_holes_stay_holes_and_do_not_bleed(make_raster: Callable[..., Path], kind: Any) -> None:
    values = np.full((1, 120, 120), 90, np.float32)
    values[0, 40:80, 40:80] = np.nan if kind == "NaN" else -9999 if kind == "declared nodata" else 0
    options = {"nodata": -9999} if kind == "declared nodata" else {}
    if kind == "mask":
        options["mask"] = values[0] != 0
    if kind == "zero of an 8-bit picture":
        values, options["nodata"] = values.astype(np.uint8), 0
    path = written(make_raster, values.astype(np.uint8) if kind == "mask" else values, **options)
    with open_scene(path, scale="amplitude") as scene:
        block = scene.read(scene.grid.window)
        assert set(np.unique(block.values[0][block.valid])) == {90}
        assert block.valid.sum() == pytest.approx(120 * 120 - 40 * 40, rel=0.03)


def test_black_is_kept_where_an_eight_bit_picture_declares_nothing(make_raster: Callable[..., Path]) -> None:
    values = np.full((1, 100, 100), 90, np.uint8)
    values[0, 40:60, 40:60] = 0
    with open_scene(written(make_raster, values)) as scene:
        assert scene.read(scene.grid.window).valid.sum() == pytest.approx(10_000, rel=0.03)


def test_two_bands_keep_their_own_values(make_raster: Callable[..., Path]) -> None:
    values = np.stack([np.full((80, 80), 200, np.uint16), np.full((80, 80), 50, np.uint16)])
    with open_scene(written(make_raster, values, descriptions=("VV", "VH"))) as scene:
        block = scene.read(scene.grid.window)
        assert [set(np.unique(band[block.valid])) for band in block.values] == [{200}, {50}]
        assert scene.polarisations == ("VV", "VH")


def test_a_hole_in_one_band_does_not_bleed(make_raster: Callable[..., Path]) -> None:
    values = np.stack([np.full((80, 80), 200, np.uint16), np.full((80, 80), 50, np.uint16)])
    values[0, 20:40, 20:40] = 0
    with open_scene(written(make_raster, values)) as scene:
        block = scene.read(scene.grid.window)
        assert [set(np.unique(band[block.valid])) for band in block.values] == [{200}, {50}]


def test_a_coarser_resolution_averages(make_raster: Callable[..., Path]) -> None:
    values = np.random.default_rng(1).normal(1000, 100, (1, 400, 400)).astype(np.float32)
    path = written(make_raster, values)
    with open_scene(path, scale="amplitude", resolution=40) as scene:
        block = scene.read(scene.grid.window)
        # As in the other grids: about a sixth of the deviation is left of it.
        assert block.values[0][block.valid].std() < 30


def test_a_crs_and_a_resolution_can_be_asked_for(make_raster: Callable[..., Path]) -> None:
    path = written(make_raster, np.full((1, 200, 200), 300, np.uint16))
    with open_scene(path, dst_crs="EPSG:3395", resolution=20.0) as scene:
        assert scene.grid.crs.to_epsg() == 3395
        assert scene.grid.transform.a == 20
        assert scene.grid.width == pytest.approx(200 * 9.2e-5 * 111_319.5 / 20, abs=2)


@pytest.mark.parametrize(
    ("points", "message"),
    [(2, "expected three or more"), (3, "on one line")],
)
def test_too_few_points_are_refused(make_raster: Callable[..., Path], points: Any, message: Any) -> None:
    corners = [(0, 0, 76.0, 10.0), (25, 25, 76.1, 10.1), (50, 50, 76.2, 10.2)][:points]
    gcps = [GroundControlPoint(row=row, col=col, x=x, y=y, z=0) for row, col, x, y in corners]
    path = make_raster(values=np.ones((1, 50, 50), np.uint16), gcps=gcps, crs="EPSG:4326")
    with pytest.raises(SceneContentError, match=message):
        open_scene(path)


def test_a_crs_that_does_not_exist_or_would_tear_the_scene_apart_is_refused(
    tmp_path: Path, make_raster: Callable[..., Path]
) -> None:
    path = written(make_raster, np.ones((1, 50, 50), np.uint16))
    with pytest.raises(SceneContentError, match=r"across the edge of EPSG:3857.*EPSG:32601"):
        open_scene(Swath(179.9, 66.0, -12.0, size=600).write(tmp_path / "a.tif", []), dst_crs="EPSG:3857")
    with pytest.raises(UsageError, match="is no CRS"):
        open_scene(path, dst_crs="mars")


@pytest.mark.data
def test_a_real_grd_product_lies_where_its_control_points_say(data_dir: Path) -> None:
    with open_scene(data_dir / "scenes" / "grd_gcps_india.tif") as scene:
        assert scene.grid.crs.to_epsg() == 32643
        assert scene.grid.pixel_size_metres() == pytest.approx((202, 202), rel=0.01)
        # Control point 106, at the left edge in the middle of the image, by its longitude and latitude.
        left, bottom, right, top = scene.grid.bounds
        assert left < 566_397
        assert right > 850_484
        assert bottom < 1_021_100
        assert top > 1_237_187
        assert scene.statistics[0].valid_fraction == pytest.approx(0.69, abs=0.02)
        assert scene.unit is Unit.DIGITAL_NUMBER
