"""Which polarisation goes to which model, and what is said of a pixel size that does not fit."""

import pytest
import rasterio.crs
from affine import Affine

from geosar.errors import PolarisationError
from geosar.grid import MapGrid
from geosar.models import load_model
from geosar.models.fit import choose_polarisations, spacing_warnings
from geosar.models.manifest import ModelManifest
from helpers.tiny_model import write_model


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> ModelManifest:
    return load_model(write_model(tmp_path_factory.mktemp("models") / "tiny")).manifest


def accepting(manifest: ModelManifest, *sets: tuple[str, ...]) -> ModelManifest:
    inputs = manifest.inputs.model_copy(update={"accepts": sets, "channels": len(sets[0])})
    return manifest.model_copy(update={"inputs": inputs})


@pytest.mark.parametrize(
    ("available", "accepts", "requested", "expected"),
    [
        (("VV", "VH"), (("VV",), ("VH",)), None, ("VV",)),
        (("VV", "VH"), (("VH",), ("VV",)), None, ("VH",)),
        (("VH",), (("VV",), ("VH",)), None, ("VH",)),
        (("VV", "VH"), (("VV",), ("VH",)), "vh", ("VH",)),
        (("VH", "VV"), (("VV", "VH"),), None, ("VV", "VH")),
        (("VH", "VV"), (("VV", "VH"),), "VV,VH", ("VV", "VH")),
        (("unknown",), (("VV",),), None, ("unknown",)),
        (("unknown",), (("VV",),), "VV", ("unknown",)),
    ],
)
def test_the_choice(manifest: ModelManifest, available: tuple, accepts: tuple, requested: str, expected: tuple) -> None:
    chosen, assumed = choose_polarisations(available, accepting(manifest, *accepts), requested)
    assert chosen == expected
    assert bool(assumed) == ("unknown" in available)


def test_of_several_that_were_asked_for_the_model_gets_those_that_it_takes(manifest: ModelManifest) -> None:
    one_at_a_time = accepting(manifest, ("VV",), ("VH",))
    chosen, assumed = choose_polarisations(("VV", "VH"), one_at_a_time, "VV,VH")
    assert (chosen, assumed) == (("VV",), ("of VV+VH the model takes VV",))


def test_a_file_that_was_given_by_name_counts_more_than_one_found_beside_it(manifest: ModelManifest) -> None:
    one_at_a_time = accepting(manifest, ("VV",), ("VH",))
    assert choose_polarisations(("VH", "VV"), one_at_a_time, given=("VH",))[0] == ("VH",)
    assert choose_polarisations(("VH", "VV"), accepting(manifest, ("VV", "VH")), given=("VH",))[0] == ("VV", "VH")


@pytest.mark.parametrize(
    ("available", "accepts", "requested", "words"),
    [
        (("VH",), (("VV",),), None, "the scene has VH, but the model tiny takes VV"),
        (("VH",), (("VV",), ("VH",)), "VV", "the scene has VH"),
        (("VV", "VH"), (("VV",),), "VH", "takes VV"),
        (("unknown", "unknown"), (("VV",),), None, "--band VV=1 --band VH=2"),
        (("HH", "HV"), (("VV",), ("VH",)), None, "--band VV=HH"),
        (("unknown",), (("VV", "VH"),), None, "takes VV\\+VH"),
    ],
)
def test_what_does_not_fit_is_refused(
    manifest: ModelManifest, available: tuple, accepts: tuple, requested: str, words: str
) -> None:
    with pytest.raises(PolarisationError, match=words):
        choose_polarisations(available, accepting(manifest, *accepts), requested)


def grid(crs: str | None, size: float) -> MapGrid:
    place = Affine(size, 0, 500_000, 0, -size, 20_000)
    return MapGrid(None if crs is None else rasterio.crs.CRS.from_user_input(crs), place, 100, 100)


@pytest.mark.parametrize(
    ("crs", "size", "warned"),
    [
        ("EPSG:32633", 10, False), ("EPSG:32633", 14.9, False), ("EPSG:32633", 6.8, False),
        ("EPSG:32633", 15.5, True), ("EPSG:32633", 40, True), ("EPSG:32633", 6, True), (None, 10, True),
    ],
)  # fmt: skip
def test_pixels_far_from_the_models_are_warned_of(
    manifest: ModelManifest, crs: str | None, size: float, *, warned: bool
) -> None:
    warnings = spacing_warnings(grid(crs, size), manifest)
    assert bool(warnings) == warned
    if warned and crs:
        assert "--resample-to-model" in warnings[0]
