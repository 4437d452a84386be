"""Loss terms against values worked out by hand."""

import dataclasses
import math

import pytest
import torch

from geosar.engines.generator import Generator
from geosar_training.fitting import losses
from geosar_training.pairs.batch import Batch
from helpers.training.laboratory import LAKE, MEADOW, ROOFS, SEA, WOOD, showing


def batch(*, coloured: float = 1.0, size: int = 32) -> Batch:
    torch.manual_seed(0)
    image = torch.randn(2, 3, size, size)
    return Batch(
        sar=torch.randn(2, 1, size, size),
        luma=image[:, :1],
        chroma=image[:, 1:],
        valid=torch.ones(2, 1, size, size),
        coloured=torch.full((2, 1, 1, 1), coloured),
        label=torch.zeros(2, 1, 1, 1),
    )


def quarter(tensor: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(tensor, 4)


def test_masked_l1_by_hand() -> None:
    predicted, target = torch.tensor([1.0, 2.0, 9.0]), torch.tensor([2.0, 4.0, 0.0])
    assert losses.masked_l1(predicted, target, torch.tensor([1.0, 1.0, 0.0])) == 1.5
    assert losses.masked_l1(predicted, target, torch.zeros(3)) == 0


def test_the_truth_costs_nothing() -> None:
    truth = batch()
    terms = losses.fidelity(truth.luma, quarter(truth.chroma), truth)
    assert [float(term) for term in terms.values()] == [0, 0, 0]


def test_a_shift_costs_itself_at_every_scale() -> None:
    truth = batch()
    terms = losses.fidelity(truth.luma + 0.5, quarter(truth.chroma) - 0.25, truth)
    assert float(terms["luma"]) == pytest.approx(0.5, abs=1e-5)
    assert float(terms["luma_coarse"]) == pytest.approx(0.5, abs=1e-5)
    assert float(terms["chroma"]) == pytest.approx(0.5, abs=1e-5)  # a quarter at each of two scales


def test_fine_noise_costs_less_at_coarse_scales() -> None:
    truth = batch(size=64)
    terms = losses.fidelity(truth.luma + torch.randn_like(truth.luma), quarter(truth.chroma), truth)
    assert float(terms["luma_coarse"]) < 0.3 * float(terms["luma"])


def test_water_is_told_from_land() -> None:
    truth = showing(SEA, LAKE, WOOD, ROOFS, MEADOW, noise=1)
    water = losses.open_water(truth.luma, quarter(truth.chroma))
    assert water.shape == (1, 1, 40, 8)
    inner = [float(water[..., row + 2 : row + 6, :].mean()) for row in range(0, 40, 8)]
    assert inner == [1, 1, 0, 0, 0]
    town = showing(SEA, noise=25)  # as uneven
    assert not losses.open_water(town.luma, quarter(town.chroma)).any()


def test_water_counts_as_often_in_coarse_colours() -> None:
    truth = showing(SEA, MEADOW)
    luma = torch.nn.functional.avg_pool2d(truth.luma, 8)
    wrong = luma.clone()
    wrong[..., :4, :] += 1  # the sea, half of the picture
    once, thrice = (losses.coarse_colour(wrong, quarter(truth.chroma), truth, water=water) for water in (1.0, 3.0))
    assert float(once["luma"]) == pytest.approx(0.75)  # a half, and a half of that over 32 x 32 pixels
    assert float(thrice["luma"]) == pytest.approx(1.125, abs=0.02)  # three quarters of what counts
    assert float(thrice["chroma"]) == float(once["chroma"]) == 0


def test_water_counts_as_often_as_it_is_told_to() -> None:
    truth = showing(SEA, MEADOW)
    wrong = truth.luma.clone()
    wrong[..., :32, :] += 1  # the sea, half of the picture
    once, thrice = (
        losses.fidelity(wrong, quarter(truth.chroma), truth, losses.Weights(water=water)) for water in (1.0, 3.0)
    )
    assert float(once["luma"]) == float(thrice["luma"]) == pytest.approx(0.5)  # pixel by pixel nothing changes
    assert float(once["luma_coarse"]) == pytest.approx(0.5)
    assert float(thrice["luma_coarse"]) == pytest.approx(3 / 4)


def test_rare_colours_count_more() -> None:
    truth = showing(SEA, MEADOW)
    colour = torch.cat([truth.luma[..., ::32, 0], truth.chroma[..., ::32, 0]], dim=1)[0]  # of sea and of meadow
    sea, meadow = (1 + 2 * colour.norm(dim=0)).tolist()
    assert sea > meadow
    wrong = truth.luma.clone()
    wrong[..., :32, :] += 1
    terms = losses.fidelity(wrong, quarter(truth.chroma), truth, losses.Weights(rare=2.0))
    assert float(terms["luma"]) == pytest.approx(0.5)
    assert float(terms["luma_coarse"]) == pytest.approx(sea / (sea + meadow), rel=1e-3)


def test_frequencies_that_are_far_off_weigh_most() -> None:
    waves = torch.arange(32) * 2 * math.pi / 32
    strong, weak = torch.cos(4 * waves).expand(1, 1, 32, 32), 0.1 * torch.cos(9 * waves).expand(1, 1, 32, 32)
    everywhere, nothing = torch.ones(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    both = float(losses.focal_frequency(strong + weak, nothing, everywhere))
    alone = float(losses.focal_frequency(strong, nothing, everywhere))
    assert both == pytest.approx(alone * (1 + 0.1**3), rel=1e-4)  # a weight of a tenth on a hundredth of the square
    assert float(losses.focal_frequency(strong, strong, everywhere)) == 0
    assert float(losses.focal_frequency(strong, nothing, nothing)) == 0


def test_structure_and_contrast_of_detail_are_told_apart() -> None:
    truth = batch(size=96)
    chroma, other = quarter(truth.chroma), torch.randn_like(truth.luma)
    same, half, flat, strange = (
        {key: float(value) for key, value in losses.detail(luma, chroma, truth).items()}
        for luma in (truth.luma, 0.5 * truth.luma + 3, 0 * truth.luma, other)
    )
    assert same == {"structure": pytest.approx(0, abs=0.01), "contrast": 0}
    assert half["structure"] == pytest.approx(0, abs=0.01)  # neither brightness nor contrast is structure
    assert half["contrast"] == pytest.approx(0.5 * flat["contrast"], rel=0.02)
    assert flat["structure"] == pytest.approx(1, abs=0.01)
    assert strange["structure"] == pytest.approx(1, abs=0.05)
    assert strange["contrast"] < 0.2 * flat["contrast"]


def test_structure_of_colour_counts_half_and_not_for_grey_targets() -> None:
    truth, grey = batch(size=96), batch(size=96, coloured=0.0)
    flat = torch.zeros(2, 2, 24, 24)
    assert float(losses.detail(truth.luma, flat, truth)["structure"]) == pytest.approx(0.5, abs=0.01)
    assert float(losses.detail(grey.luma, flat, grey)["structure"]) == pytest.approx(0, abs=0.01)


def test_detail_near_what_is_not_valid_costs_nothing() -> None:
    truth = batch(size=128)
    truth.valid[..., :32] = 0
    wrong = truth.luma.clone()
    wrong[..., :32] = 9
    detail = losses.detail(wrong, quarter(truth.chroma), truth)
    assert float(detail["structure"]) == pytest.approx(0, abs=0.01)
    assert float(detail["contrast"]) == pytest.approx(0, abs=1e-5)


def test_grey_targets_train_luma_alone() -> None:
    grey = batch(coloured=0.0)
    terms = losses.fidelity(grey.luma + 1, quarter(grey.chroma) + 1, grey)
    assert float(terms["luma"]) == pytest.approx(1, abs=1e-5)
    assert float(terms["chroma"]) == 0


def test_what_is_not_valid_costs_nothing() -> None:
    truth = batch()
    valid = truth.valid.clone()
    valid[..., :16] = 0
    truth = dataclasses.replace(truth, valid=valid)
    wrong = truth.luma.clone()
    wrong[..., :16] += 7
    terms = losses.fidelity(wrong, quarter(truth.chroma), truth)
    assert float(terms["luma"]) == float(terms["luma_coarse"]) == 0


def test_the_expected_error_is_cheapest_where_it_is_the_mean_error() -> None:
    truth = batch()
    network = Generator(mean=(100.0, 0.0, 0.0), deviation=(40.0, 10.0, 10.0))
    luma, chroma = truth.luma + 0.5, quarter(truth.chroma)  # half a deviation of luma: 20 grey levels everywhere

    def cost(guess: float) -> float:
        log_error = torch.full((2, 1, 8, 8), math.log(guess))
        return float(losses.expected_error(network, log_error, luma, chroma, truth))

    assert cost(0.5) == pytest.approx(math.log(0.5) + 1, abs=1e-4)
    assert cost(0.5) < min(cost(0.4), cost(0.6))


def test_the_expected_error_does_not_pull_at_the_picture() -> None:
    truth = batch()
    luma = (truth.luma + 1).requires_grad_()
    log_error = torch.zeros(2, 1, 8, 8, requires_grad=True)
    losses.expected_error(Generator(), log_error, luma, quarter(truth.chroma), truth).backward()
    assert luma.grad is None
    assert log_error.grad is not None


@pytest.mark.parametrize(("real", "fake", "expected"), [(0.0, 0.0, 2.0), (1.0, -1.0, 0.0), (3.0, 1.0, 2.0)])
def test_hinge_by_hand(real: float, fake: float, expected: float) -> None:
    assert float(losses.adversary_hinge(torch.full((4,), real), torch.full((4,), fake))) == expected


def test_feature_matching_is_the_mean_over_layers_and_moves_the_fake_alone() -> None:
    real = [torch.zeros(2, 3, requires_grad=True), torch.zeros(4, requires_grad=True)]
    fake = [torch.ones(2, 3, requires_grad=True), torch.full((4,), 3.0, requires_grad=True)]
    loss = losses.feature_matching(real, fake)
    assert loss.item() == 2
    loss.backward()
    assert real[0].grad is None
    assert fake[0].grad is not None
