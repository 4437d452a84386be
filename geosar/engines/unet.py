"""The U-Net that all generators stand on: it works at half resolution and below, and is written for exact windows.

Imported only where torch runs (``geosar.engines.torch`` and ``training``).

* 10-metre radar is mostly speckle at full resolution, so the first step is a 2 x 2 shuffle and the budget is spent at
  1/2 to 1/32 of the resolution (about 40 kFLOP a pixel).
* Batch normalisation folds into the convolutions; nothing in the network looks at the whole window, so a pixel's value
  does not depend on the window that it was computed in.
* In training the borders are replicated (zeros would tell the network where its window ends); for inference
  `fold_convolutions` puts zeros there, which the halo cuts off.
* For inference the decoder computes no more of the halo than the pixels inside it need (the margin): most of the halo
  is for the encoder, and a quarter of a window is halo.

U-Net: Ronneberger et al. 2015. Resize-and-convolve: Odena et al. 2016.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

STRIDE = 32
"""Windows must be multiples of this many pixels, counted from the scene's origin."""

LEVELS = 5
"""Resolutions that the network works at: 1/2, 1/4, 1/8, 1/16 and 1/32."""


class ConvNorm(nn.Sequential):
    """Convolution and batch normalisation, optionally with ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int, *, relu: bool = True) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, size, padding=size // 2, padding_mode="replicate", bias=False),
            nn.BatchNorm2d(outputs),
        ]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Residual(nn.Module):
    """Two 3 x 3 convolutions around which the input is carried."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvNorm(width, width, 3)
        self.second = ConvNorm(width, width, 3, relu=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        return functional.relu(features + self.second(self.first(features)))


class Down(nn.Sequential):
    """Halves the resolution with a 2 x 2 convolution, which widens the field by nothing."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 2, stride=2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Up(nn.Module):
    """Doubles the resolution by nearest neighbour and adds the encoder's features of that level."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = ConvNorm(inputs, outputs, 1, relu=False)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        """(N, inputs, H, W) and the encoder's (N, outputs, 2H, 2W) to (N, outputs, 2H, 2W)."""
        grown = functional.interpolate(self.project(features), scale_factor=2.0, mode="nearest")
        return functional.relu(grown + skip)


class UNet(nn.Module):
    """Encoder and decoder without heads.

    Parameters
    ----------
    inputs
        Channels at half resolution, after the 2 x 2 shuffle.
    widths
        Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution.
    rims
        Cells around the inside that the decoder computes at 1/32, 1/16, 1/8, 1/4 and 1/2 when the margin is left out:
        half of the next level's, and two for its own (at most two) 3 x 3 convolutions, or more where a head looks
        further.
    """

    def __init__(self, inputs: int, widths: Sequence[int], rims: Sequence[int]) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth, deepest = widths
        self.rims = tuple(rims)
        self.encoder = nn.ModuleList([
            self._first(inputs, half),
            nn.Sequential(Down(half, quarter), Residual(quarter)),
            nn.Sequential(Down(quarter, eighth), Residual(eighth)),
            nn.Sequential(Down(eighth, sixteenth), ConvNorm(sixteenth, sixteenth, 3)),
        ])  # fmt: skip
        self.bottom = nn.Sequential(
            Down(sixteenth, deepest), ConvNorm(deepest, deepest, 3), ConvNorm(deepest, deepest, 1)
        )
        self.up = nn.ModuleList([
            Up(deepest, sixteenth), Up(sixteenth, eighth), Up(eighth, quarter), Up(quarter, half),
        ])  # fmt: skip
        self.decoder = nn.ModuleList([
            ConvNorm(sixteenth, sixteenth, 3), Residual(eighth), Residual(quarter), Residual(half),
        ])  # fmt: skip
        self.dropout = 0.0  # share of the coarse features that training leaves out; none at inference
        self.margin = 0  # pixels on each side of the input that the output leaves out, see `fold_convolutions`

    def _first(self, inputs: int, half: int) -> nn.Sequential:
        return nn.Sequential(nn.PixelUnshuffle(2), ConvNorm(inputs, half, 3), ConvNorm(half, half, 3))

    def levels(self, features: Tensor) -> list[Tensor]:
        """Return the decoder's features at 1/16, 1/8, 1/4 and 1/2 of the input, each with its rim around the inside.

        The input (N, C, H, W) is what the first level of the encoder takes.
        """
        skips: list[Tensor] = []
        for level in self.encoder:
            features = level(features)
            skips.append(features)
        if self.training and self.dropout:
            skips[-2:] = [functional.dropout2d(skip, self.dropout / 2) for skip in skips[-2:]]
            features = functional.dropout2d(self.bottom(features), self.dropout)
        else:
            features = self.bottom(features)
        cell, inside = STRIDE, self.rims[1] // 2
        features = self.around(features, cell, inside)
        result = []
        for up, block, skip, rim, finer in zip(
            self.up, self.decoder, reversed(skips), self.rims[1:], (*self.rims[2:], 0), strict=True
        ):
            cell //= 2
            features = block(up(features, self.around(skip, cell, rim)))
            result.append(features)
            if self.margin and finer:
                features = cropped(features, rim - finer // 2)
        return result

    def around(self, features: Tensor, cell: int, rim: int) -> Tensor:
        """Cut features of cells of so many pixels that cover the whole input to the inside and `rim` cells around."""
        return cropped(features, self.margin // cell - rim if self.margin else 0)


def cropped(features: Tensor, border: int) -> Tensor:
    """Leave out so many cells on each side."""
    return features[..., border:-border, border:-border] if border else features


def fold_convolutions(network: UNet, margin: int) -> None:
    """Turn a trained network, in place, into its inference form: norms folded in, borders zero-padded.

    `margin` is what the output leaves out on each side of the input; the pixels inside are the same.
    """
    network.eval()
    network.margin = margin
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "zeros"
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            for index in range(len(module) - 1):
                convolution, norm = module[index], module[index + 1]
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[index] = cast("nn.Module", fuse_conv_bn_eval(convolution, norm))
                    module[index + 1] = nn.Identity()


TO_RGB = torch.tensor([[0.0, 1.402], [-0.344136, -0.714136], [1.772, 0.0]])
"""What blue and red difference add to luma in red, green and blue (ITU-R BT.601)."""
