"""The U-Net of pix2pix (Isola et al. 2017), with what exact windows ask for.

Borders are replicated, the decoder grows by nearest neighbour and convolves (no transposed convolution, which leaves a
checkerboard), and dropout is for training alone.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn


class UNet(nn.Module):
    """Halves the resolution `depth` times with 4 x 4 convolutions and joins both paths at every level.

    Parameters
    ----------
    channels
        Of the input.
    width
        Features at half the resolution; they double at each level up to eight times as many.
    depth
        Halvings; inputs are multiples of ``2 ** depth`` pixels.
    outputs
        Channels of the output, of -1 to 1 (tanh).

    """

    def __init__(self, channels: int, width: int, depth: int, outputs: int = 3) -> None:
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(depth)]
        self.stride, self.halo = 2**depth, 3 * 2**depth
        self.down = nn.ModuleList(
            _down(*sizes, norm=0 < level < depth - 1) for level, sizes in enumerate(pairwise([channels, *widths]))
        )
        grown = [widths[-1], *(2 * width for width in reversed(widths[:-1]))]
        targets = [*reversed(widths[:-1]), width]
        self.up = nn.ModuleList(
            _up(inputs, target, dropout=level < min(3, depth - 3))
            for level, (inputs, target) in enumerate(zip(grown, targets, strict=True))
        )
        self.last = nn.Sequential(nn.Conv2d(width, outputs, 3, padding=1, padding_mode="replicate"), nn.Tanh())

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, outputs, H, W)."""
        skips = []
        for level in self.down:
            features = level(features)
            skips.append(features)
        skips.pop()
        for level in self.up:
            features = level(features)
            if skips:
                features = torch.cat([features, skips.pop()], dim=1)
        image: Tensor = self.last(features)
        return image


def _down(inputs: int, outputs: int, *, norm: bool) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, padding_mode="replicate", bias=not norm)
    return nn.Sequential(convolution, *([nn.BatchNorm2d(outputs)] if norm else []), nn.LeakyReLU(0.2))


def _up(inputs: int, outputs: int, *, dropout: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2.0, mode="nearest"),
        nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate", bias=False),
        nn.BatchNorm2d(outputs),
        *([nn.Dropout(0.5)] if dropout else []),
        nn.ReLU(inplace=True),
    )
