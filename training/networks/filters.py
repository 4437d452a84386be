"""Linear filters from radar to colour, fitted by least squares: the baselines and LR4ColSAR."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

SAMPLE = 4
"""Every so manieth pixel in both directions enters the fit."""

RIDGE = 1e-6


class LinearFilter(nn.Module):
    """Each colour is a weighted sum of fixed features of the pixel's neighbourhood, plus a constant.

    Sums over all batches are kept in double precision and solved exactly after each, so that the filter is the best one
    for all that was seen, and a resumed fit is the undisturbed one.

    Parameters
    ----------
    bank
        The features as kernels (F, channels, k, k), k odd; F may be 0.
    tied
        Fit one grey value instead of three colours.

    """

    bank: Tensor
    gram: Tensor
    moments: Tensor
    kernel: Tensor
    bias: Tensor

    def __init__(self, bank: Tensor, *, tied: bool = False) -> None:
        super().__init__()
        count, channels, size, _ = bank.shape
        self.tied, self.radius = tied, size // 2
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("gram", torch.zeros(count + 1, count + 1, dtype=torch.float64))
        self.register_buffer("moments", torch.zeros(count + 1, 3, dtype=torch.float64))
        self.register_buffer("kernel", torch.zeros(3, channels, size, size))
        self.register_buffer("bias", torch.zeros(3))

    def forward(self, sar: Tensor) -> Tensor:
        """Backscatter (N, channels, H, W) to red, green, blue (N, 3, H, W)."""
        padded = functional.pad(sar, (self.radius,) * 4, mode="replicate") if self.radius else sar
        return functional.conv2d(padded, self.kernel.to(sar.dtype), self.bias.to(sar.dtype))

    @torch.no_grad()
    def learn(self, sar: Tensor, image: Tensor, weight: Tensor, total: Callable[[Tensor], Tensor]) -> None:
        """Take in a batch: radar (N, channels, H, W), truth (N, 3, H, W), and weights (N, 1, H, W) of 0 or 1.

        `total` sums over all processes.
        """
        if self.tied:
            image = image.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
        features = [torch.ones_like(sar[:, :1])]
        if len(self.bank):
            padded = functional.pad(sar, (self.radius,) * 4, mode="replicate") if self.radius else sar
            features.append(functional.conv2d(padded, self.bank))
        seen = weight[..., ::SAMPLE, ::SAMPLE].flatten() > 0
        x = _rows(torch.cat(features, dim=1))[seen]
        y = _rows(image)[seen]
        self.gram += total(x.T @ x)
        self.moments += total(x.T @ y)
        self.solve()

    def solve(self) -> None:
        """Fit to all sums so far."""
        ridge = RIDGE * self.gram.diagonal().mean().clamp(min=1e-12) * torch.eye(len(self.gram)).to(self.gram)
        solution = torch.linalg.solve(self.gram + ridge, self.moments)
        self.bias.copy_(solution[0])
        if len(self.bank):
            self.kernel.copy_(torch.einsum("fo,fckl->ockl", solution[1:], self.bank.double()))


def pixels(channels: int, size: int) -> Tensor:
    """A feature for each pixel of a neighbourhood of `size` x `size`, in each channel."""
    return torch.eye(channels * size * size).view(-1, channels, size, size)


def boxes(channels: int, size: int) -> Tensor:
    """A feature for each channel: its mean over `size` x `size` pixels."""
    return torch.eye(channels)[:, :, None, None].repeat(1, 1, size, size) / size**2


def _rows(features: Tensor) -> Tensor:
    """Sampled pixels as rows (pixels, features) in double precision."""
    sampled = features[..., ::SAMPLE, ::SAMPLE].double()
    return sampled.permute(0, 2, 3, 1).reshape(-1, features.shape[1])
