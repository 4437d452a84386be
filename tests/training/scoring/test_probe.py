"""The probe names what looks like what it learnt."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from geosar_training.errors import WeightsError
from geosar_training.scoring.probe import Probe
from geosar_training.torchvision_operators import module

COLOURS = {"wood": (30, 60, 30), "field": (160, 140, 90), "water": (20, 40, 90)}


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    weights = tmp_path_factory.mktemp("weights") / "random.safetensors"
    save_file(module("torchvision.models").squeezenet1_1(weights=None).state_dict(), weights)
    return Probe(weights)


def patches(seed: int, each: int) -> tuple[list[np.ndarray], list[str]]:
    random = np.random.default_rng(seed)
    covers = [cover for cover in COLOURS for _ in range(each)]
    return [
        np.clip(np.array(COLOURS[cover]) + random.normal(0, 12, (64, 64, 3)), 0, 255).astype(np.uint8)
        for cover in covers
    ], covers


def test_covers_of_different_colours_are_told_apart(probe: Probe) -> None:
    (known, covers), (unnamed, true) = patches(0, 4), patches(1, 3)
    features = probe.features(known)
    assert features.shape == (12, 4096)
    assert probe.named(features, covers, probe.features(unnamed)) == true
    assert probe.left_out(features, covers) == covers


def test_pictures_that_say_nothing_are_named_by_chance(probe: Probe) -> None:
    random = np.random.default_rng(2)
    noise = [random.integers(0, 255, (64, 64, 3)).astype(np.uint8) for _ in range(24)]
    covers = [list(COLOURS)[index % 3] for index in range(24)]
    right = sum(one == other for one, other in zip(probe.left_out(probe.features(noise), covers), covers, strict=True))
    assert right < 16


def test_other_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="squeezenet1_1"):
        Probe(tmp_path / "x.pth")
