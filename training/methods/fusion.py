"""Fusion of both polarisations (Li et al. 2022): a composite without learning, or a U-Net that starts from one."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from geosar.vocabulary import SENTINEL_1
from geosar_training.config import one_of
from geosar_training.errors import ConfigError
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.method_families import PainterMethod, RegressionConfig, regression_loss
from geosar_training.networks.composites import COMPOSITIONS, RADIUS, Composite
from geosar_training.networks.painter import Painter
from geosar_training.networks.unet import UNet
from geosar_training.pairs.batch import Batch


@dataclass(frozen=True)
class FusionConfig(RegressionConfig):
    """Settings of composite and network."""

    polarisations: list[str] = field(default_factory=lambda: list(SENTINEL_1))
    composition: str = "ihs"
    """`ihs`, `pca`, `wavelet`, or `plain`: VV, VH and their ratio as red, green and blue."""
    learned: bool = False
    """Put a U-Net behind the composite, which also sees both polarisations."""
    depth: int = 5

    @property
    def stride(self) -> int:
        """Of the U-Net."""
        return int(2**self.depth) if self.learned else 1

    def check(self) -> None:
        """See `Config.check`."""
        one_of(self, "composition", COMPOSITIONS)
        if not 3 <= self.depth <= 8:
            raise ConfigError(f"depth is {self.depth}; expected 3 to 8 halvings.")
        super().check()
        if len(self.polarisations) != 2:
            raise ConfigError(f"polarisations is {self.polarisations}; fusion needs two, as [VV, VH].")


class Fused(nn.Module):
    """The composite, or a network that sees the composite beside the polarisations."""

    def __init__(self, composite: Composite, network: UNet | None) -> None:
        super().__init__()
        self.composite, self.network = composite, network

    def forward(self, sar: Tensor) -> Tensor:
        """Normalised VV and VH (N, 2, H, W) to red, green, blue (N, 3, H, W)."""
        colours: Tensor = self.composite(sar)
        if self.network is not None:
            colours = self.network(torch.cat([sar, colours], dim=1))
        return colours


class Fusion(PainterMethod[FusionConfig]):
    """Gathers the principal axes; the network, where there is one, learns by L1 or L2."""

    settings = FusionConfig

    def __init__(self, config: FusionConfig) -> None:
        super().__init__(config)
        if config.learned:
            self.optimiser = torch.optim.Adam(self.generator.parameters(), config.learning_rate)
            self.optimise("optimiser", self.optimiser)

    @classmethod
    def architecture(cls, config: FusionConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        network = {"width": config.width, "depth": config.depth} if config.learned else {}
        return super().architecture(config) | {"composition": config.composition} | network

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        composite = Composite(architecture["composition"])
        if "depth" not in architecture:
            return Painter(Fused(composite, None), stride=1, halo=RADIUS, architecture=architecture)
        network = UNet(5, architecture["width"], architecture["depth"])
        body = Fused(composite, network)
        return Painter(body, stride=network.stride, halo=network.halo + RADIUS, architecture=architecture)

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """Take in a batch."""
        self.generator.train()
        body, loss = self.generator.body, self.config.loss
        if not isinstance(body, Fused):
            raise TypeError(f"The body is a {type(body).__name__}; expected a composite.")
        sums, products = body.composite.learn(self.generator.filtered(batch.sar))
        body.composite.add(descent.total(sums), descent.total(products))
        with descent.autocast(), torch.set_grad_enabled(self.config.learned):
            image = self.generator.picture(batch.sar).float()
        terms = {loss: regression_loss(loss, image, batch.image, self.weight(batch))}
        if self.config.learned:
            descent(self.optimiser, terms[loss], terms)
        self.generator.learn_error(image.detach(), batch.image, self.weight(batch))
        self.update_average(descent.update)
        return terms


METHOD = Fusion
