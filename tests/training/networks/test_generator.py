"""How far the network sees, and that its forms agree."""

import copy
import hashlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from geosar.engines.generator import HALO, STRIDE, Generator, fold

NARROW = (4, 6, 8, 10, 12)


def seen(windows: list[tuple[int, int]], *, folded: bool) -> list[tuple[int, int]]:
    """First and last input column that output columns start..stop depend on, in double precision, for each window.

    All weights are positive, so that no dependence cancels or is cut off by a ReLU.
    """
    torch.manual_seed(0)
    network = Generator(widths=NARROW).eval()
    network = (fold(network) if folded else network).double()
    for weight in network.parameters():
        weight.data = weight.data.abs() + 0.1
        if weight.dim() == 4:
            weight.data /= weight.data.flatten(1).sum(1).max()
    sar = torch.ones(len(windows), 1, STRIDE, 14 * STRIDE, dtype=torch.float64, requires_grad=True)
    image = network(sar)
    torch.stack([image[i, ..., start:stop].sum() for i, (start, stop) in enumerate(windows)]).sum().backward()
    assert sar.grad is not None
    assert sar.grad.isfinite().all()
    columns = [gradient.abs().sum(dim=(0, 1)).nonzero().flatten() for gradient in sar.grad]
    return [(int(seen[0]), int(seen[-1])) for seen in columns]


def lively(widths: tuple[int, ...] = NARROW) -> Generator:
    """A network in evaluation mode whose norms are not those of an untrained one."""
    torch.manual_seed(3)
    network = Generator(widths=widths)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.normal_(module.bias, 0.0, 0.3)
            nn.init.normal_(module.running_mean, 0.0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("folded", [False, True])
def test_a_window_on_the_stride_reaches_140_pixels(folded: bool) -> None:
    start, stop = 6 * STRIDE, 8 * STRIDE
    ((first, last),) = seen([(start, stop)], folded=folded)
    assert (start - first, last - (stop - 1)) == (140, 140)


def test_no_window_reaches_beyond_the_halo() -> None:
    pixels = range(7 * STRIDE, 8 * STRIDE)  # where the end of a window may lie, relative to the stride
    seen_by_pixels = seen([(pixel, pixel + 1) for pixel in pixels], folded=True)
    reaches = [max(pixel - first, last - pixel) for pixel, (first, last) in zip(pixels, seen_by_pixels, strict=True)]
    assert max(reaches) == 154
    assert max(reaches) <= HALO


def test_what_lies_beyond_the_halo_changes_not_a_bit() -> None:
    network = fold(lively())
    sar = torch.randn(1, 1, 15 * STRIDE, 16 * STRIDE)
    rows, cols = slice(7 * STRIDE, 8 * STRIDE), slice(7 * STRIDE, 9 * STRIDE)
    other = 4 * torch.randn_like(sar)
    near = [slice(part.start - HALO, part.stop + HALO) for part in (rows, cols)]
    other[..., near[0], near[1]] = sar[..., near[0], near[1]]
    with torch.no_grad():
        before, after = network(sar), network(other)
    assert torch.equal(before[..., rows, cols], after[..., rows, cols])
    assert not torch.equal(before, after)


def test_a_window_with_its_halo_gives_what_the_whole_scene_gives() -> None:
    network = fold(lively())
    sar = torch.randn(1, 1, 14 * STRIDE, 14 * STRIDE)
    start, stop = 6 * STRIDE, 8 * STRIDE
    window = slice(start - HALO, stop + HALO)
    with torch.no_grad():
        whole = network(sar)[..., start:stop, start:stop]
        alone = network(sar[..., window, window])[..., HALO:-HALO, HALO:-HALO]
    torch.testing.assert_close(alone, whole, rtol=0, atol=1e-3)


def test_folding_changes_nothing_inside_the_halo() -> None:
    network = lively()
    sar = torch.randn(2, 1, 12 * STRIDE, 12 * STRIDE)
    with torch.no_grad():
        before, after = network(sar), fold(copy.deepcopy(network))(sar)
    inside = slice(HALO, -HALO)
    torch.testing.assert_close(after[..., inside, inside], before[..., inside, inside], rtol=0, atol=1e-3)


def test_leaving_out_the_margin_changes_no_pixel_inside() -> None:
    network = lively()
    sar = torch.randn(2, 1, 12 * STRIDE, 14 * STRIDE)
    with torch.no_grad():
        whole = fold(copy.deepcopy(network))(sar)
        inside = fold(copy.deepcopy(network), HALO)(sar)
    assert inside.shape == (2, 4, 2 * STRIDE, 4 * STRIDE)
    assert torch.equal(inside, whole[..., HALO:-HALO, HALO:-HALO])


def test_a_margin_that_is_not_the_halo_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 or 160"):
        fold(Generator(widths=NARROW), 64)


def test_folding_leaves_no_norm_behind() -> None:
    folded = fold(lively())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_the_picture_is_that_of_its_components() -> None:
    network = lively()
    sar = torch.randn(1, 1, 2 * STRIDE, 3 * STRIDE)
    with torch.no_grad():
        luma, chroma, log_error = network.components(sar)
        image = network(sar)
    assert luma.shape == (1, 1, 64, 96)
    assert chroma.shape == (1, 2, 16, 24)
    torch.testing.assert_close(image[:, :3], network.rgb(luma, chroma), rtol=0, atol=1e-3)
    # The error comes back in grey levels; bilinear growth keeps the mean of its inner part.
    grown = nn.functional.interpolate(log_error.exp(), scale_factor=4, mode="bilinear") * 50.0
    torch.testing.assert_close(image[:, 3:], grown, rtol=0, atol=1e-3)


def test_pure_luma_is_grey_and_red_difference_reddens() -> None:
    network = Generator(mean=(100.0, 0.0, 0.0), deviation=(50.0, 10.0, 10.0))
    grey = network.rgb(torch.ones(1, 1, 4, 4), torch.zeros(1, 2, 1, 1))
    red = network.rgb(torch.ones(1, 1, 4, 4), torch.tensor([0.0, 1.0]).view(1, 2, 1, 1))
    assert np.allclose(grey[0, :, 0, 0], 150)
    assert np.allclose(red[0, :, 0, 0], [150 + 14.02, 150 - 7.14136, 150])


def test_a_pixel_costs_less_than_50_thousand_operations() -> None:
    network = fold(Generator())
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, 256, 256))
    assert 40e3 < counter.get_total_flops() / 256**2 < 50e3


def test_names_of_the_weights_are_those_of_every_checkpoint_so_far() -> None:
    names = "\n".join(sorted(Generator().state_dict()))
    assert hashlib.sha256(names.encode()).hexdigest().startswith("36f2d3aa5722c79e")
