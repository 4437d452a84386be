"""Sentinel-1 GRD products, as a folder and as the zip that it is downloaded in."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import rasterio.transform
import rasterio.warp

from geosar.errors import SceneChangedError, SceneContentError, SceneNotFoundError, SceneReadError, UsageError
from geosar.scene import SarScene, open_scene, safe
from geosar.vocabulary import Unit
from helpers.rasters import write_raster
from helpers.rasters.safe_product import LAT, LON, PRODUCT, STEP, write_product, zip_product

VV = np.full((200, 300), 200, np.uint16)
VH = np.full((200, 300), 100, np.uint16)
BOTH = {"VH": VH, "VV": VV}


def check(scene: SarScene) -> None:
    assert scene.polarisations == ("VV", "VH")
    assert (scene.unit, scene.dtype, scene.driver) == (Unit.POWER, np.dtype(np.float32), "SAFE")
    assert scene.acquired == datetime(2018, 7, 16, 0, 40, 28, tzinfo=UTC)
    assert scene.name == PRODUCT
    assert any("Calibrated to sigma0" in note for note in scene.notes)
    block = scene.read(scene.grid.window)
    rows, cols = np.nonzero(block.valid)
    inner = (cols > 2) & (cols < 297) & (rows > 2) & (rows < 197)
    rows, cols = rows[inner], cols[inner]
    # Column of the product under the centre of each pixel, from its longitude; the table is A = 400 + column.
    xs, ys = rasterio.transform.xy(scene.grid.transform, rows, cols)
    lons, _ = rasterio.warp.transform(scene.grid.crs, "EPSG:4326", xs, ys)
    column = (np.array(lons) - LON) / STEP - 0.5
    np.testing.assert_allclose(block.values[0, rows, cols], (200 / (400 + column)) ** 2, rtol=1e-3)
    np.testing.assert_allclose(block.values[1, rows, cols], (100 / (400 + column)) ** 2, rtol=1e-3)
    assert scene.grid.bounds[3] == pytest.approx(LAT * 110_600, rel=0.01)


def test_a_folder_is_calibrated_to_sigma0_and_rectified(tmp_path: Path) -> None:
    root = write_product(tmp_path, BOTH)
    for reference in (root, root / "manifest.safe", str(root)):
        with open_scene(reference) as scene:
            check(scene)


def test_a_zip_is_read_without_unpacking(tmp_path: Path) -> None:
    archive = zip_product(write_product(tmp_path / "there", BOTH), tmp_path / "odd name {1}.zip")
    before = sorted(tmp_path.iterdir())
    with open_scene(archive) as scene:
        check(scene)
    assert sorted(tmp_path.iterdir()) == before


def test_one_polarisation_can_be_chosen(tmp_path: Path) -> None:
    with open_scene(write_product(tmp_path, BOTH), polarisation="VH") as scene:
        assert scene.polarisations == ("VH",)


def test_the_zero_fringe_is_masked_after_calibration_too(tmp_path: Path) -> None:
    fringe = VV.copy()
    fringe[:, :100] = 0
    with open_scene(write_product(tmp_path, {"VV": fringe})) as scene:
        block = scene.read(scene.grid.window)
        assert np.isfinite(block.values[0][block.valid]).all()
        assert block.valid.mean() == pytest.approx(2 / 3, abs=0.03)


def test_without_calibration_tables_digital_numbers_are_used_and_noted(tmp_path: Path) -> None:
    with open_scene(write_product(tmp_path, BOTH, calibration=False)) as scene:
        assert (scene.unit, scene.dtype) == (Unit.DIGITAL_NUMBER, np.dtype(np.uint16))
        assert any("no calibration tables" in note for note in scene.notes)


def test_a_changed_measurement_is_noticed(tmp_path: Path) -> None:
    root = write_product(tmp_path, BOTH)
    with open_scene(root) as scene:
        scene.check_unchanged()
        image = next((root / "measurement").iterdir())
        image.write_bytes(image.read_bytes() + b"\0")
        with pytest.raises(SceneChangedError):
            scene.check_unchanged()


def test_a_single_look_complex_product_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SceneContentError, match="SNAP"):
        open_scene(write_product(tmp_path, BOTH, kind="slc"))


@pytest.mark.parametrize("href", ["/etc/passwd", "../../secret.tif", "http://inside/s1a-iw-grd-vv-1.tiff"])
def test_a_manifest_cannot_lead_out_of_the_product(tmp_path: Path, href: Any) -> None:
    with pytest.raises(SceneReadError, match="outside the product"):
        open_scene(write_product(tmp_path, {"VV": VV}, measurement_href=href))


def test_a_measurement_that_is_a_virtual_raster_is_not_followed(tmp_path: Path) -> None:
    secret = write_raster(tmp_path / "secret.tif", VV)
    root = write_product(tmp_path, {"VV": VV})
    image = next((root / "measurement").iterdir())
    with rasterio.open(secret) as source:
        rasterio.shutil.copy(source, image, driver="VRT")
    with pytest.raises(SceneReadError, match="not a TIFF"):
        open_scene(root)


def broken(root: Path, name: str, text: str) -> None:
    next(root.rglob(name)).write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("manifest.safe", "<xfdu:XFDU", "manifest.safe is damaged"),
        ("manifest.safe", "<a/>", "names no measurement"),
        ("calibration-*", "<calibration/>", "no vectors"),
        ("calibration-*", "<a><calibrationVector><line>1</line></calibrationVector></a>", "incomplete"),
    ],
)
def test_damaged_metadata_is_reported_by_name(tmp_path: Path, name: str, text: str, message: Any) -> None:
    root = write_product(tmp_path, {"VV": VV})
    broken(root, name, text)
    with pytest.raises((SceneReadError, SceneContentError), match=message):
        open_scene(root)


def test_missing_measurements_are_reported_by_name(tmp_path: Path) -> None:
    root = write_product(tmp_path, {"VV": VV})
    next((root / "measurement").iterdir()).unlink()
    with pytest.raises(SceneReadError, match="s1a-iw-grd-vv"):
        open_scene(root)


def test_folders_and_zips_that_hold_no_product_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SceneReadError, match="without manifest"):
        open_scene(tmp_path)
    empty = tmp_path / "empty.zip"
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(SceneReadError, match="without a SAFE product or TIFF"):
        open_scene(empty)
    empty.write_bytes(empty.read_bytes()[:30])
    with pytest.raises(SceneReadError, match="damaged zip"):
        open_scene(empty)
    with pytest.raises(SceneNotFoundError):
        open_scene(tmp_path / "absent.SAFE")


def test_a_product_is_not_one_of_several_files(tmp_path: Path) -> None:
    root = write_product(tmp_path, BOTH)
    with pytest.raises(UsageError, match="give it alone"):
        open_scene({"VV": root})


def _replaced(product: Path, part: str, text: str) -> Path:
    (file,) = product.rglob(part)
    file.write_text(text)
    return product


def test_files_of_elements_without_end_are_given_up(tmp_path: Path) -> None:
    """190 KB of zip unpacked to three files of 64 MiB, and took half a minute and gigabytes."""
    product = write_product(tmp_path, {"VV": VV})
    many = f"<a>{'<b/>' * (safe.MOST_ELEMENTS + 1)}</a>"
    archive = zip_product(_replaced(product, "calibration-*.xml", many), tmp_path / "many.zip")
    assert archive.stat().st_size < 200_000
    for source in (product, archive):
        with pytest.raises(SceneReadError, match=r"more than 200000 elements; do not trust"):
            open_scene(source)


def test_a_manifest_that_names_measurements_without_end_is_refused(tmp_path: Path) -> None:
    product = write_product(tmp_path, {"VV": VV})
    manifest = (product / "manifest.safe").read_text()
    entry = manifest[manifest.index("<dataObject ") : manifest.index("</dataObject>") + len("</dataObject>")]
    with pytest.raises(SceneReadError, match="names 1001 measurements"):
        open_scene(_replaced(product, "manifest.safe", manifest.replace(entry, entry * 1001, 1)))


def renamed(root: Path) -> Path:
    """Name the files as AWS and the Planetary Computer do; the manifest keeps the long names."""
    for file in [*root.rglob("*.tiff"), *root.rglob("*.xml")]:
        _, swath, _, polarisation, *_ = file.name.removeprefix("calibration-").split("-")
        prefix = "calibration-" if file.name.startswith("calibration-") else ""
        file.rename(file.with_name(f"{prefix}{swath}-{polarisation}{file.suffix}"))
    return root


def test_short_names_of_copies_are_found(tmp_path: Path) -> None:
    with open_scene(renamed(write_product(tmp_path, BOTH))) as scene:
        check(scene)


def test_a_product_of_which_one_measurement_was_deleted_is_read_without_it(tmp_path: Path) -> None:
    root = write_product(tmp_path, BOTH)
    next((root / "measurement").glob("*-vh-*")).unlink()
    with open_scene(root) as scene:
        assert scene.polarisations == ("VV",)
        assert any("VH is left out: measurement/" in note and "is not there" in note for note in scene.notes)
    next((root / "measurement").glob("*-vv-*")).unlink()
    with pytest.raises(SceneReadError, match=r"none of the measurements.*measurement/iw-vv.tiff"):
        open_scene(root)


def test_one_polarisation_of_a_product_may_take_the_place_of_another(tmp_path: Path) -> None:
    with open_scene(write_product(tmp_path, {"HH": VV, "HV": VH}), bands={"VV": "HH"}) as scene:
        assert scene.polarisations == ("VV",)
        assert any("HH is taken for VV, as stated" in note for note in scene.notes)
    with pytest.raises(UsageError, match="it has HH, HV"):
        open_scene(tmp_path / f"{PRODUCT}.SAFE", bands={"VV": 3})
