"""The adversary: two PatchGANs conditioned on the radar (Isola et al. 2017), one for detail, one for colour.

`detail` sees luma at full resolution, `colour` sees the whole image averaged over 4 x 4 pixels. L1 alone makes
every colour that it is unsure of the grey in between; an adversary on colour at full resolution answers with
coloured speckle; one at a quarter of the resolution asks for the colours that fields and towns have. `image`, the
PatchGAN of Isola et al. that sees all of the image at full resolution, is there to be compared with them.
Spectral normalisation (Miyato et al. 2018) keeps them from winning at once, which would teach nothing.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from geosar_training.pairs.batch import Batch

Opinion = tuple[Tensor, list[Tensor]]
"""Verdicts (N, 1, h, w), above zero for real, and the features of every layer."""


JUDGES = {"detail": (1, (2, 2, 2, 1)), "colour": (3, (2, 2, 1)), "image": (3, (2, 2, 2, 1))}
"""What each sees beside the radar, in channels, and the strides of its layers."""


class PatchDiscriminator(nn.Module):
    """Says for each patch whether it is real: of 70 x 70 pixels with strides 2, 2, 2, 1; of 34 x 34 with 2, 2, 1."""

    def __init__(self, channels: int, width: int, strides: Sequence[int], *, spectral: bool = True) -> None:
        super().__init__()
        widths = [channels, *(width * min(2**level, 4) for level in range(len(strides)))]
        convolution = _normalised if spectral else nn.Conv2d
        # No padding: a border would tell real from generated only by where the window ends.
        self.layers = nn.ModuleList([
            nn.Sequential(convolution(inputs, outputs, 4, stride), nn.LeakyReLU(0.2))
            for inputs, outputs, stride in zip(widths[:-1], widths[1:], strides, strict=True)
        ])  # fmt: skip
        self.verdict = convolution(widths[-1], 1, 4, 1)

    def forward(self, features: Tensor) -> Opinion:
        """Judge radar and image, stacked (N, channels, H, W)."""
        layers = []
        for layer in self.layers:
            features = layer(features)
            layers.append(features)
        return self.verdict(features), layers


class Adversary(nn.Module):
    """Some of the `JUDGES` behind one call. Of grey truths no judge sees colour, and `colour` sees none of them."""

    def __init__(
        self, width: int = 32, channels: int = 1, judges: Sequence[str] = ("detail", "colour"), *, spectral: bool = True
    ) -> None:
        super().__init__()
        self.judges = nn.ModuleDict()
        for name in judges:
            seen, strides = JUDGES[name]
            self.judges[name] = PatchDiscriminator(channels + seen, width, strides, spectral=spectral)

    def forward(self, batch: Batch, luma: Tensor, chroma: Tensor) -> list[Opinion]:
        """Judge luma (N, 1, H, W) and chroma (N, 2, H/4, W/4), standardised, of an image of the batch's radar."""
        coloured = batch.coloured.flatten() > 0
        whole = torch.cat([batch.sar, luma * batch.valid], dim=1)
        opinions = []
        for name, judge in self.judges.items():
            if name == "detail":
                opinions.append(judge(whole))
            elif name == "image":
                colours = functional.interpolate(chroma, scale_factor=4.0, mode="bilinear")
                opinions.append(judge(torch.cat([whole, colours * batch.valid * batch.coloured], dim=1)))
            elif bool(coloured.any()):
                known = functional.avg_pool2d(batch.valid[coloured], 4)
                coarse = functional.avg_pool2d(whole[coloured], 4)
                opinions.append(judge(torch.cat([coarse, chroma[coloured] * known], dim=1)))
        return opinions


def _normalised(inputs: int, outputs: int, size: int, stride: int) -> nn.Module:
    convolution: nn.Module = spectral_norm(nn.Conv2d(inputs, outputs, size, stride))
    return convolution
