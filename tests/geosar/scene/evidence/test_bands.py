"""Which bands are used, which is a mask, and that the caller's word wins over both."""

from typing import Any

import numpy as np
import pytest
from rasterio.enums import ColorInterp

from geosar.errors import SceneContentError, UsageError
from geosar.scene import open_scene
from geosar.vocabulary import Unit
from helpers.rasters import speckled

POWER = speckled((4, 40, 50))
DECIBEL = (10 * np.log10(POWER)).astype(np.float32)
BYTES = np.clip(DECIBEL * 5 + 150, 1, 255).astype(np.uint8)
MASK = np.ones((1, 40, 50), np.float32)
MASK[:, :, :20] = 0
LINEAR_AND_DECIBEL = {
    "values": np.concatenate([POWER[:2], DECIBEL[:2]]),
    "descriptions": ("Sigma0_VV", "Sigma0_VH", "Sigma0_VV_db", "Sigma0_VH_db"),
}


@pytest.mark.parametrize(
    ("descriptions", "used"),
    [
        (("Sigma0_VV", "Sigma0_VH", "Sigma0_VV_db", "Sigma0_VH_db"), {"VV": 0, "VH": 1}),
        (("20200103_VV", "20200115_VV", "20200103_VH", "20200115_VH"), {"VV": 0, "VH": 2}),
        (("VV_asc", "VH_asc", "VV_desc", "VH_desc"), {"VV": 0, "VH": 1}),
        (("VV_stdDev", "VV_mean", "VH_stdDev", "VH_mean"), {"VV": 1, "VH": 3}),
        (("0_VV", "0_VH", "1_VV", "1_VH"), {"VV": 0, "VH": 1}),
        (("HH", "HV", "VH", "VV"), {"HH": 0, "HV": 1, "VH": 2, "VV": 3}),
        (("VV/VH", "VH", "angle", "ratio"), {"VH": 1}),
        (("Beta0_VV", "Gamma0_VV", "Sigma0_VV", "dem"), {"VV": 1}),
    ],
)
def test_bands_whose_names_differ_in_their_polarisation_alone_go_together(
    make_raster: Any, descriptions: tuple[str, ...], used: dict[str, int]
) -> None:
    with open_scene(make_raster("scene.tif", DECIBEL, descriptions=descriptions)) as scene:
        assert set(scene.polarisations) == set(used)
        for name, place in used.items():
            assert (scene.select(name).read(scene.grid.window).values[0] == DECIBEL[place]).all()
        assert (len(used) == 4) or any(f"Of 4 bands (1 {descriptions[0]}" in note for note in scene.notes)


def test_each_band_has_its_own_unit(make_raster: Any) -> None:
    path = make_raster("Subset_S1A_Orb_Cal_TC.tif", **LINEAR_AND_DECIBEL)
    with open_scene(path) as scene:
        assert scene.unit is Unit.POWER
    with open_scene(path, bands={"VV": "Sigma0_VV_db"}) as scene:
        assert scene.unit is Unit.DECIBEL
        assert scene.statistics[0].mean == pytest.approx(float(DECIBEL[0].mean()), abs=0.2)


@pytest.mark.parametrize("bands", [{"VV": 2, "VH": 1}, {"VV": "2", "VH": "1"}])
def test_the_caller_says_which_band_is_which(make_raster: Any, bands: dict[str, int | str]) -> None:
    with open_scene(make_raster("scene.tif", DECIBEL[:2]), bands=bands) as scene:
        assert scene.polarisations == ("VV", "VH")
        assert (scene.read(scene.grid.window).values == DECIBEL[[1, 0]]).all()


def test_another_polarisation_may_take_the_place_and_that_is_said(make_raster: Any) -> None:
    with open_scene(make_raster("CAPELLA_HH.tif", DECIBEL[:1]), bands={"VV": "HH"}) as scene:
        assert scene.polarisations == ("VV",)
        assert any("says HH; it is taken for VV, as stated" in note for note in scene.notes)


def test_bands_that_are_not_there_are_refused_with_those_that_are(make_raster: Any) -> None:
    path = make_raster("scene.tif", DECIBEL[:2], descriptions=("VV", "VH"))
    for wrong in ({"VV": 3}, {"VV": "Sigma0"}, 0):
        with pytest.raises(UsageError, match=r"1 VV, 2 VH|from 1"):
            open_scene(path, bands=wrong)
    with pytest.raises(UsageError, match="has no band 7"):
        open_scene(path, mask_band=7)


def test_an_unnamed_stack_says_how_to_choose(make_raster: Any) -> None:
    with pytest.raises(SceneContentError, match=r"`--band VV=1 --band VH=2`"):
        open_scene(make_raster("stack.tif", DECIBEL))
    path = make_raster("stack_VV.tif", DECIBEL)
    with open_scene(path) as scene:
        assert any("first of 4 bands is used; `--band VV=N`" in note for note in scene.notes)
    with open_scene(path, bands={"VV": 3}) as scene:
        assert (scene.read(scene.grid.window).values[0] == DECIBEL[2]).all()


@pytest.mark.parametrize(
    ("name", "values", "descriptions"),
    [
        ("vv_vh_datamask.tif", np.concatenate([POWER[:2], MASK]), ()),
        ("vv_datamask.tif", np.concatenate([POWER[:1], MASK]), ()),
        ("hub.tif", np.concatenate([POWER[:2], MASK]), ("VV", "VH", "dataMask")),
    ],
)
def test_a_data_mask_masks(make_raster: Any, name: str, values: np.ndarray, descriptions: tuple[str, ...]) -> None:
    path = make_raster(name, values, descriptions=descriptions)
    with open_scene(path) as scene:
        assert "VV" in scene.polarisations
        assert (scene.read(scene.grid.window).valid == (MASK[0] != 0)).all()
    with open_scene(path, mask_band="none", bands={"VV": 1}) as scene:
        assert scene.read(scene.grid.window).valid.all()


def test_a_band_that_is_labelled_as_a_mask_but_says_what_it_is_is_none(make_raster: Any) -> None:
    colours = (ColorInterp.gray, ColorInterp.undefined, ColorInterp.undefined, ColorInterp.alpha)
    path = make_raster("quad.tif", BYTES, colorinterp=colours, descriptions=("HH", "HV", "VH", "VV"))
    with open_scene(path) as scene:
        assert scene.polarisations == ("HH", "HV", "VH", "VV")
        assert scene.read(scene.grid.window).valid.all()
        assert (scene.select("VV").read(scene.grid.window).values[0] == BYTES[3]).all()


def test_a_stated_mask_band_masks(make_raster: Any) -> None:
    values = np.concatenate([POWER[:1], POWER[1:2] * MASK])
    with open_scene(make_raster("scene_VV.tif", values), bands={"VV": 1}, mask_band=2) as scene:
        assert (scene.read(scene.grid.window).valid == (MASK[0] != 0)).all()


def test_what_the_caller_gave_is_told_from_what_was_found_beside_it(make_raster: Any) -> None:
    make_raster("s_VV.tif", DECIBEL[:1])
    with open_scene(make_raster("s_VH.tif", DECIBEL[1:2])) as scene:
        assert (scene.given, set(scene.polarisations)) == (("VH",), {"VV", "VH"})


@pytest.mark.parametrize("name", ["nodata_mask", "cloud_mask", "water_mask", "layover_shadow_mask"])
def test_a_mask_of_something_else_masks_nothing(make_raster: Any, name: str) -> None:
    values = np.concatenate([DECIBEL[:1], MASK])
    with open_scene(make_raster("scene.tif", values, descriptions=("VV", name))) as scene:
        assert scene.polarisations == ("VV",)
        assert scene.read(scene.grid.window).valid.all()


def test_a_mask_in_a_file_of_its_own_is_said_not_to_be_read(make_raster: Any) -> None:
    path = make_raster("scene_VV.tif", DECIBEL[:1])
    make_raster("scene_VV.tif.msk", BYTES[:1])
    with open_scene(path) as scene:
        assert any("scene_VV.tif.msk stands beside it and is not read" in note for note in scene.notes)
