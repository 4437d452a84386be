"""Filters against speckle, as parts of networks."""

import numpy as np
import pytest
import torch

from geosar.engines.despeckling import NOISE, Lee, RefinedLee, despeckler
from geosar.engines.generator import HALO, STRIDE, Generator


def scene(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A bright square on dark ground, and the same under speckle."""
    clean = torch.full((1, 1, 96, 96), -1.0)
    clean[..., 32:64, 32:64] = 1.5
    noise = torch.from_numpy(np.random.default_rng(seed).normal(0, NOISE**0.5, (1, 1, 96, 96)).astype(np.float32))
    return clean, clean + noise


@pytest.mark.parametrize("name", ["lee", "refined-lee"])
def test_speckle_becomes_less_and_the_mean_stays(name: str) -> None:
    clean, noisy = scene()
    network = despeckler(name)
    assert network is not None
    smooth = network(noisy)
    assert (smooth - clean)[..., 4:24, 4:24].std() < 0.4 * (noisy - clean)[..., 4:24, 4:24].std()
    assert float((smooth - noisy).mean()) == pytest.approx(0, abs=0.02)


def test_the_refined_filter_smooths_beside_an_edge_without_washing_it_out() -> None:
    errors = {}
    for name, network in (("lee", Lee()), ("refined", RefinedLee())):
        total = 0.0
        for seed in range(5):
            clean, noisy = scene(seed)
            beside = (network(noisy) - clean)[..., 36:60, 29:35]  # three pixels on each side of the left edge
            total += float((beside**2).mean())
        errors[name] = total
    assert errors["refined"] < 0.8 * errors["lee"]


@pytest.mark.parametrize("network", [Lee(), RefinedLee()])
def test_no_pixel_sees_further_than_the_radius(network: Lee | RefinedLee) -> None:
    sar = torch.randn(1, 2, 32, 32, requires_grad=True)
    network(sar)[0, 0, 16, 16].backward()
    assert sar.grad is not None
    rows, columns = sar.grad[0, 0].nonzero().T
    assert max(int((rows - 16).abs().max()), int((columns - 16).abs().max())) <= network.radius == 3
    assert not sar.grad[0, 1].any()  # each polarisation for itself


def test_a_constant_stays_itself() -> None:
    flat = torch.full((1, 1, 16, 16), 0.7)
    for network in (Lee(), RefinedLee()):
        torch.testing.assert_close(network(flat), flat)


def test_the_generator_with_a_filter_stays_inside_its_halo_and_says_so() -> None:
    network = Generator(widths=(4, 6, 8, 8, 8), despeckle="lee").eval().double()
    assert network.architecture["despeckle"] == "lee"
    assert "despeckle" not in Generator(widths=(4, 6, 8, 8, 8)).architecture  # earlier checkpoints lack it
    sar = torch.randn(1, 1, STRIDE, 12 * STRIDE, dtype=torch.float64, requires_grad=True)
    network(sar)[..., 6 * STRIDE : 7 * STRIDE].sum().backward()
    assert sar.grad is not None
    seen = sar.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
    assert int(seen[0]) >= 6 * STRIDE - HALO
    assert int(seen[-1]) < 7 * STRIDE + HALO


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(ValueError, match="no filter 'median'"):
        despeckler("median")
