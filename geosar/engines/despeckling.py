"""Filters against speckle that are part of a network, so that training and inference cannot disagree on them.

They work on normalised decibels, where speckle is added noise of the same strength everywhere (the homomorphic form
of the filters). Imported only where torch runs.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

NOISE = 0.35
"""Variance of speckle in normalised decibels: of 4 to 5 looks (2.6 dB) in a scene that deviates by 4.5 dB."""


class Lee(nn.Module):
    """The filter of Lee (1980): the local mean, and of the deviation from it what speckle does not explain."""

    def __init__(self, size: int = 7, noise: float = NOISE) -> None:
        super().__init__()
        self.radius, self.noise = size // 2, noise

    def forward(self, sar: Tensor) -> Tensor:
        """(N, C, H, W) to the same; borders are mirrored."""
        mean, variance = _moments(sar, self.radius)
        return mean + _share(variance, self.noise) * (sar - mean)


class RefinedLee(nn.Module):
    """The refined filter (Lee 1981): 7 x 7 pixels, of which at an edge only the half on the pixel's own side counts.

    The edge's direction is that of the largest difference among the means of the eight surrounding 3 x 3 squares, and
    the side the one whose mean is nearer to the middle's.
    """

    halves: Tensor
    squares: Tensor

    def __init__(self, noise: float = NOISE) -> None:
        super().__init__()
        self.radius, self.noise = 3, noise
        rows, columns = torch.meshgrid(torch.arange(-3.0, 4.0), torch.arange(-3.0, 4.0), indexing="ij")
        directions = ((0, 1), (1, 1), (1, 0), (1, -1))
        halves = [sign * (a * rows + b * columns) >= 0 for a, b in directions for sign in (1, -1)]
        weights = torch.stack(halves).float()
        self.register_buffer("halves", (weights / weights.sum((1, 2), keepdim=True))[:, None], persistent=False)
        squares = torch.zeros(9, 1, 7, 7)
        for index, (a, b) in enumerate(((0, 0), *directions, *((-a, -b) for a, b in directions))):
            squares[index, 0, 2 + 2 * a : 5 + 2 * a, 2 + 2 * b : 5 + 2 * b] = 1 / 9
        self.register_buffer("squares", squares, persistent=False)

    def forward(self, sar: Tensor) -> Tensor:
        """(N, C, H, W) to the same; borders are mirrored."""
        count, channels, height, width = sar.shape
        padded = functional.pad(sar, (3, 3, 3, 3), mode="reflect").flatten(0, 1)[:, None]
        squares = functional.conv2d(padded, self.squares.to(sar.dtype))
        middle, ahead, behind = squares[:, :1], squares[:, 1:5], squares[:, 5:9]
        direction = (ahead - behind).abs().argmax(dim=1, keepdim=True)
        nearer_ahead = (ahead - middle).abs() <= (behind - middle).abs()
        half = 2 * direction + 1 - nearer_ahead.gather(1, direction).long()
        means = functional.conv2d(padded, self.halves.to(sar.dtype))
        squared = functional.conv2d(padded * padded, self.halves.to(sar.dtype))
        mean = means.gather(1, half)
        variance = (squared.gather(1, half) - mean * mean).clamp(min=0.0)
        plain = sar.reshape(-1, 1, height, width)
        return (mean + _share(variance, self.noise) * (plain - mean)).view(count, channels, height, width)


def despeckler(name: str) -> Lee | RefinedLee | None:
    """Return the filter called `lee` or `refined-lee`; None for `none`. Raises ValueError for any other name."""
    if name == "none":
        return None
    if name == "lee":
        return Lee()
    if name == "refined-lee":
        return RefinedLee()
    raise ValueError(f"There is no filter {name!r} against speckle; expected none, lee or refined-lee.")


def _moments(sar: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    padded = functional.pad(sar, (radius,) * 4, mode="reflect")
    mean = functional.avg_pool2d(padded, 2 * radius + 1, stride=1)
    squared = functional.avg_pool2d(padded * padded, 2 * radius + 1, stride=1)
    return mean, (squared - mean * mean).clamp(min=0.0)


def _share(variance: Tensor, noise: float) -> Tensor:
    """Share of a variance that is not speckle."""
    return (variance - noise).clamp(min=0.0) / variance.clamp(min=1e-6)
