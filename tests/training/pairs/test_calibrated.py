"""Pairs in decibels, taken as calibrated scenes are translated."""

from pathlib import Path

import numpy as np
import pytest

from geosar_training.commands.options import read_all
from geosar_training.errors import ConfigError, PairsError
from geosar_training.pairs.crops import Crops
from geosar_training.pairs.pair import CLIP, REFERENCE, fit_normalisers, in_decibels, normalised, read_pairs, set_of
from helpers.rasters import write_raster
from helpers.training.laboratory import make_pair, tiny_config, write_pairs

EMPTY = -32768


def decibels(size: int = 96) -> np.ndarray:
    """VV, and VH 7 dB below it, in hundredths of a decibel."""
    vv = np.random.default_rng(1).normal(-1100, 400, (size, size)).astype(np.int16)
    vv[:5] = EMPTY
    return np.stack([vv, np.where(vv == EMPTY, EMPTY, vv - 700)]).astype(np.int16)


def folder_of(path: Path, values: np.ndarray) -> Path:
    folder = write_pairs(path, [make_pair("a"), make_pair("b", seed=3)])
    (folder / "sar_db").mkdir()
    write_raster(folder / "sar_db" / "a.tif", values, nodata=EMPTY, descriptions=("VV", "VH"), scale=0.01)
    return folder


def test_each_polarisation_is_a_pair_normalised_by_the_reference(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, decibels())
    converted = in_decibels(read_pairs(folder), folder)
    assert [(pair.name, pair.source, set_of(pair)) for pair in converted] == [
        ("a", "calibrated/here/VV", "calibrated"), ("a", "calibrated/here/VH", "calibrated"),
    ]  # fmt: skip
    for pair, band, (mean, deviation) in zip(converted, decibels(), REFERENCE.values(), strict=True):
        seen = normalised(pair, fit_normalisers(converted))
        assert seen.shape == (96, 96)
        assert not pair.mask[:5].any()
        assert pair.mask[5:].all()
        expected = np.clip((band[5:] / 100 - mean) / deviation, *CLIP)
        np.testing.assert_allclose(seen[5:], expected, atol=1e-4)


def test_crops_are_cut_of_them_beside_the_others(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, decibels())
    assert len(read_all([folder])) == 2
    pairs = read_all([folder], calibrated=True)
    assert len(pairs) == 4
    crops = Crops(pairs, tiny_config(crop=64, source_weights={"calibrated": 1.0, "here": 0.0}), length=20, seed=1)
    assert all(part.isfinite().all() for index in range(20) for part in crops[index])


def test_decibels_of_another_size_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, decibels(64))
    with pytest.raises(PairsError, match=r"The pair a has SAR of \(64, 64\)"):
        in_decibels(read_pairs(folder), folder)


def test_settings_that_ask_for_decibels_where_there_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match=r"none of .* has a pair's VV or VH"):
        read_all([write_pairs(tmp_path, [make_pair("a")])], calibrated=True)


def test_they_are_for_networks_of_one_polarisation() -> None:
    with pytest.raises(ConfigError, match="one polarisation"):
        tiny_config(calibrated=True, polarisations=["VV", "VH"]).check()
