"""Pairs of false colour out of OMBRIA."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geosar_training.cli import train
from geosar_training.errors import PairsError
from geosar_training.pairs.pair import REFERENCE, read_pairs
from geosar_training.preparation.ombria import (
    SHADE,
    WATER_COLOUR,
    Chip,
    backscatter_of_land,
    clouds,
    estimated_colours,
    make_pairs,
    speckled,
    water,
    with_flood,
)
from geosar_training.scoring.patches import group_of, scene_of
from geosar_training.settings import load_config

CONFIGS = Path(__file__).parents[3] / "training" / "configs"
FIELD = (120, 75, 45)
GRASS, SOIL, WATER, CLOUD, HAZE = (70, 110, 30), (190, 120, 110), (5, 15, 60), (160, 170, 150), (70, 110, 100)


def write(folder: Path, chips: dict[str, np.ndarray]) -> Path:
    for kind in ("sar_before", "opt_before"):
        (folder / kind).mkdir(parents=True)
    for name, optical in chips.items():
        sar = np.random.default_rng(0).integers(60, 200, optical.shape[:2]).astype(np.uint8)
        Image.fromarray(sar).save(folder / "sar_before" / f"{name}.png")
        Image.fromarray(optical).save(folder / "opt_before" / f"{name}.png")
    rows = [f"{name},{'train' if index else 'val'}" for index, name in enumerate(chips)]
    (folder / "manifest.csv").write_text("\n".join(["name,split", *rows]) + "\n")
    return folder


def land(colour: tuple[int, int, int] = GRASS) -> np.ndarray:
    return np.broadcast_to(np.array(colour, np.uint8), (64, 64, 3)).copy()


@pytest.mark.parametrize(("colour", "cloudy"), [(GRASS, 0), (SOIL, 0), (WATER, 0), (CLOUD, 1), (HAZE, 1)])
def test_clouds_are_told_from_land_and_water(colour: tuple[int, int, int], cloudy: int) -> None:
    assert clouds(land(colour)).mean() == cloudy


def test_pairs_are_read_with_masks_and_a_source_each(tmp_path: Path) -> None:
    cloudy, patchy, edge = land(CLOUD), land(), land()
    patchy[30, 30] = CLOUD
    edge[:, :5] = 0
    ombria = write(tmp_path / "ombria", {"a": land(), "b": cloudy, "c": patchy, "d": edge})
    pairs = make_pairs(ombria, tmp_path / "pairs")
    assert (dict(pairs.pairs), pairs.clouded) == ({"val": 1, "train": 2}, ["b"])
    clear, shaded, cut = read_pairs(tmp_path / "pairs")
    assert (clear.name, clear.source, clear.split) == ("a", "ombria/a", "val")
    assert clear.mask.all()
    assert np.array_equal(clear.optical, land())
    assert (~shaded.mask).sum() == (2 * SHADE + 1) ** 2
    assert not cut.mask[:, :5].any()
    assert cut.mask[:, 5:].all()
    # Tone is matched chip by chip, and reports tell the data set as a whole.
    assert (scene_of(clear), group_of(clear)) == ("ombria/a", "ombria")


def test_the_command_says_what_it_made_and_never_writes_over_files(tmp_path: Path) -> None:
    ombria = write(tmp_path / "ombria", {"a": land(), "b": land(CLOUD)})
    words = ["falsecolour", str(ombria), "-o", str(tmp_path / "pairs")]
    first, again = (CliRunner().invoke(train, words) for _ in range(2))
    assert "1 val pairs" in first.output
    assert "1 chips with over 10% of cloud were left out" in first.output
    assert again.exit_code == 1
    assert "holds files. Give a new or empty folder." in again.output


def test_what_is_not_ombria_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="expected OMBRIA"):
        make_pairs(tmp_path, tmp_path / "pairs")
    ombria = write(tmp_path / "ombria", {"a": land()})
    (ombria / "opt_before" / "a.png").unlink()
    with pytest.raises(PairsError, match="The chip a lacks its file in"):
        make_pairs(ombria, tmp_path / "pairs")
    (ombria / "manifest.csv").write_text("name,split\n../a,train\n")
    with pytest.raises(PairsError, match="no file's"):
        make_pairs(ombria, tmp_path / "pairs")


def test_the_settings_keep_the_colours_meaning() -> None:
    assert not load_config(CONFIGS / "s1-falsecolour.yaml").align_tone


def test_true_colours_are_estimated_so_that_land_cover_looks_as_it_does() -> None:
    def seen(colour: tuple[int, int, int]) -> np.ndarray:
        chip = land(colour)
        colours: np.ndarray = estimated_colours(chip, water(chip))[0, 0].astype(int)
        return colours

    grass, soil, sea, muddy = (seen(colour) for colour in (GRASS, FIELD, (5, 12, 20), (5, 30, 60)))
    assert grass[1] > max(grass[0], grass[2])
    assert soil[0] > soil[1] > soil[2]
    assert sea[2] >= sea[1] >= sea[0]
    assert sea.sum() < soil.sum()
    assert tuple(muddy) == tuple(sea) == WATER_COLOUR


def test_a_lake_with_some_shore_is_not_taken_for_land() -> None:
    random = np.random.default_rng(1)
    decibels = np.where(
        np.arange(256)[:, None] < 60, REFERENCE["VV"][0] + REFERENCE["VV"][1] * random.normal(size=(256, 256)), -22.0
    )
    grey = np.clip((decibels + 30) * 7, 0, 255).astype(np.uint8)
    shore = np.broadcast_to(np.arange(256)[:, None] < 60, grey.shape)
    backscatter = backscatter_of_land(grey, shore)
    assert backscatter is not None
    # The middle of the two scales that it weighs, which lie close to each other here: 7 grey levels a decibel.
    assert backscatter[0] == pytest.approx((REFERENCE["VV"][0] + 30) * 7, abs=2)
    assert backscatter[1] == pytest.approx(REFERENCE["VV"][1] * 7, rel=0.05)
    assert backscatter_of_land(grey, np.zeros_like(shore)) is None


@pytest.mark.parametrize(("filtered", "looks"), [(True, 7.9), (False, None)])
def test_a_filtered_chip_gets_its_speckle_back(*, filtered: bool, looks: float | None) -> None:
    scale, shown = (130.0, 7 * REFERENCE["VV"][1]), np.ones((256, 256), np.bool_)
    shown[:16] = False
    speckle = np.random.default_rng(1).gamma(5.0, 1 / 5.0, (256, 256))
    sar = np.full((256, 256), 130.0) if filtered else 130 + 70 * np.log10(speckle)
    sar = sar.clip(0, 250).round().astype(np.uint8)
    result = speckled(sar, shown, scale, seed=3)
    assert np.array_equal(result[:16], sar[:16])
    assert np.array_equal(result, speckled(sar, shown, scale, seed=3))
    if looks is None:
        assert np.array_equal(result, sar)
    else:
        intensity = 10 ** ((result[16:].astype(float) - 130) / 70)
        assert intensity.mean() ** 2 / intensity.var() == pytest.approx(looks, rel=0.05)


def test_pairs_of_estimated_colours_are_read(tmp_path: Path) -> None:
    ombria = write(tmp_path / "ombria", {"a": land(), "b": land(SOIL)})
    words = ["falsecolour", str(ombria), "-o", str(tmp_path / "pairs"), "--true-colour"]
    assert CliRunner().invoke(train, words).exit_code == 0
    pairs = read_pairs(tmp_path / "pairs")
    assert np.array_equal(pairs[1].optical, estimated_colours(land(SOIL), np.zeros((64, 64), np.bool_)))
    assert all(pair.statistics is not None and pair.estimated for pair in pairs)


@pytest.fixture
def flood() -> Chip:
    """A chip whose radar is dark in its right half."""
    sar = np.random.default_rng(2).integers(100, 180, (64, 64)).astype(np.uint8)
    sar[:, 32:] -= 70
    return Chip(sar, land(), np.zeros((64, 64), np.bool_), np.ones((64, 64), np.bool_))


@pytest.fixture
def label() -> np.ndarray:
    """Flood in the lower right quarter."""
    return np.kron([[False, False], [False, True]], np.ones((32, 32))) > 0


def test_a_flood_is_where_its_label_and_the_radar_agree(flood: Chip, label: np.ndarray) -> None:
    seen = with_flood(flood, label)
    assert seen is not None
    assert seen.wet[34:, 36:].all()
    assert not seen.wet[:30].any()
    assert not seen.shown[:30, 36:].any()
    assert not seen.wet[:, :28].any()
    assert seen.shown[:, :28].all()


def test_water_that_was_there_before_stays_water(flood: Chip, label: np.ndarray) -> None:
    lake = np.zeros_like(label)
    lake[:32, 50:] = True
    seen = with_flood(replace(flood, wet=lake), label)
    assert seen is not None
    assert (seen.wet & seen.shown)[lake].all()


def test_a_label_that_the_radar_does_not_show_is_not_believed(flood: Chip, label: np.ndarray) -> None:
    assert with_flood(flood, np.roll(label, 24, axis=1)) is None
    assert with_flood(flood, np.zeros_like(label)) is None


def test_pairs_of_the_flood_stand_beside_those_before_it(tmp_path: Path, flood: Chip, label: np.ndarray) -> None:
    ombria = write(tmp_path / "ombria", {"a": land()})
    for kind, image in (("sar_after", flood.sar), ("mask", label)):
        (ombria / kind).mkdir()
        Image.fromarray(image).save(ombria / kind / "a.png")
    words = ["falsecolour", str(ombria), "-o", str(tmp_path / "pairs"), "--floods"]
    assert "give --true-colour as well" in CliRunner().invoke(train, words).output
    assert CliRunner().invoke(train, [*words, "--true-colour"]).exit_code == 0
    before, during = read_pairs(tmp_path / "pairs")
    assert (before.source, during.source, during.split) == ("ombria/a", "flood/a", "val")
    assert not (before.optical == WATER_COLOUR).all(axis=-1).any()
    wet = (during.optical == WATER_COLOUR).all(axis=-1)
    assert wet[34:, 36:].all()
    assert not wet[:, :28].any()
    assert not during.mask[:30, 36:].any()
