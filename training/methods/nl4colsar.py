"""NL4ColSAR (Shen et al. 2024): non-linear regression on the radar of the pixel and its neighbourhood."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from geosar_training.errors import ConfigError
from geosar_training.method_families import RegressionConfig, RegressionMethod
from geosar_training.networks.painter import Painter


@dataclass(frozen=True)
class NonLinearConfig(RegressionConfig):
    """Settings of the perceptron."""

    loss: str = "l2"
    neighbourhood: int = 5
    """Pixels on a side, an odd number."""

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        if not 1 <= self.neighbourhood <= 15 or self.neighbourhood % 2 == 0:
            raise ConfigError(f"neighbourhood is {self.neighbourhood}; expected an odd number of 1 to 15 pixels.")


class NL4ColSAR(RegressionMethod[NonLinearConfig]):
    """A perceptron of two hidden layers at every pixel: a convolution, then 1 x 1 convolutions."""

    settings = NonLinearConfig

    @classmethod
    def architecture(cls, config: NonLinearConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        return super().architecture(config) | {"neighbourhood": config.neighbourhood, "width": config.width}

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        size, width = architecture["neighbourhood"], architecture["width"]
        body = nn.Sequential(
            nn.Conv2d(architecture["channels"], width, size, padding=size // 2, padding_mode="replicate"), nn.ReLU(),
            nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, 3, 1),
        )  # fmt: skip
        return Painter(body, stride=1, halo=size // 2, architecture=architecture)


METHOD = NL4ColSAR
