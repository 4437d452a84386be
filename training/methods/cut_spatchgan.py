"""CUT under SPatchGAN's adversary of statistics (Shin et al. 2023)."""

from dataclasses import dataclass

from torch import nn

from geosar_training.errors import ConfigError
from geosar_training.methods.cut import CutConfig, CutMethod
from geosar_training.networks.spatchgan import StatisticsDiscriminator


@dataclass(frozen=True)
class StatisticsConfig(CutConfig):
    """Settings of the adversary."""

    scales: int = 4

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        if not 1 <= self.scales <= 6 or self.crop < 2 ** (self.scales + 2):
            raise ConfigError(f"scales is {self.scales}; expected 1 to 6, and crops of 4 pixels at the coarsest.")


class CutSPatchGAN(CutMethod[StatisticsConfig]):
    """As CUT, another adversary."""

    settings = StatisticsConfig

    @classmethod
    def judge(cls, config: StatisticsConfig) -> nn.Module:
        """Make the adversary."""
        return StatisticsDiscriminator(3, config.adversary_width, config.scales)


METHOD = CutSPatchGAN
