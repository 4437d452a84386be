"""Placements: control points in any arrangement, those of real products above all, and rational polynomials."""

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC

from geosar.errors import SceneContentError
from geosar.grid import Window, windows
from geosar.scene import SarScene, open_scene
from geosar.scene.placement.points import ControlPoints, ThinPlate
from geosar.scene.ways import by_polynomials
from helpers.rasters.sentinel1 import PRODUCTS, control_points, size
from helpers.rasters.swaths import Swath

SHRUNK = 16


def ramps(path: Path, points: list[GroundControlPoint], width: int, height: int, crs: str = "EPSG:4326") -> Path:
    """Write a raster whose first band says the column, and the second the row, of a place in it."""
    rows, cols = np.indices((height, width), np.float32) + np.float32(0.5)
    with rasterio.open(
        path, "w", driver="GTiff", count=2, height=height, width=width, dtype="float32", gcps=points, crs=crs,
        nodata=-1, tiled=True,
    ) as target:  # fmt: skip
        target.write(np.stack([cols, rows]))
        target.descriptions = ("VV", "VH")
    return path


def places(scene: SarScene, lons: list[float], lats: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return columns and rows of the map at which places lie."""
    to_map = pyproj.Transformer.from_crs("EPSG:4326", scene.grid.crs.to_wkt(), always_xy=True)
    return ~scene.grid.transform @ to_map.transform(np.array(lons), np.array(lats))


def read_between(scene: SarScene, col: float, row: float) -> np.ndarray | None:
    """Return both bands at a place, straight between the centres of the pixels around it; None at the border."""
    left, top = int(np.floor(col - 0.5)), int(np.floor(row - 0.5))
    window = Window(left, top, 2, 2)
    if window.intersection(scene.grid.window) != window:
        return None
    block = scene.read(window)
    if not block.valid.all():
        return None
    across, down = col - 0.5 - left, row - 0.5 - top
    upper, lower = (block.values[:, line, 0] * (1 - across) + block.values[:, line, 1] * across for line in (0, 1))
    return upper * (1 - down) + lower * down


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_real_product_passes_through_every_one_of_its_control_points(tmp_path: Path, name: str) -> None:
    width, height = (side // SHRUNK for side in size(name))
    points = [
        GroundControlPoint(row=p.row / SHRUNK, col=p.col / SHRUNK, x=p.x, y=p.y, z=p.z) for p in control_points(name)
    ]
    path = ramps(tmp_path / "grd.tif", points, width, height)
    with open_scene(path, scale="amplitude") as scene:
        cols, rows = places(scene, [p.x for p in points], [p.y for p in points])
        values = [read_between(scene, col, row) for col, row in zip(cols, rows, strict=True)]
        inner = [1 < p.col < width - 1 and 1 < p.row < height - 1 for p in points]  # the others lack pixels on a side
        off = [np.hypot(*(at - (p.col, p.row))) for at, p, here in zip(values, points, inner, strict=True) if here]
        assert len(off) > len(points) * 0.6
        # The polynomial of before missed by up to 7, 9 and 1.6 of these pixels.
        assert max(off) < 0.1
        assert scene.placement == "control points"


@pytest.mark.parametrize("name", PRODUCTS)
def test_at_full_size_the_placement_is_exact_at_every_control_point(name: str) -> None:
    points = control_points(name)
    zone = 32600 + int((np.mean([p.x for p in points]) + 180) // 6) + 1
    to_map = pyproj.Transformer.from_crs("EPSG:4326", zone, always_xy=True)
    xs, ys = (np.array(axis) for axis in to_map.transform([p.x for p in points], [p.y for p in points]))
    placed = ControlPoints(
        np.array([(p.col, p.row, x, y, p.z) for p, x, y in zip(points, xs, ys, strict=True)], np.float64)
    )
    cols, rows = placed(xs, ys, 0.0)
    np.testing.assert_allclose(cols, [p.col for p in points], atol=1e-3)
    np.testing.assert_allclose(rows, [p.row for p in points], atol=1e-3)
    assert placed.heights == (min(p.z for p in points), max(p.z for p in points))


def test_the_expected_error_is_that_of_points_which_were_left_out_one_by_one() -> None:
    generator = np.random.default_rng(3)
    at, values = generator.uniform(0, 100, (30, 2)), generator.normal(0, 5, (30, 1))
    spline = ThinPlate(at, values)
    # The polynomial is the same for all; so what is left of it is what the spline alone must be asked for.
    left = values - spline.trend(at)
    missed = []
    for k in range(30):
        rest = np.arange(30) != k
        system = np.zeros((32, 32))
        scaled = (at[rest] - at.mean(axis=0)) / np.abs(at - at.mean(axis=0)).max()
        plane = np.column_stack([np.ones(29), scaled])

        def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            r = np.hypot(a[:, None, 0] - b[:, 0], a[:, None, 1] - b[:, 1])
            return r**2 * np.log(np.where(r > 0, r, 1) ** 2)

        system[:29, :29], system[:29, 29:], system[29:, :29] = kernel(scaled, scaled), plane, plane.T
        solved = np.linalg.solve(system, np.concatenate([left[rest, 0], np.zeros(3)]))
        one = (at[k : k + 1] - at.mean(axis=0)) / np.abs(at - at.mean(axis=0)).max()
        guess = kernel(one, scaled) @ solved[:29] + np.column_stack([[1.0], one]) @ solved[29:]
        missed.append(left[k, 0] - guess[0])
    np.testing.assert_allclose(spline.missed[:, 0], missed, rtol=1e-6, atol=1e-9)


def test_relief_is_told_in_metres_or_said_to_be_unknown(tmp_path: Path) -> None:
    points = control_points("s1b_iw_alps")
    width, height = size("s1b_iw_alps")
    shrunk = [
        GroundControlPoint(row=p.row / SHRUNK, col=p.col / SHRUNK, x=p.x, y=p.y, z=p.z) for p in points
    ]  # fmt: skip
    with open_scene(
        ramps(tmp_path / "alps.tif", shrunk, width // SHRUNK, height // SHRUNK), scale="amplitude"
    ) as scene:
        # Left out one by one, the points of the Alps are missed by 42 pixels of 10 m.
        assert scene.placement_error_metres == pytest.approx(424, rel=0.05)
        assert any("25 to 2818 m" in note and "420 m" in note for note in scene.notes)
    flat = [GroundControlPoint(row=p.row, col=p.col, x=p.x, y=p.y, z=0) for p in shrunk]
    with open_scene(ramps(tmp_path / "flat.tif", flat, width // SHRUNK, height // SHRUNK), scale="amplitude") as scene:
        assert scene.placement_error_metres is None
        assert any("not known" in note for note in scene.notes)


SWATH = Swath(10.0, 50.0, -12.0, size=300)


def by_hand(count: int) -> list[GroundControlPoint]:
    """Place the corners first, then points anywhere."""
    cells = [(0, 0), (0, 300), (300, 300), (300, 0), (140.5, 33), (77, 210), (260, 155.25)][:count]
    return [
        GroundControlPoint(row=row, col=col, x=x, y=y, z=0)
        for row, col in cells
        for x, y in [SWATH.place(row, col)]
    ]  # fmt: skip


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7])
def test_few_points_in_any_arrangement_place_an_image(tmp_path: Path, count: int) -> None:
    with open_scene(ramps(tmp_path / "hand.tif", by_hand(count), 300, 300), scale="amplitude") as scene:
        assert scene.grid.pixel_size_metres() == pytest.approx((40, 40), rel=0.02)
        for row, col in ((150, 150), (20, 280), (200, 60)):
            at = places(scene, *([value] for value in SWATH.place(row, col)))
            np.testing.assert_allclose(read_between(scene, at[0][0], at[1][0]), (col, row), atol=0.3)


def test_points_on_one_line_and_repeated_points_are_told_apart(tmp_path: Path) -> None:
    line = [GroundControlPoint(row=k, col=k, x=10 + k / 1e3, y=50 - k / 1e3, z=0) for k in (0, 100, 200, 300)]
    with pytest.raises(SceneContentError, match="on one line"):
        open_scene(ramps(tmp_path / "line.tif", line, 300, 300))
    twice = [*by_hand(7), *by_hand(7)]
    with open_scene(ramps(tmp_path / "twice.tif", twice, 300, 300), scale="amplitude") as scene:
        assert scene.grid.pixel_size_metres() == pytest.approx((40, 40), rel=0.02)


def test_a_point_that_contradicts_all_others_is_named(tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row=row, col=col, x=x + 2 * (row == col == 100), y=y, z=float("nan"))
        for row in (0, 100, 200, 300)
        for col in (0, 100, 200, 300)
        for x, y in [SWATH.place(row, col)]
    ]  # fmt: skip
    with open_scene(ramps(tmp_path / "wrong.tif", points, 300, 300), scale="amplitude") as scene:
        assert any("The point at column 100, row 100 contradicts all others" in note for note in scene.notes)
        assert scene.placement_error_metres is None  # NaN is no height


def test_points_in_another_crs_than_they_say_are_refused_and_the_stated_one_is_used(tmp_path: Path) -> None:
    path = ramps(tmp_path / "hand.tif", by_hand(7), 300, 300, crs="EPSG:32632")
    with pytest.raises(SceneContentError, match=r"look like degrees.*--crs EPSG:4326"):
        open_scene(path)
    with open_scene(path, scale="amplitude", src_crs="EPSG:4326") as scene:
        assert scene.grid.pixel_size_metres() == pytest.approx((40, 40), rel=0.02)


@pytest.mark.parametrize(
    ("swath", "west", "east"),
    [(SWATH, 9.9, 10.3), (Swath(179.95, 66.0, -12.0, size=300), -180.2, -179.7)],
    ids=["mid-latitude", "antimeridian"],
)
def test_a_geographic_crs_can_be_asked_for(tmp_path: Path, swath: Swath, west: float, east: float) -> None:
    points = [
        GroundControlPoint(row=row, col=col, x=x, y=y, z=0)
        for row in (0, 100, 200, 300)
        for col in (0, 100, 200, 300)
        for x, y in [swath.place(row, col)]
    ]
    with open_scene(
        ramps(tmp_path / "grd.tif", points, 300, 300), scale="amplitude", dst_crs="EPSG:4326", resolution=40
    ) as scene:
        assert scene.grid.pixel_size_metres() == pytest.approx((40, 40), rel=0.01)
        left, _, right, _ = scene.grid.bounds
        assert west < left < right < east
        lon, lat = swath.place(150, 150)
        lon -= 360 * (lon > 0) * (west < -180)
        col, row = ~scene.grid.transform @ (lon, lat)
        np.testing.assert_allclose(read_between(scene, col, row), (150, 150), atol=0.1)


def test_the_same_pixel_has_the_same_value_over_hills_whatever_the_windows(tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row=p.row / 40, col=p.col / 40, x=p.x, y=p.y, z=p.z) for p in control_points("s1b_iw_alps")
    ]
    path = ramps(tmp_path / "alps.tif", points, 640, 417)
    with open_scene(path, scale="amplitude") as whole, open_scene(path, scale="amplitude") as parts:
        expected = whole.read(whole.grid.window)
        for side in (97, 64):
            for window in windows(parts.grid.width, parts.grid.height, side)[::3]:
                block = parts.read(window)
                assert (block.values == expected.values[:, *window.slices]).all()
                assert (block.valid == expected.valid[window.slices]).all()


def test_an_overview_shows_the_same_places(tmp_path: Path) -> None:
    points = [
        GroundControlPoint(row=p.row / 16, col=p.col / 16, x=p.x, y=p.y, z=p.z) for p in control_points("s1b_iw_alps")
    ]
    with open_scene(ramps(tmp_path / "alps.tif", points, 1611, 1042), scale="amplitude") as scene:
        full = scene.read(scene.grid.window)
        block, grid = scene.read_overview(512)
        shrink = 4
        assert grid.transform.a == pytest.approx(shrink * scene.grid.transform.a, rel=0.01)
        rows, cols = np.nonzero(block.valid)
        inner = (cols > 2) & (cols < block.valid.shape[1] - 3) & (rows > 2) & (rows < block.valid.shape[0] - 3)
        rows, cols = rows[inner], cols[inner]
        at = (~scene.grid.transform) @ (grid.transform @ (cols + 0.5, rows + 0.5))
        near = full.values[:, at[1].astype(int), at[0].astype(int)]
        seen = full.valid[at[1].astype(int), at[0].astype(int)]
        assert np.abs(block.values[:, rows, cols] - near)[:, seen].max() < 6


def rpc(**changes: object) -> RPC:
    """Make polynomials of an image of 200 x 100 pixels near 30.1 E, 50.2 N, which lean by 0.01 pixels a metre."""
    terms = [0.0] * 20
    one, lon, lat, height = ([*terms[:k], 1.0, *terms[k + 1 :]] for k in range(4))
    values = {
        "lat_off": 50.2, "lat_scale": 0.01, "long_off": 30.1, "long_scale": 0.02, "height_off": 300.0,
        "height_scale": 100.0, "line_off": 49.5, "line_scale": 50.0, "samp_off": 99.5, "samp_scale": 100.0,
        "line_num_coeff": [-value for value in lat], "line_den_coeff": one,
        "samp_num_coeff": [a + 0.01 * b for a, b in zip(lon, height, strict=True)], "samp_den_coeff": one,
    }  # fmt: skip
    return RPC(**(values | changes))


def write_rpc(path: Path, coefficients: RPC) -> Path:
    rows, cols = np.indices((100, 200), np.float32) + np.float32(0.5)
    with rasterio.open(
        path, "w", driver="GTiff", count=2, height=100, width=200, dtype="float32", nodata=-1, rpcs=coefficients
    ) as target:
        target.write(np.stack([cols, rows]))
        target.descriptions = ("VV", "VH")
    return path


def test_rational_polynomials_place_an_image_at_their_own_height(tmp_path: Path) -> None:
    with open_scene(write_rpc(tmp_path / "umbra.tif", rpc()), scale="amplitude") as scene:
        assert scene.grid.crs.to_epsg() == 32636
        assert scene.placement == "rational polynomials"
        assert any("300 m" in note and "--dem corrects it" in note for note in scene.notes)
        for lon, lat in ((30.1, 50.2), (30.11, 50.205), (30.085, 50.194)):
            cols, rows = places(scene, [lon], [lat])
            place = read_between(scene, cols[0], rows[0])
            # 100 columns to 0.02 degrees and 50 rows to 0.01, around the middle; at 300 m nothing leans.
            expected = 100 + (lon - 30.1) * 5000, 50 - (lat - 50.2) * 5000
            np.testing.assert_allclose(place, expected, atol=0.02)


def test_rational_polynomials_lean_with_the_heights_of_a_model(tmp_path: Path) -> None:
    model = tmp_path / "dem.tif"
    with rasterio.open(
        model, "w", driver="GTiff", count=1, height=20, width=20, dtype="int16", crs="EPSG:4326",
        transform=Affine(0.01, 0, 30, 0, -0.01, 50.3),
    ) as target:  # fmt: skip
        target.write(np.full((1, 20, 20), 950, np.int16))
    path = write_rpc(tmp_path / "umbra.tif", rpc())
    with open_scene(path, scale="amplitude", dem=model, dem_heights=50) as scene:
        assert scene.placement == "terrain correction"
        cols, rows = places(scene, [30.1], [50.2])
        # A thousand metres are 700 above the middle: 0.01 of 100 columns for each hundred.
        np.testing.assert_allclose(read_between(scene, cols[0], rows[0]), (107, 50), atol=0.02)


@pytest.mark.parametrize(
    "changes",
    [
        {"samp_num_coeff": [float("nan")] * 20}, {"samp_num_coeff": [1.0] * 3}, {"lat_off": 1e9},
        {"line_num_coeff": [0.0] * 20}, {"long_scale": 0.0},
    ],
)  # fmt: skip
def test_damaged_polynomials_are_refused_in_words(changes: dict[str, object]) -> None:
    class Stub:
        width, height, rpcs = 200, 100, rpc(**changes)

    with pytest.raises(SceneContentError, match=r"\(RPC\)"):
        by_polynomials(Stub(), None, None)
