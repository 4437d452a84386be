"""What several methods have in common: a painter, filters fitted by least squares, and regression by descent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from geosar_training.config import Config, at_least, one_of
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.method import Method
from geosar_training.networks.filters import LinearFilter
from geosar_training.networks.painter import Painter
from geosar_training.pairs.batch import Batch

Settings = TypeVar("Settings", bound=Config)


class PainterMethod(Method[Settings]):
    """A method whose generator is a `Painter`, with one expected error for all pixels."""

    generator: Painter

    @classmethod
    def architecture(cls, config: Settings) -> dict[str, Any]:
        """See `Method.architecture`; subclasses add what their body needs."""
        return {"channels": config.channels, "despeckle": config.despeckle}

    def weight(self, batch: Batch) -> Tensor:
        """Where the truth is known in colour, (N, 1, H, W)."""
        return batch.valid * batch.coloured


class LinearMethod(PainterMethod[Settings]):
    """A filter that each batch makes more exact; `updates` say how many batches it sees."""

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """Add a batch to the sums and solve."""
        body = self.generator.body
        if not isinstance(body, LinearFilter):
            raise TypeError(f"The filter is a {type(body).__name__}; expected a LinearFilter.")
        body.learn(self.generator.filtered(batch.sar), batch.image, self.weight(batch), descent.total)
        with torch.no_grad():
            image = self.generator.picture(batch.sar)
        self.generator.learn_error(image, batch.image, self.weight(batch))
        self.average.load_state_dict(self.generator.state_dict())
        return {"l1": regression_loss("l1", image, batch.image, self.weight(batch))}


def linear_painter(architecture: dict[str, Any], bank: Tensor, *, tied: bool = False) -> Painter:
    """Make the painter of a `LinearMethod` from its features (F, channels, k, k)."""
    body = LinearFilter(bank, tied=tied)
    return Painter(body, stride=1, halo=body.radius, architecture=architecture)


@dataclass(frozen=True)
class RegressionConfig(Config):
    """Settings of a method that only compares colours."""

    loss: str = "l1"
    """`l1` or `l2`."""
    width: int = 32

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        one_of(self, "loss", ("l1", "l2"))
        at_least(self, "width", 1)


RegressionSettings = TypeVar("RegressionSettings", bound=RegressionConfig)


class RegressionMethod(PainterMethod[RegressionSettings]):
    """A network under L1 or L2 alone."""

    def __init__(self, config: RegressionSettings) -> None:
        super().__init__(config)
        self.optimiser = torch.optim.Adam(self.generator.parameters(), config.learning_rate)
        self.optimise("optimiser", self.optimiser)

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """Follow the gradient of the loss."""
        self.generator.train()
        with descent.autocast():
            image = self.generator.picture(batch.sar).float()
        terms = {self.config.loss: regression_loss(self.config.loss, image, batch.image, self.weight(batch))}
        descent(self.optimiser, terms[self.config.loss], terms)
        self.generator.learn_error(image, batch.image, self.weight(batch))
        self.update_average(descent.update)
        return terms


def regression_loss(kind: str, image: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute (`l1`) or squared (`l2`) difference, (N, 3, H, W), where the weight (N, 1, H, W) is above 0."""
    difference = (image - truth).abs() if kind == "l1" else (image - truth) ** 2
    weight = weight.expand_as(difference)
    return (difference * weight).sum() / weight.sum().clamp(min=1.0)


@dataclass(frozen=True)
class AdversarialConfig(Config):
    """Settings that every method with an adversary has."""

    learning_rate: float = 2e-4
    adversary_learning_rate: float = 2e-4
    adversary_width: int = 64
    width: int = 64

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        for key in ("adversary_width", "width"):
            at_least(self, key, 1)
        at_least(self, "adversary_learning_rate", 1e-12)
        at_least(self, "crop", 128)


def frozen(network: nn.Module, judge: Callable[[], Tensor]) -> Tensor:
    """Return what `judge` gives while the network's own weights take no gradient."""
    network.requires_grad_(requires_grad=False)
    verdict = judge()
    network.requires_grad_(requires_grad=True)
    return verdict
