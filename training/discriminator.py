"""The adversary: a PatchGAN on luma, conditioned on the radar (Isola et al. 2017).

Spectral normalisation (Miyato et al. 2018) keeps it from winning at once, which would teach nothing.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """Says for each patch of 70 x 70 pixels whether its luma is real, given the radar."""

    def __init__(self, channels: int = 1, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                _layer(1 + channels, width, stride=2),
                _layer(width, 2 * width, stride=2),
                _layer(2 * width, 4 * width, stride=2),
                _layer(4 * width, 4 * width, stride=1),
            ]
        )
        self.verdict = spectral_norm(nn.Conv2d(4 * width, 1, 4))

    def forward(self, sar: Tensor, luma: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Verdicts (N, 1, h, w), positive for real, and the features of every layer."""
        features = torch.cat([sar, luma], dim=1)
        kept = []
        for layer in self.layers:
            features = layer(features)
            kept.append(features)
        return self.verdict(features), kept


def _layer(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    # No padding: a border would tell real from generated only by where the window ends.
    return nn.Sequential(spectral_norm(nn.Conv2d(inputs, outputs, 4, stride=stride)), nn.LeakyReLU(0.2))
