"""LR4ColSAR (Shen et al. 2024): each colour by linear regression on the radar of the pixel and its neighbourhood."""

from dataclasses import dataclass
from typing import Any

from geosar_training.config import Config
from geosar_training.errors import ConfigError
from geosar_training.method_families import LinearMethod, linear_painter
from geosar_training.networks.filters import pixels
from geosar_training.networks.painter import Painter


@dataclass(frozen=True)
class LinearConfig(Config):
    """Settings of the regression."""

    neighbourhood: int = 5
    """Pixels on a side, an odd number; 1 is the pixel alone."""

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        if not 1 <= self.neighbourhood <= 15 or self.neighbourhood % 2 == 0:
            raise ConfigError(f"neighbourhood is {self.neighbourhood}; expected an odd number of 1 to 15 pixels.")


class LR4ColSAR(LinearMethod[LinearConfig]):
    """Least squares, solved exactly."""

    settings = LinearConfig

    @classmethod
    def architecture(cls, config: LinearConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        return super().architecture(config) | {"neighbourhood": config.neighbourhood}

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        return linear_painter(architecture, pixels(architecture["channels"], architecture["neighbourhood"]))


METHOD = LR4ColSAR
