"""Reading flood chips, thresholds, the small U-Net, and scores of water."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from geosar_training.errors import PairsError
from geosar_training.flood import chips
from geosar_training.flood.chips import read_chips
from geosar_training.flood.inputs import BOTH, COLORIZED, OPTICAL, RADAR, bands_of
from geosar_training.flood.scores import Counts, compare, count, pooled
from geosar_training.flood.segmenter import Schedule, segment, train_segmenter
from geosar_training.flood.study import Study, verdicts
from geosar_training.flood.thresholds import fit_threshold, otsu_level
from helpers.training.flood_chips import SIZE, scene, write_ombria, write_own, write_sen1floods11


def bands(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    decibels, water = scene(seed)
    return ((decibels + 12) / 6).astype(np.float32)[None], water, np.ones_like(water)


def test_ombria_is_read_with_its_splits(tmp_path: Path) -> None:
    read = read_chips(write_ombria(tmp_path / "chips", train=2, val=1))
    assert [(chip.split, chip.group) for chip in read] == [
        ("train", "OMBRIA"), ("train", "OMBRIA"), ("val", "OMBRIA place"),
    ]  # fmt: skip
    chip = read[0]
    assert chip.water.sum() == scene(0)[1].sum()
    assert chip.radar[chip.water].mean() < -1 < 0 < chip.radar[~chip.water].mean()
    assert tuple(chip.optical[0, 0]) == (60, 120, 40)


def test_sen1floods11_is_read_without_what_was_seen_in_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chips, "SEEN_IN_TRAINING", frozenset({"Seen_1"}))
    first, second = read_chips(write_sen1floods11(tmp_path / "chips"))
    assert (first.name, first.split, second.optical) == ("Place_1", "test", None)
    assert not first.known[:4, :4].any()  # labelled -1
    assert not first.known[-4:, -4:].any()  # no radar
    assert first.known.sum() == SIZE**2 - 32
    assert (first.radar[-4:, -4:] == 0).all()
    # Bands 12, 8 and 4 hold 1200, 800 and 400 of 4000.
    assert first.optical[9, 9].tolist() == [int(255 * value / 4000) for value in (1200, 800, 400)]


def test_labelled_chips_of_ones_own_are_read_as_scenes_are(tmp_path: Path) -> None:
    first, second, third = read_chips(write_own(tmp_path / "my chips"), (-11.0, 5.0))
    assert [(chip.split, chip.group) for chip in (first, second, third)] == [
        ("train", "my-chips"), ("test", "my-chips May"), ("test", "my-chips May"),
    ]  # fmt: skip
    water = scene(20)[1]
    water[:4, :4] = False
    assert np.array_equal(first.water, water)
    assert first.known.sum() == SIZE**2 - 16  # labelled 9
    # Calibrated VV goes by the reference, all else by its own values.
    assert first.radar[first.known & ~first.water].mean() == pytest.approx((-9.0 + 11.0) / 5.0, abs=0.02)
    assert second.radar.mean() == pytest.approx(0, abs=0.01)
    assert third.radar[~third.water].mean() > 0 > third.radar[third.water].mean()
    assert first.optical is not None
    assert first.optical[5, 5].tolist() == [9, 8, 7]
    assert second.optical is None


@pytest.mark.parametrize("name", ["label/second.tif", "sar/second.tif"])
def test_a_chip_of_ones_own_without_its_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_own(tmp_path / "own")
    (folder / name).unlink()
    with pytest.raises(PairsError, match="The chip second lacks its file in"):
        read_chips(folder)


def test_calibrated_radar_goes_by_the_reference_of_the_model(tmp_path: Path) -> None:
    chip = read_chips(write_sen1floods11(tmp_path / "chips"), (-11.0, 5.0))[0]
    land = chip.radar[chip.known & ~chip.water]
    assert land.mean() == pytest.approx((-9.0 + 11.0) / 5.0, abs=0.02)


def test_the_real_chip_of_the_training_data_is_left_out() -> None:
    assert "India_900498" in chips.SEEN_IN_TRAINING


@pytest.mark.parametrize("name", ["mask/train_0.png", "sar_after/train_0.png"])
def test_a_chip_without_its_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_ombria(tmp_path / "chips")
    (folder / name).unlink()
    with pytest.raises(PairsError, match="The chip train_0 lacks its file in"):
        read_chips(folder)


def test_a_chip_that_measured_nothing_is_left_out_by_name(tmp_path: Path) -> None:
    folder = write_sen1floods11(tmp_path / "chips")
    with rasterio.open(folder / "Place_2_S1Hand.tif", "r+") as raster:
        raster.write(np.full((2, SIZE, SIZE), np.nan, np.float32))
    black = write_ombria(tmp_path / "black")
    Image.fromarray(np.zeros((SIZE, SIZE), np.uint8)).save(black / "sar_after/train_0.png")
    messages: list[str] = []
    names = {chip.name for path in (folder, black) for chip in read_chips(path, None, messages.append)}
    assert messages == ["Place_2", "train_0"]
    assert "Place_1" in names
    assert not {"Place_2", "train_0"} & names


def test_a_label_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = write_sen1floods11(tmp_path / "chips")
    (folder / "Place_2_LabelHand.tif").unlink()
    with pytest.raises(PairsError, match=r"Place_2_LabelHand\.tif"):
        read_chips(folder)


def test_inputs_have_the_bands_that_they_say(tmp_path: Path) -> None:
    chip = read_chips(write_ombria(tmp_path / "chips"))[0]
    colours = {chip.name: np.full((SIZE, SIZE, 3), 255, np.uint8)}
    assert [bands_of(chip, kind, colours).shape[0] for kind in (RADAR, COLORIZED, BOTH, OPTICAL)] == [1, 3, 4, 3]
    assert bands_of(chip, BOTH, colours)[3, 0, 0] == 1
    assert np.array_equal(bands_of(chip, BOTH, colours)[0], chip.radar)


def test_otsu_parts_two_heaps_between_them() -> None:
    random = np.random.default_rng(0)
    heaps = np.concatenate([random.normal(-20, 1, 3000), random.normal(-8, 1, 1000)])
    assert -17 < otsu_level(heaps) < -11


def test_a_threshold_finds_dark_water_and_its_sign_by_itself() -> None:
    training = [bands(seed) for seed in range(3)]
    threshold = fit_threshold(training)
    assert threshold.weights[0] < 0  # water is dark
    radar, water, known = bands(9)
    for mask in (threshold.fixed(radar), threshold.otsu(radar, known)):
        assert pooled([count(mask, water, known)]).iou > 0.85


def test_the_threshold_weighs_the_band_that_knows() -> None:
    random = np.random.default_rng(0)
    training = [
        (np.concatenate([random.normal(size=(1, SIZE, SIZE)).astype(np.float32), radar]), water, known)
        for radar, water, known in map(bands, range(3))
    ]
    weights = fit_threshold(training).weights
    assert abs(weights[1]) > 5 * abs(weights[0])


def test_the_small_network_learns_water_and_its_crops_depend_on_the_seed_alone() -> None:
    training = [bands(seed) for seed in range(4)]
    schedule = Schedule(updates=40, batch=4, crop=32, width=4)
    network = train_segmenter(training, schedule, 3)
    radar, water, known = bands(9)
    mask = segment(network, radar)
    assert pooled([count(mask, water, known)]).iou > 0.8
    assert np.array_equal(segment(train_segmenter(training, schedule, 3), radar), mask)
    assert segment(network, radar[:, :50, :61]).shape == (50, 61)


def test_water_scores_by_hand() -> None:
    water = np.array([[1, 1, 1, 0], [0, 0, 0, 0]], bool)
    mask = np.array([[1, 1, 0, 1], [0, 0, 0, 1]], bool)
    known = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)  # the last alarm is where nobody knows
    scores = pooled([count(mask, water, known)])
    assert scores.iou == pytest.approx(2 / 4)
    assert scores.precision == scores.recall == scores.f1 == pytest.approx(2 / 3)


def test_a_difference_is_sure_only_when_most_chips_show_it() -> None:
    theirs = [Counts(50, 25, 25)] * 20
    better = compare([Counts(60, 20, 20)] * 20, theirs)
    assert better.low == better.high == better.mean == pytest.approx(0.1)
    mixed = compare([Counts(60, 20, 20), Counts(40, 30, 30)] * 10, theirs)
    assert mixed.low < 0 < mixed.high


def test_verdicts_are_helped_harmed_or_neither(tmp_path: Path) -> None:
    tested = [chip for chip in read_chips(write_ombria(tmp_path / "chips", val=6)) if chip.split == "val"]
    good, bad = Counts(60, 20, 20), Counts(50, 25, 25)
    study = Study(tested, {})
    for inputs, counts in ((RADAR, bad), (COLORIZED, good), (BOTH, bad)):
        study.counts["one threshold", inputs] = [{chip.name: counts for chip in tested}]
    assert ["**helped**" in word for word in verdicts(study)] == [True, False]
    assert "made no difference that these chips can show" in verdicts(study)[1]
