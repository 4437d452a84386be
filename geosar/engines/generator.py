"""The generator: a U-Net that works at half resolution and below, written for exact windowed inference.

Imported only where torch runs (``geosar.engines.torch`` and ``training``).

* 10-metre radar is mostly speckle at full resolution, so the first and the last step are a 2 x 2 shuffle
  and the budget is spent at 1/2 to 1/32 of the resolution (about 40 kFLOP a pixel).
* Batch normalisation folds into the convolutions; nothing in the network looks at the whole window, so a
  pixel's value does not depend on the window that it was computed in (see `halo`).
* Luma is made at full resolution; chroma and the expected error at a quarter of it, because colour has no
  finer detail worth learning from radar, and an adversary on luma alone leaves no coloured speckle.
* In training the borders are replicated (zeros would tell the network where its window ends); for inference
  `fold` puts zeros there, which the halo cuts off.
* For inference the decoder computes no more of the halo than the pixels inside it need (`fold`'s margin): most
  of the halo is for the encoder, and a quarter of a window is halo.

U-Net: Ronneberger et al. 2015. Resize-and-convolve: Odena et al. 2016.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from geosar.engines.despeckling import despeckler

STRIDE = 32
"""Windows must be multiples of this many pixels, counted from the scene's origin."""

LEVELS = 5
"""Resolutions that the network works at: 1/2, 1/4, 1/8, 1/16 and 1/32."""

HALO = 160
"""Pixels around a window that reach its values: measured 140 for a window on the stride, 154 for any other.

More than the sum of the kernel radii (123), because a cell that is reached at a coarse level is reached whole.
"""


RIM = 4
"""Cells around the inside that a decoder level computes when the margin is left out: one for each of its (at most
two) 3 x 3 convolutions, and two that the next level, twice as fine, starts from."""


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


class Generator(nn.Module):
    """SAR to luma, chroma and expected error, or to red, green, blue and expected error.

    Parameters
    ----------
    channels
        Input channels: one or two polarisations, normalised (zero mean, unit deviation over the scene).
    widths
        Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution.
    mean, deviation
        Of luma, blue and red difference (YCbCr of ITU-R BT.601, 0 to 255) of the training targets.
    despeckle
        Filter that the radar goes through first: `none`, `lee` or `refined-lee`; it reaches 3 pixels.
    """

    stride = STRIDE
    halo = HALO
    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        channels: int = 1,
        widths: Sequence[int] = (24, 48, 96, 192, 256),
        mean: Sequence[float] = (102.0, 0.0, 0.0),
        deviation: Sequence[float] = (50.0, 15.0, 15.0),
        despeckle: str = "none",
    ) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth, deepest = widths
        self.channels = channels
        self.architecture = {
            "channels": channels, "widths": list(widths), "mean": list(mean), "deviation": list(deviation),
        }  # fmt: skip
        self.filter = despeckler(despeckle)
        if self.filter:
            self.architecture["despeckle"] = despeckle
        self.encoder = nn.ModuleList(
            [
                nn.Sequential(nn.PixelUnshuffle(2), ConvNorm(4 * channels, half, 3), ConvNorm(half, half, 3)),
                nn.Sequential(Down(half, quarter), Residual(quarter)),
                nn.Sequential(Down(quarter, eighth), Residual(eighth)),
                nn.Sequential(Down(eighth, sixteenth), ConvNorm(sixteenth, sixteenth, 3)),
            ]
        )
        self.bottom = nn.Sequential(
            Down(sixteenth, deepest), ConvNorm(deepest, deepest, 3), ConvNorm(deepest, deepest, 1)
        )
        self.up = nn.ModuleList([
            Up(deepest, sixteenth), Up(sixteenth, eighth), Up(eighth, quarter), Up(quarter, half),
        ])  # fmt: skip
        self.decoder = nn.ModuleList([
            ConvNorm(sixteenth, sixteenth, 3), Residual(eighth), Residual(quarter), Residual(half),
        ])  # fmt: skip
        self.colour = nn.Sequential(
            ConvNorm(quarter, half, 1), nn.Conv2d(half, 3, 3, padding=1, padding_mode="replicate")
        )
        self.detail = nn.Sequential(ConvNorm(half, 4 * 8, 3), nn.PixelShuffle(2))
        self.luma = nn.Conv2d(8, 1, 3, padding=1, padding_mode="replicate")
        self.picture: nn.Conv2d | None = None  # luma's convolution with the colours folded in, see `fold`
        self.dropout = 0.0  # share of the coarse features that training leaves out; none at inference
        self.margin = 0  # pixels on each side of the input that the output leaves out, see `fold`
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(list(deviation)).view(1, 3, 1, 1))

    def components(self, sar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Standardised luma (N, 1, H, W), chroma (N, 2, H/4, W/4) and log of the expected error (N, 1, H/4, W/4).

        The error is in units of luma's deviation, the chroma in its own.
        """
        detail, colour = self._features(sar)
        return self.luma(detail), colour[:, :2], colour[:, 2:]

    def _features(self, sar: Tensor) -> tuple[Tensor, Tensor]:
        skips: list[Tensor] = []
        features = self.filter(sar) if self.filter else sar
        for level in self.encoder:
            features = level(features)
            skips.append(features)
        if self.training and self.dropout:
            skips[-2:] = [functional.dropout2d(skip, self.dropout / 2) for skip in skips[-2:]]
            features = functional.dropout2d(self.bottom(features), self.dropout)
        else:
            features = self.bottom(features)
        cell = STRIDE
        features = _inner(features, self._rim(cell, RIM // 2))
        for up, block, skip in zip(self.up, self.decoder, reversed(skips), strict=True):
            quarter = features
            cell //= 2
            features = block(up(features, _inner(skip, self._rim(cell, RIM))))
            if self.margin and cell > 2:
                features = _inner(features, RIM // 2)
        return self.detail(features), self.colour(quarter)

    def _rim(self, cell: int, kept: int) -> int:
        """Cells of so many pixels to cut from each side, so that `kept` are left around the inside."""
        return self.margin // cell - kept if self.margin else 0

    def rgb(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """Red, green and blue in 0 to 255 (not clamped) from standardised components, (N, 3, H, W)."""
        return luma * self.deviation[:, :1] + self.mean[:, :1] + _grow(self._tint(chroma))

    def _tint(self, chroma: Tensor) -> Tensor:
        """What the chroma adds to luma in red, green and blue (ITU-R BT.601)."""
        differences = chroma * self.deviation[:, 1:] + self.mean[:, 1:]
        return functional.conv2d(differences, _FROM_CHROMA.to(differences).view(3, 2, 1, 1))

    def forward(self, sar: Tensor) -> Tensor:
        """Red, green, blue and expected absolute error in 0 to 255, not clamped: (N, C, H, W) to (N, 4, H, W).

        H and W are smaller by twice the margin, when the network was folded with one.
        """
        detail, colour = self._features(sar)
        error = torch.exp(colour[:, 2:]) * self.deviation[:, :1]
        coarse = _grow(torch.cat([self._tint(colour[:, :2]), error], dim=1))
        if self.picture is not None:
            picture: Tensor = self.picture(detail)
            return _inner(picture + coarse, 2 * RIM if self.margin else 0)
        grey = self.luma(detail) * self.deviation[:, :1] + self.mean[:, :1]
        return torch.cat([grey + coarse[:, :3], coarse[:, 3:]], dim=1)


_FROM_CHROMA = torch.tensor([[0.0, 1.402], [-0.344136, -0.714136], [1.772, 0.0]])


def _grow(coarse: Tensor) -> Tensor:
    return functional.interpolate(coarse, scale_factor=4.0, mode="bilinear", align_corners=False)


def _inner(features: Tensor, border: int) -> Tensor:
    """Leave out so many cells on each side."""
    return features[..., border:-border, border:-border] if border else features


def fold(generator: Generator, margin: int = 0) -> Generator:
    """Turn a trained generator, in place, into its inference form: norms folded in, borders zero-padded.

    `margin` is 0 or `HALO`: what the output leaves out on each side of the input. The pixels inside are the same;
    the decoder does not compute most of those outside.
    """
    if margin not in (0, HALO):
        raise ValueError(f"the margin is {margin}, expected 0 or {HALO}")
    generator.eval()
    generator.margin = margin
    for module in generator.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "zeros"
    for module in list(generator.modules()):
        if isinstance(module, nn.Sequential):
            for index in range(len(module) - 1):
                convolution, norm = module[index], module[index + 1]
                if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[index] = cast("nn.Module", fuse_conv_bn_eval(convolution, norm))
                    module[index + 1] = nn.Identity()
    generator.picture = _fold_colours(generator)
    return generator


@torch.no_grad()
def _fold_colours(generator: Generator) -> nn.Conv2d:
    """Luma's convolution that gives red, green, blue and nothing for the error: one pass at full resolution."""
    luma = generator.luma
    picture = nn.Conv2d(luma.in_channels, 4, 3, padding=1)
    spread = torch.tensor([1.0, 1.0, 1.0, 0.0])
    deviation, mean = generator.deviation.flatten()[0], generator.mean.flatten()[0]
    picture.weight.copy_(spread.view(4, 1, 1, 1) * luma.weight * deviation)
    bias = luma.bias if luma.bias is not None else torch.zeros(1)
    picture.bias = nn.Parameter(spread * (bias * deviation + mean))
    return picture.to(luma.weight.device)
