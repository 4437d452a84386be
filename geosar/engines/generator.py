"""The generator of luma, chroma and expected error: an adversary paints its detail (see docs/adr/0001).

Imported only where torch runs (``geosar.engines.torch`` and ``training``).

Luma is made at full resolution; chroma and the expected error at a quarter of it, because colour has no finer detail
worth learning from radar, and an adversary on luma alone leaves no coloured speckle.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from geosar.engines.despeckling import despeckler
from geosar.engines.unet import STRIDE, TO_RGB, ConvNorm, UNet, cropped, fold_convolutions

HALO = 160
"""Pixels around a window that reach its values: measured 140 for a window on the stride, 154 for any other.

More than the sum of the kernel radii (123), because a cell that is reached at a coarse level is reached whole.
"""

RIM = 4
"""Cells around the inside that a decoder level computes when the margin is left out: one for each of its (at most
two) 3 x 3 convolutions, and two that the next level, twice as fine, starts from."""


class Generator(UNet):
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
        super().__init__(4 * channels, widths, (RIM // 2, RIM, RIM, RIM, RIM))
        half, quarter = widths[:2]
        self.channels = channels
        self.architecture = {
            "channels": channels, "widths": list(widths), "mean": list(mean), "deviation": list(deviation),
        }  # fmt: skip
        self.filter = despeckler(despeckle)
        if self.filter:
            self.architecture["despeckle"] = despeckle
        self.colour = nn.Sequential(
            ConvNorm(quarter, half, 1), nn.Conv2d(half, 3, 3, padding=1, padding_mode="replicate")
        )
        self.detail = nn.Sequential(ConvNorm(half, 4 * 8, 3), nn.PixelShuffle(2))
        self.luma = nn.Conv2d(8, 1, 3, padding=1, padding_mode="replicate")
        self.picture: nn.Conv2d | None = None  # luma's convolution with the colours folded in, see `fold`
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(list(deviation)).view(1, 3, 1, 1))

    def components(self, sar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Standardised luma (N, 1, H, W), chroma (N, 2, H/4, W/4) and log of the expected error (N, 1, H/4, W/4).

        The error is in units of luma's deviation, the chroma in its own.
        """
        detail, colour = self._features(sar)
        return self.luma(detail), colour[:, :2], colour[:, 2:]

    def _features(self, sar: Tensor) -> tuple[Tensor, Tensor]:
        *_, quarter, half = self.levels(self.filter(sar) if self.filter else sar)
        return self.detail(half), self.colour(cropped(quarter, RIM // 2 if self.margin else 0))

    def rgb(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """Red, green and blue in 0 to 255 (not clamped) from standardised components, (N, 3, H, W)."""
        return luma * self.deviation[:, :1] + self.mean[:, :1] + _grow(self._tint(chroma))

    def _tint(self, chroma: Tensor) -> Tensor:
        """What the chroma adds to luma in red, green and blue (ITU-R BT.601)."""
        differences = chroma * self.deviation[:, 1:] + self.mean[:, 1:]
        return functional.conv2d(differences, TO_RGB.to(differences).view(3, 2, 1, 1))

    def forward(self, sar: Tensor) -> Tensor:
        """Red, green, blue and expected absolute error in 0 to 255, not clamped: (N, C, H, W) to (N, 4, H, W).

        H and W are smaller by twice the margin, when the network was folded with one.
        """
        detail, colour = self._features(sar)
        error = torch.exp(colour[:, 2:]) * self.deviation[:, :1]
        coarse = _grow(torch.cat([self._tint(colour[:, :2]), error], dim=1))
        if self.picture is not None:
            picture: Tensor = self.picture(detail)
            return cropped(picture + coarse, 2 * RIM if self.margin else 0)
        grey = self.luma(detail) * self.deviation[:, :1] + self.mean[:, :1]
        return torch.cat([grey + coarse[:, :3], coarse[:, 3:]], dim=1)


def _grow(coarse: Tensor) -> Tensor:
    return functional.interpolate(coarse, scale_factor=4.0, mode="bilinear", align_corners=False)


def fold(generator: Generator, margin: int = 0) -> Generator:
    """Turn a trained generator, in place, into its inference form: norms folded in, borders zero-padded.

    `margin` is 0 or `HALO`: what the output leaves out on each side of the input. The pixels inside are the same;
    the decoder does not compute most of those outside.
    """
    if margin not in (0, HALO):
        raise ValueError(f"the margin is {margin}, expected 0 or {HALO}")
    fold_convolutions(generator, margin)
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
