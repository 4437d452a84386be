"""Colour composites of two polarisations by fusion, without learning (in the manner of Li et al. 2022).

The coarse colours come from VV, VH and their ratio; the fine brightness, in which speckle of both is averaged, replaces
theirs: that is what IHS, PCA and wavelet fusion have in common, and where they differ.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

COMPOSITIONS = ("ihs", "pca", "wavelet", "plain")
SPREAD = 2.5
"""Normalised backscatter (zero mean, unit deviation) that stands for the ends of the scale."""

RADIUS = 6
"""Pixels that the widest of the smoothing filters reaches."""

_SPLINE = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0


class Composite(nn.Module):
    """VV and VH, normalised (N, 2, H, W), to red, green, blue (N, 3, H, W), about -1 to 1.

    `pca` needs the covariance of the three bands: `learn` gathers it, which takes no truth.
    """

    sums: Tensor
    products: Tensor
    axes: Tensor

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("sums", torch.zeros(4, dtype=torch.float64))
        self.register_buffer("products", torch.zeros(3, 3, dtype=torch.float64))
        self.register_buffer("axes", torch.eye(3))

    def forward(self, sar: Tensor) -> Tensor:
        """See the class."""
        bands = _bands(sar)
        if self.kind == "plain":
            return bands
        detail = sar.mean(dim=1, keepdim=True) / SPREAD
        colour = atrous(atrous(bands, 1), 2)
        if self.kind == "wavelet":  # additive a trous: the wavelet planes of the brightness are put in
            return colour + detail - atrous(atrous(detail, 1), 2)
        if self.kind == "ihs":  # fast IHS: the intensity is replaced
            return colour + detail - colour.mean(dim=1, keepdim=True)
        axes = self.axes.to(sar.dtype)
        components = functional.conv2d(colour, axes.T[..., None, None])
        first = detail * torch.sign(axes[:, 0].sum()) * 3.0**0.5  # a grey of this brightness along the first axis
        return functional.conv2d(torch.cat([first, components[:, 1:]], dim=1), axes[..., None, None])

    @torch.no_grad()
    def learn(self, sar: Tensor) -> tuple[Tensor, Tensor]:
        """Return this batch's sums of the bands (and the number of pixels), and of their products."""
        rows = _bands(sar).double().permute(0, 2, 3, 1).reshape(-1, 3)
        count = torch.full((1,), float(len(rows)), dtype=torch.float64, device=rows.device)
        return torch.cat([rows.sum(dim=0), count]), rows.T @ rows

    @torch.no_grad()
    def add(self, sums: Tensor, products: Tensor) -> None:
        """Take in what `learn` gave and find the principal axes, the first of largest variance."""
        self.sums += sums
        self.products += products
        mean = self.sums[:3] / self.sums[3]
        covariance = self.products / self.sums[3] - torch.outer(mean, mean)
        axes = torch.linalg.eigh(covariance).eigenvectors.flip(1)
        axes = axes * torch.where(axes.sum(dim=0) < 0, -1.0, 1.0)  # one sign, so that every machine agrees
        self.axes.copy_(axes)


def atrous(image: Tensor, step: int) -> Tensor:
    """Smooth (N, C, H, W) by the B3 spline with holes of `step` pixels (Starck & Murtagh 1994)."""
    kernel = torch.outer(_SPLINE, _SPLINE).to(image).expand(image.shape[1], 1, 5, 5)
    padded = functional.pad(image, (2 * step,) * 4, mode="replicate")
    return functional.conv2d(padded, kernel, dilation=step, groups=image.shape[1])


def _bands(sar: Tensor) -> Tensor:
    """VV, VH, and their ratio, which is a difference in decibels."""
    return torch.cat([sar, sar[:, :1] - sar[:, 1:2]], dim=1) / SPREAD
