"""CycleGAN (Zhu et al. 2017) for SAR (Lee & Chung 2022): unpaired, with cycle and identity losses.

Their labelled data set: land-cover classes are drawn equally often (`balance_classes`), or given to the network
(`give_classes`), which also learns to do without, as at inference nobody knows them.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from geosar_training.config import at_least
from geosar_training.errors import ConfigError
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.method_families import AdversarialConfig, PainterMethod, frozen
from geosar_training.networks.discriminator import PatchDiscriminator
from geosar_training.networks.painter import Painter
from geosar_training.networks.resnet import Labelled, ResNet
from geosar_training.pairs.batch import Batch
from geosar_training.pairs.pair import CLIP

LABEL_SHOWN = 0.5
"""Share of crops whose class is given."""


@dataclass(frozen=True)
class CycleConfig(AdversarialConfig):
    """Settings of the networks and losses."""

    blocks: int = 6
    cycle: float = 10.0
    identity: float = 5.0
    give_classes: bool = False

    @property
    def stride(self) -> int:
        """Of the residual generator."""
        return ResNet.stride

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        at_least(self, "blocks", 1)
        at_least(self, "batch", 2)
        if self.give_classes and not self.classes:
            raise ConfigError("give_classes is true, but classes is empty; name the land cover to tell apart.")


class CycleGAN(PainterMethod[CycleConfig]):
    """Two generators and two adversaries; optical and radar images of a batch are never of one place."""

    settings = CycleConfig

    def __init__(self, config: CycleConfig) -> None:
        super().__init__(config)
        self.back = ResNet(3, config.width, config.blocks, outputs=config.channels, scale=CLIP[1])
        self.judges = nn.ModuleDict({
            "optical": PatchDiscriminator(3, config.adversary_width, (2, 2, 2, 1)),
            "radar": PatchDiscriminator(config.channels, config.adversary_width, (2, 2, 2, 1)),
        })  # fmt: skip
        self.networks |= {"back": self.back, "judges": self.judges}
        both = [*self.generator.parameters(), *self.back.parameters()]
        self.optimiser = torch.optim.Adam(both, config.learning_rate, betas=(0.5, 0.999))
        self.adversary_optimiser = torch.optim.Adam(
            self.judges.parameters(), config.adversary_learning_rate, betas=(0.5, 0.999)
        )
        self.optimise("optimiser", self.optimiser)
        self.optimise("adversary_optimiser", self.adversary_optimiser)

    @classmethod
    def architecture(cls, config: CycleConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        classes = len(config.classes) if config.give_classes else 0
        return super().architecture(config) | {"width": config.width, "blocks": config.blocks, "classes": classes}

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        classes = architecture["classes"]
        network = ResNet(architecture["channels"] + classes, architecture["width"], architecture["blocks"])
        body = Labelled(network, classes) if classes else network
        return Painter(body, stride=network.stride, halo=network.halo, architecture=architecture)

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """One update of both adversaries, then of both generators."""
        self.generator.train()
        radar, optical = self.generator.filtered(batch.sar), batch.image.roll(1, dims=0)  # another place
        shown = batch.label * (torch.rand_like(batch.valid[:, :, :1, :1]) < LABEL_SHOWN)
        with descent.autocast():
            image, echo = self._colour(radar, shown), self.back(optical)
            real = {"optical": optical, "radar": radar}
            images = {"optical": image, "radar": echo}
            terms = {"adversary": self._judge(real, images)}
        descent(self.adversary_optimiser, terms["adversary"], terms)
        with descent.autocast():
            terms["adversarial"] = frozen(self.judges, lambda: self._opinion(images, 1.0))
            there, back = self.back(image), self._colour(echo, shown.roll(1, dims=0))
            terms["cycle"] = _l1(there, radar) + _l1(back, optical)
            # An optical image's luma is the radar of it that nothing need be added to but colour.
            grey = batch.luma.roll(1, dims=0).clamp(*CLIP).expand_as(radar)
            terms["identity"] = _l1(self._colour(grey, shown.roll(1, dims=0)), optical)
            terms["identity"] = terms["identity"] + _l1(self.back(radar[:, :1].expand(-1, 3, -1, -1) / CLIP[1]), radar)
        total = terms["adversarial"] + self.config.cycle * terms["cycle"] + self.config.identity * terms["identity"]
        descent(self.optimiser, total, terms)
        self.generator.learn_error(image.detach(), batch.image, self.weight(batch))  # the only use of a pair
        self.update_average(descent.update)
        return terms

    def _colour(self, radar: Tensor, label: Tensor) -> Tensor:
        body = self.generator.body
        image: Tensor = body(radar, label) if isinstance(body, Labelled) else body(radar)
        return image

    def _judge(self, real: dict[str, Tensor], fake: dict[str, Tensor]) -> Tensor:
        return 0.5 * (self._opinion(real, 1.0) + self._opinion({k: v.detach() for k, v in fake.items()}, 0.0))

    def _opinion(self, images: dict[str, Tensor], target: float) -> Tensor:
        """Least squares (Mao et al. 2017), summed over both judges."""
        verdicts = [self.judges[key](image)[0].float() for key, image in images.items()]
        return torch.stack([((verdict - target) ** 2).mean() for verdict in verdicts]).sum()


def _l1(first: Tensor, second: Tensor) -> Tensor:
    return (first.float() - second).abs().mean()


METHOD = CycleGAN
