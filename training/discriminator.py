"""The adversary: two PatchGANs conditioned on the radar (Isola et al. 2017), one for detail, one for colour.

`detail` sees luma at full resolution, `colour` sees the whole image averaged over 4 x 4 pixels. L1 alone makes
every colour that it is unsure of the grey in between; an adversary on colour at full resolution answers with
coloured speckle; one at a quarter of the resolution asks for the colours that fields and towns have.
Spectral normalisation (Miyato et al. 2018) keeps both from winning at once, which would teach nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from training.data import Batch

Opinion = tuple[Tensor, list[Tensor]]
"""Verdicts (N, 1, h, w), above zero for real, and the features of every layer."""


class PatchDiscriminator(nn.Module):
    """Says for each patch whether it is real: of 70 x 70 pixels with strides 2, 2, 2, 1; of 34 x 34 with 2, 2, 1."""

    def __init__(self, channels: int, width: int, strides: Sequence[int]) -> None:
        super().__init__()
        widths = [channels, *(width * min(2**level, 4) for level in range(len(strides)))]
        self.layers = nn.ModuleList([_layer(*sizes) for sizes in zip(widths[:-1], widths[1:], strides, strict=True)])
        self.verdict = spectral_norm(nn.Conv2d(widths[-1], 1, 4))

    def forward(self, features: Tensor) -> Opinion:
        """Judge radar and image, stacked (N, channels, H, W)."""
        kept = []
        for layer in self.layers:
            features = layer(features)
            kept.append(features)
        return self.verdict(features), kept


class Adversary(nn.Module):
    """Both judges behind one call. Grey truths are shown to the judge of detail alone."""

    def __init__(self, width: int = 32, channels: int = 1) -> None:
        super().__init__()
        self.detail = PatchDiscriminator(channels + 1, width, (2, 2, 2, 1))
        self.colour = PatchDiscriminator(channels + 3, width, (2, 2, 1))

    def forward(self, batch: Batch, luma: Tensor, chroma: Tensor) -> list[Opinion]:
        """Judge luma (N, 1, H, W) and chroma (N, 2, H/4, W/4), standardised, of an image of the batch's radar."""
        detail = self.detail(torch.cat([batch.sar, luma * batch.valid], dim=1))
        coloured = batch.coloured.flatten() > 0
        if not bool(coloured.any()):
            return [detail]
        coarse = functional.avg_pool2d(torch.cat([batch.sar, luma * batch.valid], dim=1)[coloured], 4)
        known = functional.avg_pool2d(batch.valid[coloured], 4)
        return [detail, self.colour(torch.cat([coarse, chroma[coloured] * known], dim=1))]


def _layer(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    # No padding: a border would tell real from generated only by where the window ends.
    return nn.Sequential(spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=stride)), nn.LeakyReLU(0.2))
