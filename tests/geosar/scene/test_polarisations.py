"""Which polarisation a band holds, and who may say so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geosar.errors import PolarisationError
from geosar.scene import open_scene, polarisations
from helpers.rasters import speckled

DECIBEL = (10 * np.log10(speckled((2, 60, 80)))).astype(np.float32)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("VV", ("VV",)), ("vv,vh", ("VV", "VH")), ("VH+VV", ("VH", "VV")), (" hh / hv ", ("HH", "HV"))],
)
def test_polarisations_are_read_in_order_however_they_are_joined(text: str, expected: tuple[str, ...]) -> None:
    assert polarisations.parse(text) == expected


@pytest.mark.parametrize("text", ["", "RGB", "VV,VV", "unknown"])
def test_what_names_no_polarisation_is_refused(text: str) -> None:
    with pytest.raises(PolarisationError, match="VV, VH, HH, HV"):
        polarisations.parse(text)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("s1a-iw-grd-vh-20180716t004028.tif", {}, ("VH",)),
        ("S1_vv.tif", {}, ("VV",)),
        ("survey.tif", {"descriptions": ("Sigma0_HV_db",)}, ("HV",)),
        ("survey.tif", {"band_tags": ({"POLARIZATION": "HH"},)}, ("HH",)),
        ("driver.tif", {}, ("unknown",)),
        ("VVold_evh.tif", {}, ("unknown",)),
    ],
)
def test_polarisations_come_from_descriptions_tags_or_the_name(
    make_raster: Callable[..., Path], name: str, options: Any, expected: Any
) -> None:
    with open_scene(make_raster(name, DECIBEL[:1], **options)) as scene:
        assert scene.polarisations == expected


def test_a_caller_can_name_the_polarisation_of_bands_that_do_not(make_raster: Callable[..., Path]) -> None:
    with open_scene(make_raster(values=DECIBEL), polarisation="vv,vh") as scene:
        assert scene.polarisations == ("VV", "VH")
        assert any("as stated by the caller" in note for note in scene.notes)


def test_a_caller_cannot_rename_bands_that_say_what_they_are(make_raster: Callable[..., Path]) -> None:
    path = make_raster(values=DECIBEL[:1], descriptions=("VH",))
    with pytest.raises(PolarisationError, match="has VH, not VV"):
        open_scene(path, polarisation="VV")


def test_extra_bands_that_are_no_polarisation_are_left_out_and_noted(make_raster: Callable[..., Path]) -> None:
    values = np.concatenate([DECIBEL, DECIBEL[:1] * 0 + 38])
    path = make_raster(values=values, descriptions=("VV", "VH", "incidence angle"))
    with open_scene(path) as scene:
        assert scene.polarisations == ("VV", "VH")
        assert any("3 bands" in note for note in scene.notes)


def test_an_eight_bit_composite_that_names_its_polarisations_is_no_photograph(make_raster: Callable[..., Path]) -> None:
    values = np.random.default_rng(0).integers(1, 255, (3, 40, 50), dtype=np.uint8)
    path = make_raster(values=values, photometric="rgb", descriptions=("VV", "VH", "ratio"))
    with open_scene(path) as scene:
        assert scene.polarisations == ("VV", "VH")
