"""The colouriser: the radar's own structure in the network's colours, from one U-Net with three kinds of output.

* Despeckled backscatter of every polarisation, at full resolution (learnt from pairs of dates, see `training`).
* Luma over some hundred metres and chroma over some tens of metres: what radar cannot tell finer than that.
* The error that is expected of the picture.

The picture is composed of them in the graph::

    luma = smooth(coarse luma) + gain * (eased(despeckled) - smooth(eased(radar)))

`smooth` is a Gaussian of 14 pixels on cells of 8 x 8. So roads, halls and borders of fields stand where the radar has
them, as sharp and with the same sign, and nothing is painted that no radar showed. `eased` leaves radar as it is, but
for the darkest, whose differences it makes smaller (`DARK`): calm water is far darker in radar than in any image, and
a pond amid fields would be a black hole. Docs/adr/0020 has what was measured.

Inputs are VV and VH, normalised; where a scene has one of them, the other's plane is `MISSING` throughout.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from geosar.backscatter import MISSING
from geosar.engines.unet import STRIDE, TO_RGB, ConvNorm, UNet, cropped, fold_convolutions

HALO = 160
"""Pixels around a window on the stride that reach its values: measured 158, by coarse luma, and 143 by the rest."""

SIGMA, RADIUS = 2.2, 3
"""Deviation and radius of the Gaussian that smooths luma, in cells of 8 x 8 pixels; cut off there, it is one of 1.7."""

GAIN = 0.8
"""How much of the radar's detail luma takes, in deviations, where nothing else is said."""

DARK = (-1.0, 0.25)
"""Normalised backscatter below which radar is eased, and what is left there of its differences."""

PLAIN = (0.0, 1.0)
"""The same for networks of before 0.11, which leave all radar as it is."""

RIMS = (3, 6, 8, 4, 4)
"""See `UNet`; coarse luma, at 1/8, is smoothed over 3 cells and interpolated over 2."""

INNER = 2
"""Cells around the inside that are right at 1/4, from which everything coarse is interpolated to full resolution."""


class Parts(NamedTuple):
    """What the network says, before it is composed; standardised as the targets are.

    `despeckled` is (N, P, H, W), where a missing polarisation repeats the other; `luma` (N, 1, H/8, W/8); `chroma`
    (N, 2, H/4, W/4); `log_error` (N, 1, H/4, W/4), of the picture's mean absolute error in deviations of luma.
    """

    despeckled: Tensor
    luma: Tensor
    chroma: Tensor
    log_error: Tensor


class Entry(nn.Module):
    """The first convolution: of backscatter at half resolution, and of a plane of 0 or 1 for each polarisation."""

    presence: Tensor | None

    def __init__(self, inputs: int, channels: int, outputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.layers = ConvNorm(inputs + channels, outputs, 3)
        self.register_buffer("presence", None, persistent=False)  # what each plane adds, where they are left out

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Values (N, inputs, H, W) and which polarisations are given (N, channels, 1, 1), to (N, outputs, H, W)."""
        convolution, norm, relu = self.layers
        if self.presence is None:
            features = convolution(torch.cat([values, present.expand(-1, -1, *values.shape[2:])], dim=1))
        else:
            features = convolution(values) + functional.conv2d(present, self.presence)
        result: Tensor = relu(norm(features))
        return result

    @torch.no_grad()
    def fold(self) -> None:
        """Leave out the planes, which are even and so no more than a bias; norms are folded in already."""
        whole = self.layers[0]
        if not isinstance(whole, nn.Conv2d):
            raise TypeError(f"The entry begins with {type(whole).__name__}; expected a convolution.")
        self.presence = whole.weight[:, self.inputs :].sum(dim=(2, 3), keepdim=True)
        part = nn.Conv2d(self.inputs, whole.out_channels, 3, padding=1)
        part.weight = nn.Parameter(whole.weight[:, : self.inputs].contiguous())
        part.bias = whole.bias
        self.layers[0] = part


class Colouriser(UNet):
    """SAR of one or two polarisations to red, green, blue and expected error, and to despeckled backscatter.

    Parameters
    ----------
    channels
        Polarisations that it may be given, VV first.
    widths
        Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution.
    gain
        How much of the radar's detail luma takes, both in deviations: one number for all, so that no network decides
        what is shown and what is not.
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
        gain: float = GAIN,
        *,
        dark: Sequence[float] = PLAIN,
        mean: Sequence[float] = (102.0, 0.0, 0.0),
        deviation: Sequence[float] = (50.0, 15.0, 15.0),
    ) -> None:
        self.channels = channels
        super().__init__(4 * channels, widths, RIMS)
        half, quarter, eighth = widths[:3]
        self.architecture = {
            "kind": self.kind, "channels": channels, "widths": list(widths), "gain": gain, "mean": list(mean),
            "deviation": list(deviation),
        }  # fmt: skip
        self.gain, (self.knee, self.slope) = gain, dark
        if self.slope != 1:
            self.architecture["dark"] = list(dark)
        self.fine = nn.Sequential(ConvNorm(half, 4 * 8, 3), nn.PixelShuffle(2))
        self.clean = nn.Conv2d(8, channels, 3, padding=1, padding_mode="replicate")
        self.base = nn.Sequential(ConvNorm(eighth, half, 1), nn.Conv2d(half, 1, 1))
        self.colour = nn.Sequential(
            ConvNorm(quarter, half, 1), nn.Conv2d(half, 3, 3, padding=1, padding_mode="replicate")
        )
        self.detail: nn.Conv2d | None = None  # the despeckled radar's part in the picture, see `fold`
        self.register_buffer("mean", torch.tensor(list(mean)).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(list(deviation)).view(1, 3, 1, 1))
        steps = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float32)
        bell = torch.exp(-0.5 * (steps / SIGMA) ** 2)
        self.register_buffer("kernel", bell / bell.sum(), persistent=False)

    def _first(self, inputs: int, half: int) -> nn.Sequential:
        self.entry = Entry(inputs, self.channels, half)
        return nn.Sequential(ConvNorm(half, half, 3))

    def parts(self, sar: Tensor) -> Parts:
        """Return what the picture of normalised backscatter (N, P, H, W) is composed of."""
        fine, luma, colour = self._features(sar)
        return Parts(self.clean(fine), luma, colour[:, :2], colour[:, 2:])

    def _features(self, sar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features at full resolution, coarse luma, and chroma with the error, each with a rim."""
        present = _given(sar)
        _, eighth, quarter, half = self.levels(self.entry(functional.pixel_unshuffle(sar * present, 2), present))
        luma = self.base(self._cut(eighth, RIMS[2] - INNER - RADIUS))
        return self.fine(half), luma, self.colour(self._cut(quarter, RIMS[3] - INNER))

    def compose(self, sar: Tensor, parts: Parts) -> tuple[Tensor, Tensor]:
        """Return standardised luma (N, 1, H, W) and chroma (N, 2, H/4, W/4) of the picture."""
        detail = self._eased(parts.despeckled.mean(dim=1, keepdim=True))
        return _grow(self._level(sar, parts.luma), 4) + self.gain * detail, parts.chroma

    def _level(self, sar: Tensor, luma: Tensor) -> Tensor:
        """Return what luma is without the despeckled radar, (N, 1, H/4, W/4)."""
        around = self.around(sar, 1, 8 * (RADIUS + INNER)) if self.margin else sar
        present = _given(sar)
        radar = (functional.avg_pool2d(around, 8) * present).sum(dim=1, keepdim=True) / present.sum(dim=1, keepdim=True)
        return self._cut(_grow(self._smooth(luma - self.gain * self._eased(radar)), 2), INNER)

    def _eased(self, radar: Tensor) -> Tensor:
        """Return radar with smaller differences where it is darkest."""
        if self.slope == 1:
            return radar
        return functional.leaky_relu(radar - self.knee, self.slope) + self.knee

    def _smooth(self, coarse: Tensor) -> Tensor:
        """Gaussian over cells of 8 x 8, (N, 1, H/8, W/8); without a margin the border is replicated."""
        if not self.margin:
            coarse = functional.pad(coarse, [RADIUS] * 4, mode="replicate")
        return functional.conv2d(
            functional.conv2d(coarse, self.kernel.view(1, 1, -1, 1)), self.kernel.view(1, 1, 1, -1)
        )

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
        fine, luma, colour = self._features(sar)
        despeckled = self.clean(fine)
        deviation = self.deviation[:, :1]
        shift = 0.0 if self.slope == 1 else self.knee * self.gain * deviation  # which `_detail` leaves out
        colours = self._level(sar, luma) * deviation + self.mean[:, :1] + self._tint(colour[:, :2]) + shift
        coarse = _grow(torch.cat([colours, torch.exp(colour[:, 2:]) * deviation], dim=1), 4)
        detail = (self.detail or _detail(self))(fine)
        if self.slope != 1:
            detail = functional.leaky_relu(detail, self.slope)
        return self._cut(coarse + detail, 4 * INNER), self._cut(despeckled, 4 * INNER)

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
    colouriser.entry.fold()
    colouriser.detail = _detail(colouriser)
    return colouriser


def _given(sar: Tensor) -> Tensor:
    """Which polarisations a scene has, 0 or 1 (N, P, 1, 1)."""
    return (sar[..., :1, :1] > 0.75 * MISSING).to(sar.dtype)


@torch.no_grad()
def _detail(colouriser: Colouriser) -> nn.Conv2d:
    """Return the convolution that gives despeckled radar's part in red, green and blue, and nothing for the error.

    Where dark radar is eased, it is above what is eased.
    """
    clean = colouriser.clean
    detail = nn.Conv2d(clean.in_channels, 4, 3, padding=1, padding_mode=clean.padding_mode)
    spread = torch.tensor([1.0, 1.0, 1.0, 0.0], device=clean.weight.device)
    gain = colouriser.gain * colouriser.deviation.flatten()[0]
    detail.weight = nn.Parameter(spread.view(4, 1, 1, 1) * clean.weight.mean(dim=0, keepdim=True) * gain)
    bias = clean.bias if clean.bias is not None else torch.zeros_like(spread[:1])
    knee = 0.0 if colouriser.slope == 1 else colouriser.knee
    detail.bias = nn.Parameter(spread * (bias.mean() - knee) * gain)
    return detail.to(clean.weight)


def _grow(coarse: Tensor, times: int) -> Tensor:
    return functional.interpolate(coarse, scale_factor=float(times), mode="bilinear", align_corners=False)
