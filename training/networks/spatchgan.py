"""SPatchGAN's adversary (Shao & Zhang 2021): judges statistics of an image's features, not its patches.

A patch adversary asks each place to look right, so an unpaired generator may invent what the radar does not show. Mean,
maximum and deviation of features over the whole image ask for the right mixture of looks only.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

STATISTICS = 3


class StatisticsDiscriminator(nn.Module):
    """Verdicts on the mean, the maximum and the deviation of features at several scales.

    `width` counts the features of the finest of `scales` levels, each half as fine as the one before and, up to eight
    times the first, twice as wide.
    """

    def __init__(self, channels: int, width: int, scales: int = 4) -> None:
        super().__init__()
        self.stem = _convolution(channels, width, 2)
        widths = [width * min(2**level, 8) for level in range(scales + 1)]
        sizes = list(pairwise(widths))
        self.levels = nn.ModuleList(_convolution(*pair, 2) for pair in sizes)
        self.adapters = nn.ModuleList(_convolution(outputs, outputs, 1) for _, outputs in sizes)
        self.heads = nn.ModuleList(_head(outputs) for _, outputs in sizes for _ in range(STATISTICS))

    def forward(self, image: Tensor) -> Tensor:
        """(N, channels, H, W) to verdicts (N, scales * 3)."""
        features = self.stem(image)
        statistics: list[Tensor] = []
        for level, adapter in zip(self.levels, self.adapters, strict=True):
            features = level(features)
            adapted = adapter(features).flatten(2)
            deviation = (adapted.var(dim=2, unbiased=False) + 1e-6).sqrt()
            statistics += [adapted.mean(dim=2), adapted.amax(dim=2), deviation]
        verdicts = [head(value) for head, value in zip(self.heads, statistics, strict=True)]
        return torch.cat(verdicts, dim=1)


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    size = 4 if stride == 2 else 1
    layer = nn.Conv2d(inputs, outputs, size, stride=stride, padding=int(stride == 2), padding_mode="replicate")
    return nn.Sequential(spectral_norm(layer), nn.LeakyReLU(0.2))


def _head(width: int) -> nn.Sequential:
    return nn.Sequential(spectral_norm(nn.Linear(width, width)), nn.LeakyReLU(0.2), spectral_norm(nn.Linear(width, 1)))
