"""The colouriser: the radar's own structure in the network's colours, from one U-Net with three kinds of output.

* Despeckled backscatter of every polarisation, at full resolution (learnt from pairs of dates, see `training`).
* Luma over some hundred metres and chroma over some tens of metres: what radar cannot tell finer than that.
* The error that is expected of the picture, and the share of the radar's detail that its luma takes.

The picture is composed of them in the graph::

    luma = smooth(coarse luma) + gain * (despeckled - smooth(radar))

`smooth` is a Gaussian of 14 pixels on cells of 8 x 8. So roads, halls and borders of fields stand where the radar has
them, as sharp and with the same sign, and nothing is painted that no radar showed. Docs/adr/0020 has what was measured.

Inputs are VV and VH, normalised; where a scene has one of them, the other's plane is `MISSING` throughout.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from geosar.backscatter import MISSING
from geosar.engines.unet import STRIDE, TO_RGB, ConvNorm, UNet, cropped, fold_convolutions

HALO = 160
"""Pixels around a window on the stride that reach its values: measured 158, by coarse luma, and 143 by the rest."""

SIGMA, RADIUS = 2.2, 3
"""Deviation and radius of the Gaussian that smooths luma, in cells of 8 x 8 pixels; cut off there, it is one of 1.7."""

LEAST_GAIN, MOST_GAIN = 0.5, 1.1
"""Share of the radar's detail that luma takes, both in deviations: never turned round, and never much enlarged."""

RIMS = (3, 6, 8, 4, 4)
"""See `UNet`; coarse luma, at 1/8, is smoothed over 3 cells and interpolated over 2."""

INNER = 2
"""Cells around the inside that are right at 1/4, from which everything coarse is interpolated to full resolution."""


class Parts(NamedTuple):
    """What the network says, before it is composed; standardised as the targets are.

    `despeckled` is (N, P, H, W); `luma` (N, 1, H/8, W/8); `chroma` (N, 2, H/4, W/4); `log_error` (N, 1, H/4, W/4), of
    the picture's mean absolute error in deviations of luma; `gain` (N, 1, H/16, W/16).
    """

    despeckled: Tensor
    luma: Tensor
    chroma: Tensor
    log_error: Tensor
    gain: Tensor


class Colouriser(UNet):
    """SAR of one or two polarisations to red, green, blue and expected error, and to despeckled backscatter.

    Parameters
    ----------
    channels
        Polarisations that it may be given, VV first.
    widths
        Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution.
    mean, deviation
        Of luma, blue and red difference (YCbCr of ITU-R BT.601, 0 to 255) of the training targets.
    """

    kind = "colouriser"
    stride = STRIDE
    halo = HALO
    mean: Tensor
    deviation: Tensor
    kernel: Tensor

    def __init__(
        self,
        channels: int = 2,
        widths: Sequence[int] = (24, 48, 96, 192, 256),
        mean: Sequence[float] = (102.0, 0.0, 0.0),
        deviation: Sequence[float] = (50.0, 15.0, 15.0),
    ) -> None:
        super().__init__(5 * channels, widths, RIMS)
        half, quarter, eighth, sixteenth = widths[:4]
        self.channels = channels
        self.architecture = {
            "kind": self.kind, "channels": channels, "widths": list(widths), "mean": list(mean),
            "deviation": list(deviation),
        }  # fmt: skip
        self.fine = nn.Sequential(
            ConvNorm(half, 4 * 8, 3), nn.PixelShuffle(2),
            nn.Conv2d(8, channels, 3, padding=1, padding_mode="replicate"),
        )  # fmt: skip
        self.base = nn.Sequential(ConvNorm(eighth, half, 1), nn.Conv2d(half, 1, 1))
        self.colour = nn.Sequential(
            ConvNorm(quarter, half, 1), nn.Conv2d(half, 3, 3, padding=1, padding_mode="replicate")
        )
        share = nn.Conv2d(half, 1, 1)
        nn.init.zeros_(share.weight)  # so that the gain begins in the middle
        nn.init.constant_(cast("Tensor", share.bias), 0.0)
        self.share = nn.Sequential(ConvNorm(sixteenth, half, 1), share)
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(list(deviation)).view(1, 3, 1, 1))
        steps = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float32)
        bell = torch.exp(-0.5 * (steps / SIGMA) ** 2)
        self.register_buffer("kernel", bell / bell.sum(), persistent=False)

    def _first(self, inputs: int, half: int) -> nn.Sequential:
        return nn.Sequential(ConvNorm(inputs, half, 3), ConvNorm(half, half, 3))

    def parts(self, sar: Tensor) -> Parts:
        """Return what the picture of normalised backscatter (N, P, H, W) is composed of.

        Folded with a margin, each part has the inside and as much around it as `compose` needs.
        """
        given = _given(sar)
        planes = given.expand(-1, -1, sar.shape[2] // 2, sar.shape[3] // 2)
        sixteenth, eighth, quarter, half = self.levels(
            torch.cat([functional.pixel_unshuffle(sar * given, 2), planes], dim=1)
        )
        colour = self.colour(self._cut(quarter, RIMS[3] - INNER))
        gain = torch.sigmoid(self.share(self._cut(sixteenth, RIMS[1] - INNER)))
        return Parts(
            despeckled=self.fine(half),
            luma=self.base(self._cut(eighth, RIMS[2] - INNER - RADIUS)),
            chroma=colour[:, :2],
            log_error=colour[:, 2:],
            gain=LEAST_GAIN + (MOST_GAIN - LEAST_GAIN) * gain,
        )

    def compose(self, sar: Tensor, parts: Parts) -> tuple[Tensor, Tensor]:
        """Return standardised luma (N, 1, H, W) and chroma (N, 2, H/4, W/4) of the picture."""
        level, gain = self._coarse(sar, parts)
        return _grow(level, 4) + _grow(gain, 4) * _mean(parts.despeckled, _given(sar)), parts.chroma

    def _coarse(self, sar: Tensor, parts: Parts) -> tuple[Tensor, Tensor]:
        """Return what luma is without despeckled radar, and the share that it takes of that; (N, 1, H/4, W/4)."""
        around = self.around(sar, 1, 8 * (RADIUS + INNER)) if self.margin else sar
        radar = _mean(functional.avg_pool2d(around, 8), _given(sar))
        smooth = _grow(self._smooth(torch.cat([parts.luma, radar], dim=1)), 2)
        smooth, gain = self._cut(smooth, INNER), self._cut(_grow(parts.gain, 4), 3 * INNER)
        return smooth[:, :1] - gain * smooth[:, 1:], gain

    def _smooth(self, coarse: Tensor) -> Tensor:
        """Gaussian over cells of 8 x 8; without a margin the border is replicated."""
        channels = coarse.shape[1]
        if not self.margin:
            coarse = functional.pad(coarse, [RADIUS] * 4, mode="replicate")
        for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
            coarse = functional.conv2d(coarse, self.kernel.view(shape).repeat(channels, 1, 1, 1), groups=channels)
        return coarse

    def rgb(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """Red, green and blue in 0 to 255 (not clamped) from standardised components, (N, 3, H, W)."""
        return luma * self.deviation[:, :1] + self.mean[:, :1] + _grow(self._tint(chroma), 4)

    def _tint(self, chroma: Tensor) -> Tensor:
        """What the chroma adds to luma in red, green and blue (ITU-R BT.601)."""
        differences = chroma * self.deviation[:, 1:] + self.mean[:, 1:]
        return functional.conv2d(differences, TO_RGB.to(differences).view(3, 2, 1, 1))

    def forward(self, sar: Tensor) -> Tensor:
        """Red, green, blue and expected absolute error in 0 to 255, not clamped: (N, P, H, W) to (N, 4, H, W).

        H and W are smaller by twice the margin, when the network was folded with one.
        """
        return self.picture_and_despeckled(sar)[0]

    def picture_and_despeckled(self, sar: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, and normalised despeckled backscatter (N, P, H, W) on the same pixels."""
        parts = self.parts(sar)
        level, gain = self._coarse(sar, parts)
        deviation = self.deviation[:, :1]
        colours = level * deviation + self.mean[:, :1] + self._tint(parts.chroma)
        error = torch.exp(parts.log_error) * deviation
        coarse = _grow(torch.cat([colours, error, gain * deviation], dim=1), 4)
        detail = coarse[:, 4:] * _mean(parts.despeckled, _given(sar))
        picture = coarse[:, :4] + detail * torch.tensor([1.0, 1.0, 1.0, 0.0], device=sar.device).view(1, 4, 1, 1)
        return self._cut(picture, 4 * INNER), self._cut(parts.despeckled, 4 * INNER)

    def _cut(self, features: Tensor, border: int) -> Tensor:
        return cropped(features, border if self.margin else 0)


def fold(colouriser: Colouriser, margin: int = 0) -> Colouriser:
    """Turn a trained colouriser, in place, into its inference form: norms folded in, borders zero-padded.

    `margin` is 0 or `HALO`: what the outputs leave out on each side of the input. The pixels inside are the same; the
    decoder does not compute most of those outside.
    """
    if margin not in (0, HALO):
        raise ValueError(f"the margin is {margin}, expected 0 or {HALO}")
    fold_convolutions(colouriser, margin)
    return colouriser


def _given(sar: Tensor) -> Tensor:
    """Which polarisations a scene has, 0 or 1 (N, P, 1, 1)."""
    return (sar[..., :1, :1] > 0.75 * MISSING).to(sar.dtype)


def _mean(values: Tensor, given: Tensor) -> Tensor:
    """Mean over the polarisations that are given, (N, 1, H, W)."""
    return (values * given).sum(dim=1, keepdim=True) / given.sum(dim=1, keepdim=True)


def _grow(coarse: Tensor, times: int) -> Tensor:
    return functional.interpolate(coarse, scale_factor=float(times), mode="bilinear", align_corners=False)
