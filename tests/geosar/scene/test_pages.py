"""Pages of a TIFF: which there are is said, the first is used, and the caller picks others as if they were bands."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from geosar.errors import SceneReadError, UsageError
from geosar.scene import open_scene
from helpers.rasters import speckled

DECIBEL = (10 * np.log10(speckled((40, 60)))).astype(np.float32)
LEVELS = (0.0, -6.0, -11.0)
GRIDS = b'GEOGCS["x",EXTENSION["PROJ4_GRIDS","/etc/passwd"]]\0'


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pages, each with a smaller copy of itself behind it, which is none."""
    folder = tmp_path_factory.mktemp("pages") / "dates.tif"
    with tifffile.TiffWriter(folder) as file:
        for name, level in zip(("Sigma0_VV", "Sigma0_VH", "2021"), LEVELS, strict=True):
            file.write(DECIBEL + np.float32(level), description=name, metadata=None)
            file.write(DECIBEL[::2, ::2], subfiletype=1, metadata=None)
    return folder


def test_the_first_page_is_used_and_all_are_listed(path: Path) -> None:
    with open_scene(path) as scene:
        assert scene.polarisations == ("VV",)
        np.testing.assert_array_equal(scene.read(scene.grid.window).values[0], DECIBEL)
        assert any("3 pages (1 Sigma0_VV, 2 Sigma0_VH, 3 2021)" in note and "--band" in note for note in scene.notes)


def test_pages_are_picked_by_number_and_name_for_any_polarisation(path: Path) -> None:
    with open_scene(path, bands={"VV": 3, "VH": "sigma0_vh"}) as scene, open_scene(path) as first:
        assert scene.polarisations == ("VV", "VH")
        values = scene.read(scene.grid.window).values
        np.testing.assert_allclose(values, np.stack([DECIBEL - 11, DECIBEL - 6]), rtol=1e-6)
        assert scene.source == str(path)
        assert scene.fingerprint != first.fingerprint
        scene.check_unchanged()
    with open_scene(path, bands=2) as scene:
        assert scene.polarisations == ("VH",)
        assert any("Page 3 of the file" in note for note in scene.notes)  # the third directory, behind a smaller copy
    with pytest.raises(UsageError, match="no page '4'; it has 1 Sigma0_VV, 2 Sigma0_VH, 3 2021"):
        open_scene(path, bands={"VV": 4})


def test_bands_of_a_file_of_one_page_are_bands(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "one_VV.tif", DECIBEL, metadata=None)
    with pytest.raises(UsageError, match="no band '2'"):
        open_scene(tmp_path / "one_VV.tif", bands={"VV": 2})


def test_what_another_page_names_is_looked_through_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "leads_VV.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(DECIBEL, metadata=None)
        file.write(DECIBEL, metadata=None, extratags=[(34737, 2, len(GRIDS), GRIDS, True)])
    with pytest.raises(SceneReadError, match="names another file"):
        open_scene(path, bands={"VV": 2})
