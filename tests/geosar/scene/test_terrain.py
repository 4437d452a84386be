"""Terrain correction: places on the map come from where the radar saw them, at the height of an elevation model."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner

from geosar.cli import group
from geosar.errors import GeosarError, SceneContentError, UsageError
from geosar.grid import Window, windows
from geosar.scene import SarScene, open_scene
from geosar.scene.placement.points import ThinPlate
from helpers.rasters.safe_product import zip_product
from helpers.rasters.sentinel1 import annotation, coarse_product, control_points

SHRINK = 16
ALPS = "s1b_iw_alps"
STEP = 0.01
WEST, NORTH = 8.4, 47.8


def write_model(path: Path, heights: np.ndarray, **options: object) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=heights.shape[0], width=heights.shape[1], dtype="float32",
        crs="EPSG:4326", transform=Affine(STEP, 0, WEST, 0, -STEP, NORTH), **options,
    ) as target:  # fmt: skip
        target.write(heights.astype(np.float32), 1)
    return path


def grid_of_degrees() -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.indices((240, 430)) + 0.5
    return WEST + cols * STEP, NORTH - rows * STEP


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return coarse_product(tmp_path_factory.mktemp("safe"), ALPS, SHRINK)


@pytest.fixture(scope="module")
def surface(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a model that has the height of every control point of the product at its place."""
    points = control_points(ALPS)
    through = ThinPlate(np.array([(p.x, p.y) for p in points]), np.array([(p.z,) for p in points]))
    lons, lats = grid_of_degrees()
    heights = through(np.stack([lons.ravel(), lats.ravel()], axis=1)).reshape(lons.shape)
    return write_model(tmp_path_factory.mktemp("dem") / "surface.tif", heights)


def place_in_image(scene: SarScene, lon: float, lat: float) -> np.ndarray | None:
    """Return column and row that the scene shows at a place."""
    to_map = pyproj.Transformer.from_crs("EPSG:4326", scene.grid.crs.to_wkt(), always_xy=True)
    col, row = ~scene.grid.transform @ to_map.transform(lon, lat)
    window = Window(int(np.floor(col - 0.5)), int(np.floor(row - 0.5)), 2, 2)
    if window.intersection(scene.grid.window) != window:
        return None
    block = scene.read(window)
    if not block.valid.all():
        return None
    across, down = col - 0.5 - window.col_off, row - 0.5 - window.row_off
    values = block.values.astype(float) / 32
    upper, lower = (values[:, line, 0] * (1 - across) + values[:, line, 1] * across for line in (0, 1))
    return upper * (1 - down) + lower * down


def test_every_control_point_lands_on_its_longitude_and_latitude(product: Path, surface: Path) -> None:
    points = control_points(ALPS)
    with open_scene(product, dem=surface, dem_heights="ellipsoid") as scene:
        assert scene.placement == "terrain correction"
        assert scene.placement_error_metres is None
        assert any("surface, heights above the ellipsoid" in note for note in scene.notes)
        off = []
        for point in points:
            place = place_in_image(scene, point.x, point.y)
            # The product counts from the centre of a pixel, the picture's values from its corner.
            col, row = point.col / SHRINK + 0.5, point.row / SHRINK + 0.5
            if place is not None and 1 < col < 1610 and 1 < row < 1041:
                off.append(np.hypot(place[0] - col, place[1] - row))
    assert len(off) > 130
    # A pixel of 160 m; without the model points are off by up to 9 of them.
    assert max(off) < 0.2


def seen(lon: float, lat: float, height: float) -> tuple[float, float]:
    """Work out column and row of a place by brute force, with the polynomials from ground to slant range."""
    tree = ET.fromstring(annotation(ALPS))  # noqa: S314
    first = np.datetime64(tree.findtext(".//productFirstLineUtcTime", ""))
    second = np.timedelta64(1, "s")
    times = np.array([(np.datetime64(e.text or "") - first) / second for e in tree.findall(".//orbit/time")])
    way = [
        np.polynomial.Polynomial.fit(times, [float(e.text or "") for e in tree.findall(f".//orbit/position/{axis}")], 9)
        for axis in "xyz"
    ]
    place = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(lon, lat, height)

    def distance(t: np.ndarray) -> np.ndarray:
        return np.sqrt(sum((axis(t) - at) ** 2 for axis, at in zip(way, place, strict=True)))

    # In coordinates fixed to the Earth the satellite is at right angles where it is nearest.
    low, high = -10.0, 40.0
    for _ in range(6):
        t = np.linspace(low, high, 1001)
        best = int(distance(t).argmin())
        low, high = t[max(best - 1, 0)], t[min(best + 1, 1000)]
    time = (low + high) / 2
    slant_range = float(distance(np.array([time]))[0])
    records = tree.findall(".//coordinateConversion/coordinateConversion") or tree.findall(".//coordinateConversion")
    records = [one for one in records if one.find("grsrCoefficients") is not None]
    labels = np.array([(np.datetime64(one.findtext("azimuthTime", "")) - first) / second for one in records])
    ranges = []
    # As the geolocation grid has it: a record holds for the line 0.09 s before its time.
    before = int(np.searchsorted(labels - 0.08995, time)) - 1
    for one in records[before : before + 2]:
        slant = np.polynomial.Polynomial([float(v) for v in one.findtext("grsrCoefficients", "").split()])
        low, high = 0.0, 260_000.0
        while high - low > 1e-3:
            middle = (low + high) / 2
            low, high = (middle, high) if slant(middle) < slant_range else (low, middle)
        ranges.append(low)
    share = (time - (labels[before] - 0.08995)) / (labels[before + 1] - labels[before])
    ground = ranges[0] * (1 - share) + ranges[1] * share
    line = float(tree.findtext(".//azimuthTimeInterval", ""))
    return ground / 10 / SHRINK + 0.5, time / line / SHRINK + 0.5


def test_a_mountain_is_moved_back_from_where_it_leans_towards_the_radar(product: Path, tmp_path: Path) -> None:
    lons, lats = grid_of_degrees()
    top_lon, top_lat = 10.605, 46.605  # the centre of a cell of the model
    slope = np.hypot((lons - top_lon) * np.cos(np.radians(top_lat)), lats - top_lat) * 111_000
    mountain = write_model(tmp_path / "mountain.tif", np.clip(3000 - slope / 4, 0, None))
    leaning = {}
    with open_scene(product, dem=mountain, dem_heights="ellipsoid") as scene:
        for where, lon, height in (("top", top_lon, 3000.0), ("foot", 9.505, 0.0), ("slope", top_lon + 0.05, None)):
            at = height if height is not None else 3000 - 0.05 * np.cos(np.radians(top_lat)) * 111_000 / 4
            place = place_in_image(scene, lon, top_lat)
            assert place is not None
            expected = seen(lon, top_lat, at)
            # Bilinear cells of a kilometre cut a cone's top by some metres.
            np.testing.assert_allclose(place, expected, atol=0.35)
            leaning[where] = expected[0] - seen(lon, top_lat, 0.0)[0]
    # Descending, looking right: the top leans by 3000 m / tan(incidence), here some 37 degrees, to nearer columns.
    assert leaning["top"] * SHRINK * 10 == pytest.approx(-3000 / np.tan(np.radians(37)), rel=0.15)
    assert leaning["foot"] == 0


def test_the_metres_that_are_stated_are_added_to_the_heights(product: Path, tmp_path: Path) -> None:
    flat = write_model(tmp_path / "flat.tif", np.full((240, 430), 1000.0))
    raised = write_model(tmp_path / "raised.tif", np.full((240, 430), 1050.0))
    window = Window(600, 400, 64, 64)
    with (
        open_scene(product, dem=flat, dem_heights="50") as stated,
        open_scene(product, dem=raised, dem_heights="ellipsoid") as own,
    ):
        assert (stated.read(window).values == own.read(window).values).all()
        assert stated.fingerprint != own.fingerprint
        assert any("50 m added" in note for note in stated.notes)


def test_pixels_are_the_same_whatever_the_windows_and_from_a_zip(product: Path, surface: Path, tmp_path: Path) -> None:
    archive = zip_product(product, tmp_path / "product.zip")
    area = Window(500, 300, 500, 400)
    with (
        open_scene(product, dem=surface, dem_heights="ellipsoid") as whole,
        open_scene(archive, dem=surface, dem_heights="ellipsoid") as parts,
    ):
        expected = whole.read(area)
        assert expected.valid.all()
        for window in windows(area.width, area.height, 97)[::4]:
            block = parts.read(window.shifted(area.col_off, area.row_off))
            assert (block.values == expected.values[:, *window.slices]).all()


def test_where_the_model_has_no_height_nothing_is_shown(product: Path, tmp_path: Path) -> None:
    heights = np.full((240, 430), 500.0)
    heights[:, 200:] = -9999
    model = write_model(tmp_path / "half.tif", heights, nodata=-9999)
    with open_scene(product, dem=model, dem_heights="ellipsoid") as scene:
        assert place_in_image(scene, 10.0, 46.6) is not None
        assert place_in_image(scene, 10.8, 46.6) is None
        whole, _ = scene.read_overview(256)
        assert 0.2 < whole.valid.mean() < 0.5


def test_a_model_elsewhere_or_of_unknown_heights_is_refused_in_words(product: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.tif"
    with rasterio.open(
        elsewhere, "w", driver="GTiff", count=1, height=9, width=9, dtype="int16", crs="EPSG:4326",
        transform=Affine(0.1, 0, 100, 0, -0.1, 10),
    ) as target:  # fmt: skip
        target.write(np.ones((1, 9, 9), np.int16))
    with pytest.raises(SceneContentError, match="no part of the scene"):
        open_scene(product, dem=elsewhere, dem_heights="ellipsoid")
    with pytest.raises(UsageError, match=r"geoid, ellipsoid, or the metres"):
        open_scene(product, dem=elsewhere, dem_heights="sea")
    with pytest.raises(UsageError, match="expected a raster of heights"):
        open_scene(product, dem=product)


def test_without_a_grid_of_the_geoid_it_is_said_what_to_fetch_or_state(product: Path, surface: Path) -> None:
    try:
        with open_scene(product, dem=surface) as scene:
            assert any("above the geoid EGM" in note for note in scene.notes)  # a grid is installed here
    except UsageError as error:
        assert "us_nga_egm96_15.tif" in str(error)  # noqa: PT017
        assert "--dem-heights ellipsoid" in str(error)  # noqa: PT017


@pytest.mark.parametrize("kind", ["a map grid", "control points alone"])
def test_what_has_no_orbit_cannot_be_corrected(make_raster: Callable[..., Path], surface: Path, kind: str) -> None:
    points = [p for p in control_points(ALPS) if kind != "a map grid"]
    path = make_raster(
        values=np.ones((1, 50, 50), np.uint16), **({"gcps": points, "crs": "EPSG:4326"} if points else {})
    )
    with pytest.raises(SceneContentError, match=r"orbit and timing.*SAFE"):
        open_scene(path, dem=surface, dem_heights="ellipsoid")


def test_a_damaged_annotation_is_named(surface: Path, tmp_path: Path) -> None:
    root = coarse_product(tmp_path, ALPS, 64)
    for file in (root / "annotation").glob("*.xml"):
        file.write_text("<product/>")
    with open_scene(root):
        pass  # which needs no annotation
    with pytest.raises(GeosarError, match=r"annotation/s1a.*is damaged"):
        open_scene(root, dem=surface, dem_heights="ellipsoid")


def test_the_command_says_what_placed_the_scene(product: Path, surface: Path) -> None:
    arguments = ["info", str(product), "--dem", str(surface), "--dem-heights", "ellipsoid", "--json"]
    result = CliRunner().invoke(group, arguments, standalone_mode=False)
    assert json.loads(result.stdout)["placement"] == "terrain correction"


def test_a_folder_and_a_mosaic_of_tiles_are_the_one_model_that_they_make(
    product: Path, surface: Path, tmp_path: Path
) -> None:
    with rasterio.open(surface) as model:
        heights, half = model.read(1), model.width // 2
    (tmp_path / "tiles").mkdir()
    for name, part, west in (("w", heights[:, :half], WEST), ("e", heights[:, half:], WEST + half * STEP)):
        with rasterio.open(
            tmp_path / "tiles" / f"{name}.tif", "w", driver="GTiff", count=1, height=part.shape[0],
            width=part.shape[1], dtype="float32", crs="EPSG:4326", transform=Affine(STEP, 0, west, 0, -STEP, NORTH),
        ) as target:  # fmt: skip
            target.write(part, 1)
    named = "".join(f'<SourceFilename relativeToVRT="1">tiles/{name}.tif</SourceFilename>' for name in "we")
    mosaic = tmp_path / "mosaic.vrt"
    mosaic.write_text(f"<VRTDataset><VRTRasterBand><SimpleSource>{named}</SimpleSource></VRTRasterBand></VRTDataset>")
    window = Window(700, 300, 200, 200)
    with open_scene(product, dem=surface, dem_heights="ellipsoid") as scene:
        expected = scene.read(window)
        assert expected.valid.all()
    for elevation in (tmp_path / "tiles", mosaic):
        with open_scene(product, dem=elevation, dem_heights="ellipsoid") as scene:
            assert (scene.read(window).values == expected.values).all()
    mosaic.write_text('<VRTDataset><VRTRasterBand subClass="VRTDerivedRasterBand"/></VRTDataset>')
    with pytest.raises(UsageError, match="changes the values"):
        open_scene(product, dem=mosaic, dem_heights="ellipsoid")


def test_an_optional_model_leaves_the_rest_to_the_control_points(product: Path, tmp_path: Path) -> None:
    west = write_model(tmp_path / "west.tif", np.full((240, 200), 1500.0))  # to 10.4 degrees east
    with (
        open_scene(product, dem=west, dem_heights="ellipsoid", dem_optional=True) as both,
        open_scene(product, dem=west, dem_heights="ellipsoid") as strict,
        open_scene(product) as plain,
    ):
        assert any("where the model has no height the control points place it" in note for note in both.notes)
        for lon, like in ((9.8, strict), (11.4, plain)):
            assert place_in_image(both, lon, 46.6) == pytest.approx(place_in_image(like, lon, 46.6), abs=1e-6)
        assert place_in_image(strict, 11.4, 46.6) is None
    far = tmp_path / "far.tif"
    with rasterio.open(
        far, "w", driver="GTiff", count=1, height=9, width=9, dtype="int16", crs="EPSG:4326",
        transform=Affine(0.1, 0, 100, 0, -0.1, 10),
    ) as target:  # fmt: skip
        target.write(np.ones((1, 9, 9), np.int16))
    with open_scene(product, dem=far, dem_heights="ellipsoid", dem_optional=True) as scene:
        assert scene.placement == "control points"
        assert any("the elevation model far covers no part of it" in note for note in scene.notes)
