"""The residual generator of CycleGAN and CUT (Johnson et al. 2016), with what exact windows ask for.

Batch in place of instance normalisation, whose statistics would change with the window; replicated borders; growth by
nearest neighbour.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ResNet(nn.Module):
    """A 7 x 7 convolution, two halvings, residual blocks, two doublings, a 7 x 7 convolution and tanh.

    `scale` is the largest value of the output: 1 for images, more for normalised backscatter.
    """

    stride = 4

    def __init__(self, channels: int, width: int, blocks: int, outputs: int = 3, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.halo = 8 * blocks + 16
        self.encoder = nn.ModuleList([
            _layer(channels, width, 7),
            _layer(width, 2 * width, 3, stride=2), _layer(2 * width, 4 * width, 3, stride=2),
            *(_Block(4 * width) for _ in range(blocks)),
        ])  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2.0, mode="nearest"), _layer(4 * width, 2 * width, 3),
            nn.Upsample(scale_factor=2.0, mode="nearest"), _layer(2 * width, width, 3),
            nn.Conv2d(width, outputs, 7, padding=3, padding_mode="replicate"), nn.Tanh(),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, outputs, H, W)."""
        for layer in self.encoder:
            features = layer(features)
        image: Tensor = self.decoder(features)
        return image * self.scale

    def encode(self, features: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """Features behind some layers of the encoder, counted from 0, in rising order."""
        outputs = []
        for index, layer in enumerate(self.encoder[: layers[-1] + 1]):
            features = layer(features)
            if index in layers:
                outputs.append(features)
        return outputs


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _layer(width, width, 3)
        self.second = _layer(width, width, 3, relu=False)

    def forward(self, features: Tensor) -> Tensor:
        change: Tensor = self.second(self.first(features))
        return features + change


def _layer(inputs: int, outputs: int, size: int, *, stride: int = 1, relu: bool = True) -> nn.Sequential:
    convolution = nn.Conv2d(
        inputs, outputs, size, stride=stride, padding=size // 2, padding_mode="replicate", bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), *([nn.ReLU(inplace=True)] if relu else []))


class Labelled(nn.Module):
    """A body that is also told each image's land cover, as planes of 0 and 1 beside the radar."""

    def __init__(self, body: nn.Module, classes: int) -> None:
        super().__init__()
        self.body, self.classes = body, classes

    def forward(self, sar: Tensor, label: Tensor | None = None) -> Tensor:
        """Backscatter (N, C, H, W) and labels (N, 1, 1, 1), of which 0, or none at all, is unknown, to colours."""
        planes = (sar[:, :1] * 0.0).expand(-1, self.classes, -1, -1)
        if label is not None:
            numbers = torch.arange(1, self.classes + 1, device=sar.device).view(1, -1, 1, 1)
            planes = planes + (label == numbers).to(sar.dtype)
        image: Tensor = self.body(torch.cat([sar, planes], dim=1))
        return image
