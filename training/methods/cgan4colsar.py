"""cGAN4ColSAR (Shen et al. 2024): a U-Net under a PatchGAN of 70 pixels and 210 times L1.

The truth is the optical image, or, as in the protocol of that paper, the optical colours with the radar's brightness
(IHS fusion): then the network colours the radar image and keeps its texture.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from geosar_training.config import one_of
from geosar_training.errors import ConfigError
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.method_families import AdversarialConfig, PainterMethod, frozen, regression_loss
from geosar_training.networks.discriminator import PatchDiscriminator
from geosar_training.networks.painter import Painter
from geosar_training.networks.unet import UNet
from geosar_training.pairs.batch import Batch
from geosar_training.pairs.tone import fused_with_radar


@dataclass(frozen=True)
class ConditionalConfig(AdversarialConfig):
    """Settings of the network and its losses."""

    depth: int = 6
    """Halvings of the resolution; pix2pix has 8, whose halo of 768 pixels would be most of a window."""
    l1: float = 210.0
    """Weight of L1 against 1 of the adversary."""
    truth: str = "optical"
    """`optical`, or `fused` with the radar's brightness."""

    @property
    def stride(self) -> int:
        """Of the U-Net."""
        return int(2**self.depth)

    def check(self) -> None:
        """See `Config.check`."""
        if not 3 <= self.depth <= 8:
            raise ConfigError(f"depth is {self.depth}; expected 3 to 8 halvings.")
        super().check()
        one_of(self, "truth", ("optical", "fused"))


class CGAN4ColSAR(PainterMethod[ConditionalConfig]):
    """Generator and adversary learn in turn, the latter seeing radar and image."""

    settings = ConditionalConfig

    def __init__(self, config: ConditionalConfig) -> None:
        super().__init__(config)
        self.adversary = PatchDiscriminator(config.channels + 3, config.adversary_width, (2, 2, 2, 1))
        self.networks["adversary"] = self.adversary
        self.optimiser = torch.optim.Adam(self.generator.parameters(), config.learning_rate, betas=(0.5, 0.999))
        self.adversary_optimiser = torch.optim.Adam(
            self.adversary.parameters(), config.adversary_learning_rate, betas=(0.5, 0.999)
        )
        self.optimise("optimiser", self.optimiser)
        self.optimise("adversary_optimiser", self.adversary_optimiser)

    @classmethod
    def architecture(cls, config: ConditionalConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        return super().architecture(config) | {"width": config.width, "depth": config.depth}

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        body = UNet(architecture["channels"], architecture["width"], architecture["depth"])
        return Painter(body, stride=body.stride, halo=body.halo, architecture=architecture)

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """One update of the adversary, then of the generator."""
        self.generator.train()
        truth = batch.image if self.config.truth == "optical" else fused_with_radar(batch.sar, batch.image)
        weight = self.weight(batch)
        with descent.autocast():
            image = self.generator.picture(batch.sar).float()
            real, fake = self._judge(batch, truth), self._judge(batch, image.detach())
        terms = {"adversary": 0.5 * (_cross_entropy(real, real=True) + _cross_entropy(fake, real=False))}
        descent(self.adversary_optimiser, terms["adversary"], terms)
        with descent.autocast():
            verdict = frozen(self.adversary, lambda: self._judge(batch, image))
        terms["adversarial"] = _cross_entropy(verdict, real=True)
        terms["l1"] = regression_loss("l1", image, truth, weight)
        descent(self.optimiser, terms["adversarial"] + self.config.l1 * terms["l1"], terms)
        self.generator.learn_error(image.detach(), batch.image, weight)
        self.update_average(descent.update)
        return terms

    def _judge(self, batch: Batch, image: Tensor) -> Tensor:
        verdict: Tensor = self.adversary(torch.cat([batch.sar, image * batch.valid], dim=1))[0]
        return verdict


def _cross_entropy(verdict: Tensor, *, real: bool) -> Tensor:
    verdict = verdict.float()
    return functional.binary_cross_entropy_with_logits(verdict, torch.full_like(verdict, float(real)))


METHOD = CGAN4ColSAR
