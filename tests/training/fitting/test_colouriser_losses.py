"""What the despeckled radar is asked for beside the other date: its mean, and no pattern of the pixel shuffle."""

from pathlib import Path

import pytest
import torch

from geosar_training.fitting.losses import hatch, mean_kept
from geosar_training.fitting.trainer import Trainer
from geosar_training.methods.colouriser import first_given, seen_planes
from geosar_training.settings import from_dict
from helpers.training.laboratory import WIDTHS, make_pairs


def test_a_pattern_of_two_pixels_is_told_from_land() -> None:
    land = torch.randn(2, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    striped = land.clone()
    striped[..., ::2] += 1.0
    assert hatch(land) < 0.03
    assert hatch(striped - land) == pytest.approx(0.25)  # half above and half below the mean, by half


def test_the_mean_is_compared_where_all_of_a_cell_is_valid() -> None:
    radar = torch.zeros(1, 2, 32, 32)
    despeckled = torch.zeros(1, 2, 32, 32)
    despeckled[..., :16, :16] = 0.5
    valid = torch.ones(1, 1, 32, 32)
    assert mean_kept(despeckled, radar, valid) == pytest.approx(0.25 / 4)
    valid[..., :2, :2] = 0
    assert mean_kept(despeckled, radar, valid) == 0
    noise = torch.randn(1, 2, 32, 32)
    assert mean_kept(noise - noise.mean(), torch.zeros_like(noise), torch.ones(1, 1, 32, 32)) < 0.05


def test_what_is_missing_is_shown_as_what_is_given() -> None:
    sar = torch.tensor([[1.0, -8.0], [-8.0, 2.0], [3.0, 4.0]])[..., None, None].expand(3, 2, 4, 4)
    assert first_given(sar)[:, 0, 0, 0].tolist() == [1.0, 2.0, 3.0]
    assert seen_planes(sar)[:, :, 0, 0].tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 4.0]]


def test_the_adversary_cannot_change_the_detail(tmp_path: Path) -> None:
    only_judged = {"despeckled": 0.0, "mean": 0.0, "hatch": 0.0, "adversarial": 1.0, "features": 1.0}
    config = from_dict({
        "method": "colouriser", "stage": "adversarial", "widths": WIDTHS, "date_crops": 0, "updates": 1, "batch": 2,
        "crop": 160, "adversary_width": 4, "weights": only_judged,
    })  # fmt: skip
    trainer = Trainer(config, make_pairs(160), tmp_path, precision="32-true")
    trainer.fit()
    network = trainer.method.generator
    assert not network.clean.weight.grad.any()
    assert not network.fine[0][0].weight.grad.any()
    assert network.base[-1].weight.grad.any()
