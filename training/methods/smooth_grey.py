"""Baseline: the radar under a box, fitted to each colour; many a network does not beat it."""

from dataclasses import dataclass
from typing import Any

from geosar_training.config import Config
from geosar_training.errors import ConfigError
from geosar_training.method_families import LinearMethod, linear_painter
from geosar_training.networks.filters import boxes
from geosar_training.networks.painter import Painter


@dataclass(frozen=True)
class SmoothGreyConfig(Config):
    """Settings of the box."""

    box: int = 9
    """Pixels on a side, an odd number."""

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        if self.box < 1 or self.box % 2 == 0:
            raise ConfigError(f"box is {self.box}; expected an odd number of pixels.")


class SmoothGrey(LinearMethod[SmoothGreyConfig]):
    """A gain and an offset for each colour of each polarisation's local mean."""

    settings = SmoothGreyConfig

    @classmethod
    def architecture(cls, config: SmoothGreyConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        return super().architecture(config) | {"box": config.box}

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        return linear_painter(architecture, boxes(architecture["channels"], architecture["box"]))


METHOD = SmoothGrey
