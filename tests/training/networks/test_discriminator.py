"""The judges of the adversarial stage: what they see, and what they are made of."""

from collections.abc import Sequence

import pytest
import torch

from geosar_training.errors import ConfigError
from geosar_training.networks.discriminator import JUDGES, Adversary
from geosar_training.pairs.batch import Batch
from helpers.training.laboratory import tiny_config

SIDE = 160


def batch(coloured: Sequence[float]) -> Batch:
    torch.manual_seed(0)
    plane = torch.randn(len(coloured), 1, SIDE, SIDE)
    flag = torch.tensor(coloured).view(-1, 1, 1, 1)
    return Batch(plane, plane, plane.repeat(1, 2, 1, 1), torch.ones_like(plane), flag, torch.zeros_like(flag))


def chroma(value: float, crops: int) -> torch.Tensor:
    return torch.full((crops, 2, SIDE // 4, SIDE // 4), value)


@pytest.mark.parametrize("name", JUDGES)
def test_no_judge_sees_the_colour_of_a_grey_truth(name: str) -> None:
    crops = batch([1.0, 0.0])
    adversary = Adversary(4, judges=["detail", name]).eval()
    verdicts = [adversary(crops, crops.luma, chroma(value, 2))[-1][0] for value in (0.0, 1.0)]
    if name == "colour":
        assert verdicts[0].shape[0] == 1
    else:
        torch.testing.assert_close(verdicts[0][1], verdicts[1][1])
    sees_colour = name != "detail"
    assert (not torch.allclose(verdicts[0][0], verdicts[1][0])) == sees_colour


def test_grey_crops_alone_are_judged_without_the_judge_of_colour() -> None:
    crops = batch([0.0])
    assert len(Adversary(4)(crops, crops.luma, chroma(0.0, 1))) == 1
    assert len(Adversary(4, judges=["image"])(crops, crops.luma, chroma(0.0, 1))) == 1


def test_spectral_normalisation_can_be_left_out() -> None:
    names = [{name.rsplit(".", 1)[-1] for name in Adversary(4, spectral=on).state_dict()} for on in (True, False)]
    assert "original" in names[0]
    assert names[1] == {"weight", "bias"}


@pytest.mark.parametrize("judges", [[], ["colour"], ["detail", "taste"]])
def test_judges_that_cannot_be(judges: list[str]) -> None:
    with pytest.raises(ConfigError, match="expected some of detail, colour, image, and detail or image"):
        tiny_config(judges=judges)
