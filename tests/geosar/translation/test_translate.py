"""The translation pipeline: what comes out, and that only the source and the model decide it."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio

import geosar
from geosar.backscatter import Normaliser
from geosar.engines import open_engine
from geosar.models import Model, list_models, load_model
from geosar.scene import open_scene
from helpers.rasters.large_scene import HEIGHT, WIDTH, pixels, write_scene
from helpers.tiny_model import HALO, STRIDE, write_model

if TYPE_CHECKING:
    from geosar.report import Progress


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(scope="module")
def scene(work: Path) -> Path:
    return write_scene(work / "scene.tif")


@pytest.fixture(scope="module")
def model(work: Path) -> Model:
    return load_model(write_model(work / "tiny"))


@pytest.fixture(scope="module")
def whole(work: Path, scene: Path, model: Model) -> Path:
    geosar.translate(scene, work / "whole.tif", model=model, error_band=True)
    return work / "whole.tif"


def test_the_image_is_what_one_pass_over_the_whole_scene_gives(scene: Path, model: Model, whole: Path) -> None:
    with open_scene(scene) as opened:
        block = opened.read(opened.grid.window)
        normalised = Normaliser(opened.unit, opened.statistics, model.manifest.inputs.clip)(block.values, block.valid)
    # Mirrored by numpy at the far edges, as much as the stride and the halo ask for.
    after = [HALO + (-(length + HALO)) % STRIDE for length in (HEIGHT, WIDTH)]
    padded = np.pad(normalised[0], ((HALO, after[0]), (HALO, after[1])), mode="symmetric")
    expected = open_engine(model, "cpu").run(padded[np.newaxis, np.newaxis])[0, HALO:][:HEIGHT, HALO:][:, :WIDTH]
    image, mask = pixels(whole)
    assert np.array_equal(mask > 0, block.valid)
    expected[~block.valid] = 0
    assert np.array_equal(image, expected[..., :3].transpose(2, 0, 1))
    error, error_mask = pixels(whole.with_name("whole.error.tif"))
    assert np.array_equal(error[0], expected[..., 3])
    assert np.array_equal(error_mask, mask)


def test_the_grid_is_the_sources_and_the_file_says_that_it_is_synthetic(scene: Path, whole: Path) -> None:
    with rasterio.open(scene) as source, rasterio.open(whole) as result:
        assert (result.crs, result.transform, result.shape) == (source.crs, source.transform, source.shape)
        tags = result.tags()
    assert tags["GEOSAR_SYNTHETIC"] == "YES"
    assert tags["GEOSAR_MODEL"] == "tiny 1.0"
    assert tags["GEOSAR_POLARISATION"] == "VV"


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize(
    "options", [{"window_size": 4096}, {"window_size": 6144, "threads": 1}, {"threads": 3}], ids=str
)
def test_windows_and_threads_change_nothing(
    work: Path, scene: Path, model: Model, precision: str, options: dict[str, int]
) -> None:
    reference = work / f"{precision}.tif"
    if not reference.exists():
        geosar.translate(scene, reference, model=model, precision=precision)
    geosar.translate(scene, work / "other.tif", model=model, precision=precision, overwrite=True, **options)
    for one, other in zip(pixels(reference), pixels(work / "other.tif"), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("offset", [(1000, 700), (2049, 3), (1, 1), (2047, 2001)])
def test_a_part_equals_the_same_part_of_the_whole(
    work: Path, scene: Path, model: Model, whole: Path, offset: tuple[int, int]
) -> None:
    col, row = offset
    with rasterio.open(scene) as source:
        window = rasterio.windows.Window(col, row, min(2151, WIDTH - col), min(499, HEIGHT - row))
        bounds = rasterio.windows.bounds(window, source.transform)
    report = geosar.translate(scene, work / "part.tif", model=model, bbox=bounds, overwrite=True)
    assert (report.width, report.height) == (window.width, window.height)
    rows, cols = window.toslices()
    for part, entire in zip(pixels(work / "part.tif"), pixels(whole), strict=True):
        assert np.array_equal(part, entire[..., rows, cols])


def test_the_report_counts_and_is_plain(work: Path, scene: Path, model: Model) -> None:
    report = geosar.translate(
        scene, work / "told.tif", model=model, error_band=True, quicklook=True, stac=True, overwrite=True
    )
    assert (report.windows_total, report.windows_skipped, report.windows_resumed) == (6, 1, 0)
    assert report.megapixels == pytest.approx(WIDTH * HEIGHT / 1e6)
    assert report.polarisations == ("VV",)
    assert report.unit == "dn"
    assert any("nit dn" in note for note in report.notes)
    assert report.warnings == ()
    assert report.checksum == model.checksum
    values = json.loads(json.dumps(report.to_dict()))
    assert [Path(path).name for path in values["outputs"]] == ["told.tif", "told.error.tif", "told.png", "told.json"]
    assert all(path.is_file() for path in report.outputs)
    item = json.loads((work / "told.json").read_text())
    assert set(item["assets"]) == {"optical", "error", "quicklook"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.unit = "db"


def test_progress_rises_to_the_end(work: Path, scene: Path, model: Model) -> None:
    seen: list[Progress] = []
    geosar.translate(scene, work / "progress.tif", model=model, progress=seen.append)
    done = [one.windows_done for one in seen]
    assert done == sorted(done)
    assert seen[0].windows_done == 0
    assert (seen[-1].windows_done, seen[-1].windows_total, seen[-1].message) == (6, 6, "done")
    assert seen[-1].megapixels_done == pytest.approx(seen[-1].megapixels_total)
    assert seen[-1].seconds_left == 0
    assert seen[-1].megapixels_per_second is not None


def test_a_pixel_size_that_does_not_fit_is_warned_of_or_resampled(work: Path) -> None:
    scene = write_scene(work / "small.tif", width=600, height=400, holes=False)
    coarse = load_model(write_model(work / "coarse", ground_sampling_distance=20.0))
    warned = geosar.translate(scene, work / "gsd.tif", model=coarse)
    assert any("trained at 20 m" in warning for warning in warned.warnings)
    resampled = geosar.translate(scene, work / "gsd.tif", model=coarse, resample_to_model=True, overwrite=True)
    assert resampled.warnings == ()
    # Within the scale of UTM at that place.
    assert (resampled.width, resampled.height) == pytest.approx((300, 200), abs=2)


def test_another_crs_is_the_outputs_crs(work: Path, model: Model) -> None:
    scene = write_scene(work / "small.tif", width=600, height=400, holes=False)
    geosar.translate(scene, work / "mercator.tif", model=model, dst_crs="EPSG:3857")
    with rasterio.open(work / "mercator.tif") as result:
        assert result.crs.to_epsg() == 3857
    assert (pixels(work / "mercator.tif")[1] > 0).any()


@pytest.mark.data
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_real_radar_and_the_real_model_know_nothing_of_windows(data_dir: Path, tmp_path: Path, precision: str) -> None:
    """On a part of Los Angeles: one window against two, and a part against the whole, 0 numbers apart."""
    name = "s1-rgb" if "s1-rgb" in list_models() else write_model(tmp_path / "tiny")
    scene = data_dir / "scenes" / "los_angeles_s1_vh.tif"
    with rasterio.open(scene) as source:
        whole = rasterio.windows.bounds(rasterio.windows.Window(1001, 1003, 2400, 900), source.transform)
        part = rasterio.windows.bounds(rasterio.windows.Window(2901, 1403, 480, 300), source.transform)
    options = {"model": name, "precision": precision}
    geosar.translate(scene, tmp_path / "two.tif", bbox=whole, **options)
    geosar.translate(scene, tmp_path / "one.tif", bbox=whole, window_size=4096, threads=1, **options)
    geosar.translate(scene, tmp_path / "part.tif", bbox=part, **options)
    two, mask = pixels(tmp_path / "two.tif")
    assert (mask > 0).any()
    assert two.std() > 5
    assert np.array_equal(two, pixels(tmp_path / "one.tif")[0])
    assert np.array_equal(two[:, 400:700, 1900:2380], pixels(tmp_path / "part.tif")[0])


@pytest.mark.data
def test_open_sea_is_dark_blue_in_false_colour_and_land_is_not(data_dir: Path, tmp_path: Path) -> None:
    """Beside Marina del Rey: short-wave and near infrared of water are nearly 0."""
    scene = data_dir / "scenes" / "los_angeles_s1_vh.tif"
    with rasterio.open(scene) as source:
        bounds = rasterio.windows.bounds(rasterio.windows.Window(600, 1350, 384, 384), source.transform)
    geosar.translate(scene, tmp_path / "false.tif", bbox=bounds, model="s1-falsecolour")
    image = pixels(tmp_path / "false.tif")[0].astype(float)
    sea, town = image[:, 260:384, :60].mean(axis=(1, 2)), image[:, :150, 100:250].mean(axis=(1, 2))
    assert sea[:2].max() < 0.6 * town[:2].min()
    assert sea[2] > sea[:2].max()
