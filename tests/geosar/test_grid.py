"""Grid arithmetic, against counting by hand and against arrays that are really padded and cut."""

import math
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from geosar.errors import BoundsError
from geosar.grid import MapGrid, Window, mirrored, padded_window, read_plan, windows

sizes = st.integers(1, 70)
offsets = st.integers(-150, 150)
anywhere = st.builds(Window, offsets, offsets, sizes, sizes)


def test_a_window_knows_its_ends_and_slices() -> None:
    window = Window(col_off=3, row_off=5, width=10, height=20)
    assert (window.col_end, window.row_end, window.area) == (13, 25, 200)
    assert window.slices == (slice(5, 25), slice(3, 13))
    assert window.shifted(-3, 2) == Window(0, 7, 10, 20)
    converted = window.to_rasterio()
    assert (converted.col_off, converted.row_off, converted.width, converted.height) == (3, 5, 10, 20)


def test_windows_that_only_touch_do_not_intersect() -> None:
    left = Window(0, 0, 4, 4)
    assert left.intersection(Window(4, 0, 4, 4)) is None
    assert left.intersection(Window(3, 2, 4, 4)) == Window(3, 2, 1, 2)


@given(sizes, sizes, st.integers(1, 40))
def test_windows_cover_every_pixel_exactly_once(width: int, height: int, size: int) -> None:
    seen = np.zeros((height, width), int)
    for window in windows(width, height, size):
        assert 0 < window.width <= size
        assert 0 < window.height <= size
        seen[window.slices] += 1
    assert (seen == 1).all()


def test_windows_go_row_by_row_and_the_last_ones_are_smaller() -> None:
    assert windows(5, 3, 2) == (
        Window(0, 0, 2, 2),
        Window(2, 0, 2, 2),
        Window(4, 0, 1, 2),
        Window(0, 2, 2, 1),
        Window(2, 2, 2, 1),
        Window(4, 2, 1, 1),
    )


@given(anywhere, st.integers(0, 40), st.sampled_from([1, 2, 8, 16]))
def test_padding_reaches_the_halo_and_the_next_multiple_of_the_stride(window: Window, halo: int, stride: int) -> None:
    padded = padded_window(window, halo, stride)
    for value in (padded.col_off, padded.row_off, padded.col_end, padded.row_end):
        assert value % stride == 0
    for start, end in (
        (window.col_off - padded.col_off, padded.col_end - window.col_end),
        (window.row_off - padded.row_off, padded.row_end - window.row_end),
    ):
        assert halo <= start < halo + stride
        assert halo <= end < halo + stride


def test_mirroring_repeats_the_outer_pixel() -> None:
    assert mirrored(-4, 7, 3).tolist() == [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]
    assert mirrored(-2, 3, 1).tolist() == [0, 0, 0, 0, 0]


@given(sizes, st.integers(0, 200), st.integers(0, 200))
def test_mirroring_is_numpys_symmetric_padding(length: int, before: int, after: int) -> None:
    expected = np.pad(np.arange(length), (before, after), mode="symmetric")
    assert mirrored(-before, length + after, length).tolist() == expected.tolist()


@given(sizes, sizes, anywhere)
def test_a_read_plan_gives_what_mirroring_the_whole_scene_would(width: int, height: int, padded: Window) -> None:
    scene = np.arange(width * height).reshape(height, width)
    plan = read_plan(padded, width, height)
    assert plan.window.intersection(Window(0, 0, width, height)) == plan.window
    block = scene[plan.window.slices]
    block = block if plan.rows is None else block[..., plan.rows, :]
    block = block if plan.cols is None else block[..., plan.cols]
    rows, cols = mirrored(padded.row_off, padded.row_end, height), mirrored(padded.col_off, padded.col_end, width)
    assert (block == scene[np.ix_(rows, cols)]).all()
    assert plan.window.width <= padded.width
    assert plan.window.height <= padded.height


def test_inside_the_scene_nothing_is_indexed() -> None:
    plan = read_plan(Window(2, 3, 4, 5), 10, 10)
    assert plan == type(plan)(Window(2, 3, 4, 5), None, None)


@pytest.mark.parametrize(
    ("crs", "transform", "across", "down"),
    [
        # UTM at its central meridian: 10 m on the map are 10 / 0.9996 on the ground.
        ("EPSG:32643", Affine(10, 0, 500_000, 0, -10, 1_100_000), 10.004, 10.004),
        # Degrees at the equator: one is 111 319.49 m of longitude, 110 574.28 of latitude.
        ("EPSG:4326", Affine(1e-4, 0, 10, 0, -1e-4, 0), 11.1319, 11.0574),
        # Degrees at 60 N: cos 60 with the ellipsoid's radius there gives 55 800 m of longitude.
        ("EPSG:4326", Affine(1e-4, 0, 10, 0, -1e-4, 60), 5.5800, 11.1412),
        # Web Mercator at 60 N: twice too large on the sphere, the radii of the ellipsoid being 0.25 and 0.08 % larger.
        ("EPSG:3857", Affine(10, 0, 0, 0, -10, 8_399_737.9), 5.0126, 5.0042),
        # US survey feet, 10 of them.
        ("EPSG:2263", Affine(10, 0, 984_250, 0, -10, 200_000), 3.048, 3.048),
    ],
)
def test_pixel_sizes_are_true_ground_distances(crs: Any, transform: Any, across: Any, down: Any) -> None:
    size = MapGrid(CRS.from_user_input(crs), transform, 1, 1).pixel_size_metres()
    assert size == pytest.approx((across, down), rel=3e-4)


def test_a_rotated_pixel_has_the_length_of_its_sides() -> None:
    transform = Affine.translation(500_000, 1_100_000) @ Affine.rotation(30) @ Affine.scale(20, -10)
    size = MapGrid(CRS.from_epsg(32643), transform, 3, 3).pixel_size_metres()
    assert size == pytest.approx((20.008, 10.004), rel=1e-4)


def test_without_a_place_on_the_earth_there_is_no_pixel_size() -> None:
    assert MapGrid(None, Affine.identity(), 4, 4).pixel_size_metres() is None
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    assert MapGrid(local, Affine.identity(), 4, 4).pixel_size_metres() is None


def test_bounds_are_the_hull_of_a_rotated_raster() -> None:
    # A square of side 2, turned by 45 degrees about its upper left corner: a diamond with half-diagonal sqrt 2.
    grid = MapGrid(None, Affine.rotation(45), 2, 2)
    root = math.sqrt(2)
    assert grid.bounds == pytest.approx((-root, 0, root, 2 * root))


def test_a_subgrid_starts_at_its_windows_corner() -> None:
    grid = MapGrid(None, Affine(10, 0, 1000, 0, -10, 5000), 100, 100)
    sub = grid.subgrid(Window(3, 7, 20, 30))
    assert sub.transform == Affine(10, 0, 1030, 0, -10, 4930)
    assert sub.shape == (30, 20)


GRID = MapGrid(CRS.from_epsg(32643), Affine(10, 0, 1000, 0, -10, 5000), 100, 50)


def test_bounds_on_pixel_edges_take_no_extra_pixels() -> None:
    assert GRID.window_from_bounds((1020, 4700, 1050, 4900)) == Window(2, 10, 3, 20)


def test_bounds_inside_pixels_take_all_that_they_touch() -> None:
    assert GRID.window_from_bounds((1025, 4705, 1045, 4895)) == Window(2, 10, 3, 20)
    assert GRID.window_from_bounds((1021, 4995, 1022, 4996)) == Window(2, 0, 1, 1)


def test_bounds_beyond_the_scene_are_cut() -> None:
    assert GRID.window_from_bounds((-1e9, -1e9, 1e9, 1e9)) == GRID.window


@pytest.mark.parametrize(
    "bounds",
    [(0, 0, 10, 10), (1050, 4700, 1020, 4900), (1020, 4900, 1050, 4900), (math.nan, 0, 1, 1)],
)
def test_bounds_that_miss_or_make_no_sense_are_refused(bounds: Any) -> None:
    with pytest.raises(BoundsError, match="left"):
        GRID.window_from_bounds(bounds)


@given(st.integers(0, 99), st.integers(0, 49), st.integers(1, 100), st.integers(1, 50))
def test_a_windows_own_bounds_give_it_back(col: int, row: int, width: int, height: int) -> None:
    window = Window(col, row, width, height).intersection(GRID.window)
    assert GRID.window_from_bounds(GRID.subgrid(window).bounds) == window
