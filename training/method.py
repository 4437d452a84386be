"""The one interface of all methods: networks, optimisers, and what an update does.

A method is one file in `geosar_training.methods` and one in `training/configs`: it names its network and defines
`step`. The trainer does the rest: data, devices, schedule, log, checkpoints, previews, export.
"""

import copy
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from geosar_training.config import Config
from geosar_training.fitting.checkpoint import restore
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.networks.painter import Network
from geosar_training.pairs.batch import Batch

Settings = TypeVar("Settings", bound=Config)


class Method(ABC, Generic[Settings]):
    """One way from radar to an optical image.

    `generator` makes the images; `average` is its exponential moving average, which is scored and packaged.
    Subclasses add networks and optimisers in their constructor. Both dictionaries go into the checkpoint under
    their keys.
    """

    settings: ClassVar[type[Config]] = Config
    colour_only: ClassVar[bool] = True
    """Whether pairs with grey optical are left out."""

    def __init__(self, config: Settings) -> None:
        self.config = config
        self.generator = self.network(self.architecture(config))
        self.average = copy.deepcopy(self.generator).requires_grad_(requires_grad=False)
        self.networks: dict[str, nn.Module] = {"generator": self.generator, "average": self.average}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        self.rates: dict[str, float] = {}

    @classmethod
    @abstractmethod
    def architecture(cls, config: Settings) -> dict[str, Any]:
        """Return the keyword arguments, plain values, from which `network` makes the generator."""

    @classmethod
    @abstractmethod
    def network(cls, architecture: dict[str, Any]) -> Network:
        """Make a generator."""

    @abstractmethod
    def step(self, batch: Batch, descent: Descent) -> Terms:
        """Learn from a batch; returns the losses by name, each a tensor of one number."""

    @property
    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Networks and optimisers by their key in the checkpoint."""
        return {**self.networks, **self.optimisers}

    def takes(self, architecture: dict[str, Any]) -> bool:
        """Whether a run may resume or start from a network of this architecture."""
        return architecture == self.generator.architecture

    def start(self, state: dict[str, Any], source: Path) -> None:
        """Take the generator out of the state of another run, or of a packaged model, that was read from `source`."""
        restore({"generator": self.generator, "average": self.average}, state, source)

    def optimise(self, name: str, optimiser: torch.optim.Optimizer) -> None:
        """Take an optimiser into the schedule, and into the checkpoint under this name."""
        self.optimisers[name] = optimiser
        self.rates[name] = float(optimiser.param_groups[0]["lr"])

    @torch.no_grad()
    def update_average(self, update: int) -> None:
        """Move the average towards the generator; early on it is short."""
        decay = min(self.config.ema, (1 + update) / (10 + update))
        averaged: list[Tensor] = list(self.average.parameters())
        current: list[Tensor] = list(self.generator.parameters())
        if averaged:
            torch._foreach_lerp_(averaged, current, 1.0 - decay)
        for mine, new in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(new)
