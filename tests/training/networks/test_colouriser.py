"""What the colouriser composes of what, how far it sees, and that its forms agree."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from geosar.backscatter import MISSING
from geosar.engines.colouriser import DARK, GAIN, HALO, PLAIN, Colouriser, Parts, fold
from geosar.engines.networks import make_network
from geosar.engines.unet import STRIDE

NARROW = (4, 6, 8, 10, 12)


def lively(seed: int = 3) -> Colouriser:
    """A network in evaluation mode whose norms are not those of an untrained one."""
    torch.manual_seed(seed)
    network = Colouriser(widths=NARROW, dark=DARK)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.normal_(module.bias, 0.0, 0.3)
            nn.init.normal_(module.running_mean, 0.0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def scene(side: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 2, side, side, generator=torch.Generator().manual_seed(seed)).clamp(-4, 4)


@torch.no_grad()
def test_a_pixel_has_one_value_whatever_the_window() -> None:
    network = fold(lively(), HALO)
    sar = scene(2 * HALO + 8 * STRIDE)
    whole, whole_despeckled = network.picture_and_despeckled(sar)
    part, part_despeckled = network.picture_and_despeckled(sar[..., 2 * STRIDE :, 3 * STRIDE :])
    assert whole.shape == (1, 4, 8 * STRIDE, 8 * STRIDE)
    torch.testing.assert_close(whole[..., 2 * STRIDE :, 3 * STRIDE :], part, atol=1e-4, rtol=0)
    torch.testing.assert_close(whole_despeckled[..., 2 * STRIDE :, 3 * STRIDE :], part_despeckled, atol=1e-5, rtol=0)


@torch.no_grad()
def test_leaving_out_the_margin_changes_no_pixel_inside() -> None:
    network, sar = lively(), scene(2 * HALO + 4 * STRIDE)
    inside = np.s_[..., HALO:-HALO, HALO:-HALO]
    for outputs, expected in zip(
        fold(copy.deepcopy(network), HALO).picture_and_despeckled(sar), network.picture_and_despeckled(sar), strict=True
    ):
        torch.testing.assert_close(outputs, expected[inside], atol=1e-3, rtol=0)


@pytest.mark.parametrize("side", ["before", "behind"])
@torch.no_grad()
def test_nothing_beyond_the_halo_reaches_a_window_on_the_stride(side: str) -> None:
    network = fold(lively()).double()
    sar = scene(20 * STRIDE).double()
    other, edge = sar.clone(), 10 * STRIDE
    beyond = np.s_[..., :edge] if side == "before" else np.s_[..., edge:]
    other[beyond] = scene(20 * STRIDE, seed=1).double()[beyond]
    for one, two in zip(network.picture_and_despeckled(sar), network.picture_and_despeckled(other), strict=True):
        changed = (one - two).abs().amax(dim=(0, 1, 2)).nonzero().flatten()
        reach = int(changed.max()) - edge + 1 if side == "before" else edge - int(changed.min())
        assert 100 < reach <= HALO


@torch.no_grad()
def test_detail_is_the_despeckled_radars_times_the_gain() -> None:
    network, sar = lively(), scene(4 * STRIDE)
    side = sar.shape[-1]
    nothing = Parts(
        torch.zeros_like(sar), torch.zeros(1, 1, side // 8, side // 8), torch.zeros(1, 2, side // 4, side // 4),
        torch.zeros(1, 1, side // 4, side // 4),
    )  # fmt: skip
    radar = scene(side, seed=5)
    dull, _ = network.compose(sar, nothing)
    sharp, _ = network.compose(sar, nothing._replace(despeckled=radar))
    detail, (knee, share) = radar.mean(dim=1, keepdim=True), DARK
    eased = torch.where(detail < knee, knee + share * (detail - knee), detail)
    torch.testing.assert_close(sharp - dull, GAIN * eased)
    # What is left of the radar without its detail is smooth: neighbours differ by little.
    assert dull.diff(dim=-1).abs().max() < 0.02


@torch.no_grad()
def test_networks_of_before_leave_dark_radar_as_it_is() -> None:
    network, sar = Colouriser(widths=NARROW), scene(4 * STRIDE)
    assert (network.knee, network.slope) == PLAIN
    assert "dark" not in network.architecture
    parts = network.eval().parts(sar)
    darker = parts._replace(despeckled=parts.despeckled - 3)
    change = network.compose(sar, parts)[0] - network.compose(sar, darker)[0]
    torch.testing.assert_close(change, torch.full_like(change, 3 * GAIN))


@pytest.mark.parametrize("value", [1.5, -3.0])
@torch.no_grad()
def test_an_even_radar_leaves_the_coarse_luma_alone(value: float) -> None:
    network = lively()
    even = torch.full((1, 2, 128, 128), value)
    parts = Parts(
        even, torch.full((1, 1, 16, 16), -0.4), torch.zeros(1, 2, 32, 32), torch.zeros(1, 1, 32, 32)
    )  # fmt: skip
    luma, _ = network.compose(even, parts)
    torch.testing.assert_close(luma, torch.full((1, 1, 128, 128), -0.4))


@torch.no_grad()
def test_the_picture_is_what_training_composes() -> None:
    network, sar = lively(), scene(4 * STRIDE)
    parts = network.parts(sar)
    luma, chroma = network.compose(sar, parts)
    torch.testing.assert_close(network(sar)[:, :3], network.rgb(luma, chroma), atol=1e-3, rtol=0)
    picture, despeckled = network.picture_and_despeckled(sar)
    torch.testing.assert_close(despeckled, parts.despeckled)
    assert (picture[:, 3] > 0).all()


@torch.no_grad()
def test_a_network_is_told_which_polarisation_is_missing() -> None:
    network = lively()
    only_vv, only_vh, average = scene(4 * STRIDE), scene(4 * STRIDE), scene(4 * STRIDE)
    only_vv[:, 1], only_vh[:, 0], average[:, 1] = MISSING, MISSING, 0.0
    pictures = [network(sar) for sar in (only_vv, only_vh, average)]
    assert all(picture.isfinite().all() for picture in pictures)
    assert (pictures[0] - pictures[1]).abs().max() > 1
    assert (pictures[0] - pictures[2]).abs().max() > 1  # missing is not the same as average


@torch.no_grad()
def test_a_black_corner_is_not_a_missing_polarisation() -> None:
    network = lively()
    sar = scene(4 * STRIDE)
    black = sar.clone()
    black[..., 0, 0] = -4.0
    assert (network(sar) - network(black))[..., 64:, 64:].abs().max() < 50
    assert network(black).isfinite().all()


def test_the_architecture_makes_the_network_again() -> None:
    network = lively()
    again = make_network(network.architecture)
    again.load_state_dict(network.state_dict())
    sar = scene(2 * STRIDE)
    torch.testing.assert_close(again.eval()(sar), network(sar))
    with pytest.raises(ValueError, match="unknown kind 'painter'; known are generator and colouriser"):
        make_network({"kind": "painter"})


def test_other_margins_are_refused() -> None:
    with pytest.raises(ValueError, match="the margin is 32, expected 0 or 160"):
        fold(lively(), 32)
