"""Ours: the radar's own structure in learnt colours; noise2noise over dates, L1 of coarse colour, a PatchGAN on top.

See `geosar.engines.colouriser` and docs/adr/0020. The adversary (Isola et al. 2017) judges the composed picture: it can
change tone, contrast, colour and how much of the radar's detail is shown, and cannot ask for structure.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from geosar.backscatter import MISSING
from geosar.engines.colouriser import DARK, GAIN, Colouriser, Parts
from geosar.engines.unet import LEVELS, STRIDE
from geosar_training.config import Config, at_least, one_of
from geosar_training.errors import ConfigError
from geosar_training.fitting import losses
from geosar_training.fitting.adversary import adversarial_terms, adversary_step
from geosar_training.fitting.descent import Descent, Terms
from geosar_training.method import Method
from geosar_training.networks.discriminator import JUDGES, Adversary
from geosar_training.pairs.batch import Batch
from geosar_training.pairs.planes import PLANES
from geosar_training.pairs.tone import LUMA_DEVIATION, LUMA_MEAN

CLIP_GRADIENT = 5.0


@dataclass(frozen=True)
class Weights:
    """Weights of the loss terms; `adversarial` and `features` only count in the adversarial stage."""

    despeckled: float = 2.0
    mean: float = 4.0
    """Of the despeckled radar's mean over 16 x 16 pixels against the radar's own, whatever its stretch."""
    hatch: float = 30.0
    """Of a pattern of two pixels in the despeckled radar, which the pixel shuffle may leave."""
    luma: float = 1.0
    chroma: float = 1.0
    error: float = 0.1
    adversarial: float = 0.2
    features: float = 1.0
    water: float = 1.0
    """How often a cell of water counts in luma and chroma where the truth is the target: see `losses.Weights`."""
    rare: float = 0.0
    """How much more rare colours count there."""

    @property
    def terms(self) -> dict[str, float]:
        """Of each loss term."""
        return {key: value for key, value in vars(self).items() if key not in {"water", "rare"}}


@dataclass(frozen=True)
class ColouriserConfig(Config):
    """Settings of both stages."""

    polarisations: list[str] = field(default_factory=lambda: list(PLANES))
    stage: str = "regression"
    """`regression` (no adversary: the L1-only twin) or `adversarial`."""
    date_crops: int = 6
    """Crops of places on two dates an update, beside `batch` of pairs."""
    places: list[str] = field(default_factory=list)
    """What the names of pairs begin with that show one place on several dates, in decibels."""
    widths: list[int] = field(default_factory=lambda: [24, 48, 96, 192, 256])
    gain: float = GAIN
    """How much of the radar's detail luma takes, both in deviations."""
    dark: list[float] = field(default_factory=lambda: list(DARK))
    """Normalised backscatter below which its differences are made smaller, and what is left of them."""
    dropout: float = 0.1
    """Share of the coarsest features that is left out of an update (half of it at the two next levels)."""
    weight_decay: float = 1e-3
    adversary_learning_rate: float = 4e-4
    adversary_width: int = 32
    judges: list[str] = field(default_factory=lambda: ["image", "colour"])
    """Discriminators of the adversarial stage: see `geosar_training.networks.discriminator`."""
    weights: Weights = field(default_factory=Weights)

    @property
    def label(self) -> str:
        """Method and stage."""
        return f"{self.method}-{self.stage}"

    @property
    def stride(self) -> int:
        """Of the generator."""
        return STRIDE

    @property
    def declares_missing(self) -> bool:
        """See `Config.declares_missing`."""
        return True

    @property
    def dates(self) -> int:
        """See `Config.dates`."""
        return self.date_crops

    @property
    def places_of_pairs(self) -> list[str]:
        """See `Config.places_of_pairs`."""
        return self.places

    def check(self) -> None:
        """See `Config.check`."""
        one_of(self, "stage", ("regression", "adversarial"))
        super().check()
        at_least(self, "date_crops", 0)
        at_least(self, "adversary_width", 1)
        if not self.judges or not set(self.judges) <= set(JUDGES):
            raise ConfigError(f"judges is {self.judges}; expected some of {', '.join(JUDGES)}.")
        if len(self.widths) != LEVELS or not all(isinstance(width, int) and width > 0 for width in self.widths):
            raise ConfigError(f"widths is {self.widths}; expected {LEVELS} numbers of features, from 1/2 to 1/32.")
        if not (0 <= self.dropout < 1 and self.weight_decay >= 0):
            raise ConfigError("dropout must be at least 0 and below 1, weight_decay at least 0.")
        if not 0 < self.gain <= 3:
            raise ConfigError(f"gain is {self.gain}; expected more than 0 and at most 3.")
        if not (len(self.dark) == 2 and -4 < self.dark[0] <= 0 and 0 < self.dark[1] <= 1):
            raise ConfigError(f"dark is {self.dark}; expected backscatter above -4 to 0, and a share above 0 to 1.")
        if self.adversary_learning_rate <= 0:
            raise ConfigError("learning rates must be above 0.")


class ColouriserMethod(Method[ColouriserConfig]):
    """Despeckled backscatter, coarse luma and chroma, and expected error, composed into a picture."""

    settings = ColouriserConfig
    colour_only = False
    generator: Colouriser

    def __init__(self, config: ColouriserConfig) -> None:
        super().__init__(config)
        self.adversarial = config.stage == "adversarial"
        self.generator.dropout = config.dropout
        self.optimiser = torch.optim.AdamW(
            self.generator.parameters(), config.learning_rate, betas=(0.5 if self.adversarial else 0.9, 0.99),
            weight_decay=config.weight_decay,
        )  # fmt: skip
        self.optimise("optimiser", self.optimiser)
        if self.adversarial:
            self.adversary = Adversary(config.adversary_width, len(PLANES), config.judges)
            self.adversary_optimiser = torch.optim.Adam(
                self.adversary.parameters(), config.adversary_learning_rate, betas=(0.5, 0.99)
            )
            self.networks["adversary"] = self.adversary
            self.optimise("adversary_optimiser", self.adversary_optimiser)

    @classmethod
    def architecture(cls, config: ColouriserConfig) -> dict[str, Any]:
        """See `Method.architecture`."""
        tone = {"mean": list(LUMA_MEAN), "deviation": list(LUMA_DEVIATION)}
        return {
            "kind": Colouriser.kind,
            "channels": len(PLANES),
            "widths": list(config.widths),
            "gain": config.gain,
            "dark": list(config.dark),
        } | tone

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Colouriser:
        """See `Method.network`."""
        return Colouriser(**{key: value for key, value in architecture.items() if key != "kind"})

    def takes(self, architecture: dict[str, Any]) -> bool:
        """See `Method.takes`."""
        return weights_of(architecture) == weights_of(self.generator.architecture)

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """One update of the adversary, where there is one, then of the generator."""
        self.generator.train()
        pairs, dates = len(batch.sar), batch.dates
        seen = batch.sar if dates is None else torch.cat([batch.sar, dates.sar])
        with descent.autocast():
            half_parts = self.generator.parts(seen.contiguous(memory_format=torch.channels_last))
        every = Parts(*(part.float() for part in half_parts))
        parts = Parts(*(part[:pairs] for part in every))
        # Whoever judges the picture may change its colours and coarse luma; its detail is the radar's.
        luma, chroma = self.generator.compose(batch.sar, parts._replace(despeckled=parts.despeckled.detach()))
        terms: Terms = {}
        judged = replace(batch, sar=torch.where(batch.sar == MISSING, 0.0, batch.sar), dates=None)
        if self.adversarial:
            terms["adversary"] = adversary_step(
                self.adversary, self.adversary_optimiser, judged, (luma.detach(), chroma.detach()), descent
            )
        if dates is not None:
            terms["despeckled"] = losses.squared(every.despeckled[pairs:], dates.target, dates.valid)
        known = batch.valid if dates is None else torch.cat([batch.valid, dates.valid[:, :1]])
        terms["mean"] = losses.mean_kept(every.despeckled, seen_planes(seen), known)
        terms["hatch"] = losses.hatch(every.despeckled)
        emphasis = self.config.weights
        terms |= losses.coarse_colour(parts.luma, chroma, batch, water=emphasis.water, rare=emphasis.rare)
        terms["error"] = losses.expected_error(self.generator, parts.log_error, luma, chroma, batch)
        if self.adversarial:
            terms |= adversarial_terms(self.adversary, judged, luma, chroma, descent)
        weights = self.config.weights.terms
        total = torch.stack([weights[key] * value for key, value in terms.items() if key != "adversary"]).sum()
        descent(self.optimiser, total, terms, CLIP_GRADIENT)
        self.update_average(descent.update)
        return terms


def weights_of(architecture: dict[str, Any]) -> dict[str, Any]:
    """Return what of an architecture decides its weights: not how a picture is composed of the parts."""
    return {key: value for key, value in architecture.items() if key not in {"gain", "dark"}}


def seen_planes(sar: Tensor) -> Tensor:
    """Return backscatter (N, P, H, W) with the first polarisation that is given in place of those that are missing."""
    return torch.where(sar == MISSING, first_given(sar), sar)


def first_given(sar: Tensor) -> Tensor:
    """Return the first polarisation that each of a batch (N, P, H, W) has, (N, 1, H, W)."""
    there = (sar[:, :, :1, :1] != MISSING).to(sar.dtype)
    first = there * (there.cumsum(dim=1) == 1)
    return (sar * first).sum(dim=1, keepdim=True)


METHOD = ColouriserMethod
