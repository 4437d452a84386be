"""CUT (Park et al. 2020) for SAR (Shin et al. 2023): unpaired, each patch tied to the radar that it was made from."""

from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from geosar_training.config import at_least
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.method_families import AdversarialConfig, PainterMethod, frozen
from geosar_training.networks.contrast import Projection, contrast, draw_places
from geosar_training.networks.discriminator import PatchDiscriminator
from geosar_training.networks.painter import Painter
from geosar_training.networks.resnet import ResNet
from geosar_training.pairs.batch import Batch
from geosar_training.pairs.pair import CLIP
from geosar_training.pairs.tone import luma_of

PROJECTED = 256
"""Size of the space in which patches are compared."""


@dataclass(frozen=True)
class CutConfig(AdversarialConfig):
    """Settings of the networks and losses."""

    blocks: int = 6
    contrast: float = 1.0
    """Weight of the contrastive loss, on made images and on optical ones (the identity)."""
    patches: int = 256

    @property
    def stride(self) -> int:
        """Of the residual generator."""
        return ResNet.stride

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        for key in ("blocks", "patches"):
            at_least(self, key, 1)
        at_least(self, "batch", 2)


Settings = TypeVar("Settings", bound=CutConfig)


class CutMethod(PainterMethod[Settings]):
    """One generator, whose encoder also says what belongs together, and one adversary."""

    settings = CutConfig

    def __init__(self, config: Settings) -> None:
        super().__init__(config)
        middle, last = 3 + config.blocks // 3, 3 + 2 * config.blocks // 3
        self.layers = sorted({0, 1, 2, middle - 1, last - 1})
        widths = [config.width * min(2**layer, 4) for layer in self.layers]
        self.projection = Projection(widths, PROJECTED)
        self.adversary = self.judge(config)
        self.networks |= {"projection": self.projection, "adversary": self.adversary}
        mine = [*self.generator.parameters(), *self.projection.parameters()]
        self.optimiser = torch.optim.Adam(mine, config.learning_rate, betas=(0.5, 0.999))
        self.adversary_optimiser = torch.optim.Adam(
            self.adversary.parameters(), config.adversary_learning_rate, betas=(0.5, 0.999)
        )
        self.optimise("optimiser", self.optimiser)
        self.optimise("adversary_optimiser", self.adversary_optimiser)

    @classmethod
    def architecture(cls, config: Settings) -> dict[str, Any]:
        """See `Method.architecture`."""
        return super().architecture(config) | {"width": config.width, "blocks": config.blocks}

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        body = ResNet(architecture["channels"], architecture["width"], architecture["blocks"])
        return Painter(body, stride=body.stride, halo=body.halo, architecture=architecture)

    @classmethod
    def judge(cls, config: Settings) -> nn.Module:
        """Make the adversary: images (N, 3, H, W) to verdicts of any shape, or verdicts and features."""
        return PatchDiscriminator(3, config.adversary_width, (2, 2, 2, 1))

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """One update of the adversary, then of the generator with its projection."""
        self.generator.train()
        radar, optical = self.generator.filtered(batch.sar), batch.image.roll(1, dims=0)  # another place
        # What an optical image is made from, for the identity: its own luma in the place of the radar.
        grey = batch.luma.roll(1, dims=0).clamp(*CLIP).expand_as(radar)
        with descent.autocast():
            image, same = self.generator.body(radar), self.generator.body(grey)
            terms = {"adversary": 0.5 * (self._opinion(optical, 1.0) + self._opinion(image.detach(), 0.0))}
        descent(self.adversary_optimiser, terms["adversary"], terms)
        with descent.autocast():
            terms["adversarial"] = frozen(self.adversary, lambda: self._opinion(image, 1.0))
            terms["contrast"] = 0.5 * (self._contrast(image, radar) + self._contrast(same, grey))
        descent(self.optimiser, terms["adversarial"] + self.config.contrast * terms["contrast"], terms)
        self.generator.learn_error(image.detach(), batch.image, self.weight(batch))  # the only use of a pair
        self.update_average(descent.update)
        return terms

    def _contrast(self, image: Tensor, radar: Tensor) -> Tensor:
        """Compare an image with the radar that it was made from, both as the encoder sees them."""
        body = self.generator.body
        if not isinstance(body, ResNet):
            raise TypeError(f"The body is a {type(body).__name__}; expected a ResNet.")
        ours = body.encode(luma_of(image).expand_as(radar), self.layers)
        theirs = body.encode(radar, self.layers)
        places = draw_places(theirs, self.config.patches)
        return contrast(self.projection(ours, places), self.projection(theirs, places))

    def _opinion(self, image: Tensor, target: float) -> Tensor:
        """Least squares (Mao et al. 2017)."""
        verdict = self.adversary(image)
        verdict = verdict[0] if isinstance(verdict, tuple) else verdict
        loss: Tensor = ((verdict.float() - target) ** 2).mean()
        return loss


class Cut(CutMethod[CutConfig]):
    """With the patch adversary of 70 pixels."""


METHOD = Cut
