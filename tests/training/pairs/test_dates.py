"""Places on two dates: what is read of a folder, and what a crop shows of which polarisation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geosar.backscatter import MISSING
from geosar_training.errors import PairsError
from geosar_training.pairs import dates as module
from geosar_training.pairs.dates import Dates, Place, places_among, read_places
from helpers.training.laboratory import make_dual_pair, make_pair

SIDE = 96


def folder_of(path: Path, count: int = 4) -> Path:
    """Places whose second date is the first one ten brighter, the upper fifth changed and the first column empty."""
    for name in ("sar_1", "sar_2", "mask"):
        (path / name).mkdir(parents=True)
    for index in range(count):
        before = make_pair(size=SIDE, seed=index).sar.clip(1, 240)
        before[:, 0] = 0
        changed = np.zeros((SIDE, SIDE), np.uint8)
        changed[: SIDE // 5] = 255
        for name, image in (("sar_1", before), ("sar_2", before + 10 * (before > 0)), ("mask", changed)):
            Image.fromarray(image.astype(np.uint8)).save(path / name / f"p{index}.png")
    rows = "\n".join(f"p{index},train" for index in range(count))
    (path / "manifest.csv").write_text(f"name,split\n{rows}\n")
    return path


def test_what_changed_or_is_empty_is_left_out_and_each_date_is_normalised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HELD_OUT", 1)
    places = read_places(folder_of(tmp_path))
    assert [place.name for place in places] == ["p1", "p2", "p3"]
    assert [place.name for place in read_places(tmp_path, held_out=True)] == ["p0"]
    for place in places:
        assert place.values.shape == (2, 1, SIDE, SIDE)
        assert not place.valid[: SIDE // 5].any()
        assert not place.valid[:, 0].any()
        assert place.valid[SIDE // 5 :, 1:].all()
        seen = place.values[:, 0][:, place.valid]
        np.testing.assert_allclose(seen.mean(axis=1), 0, atol=0.02)
        np.testing.assert_allclose(seen.std(axis=1), 1, atol=0.05)
        np.testing.assert_allclose(seen[0], seen[1], atol=1e-4)  # ten brighter is the same, normalised


def test_a_folder_without_dates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"holds no dates; expected manifest\.csv, and a folder sar_DATE"):
        read_places(tmp_path)


def made(name: str, dates: int, polarisations: tuple[str, ...]) -> Place:
    random = np.random.default_rng(len(name))
    bands = max(1, len(polarisations))
    values = random.normal(size=(dates, bands, SIDE, SIDE)).astype(np.float32)
    valid = np.ones((SIDE, SIDE), bool)
    valid[:10] = False
    return Place(name, values * valid, valid, polarisations)


def test_a_crop_depends_on_seed_and_index_alone() -> None:
    dates = Dates([made("a", 2, ()), made("bb", 5, ("VV", "VH"))], 64, seed=3, several=0.5, dropout=0.4)
    for index in range(12):
        first, again = dates[index], dates[index]
        assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(dates[0].sar, dates[1].sar)


def test_what_is_not_shown_is_missing_and_the_other_is_asked_for_in_its_place() -> None:
    places = [made("a", 2, ()), made("bb", 5, ("VV", "VH"))]
    dates = Dates(places, 64, seed=3, several=0.5, dropout=0.5)
    shown = set()
    for index in range(60):
        sar, target, valid = (image.numpy() for image in dates[index])
        shown_planes = tuple(bool((plane != MISSING).all()) for plane in sar)
        shown.add(shown_planes)
        for plane, there in enumerate(shown_planes):
            if there:
                assert (sar[plane][valid[plane] == 0] == 0).all()
            else:
                assert (sar[plane] == MISSING).all()
        if not all(shown_planes):  # the network is to repeat what it sees
            np.testing.assert_array_equal(target[0], target[1])
        np.testing.assert_array_equal(valid[0], valid[1])
    assert shown == {(True, True), (True, False), (False, True)}


def test_the_two_dates_of_a_crop_are_of_the_same_ground() -> None:
    place = made("a", 2, ())
    same = replace(place, values=np.stack([place.values[0], place.values[0]]))
    dates = Dates([same], 64, seed=1, several=0.0, dropout=0.0)
    close = 0
    for index in range(20):
        sar, target, valid = (image.numpy() for image in dates[index])
        known = (valid > 0) & (np.abs(target) < 4) & (sar != MISSING)
        close += bool(np.allclose(sar[known], target[known], atol=1e-5))
    assert 8 <= close < 20  # the others have more speckle than the product


def test_pairs_in_decibels_of_one_place_are_its_dates_in_order() -> None:
    pairs = [
        replace(make_dual_pair(name, size=SIDE, seed=seed), calibrated=True, polarisations=("VV", "VH"))
        for seed, name in enumerate(("hill_02", "hill_01", "lake_01"))
    ]
    (place,) = places_among(pairs, ["hill", "lake"])
    assert place.values.shape == (2, 2, SIDE, SIDE)
    assert place.polarisations == ("VV", "VH")
    assert not place.valid[:4, :4].any()
    first = pairs[1].bands[0][place.valid]
    expected = ((first - first.mean()) / first.std()).clip(-4, 4)
    np.testing.assert_allclose(place.values[0, 0][place.valid], expected, atol=1e-3)


def test_crops_larger_than_any_place_are_refused() -> None:
    with pytest.raises(PairsError, match="None of 1 places of several dates has 128 pixels"):
        Dates([made("a", 2, ())], 128, seed=1, several=0.0, dropout=0.0)
