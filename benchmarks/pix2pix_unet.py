"""The U-Net-256 of pix2pix with 64 filters (Isola et al. 2017), as people run it today: for comparison only."""

import torch
from torch import Tensor, nn


class Level(nn.Module):
    """One level: halve, go deeper, double, and hand the input on beside the result."""

    def __init__(self, outer: int, inner: int, deeper: nn.Module | None, *, channels: int | None = None) -> None:
        super().__init__()
        outermost = channels is not None
        down = nn.Conv2d(channels or outer, inner, 4, 2, 1, bias=False)
        up = nn.ConvTranspose2d(
            inner if deeper is None else 2 * inner, 3 if outermost else outer, 4, 2, 1, bias=outermost
        )
        if outermost:
            layers = [down, deeper, nn.ReLU(), up, nn.Tanh()]
        elif deeper is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, nn.BatchNorm2d(outer)]
        else:
            layers = [
                nn.LeakyReLU(0.2), down, nn.BatchNorm2d(inner), deeper, nn.ReLU(), up, nn.BatchNorm2d(outer)
            ]  # fmt: skip
        self.layers = nn.Sequential(*(layer for layer in layers if layer is not None))
        self.outermost = outermost

    def forward(self, features: Tensor) -> Tensor:
        """Features of a level, or the image at the outermost."""
        made = self.layers(features)
        return made if self.outermost else torch.cat([features, made], dim=1)


def pix2pix_unet(channels: int = 2, filters: int = 64) -> nn.Module:
    """54 million weights, eight levels, 256 x 256 in and out."""
    network = Level(8 * filters, 8 * filters, None)
    for _ in range(3):
        network = Level(8 * filters, 8 * filters, network)
    for factor in (4, 2, 1):
        network = Level(factor * filters, 2 * factor * filters, network)
    return Level(filters, filters, network, channels=channels).eval()
