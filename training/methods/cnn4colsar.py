"""CNN4ColSAR (Shen et al. 2024): regression by a plain convolutional network under L1 or L2 alone."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from geosar_training.config import at_least
from geosar_training.method_families import RegressionConfig, RegressionMethod
from geosar_training.networks.painter import Painter


@dataclass(frozen=True)
class ConvolutionalConfig(RegressionConfig):
    """Settings of the network."""

    layers: int = 6
    """3 x 3 convolutions at full resolution, the last of which makes the colours."""

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        at_least(self, "layers", 2)


class CNN4ColSAR(RegressionMethod[ConvolutionalConfig]):
    """Convolutions with batch normalisation at full resolution."""

    settings = ConvolutionalConfig

    @classmethod
    def architecture(cls, config: ConvolutionalConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        return super().architecture(config) | {"layers": config.layers, "width": config.width}

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        width, layers = architecture["width"], architecture["layers"]
        parts: list[nn.Module] = []
        for inputs in [architecture["channels"], *([width] * (layers - 2))]:
            convolution = nn.Conv2d(inputs, width, 3, padding=1, padding_mode="replicate", bias=False)
            parts += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        parts.append(nn.Conv2d(width, 3, 3, padding=1, padding_mode="replicate"))
        return Painter(nn.Sequential(*parts), stride=1, halo=layers, architecture=architecture)


METHOD = CNN4ColSAR
