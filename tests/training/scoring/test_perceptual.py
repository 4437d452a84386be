"""FID and KID over a set of patches; the network is a tiny one here, its mean colour."""

from pathlib import Path

import numpy as np
import pytest
import torch

from geosar_training.pairs.pair import Pair
from geosar_training.scoring import perceptual
from geosar_training.scoring.baselines import Translator
from geosar_training.scoring.measures import QUICK
from geosar_training.scoring.patches import score_patches
from helpers.training.laboratory import make_pair


class MeanColour(torch.nn.Module):
    """Three features: the mean of each band."""

    num_features = 3

    def __init__(self, _weights: Path) -> None:
        super().__init__()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(2, 3))


def in_turn(pairs: list[Pair], off: float) -> Translator:
    """Return a translator that gives the true images one after the other, that much brighter."""
    images = iter([pair.optical.astype(np.float32) + off for pair in pairs])
    return lambda _backscatter: next(images)


def test_fid_is_the_squared_distance_of_means_when_the_spread_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptual, "Inception", MeanColour)
    pairs = [make_pair(f"v{seed}", split="val", size=96, seed=seed) for seed in range(4)]
    evaluation = score_patches({"truth": in_turn(pairs, 0), "brighter": in_turn(pairs, 10)}, pairs, QUICK)
    perceptual.set_scores(evaluation, Path("weights.pth"))
    assert evaluation.sets["truth"]["fid"] == pytest.approx(0, abs=1e-3)
    assert evaluation.sets["brighter"]["fid"] == pytest.approx(3 * 10**2, rel=1e-3)
    assert evaluation.sets["brighter"]["kid_x1000"] > evaluation.sets["truth"]["kid_x1000"]
