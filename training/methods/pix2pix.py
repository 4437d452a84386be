"""Ours: a U-Net under L1 of luma and chroma, in a second stage under two PatchGANs as well (Isola et al. 2017)."""

from dataclasses import dataclass, field
from typing import Any

import torch

from geosar.engines.generator import Generator
from geosar.engines.unet import LEVELS, STRIDE
from geosar_training.config import Config, at_least, one_of
from geosar_training.errors import ConfigError
from geosar_training.fitting import losses
from geosar_training.fitting.adversary import adversarial_terms, adversary_step
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.method import Method
from geosar_training.networks.discriminator import JUDGES, Adversary
from geosar_training.pairs.batch import Batch
from geosar_training.pairs.tone import LUMA_DEVIATION, LUMA_MEAN

ADVERSARY_FIELD = 136
"""Pixels on a side of the larger of the patches that the discriminators judge."""

CLIP_GRADIENT = 5.0


@dataclass(frozen=True)
class Pix2PixConfig(Config):
    """Settings of both stages."""

    stage: str = "regression"
    """`regression` (no adversary: the L1-only twin) or `adversarial`."""
    adversary_learning_rate: float = 4e-4
    widths: list[int] = field(default_factory=lambda: [24, 48, 96, 192, 256])
    adversary_width: int = 32
    judges: list[str] = field(default_factory=lambda: ["detail", "colour"])
    """Discriminators of the adversarial stage: see `geosar_training.networks.discriminator`."""
    spectral: bool = True
    """Normalise the discriminators' convolutions by their spectra."""
    dropout: float = 0.0
    """Share of the coarsest features that is left out of an update (half of it at the two next levels)."""
    weight_decay: float = 1e-4
    weights: losses.Weights = field(default_factory=losses.Weights)

    @property
    def label(self) -> str:
        """Method and stage."""
        return f"{self.method}-{self.stage}"

    @property
    def stride(self) -> int:
        """Of the generator."""
        return STRIDE

    def check(self) -> None:
        """See `Config.check`."""
        one_of(self, "stage", ("regression", "adversarial"))
        if self.stage == "adversarial" and self.crop < ADVERSARY_FIELD:
            raise ConfigError(f"crop is {self.crop}; an adversary that sees {ADVERSARY_FIELD} needs 160 or more.")
        super().check()
        at_least(self, "adversary_width", 1)
        if not set(self.judges) <= set(JUDGES) or not set(self.judges) & {"detail", "image"}:
            raise ConfigError(f"judges is {self.judges}; expected some of {', '.join(JUDGES)}, and detail or image.")
        if len(self.widths) != LEVELS or not all(isinstance(width, int) and width > 0 for width in self.widths):
            raise ConfigError(f"widths is {self.widths}; expected {LEVELS} numbers of features, from 1/2 to 1/32.")
        if not (0 <= self.dropout < 1 and self.weight_decay >= 0):
            raise ConfigError("dropout must be at least 0 and below 1, weight_decay at least 0.")
        if self.adversary_learning_rate <= 0:
            raise ConfigError("learning rates must be above 0.")


class Pix2Pix(Method[Pix2PixConfig]):
    """Luma at full resolution, chroma and the expected error at a quarter; see docs/adr/0001."""

    settings = Pix2PixConfig
    colour_only = False
    generator: Generator

    def __init__(self, config: Pix2PixConfig) -> None:
        super().__init__(config)
        self.adversarial = config.stage == "adversarial"
        self.generator.dropout = config.dropout
        self.optimiser = torch.optim.AdamW(
            self.generator.parameters(), config.learning_rate, betas=(0.5 if self.adversarial else 0.9, 0.99),
            weight_decay=config.weight_decay,
        )  # fmt: skip
        self.optimise("optimiser", self.optimiser)
        if self.adversarial:
            self.adversary = Adversary(config.adversary_width, config.channels, config.judges, spectral=config.spectral)
            self.adversary_optimiser = torch.optim.Adam(
                self.adversary.parameters(), config.adversary_learning_rate, betas=(0.5, 0.99)
            )
            self.networks["adversary"] = self.adversary
            self.optimise("adversary_optimiser", self.adversary_optimiser)

    @classmethod
    def architecture(cls, config: Pix2PixConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        filtered = {} if config.despeckle == "none" else {"despeckle": config.despeckle}
        tone = {"mean": list(LUMA_MEAN), "deviation": list(LUMA_DEVIATION)}
        return {"channels": config.channels, "widths": list(config.widths)} | tone | filtered

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Generator:
        """See `Method.network`."""
        return Generator(**architecture)

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """One update of the adversary, where there is one, then of the generator."""
        sar = batch.sar.contiguous(memory_format=torch.channels_last)
        self.generator.train()
        with descent.autocast():
            parts = self.generator.components(sar)
        luma, chroma, log_error = (part.float() for part in parts)
        terms: Terms = {}
        if self.adversarial:
            terms["adversary"] = adversary_step(
                self.adversary, self.adversary_optimiser, batch, (luma.detach(), chroma.detach()), descent
            )
        weights = self.config.weights
        terms |= losses.fidelity(luma, chroma, batch, weights)
        if weights.frequency:
            terms["frequency"] = losses.focal_frequency(luma, batch.luma, batch.valid)
        if weights.detail:
            terms |= losses.detail(luma, chroma, batch)
        terms["error"] = losses.expected_error(self.generator, log_error, luma, chroma, batch)
        if self.adversarial:
            terms |= adversarial_terms(self.adversary, batch, luma, chroma, descent)
        total = torch.stack([vars(weights)[key] * value for key, value in terms.items() if key != "adversary"]).sum()
        descent(self.optimiser, total, terms, CLIP_GRADIENT)
        self.update_average(descent.update)
        return terms


METHOD = Pix2Pix
