"""Goes on from a packaged model: teaches it what it lacks, and keeps of the rest what it is told to keep.

The true image is the target around water, the truth's and what the model takes for it; everywhere else the target of
what is kept is the model's own picture, from before (learning without forgetting, Li & Hoiem 2016), and as if no sea
were in its scene: luma and colour, the colour alone, or nothing. Structure and contrast of detail (`losses.detail`) and
an adversary come beside it as in Pix2Pix; a new adversary gets a head start on a generator that has learnt.
The normalisation statistics are the model's and stay, so that a small batch will do.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from geosar_training.errors import CheckpointError, ConfigError
from geosar_training.fitting import losses
from geosar_training.fitting.runs import settings_in
from geosar_training.methods.pix2pix import Pix2Pix, Pix2PixConfig
from geosar_training.pairs.batch import Batch

SHORE = 4
"""Cells of 4 x 4 pixels around water where the truth is the target as well."""

DETAIL = 9
"""Pixels on a side of the mean that detail is the difference from: on the shore it stays the model's."""

KEEPABLE = ("luma", "chroma")
"""What may stay the model's own."""

SEA = (-2.6, 0.4)
"""Mean and deviation of the sea's backscatter in deviations of a scene of land, below its mean (Los Angeles, VH)."""


@dataclass(frozen=True)
class TuningConfig(Pix2PixConfig):
    """Settings; `widths` are the model's."""

    seas: float = 0.0
    """Half of the crops are shown as if sea covered up to this share of their scene (see `beside_sea`)."""
    keeps: list[str] = field(default_factory=lambda: ["luma", "chroma"])
    """What stays the model's own away from water; the target of the rest is the truth."""

    @property
    def label(self) -> str:
        """Method alone: there is one stage."""
        return self.method

    @property
    def goes_on(self) -> bool:
        """See `Config.goes_on`."""
        return True

    def check(self) -> None:
        """See `Config.check`."""
        super().check()
        if not 0 <= self.seas < 1:
            raise ConfigError(f"seas is {self.seas}; expected 0 or more, and less than 1.")
        if not set(self.keeps) <= set(KEEPABLE):
            raise ConfigError(f"keeps is {self.keeps}; expected some of {', '.join(KEEPABLE)}.")


class Tuning(Pix2Pix):
    """Pix2Pix's generator beside a copy of itself from the start."""

    settings = TuningConfig
    config: TuningConfig

    def __init__(self, config: TuningConfig) -> None:
        super().__init__(config)
        self.origin = copy.deepcopy(self.generator).requires_grad_(requires_grad=False).eval()
        self.networks["origin"] = self.origin

    def start(self, state: dict[str, Any], source: Path) -> None:
        """See `Method.start`; raises CheckpointError for a checkpoint of which the statistics are not settled."""
        if "config" in state and not settings_in(state, source).goes_on:
            raise CheckpointError(
                f"{source} is a run's checkpoint. Tuning goes on from a packaged model (export it first), or from "
                "another tuning."
            )
        super().start(state, source)
        self.origin.load_state_dict(self.generator.state_dict())

    def shown(self, sar: Tensor) -> Tensor:
        """See `Pix2Pix.shown`: half of it as if beside a sea, to a network whose statistics stay the packaged ones."""
        self.generator.eval()
        seas = torch.rand(len(sar), 1, 1, 1, device=sar.device) * (2 * self.config.seas) - self.config.seas
        return beside_sea(sar, seas.clamp(min=0.0))

    @torch.no_grad()
    def wanted(self, batch: Batch) -> Batch:
        """See `Pix2Pix.wanted`, and `goal`."""
        if not self.config.keeps:
            return batch
        luma, chroma, _ = self.origin.components(batch.sar.contiguous(memory_format=torch.channels_last))
        return goal(batch, luma.float(), chroma.float(), self.config.keeps)


def beside_sea(sar: Tensor, share: Tensor) -> Tensor:
    """Return backscatter (N, C, H, W), normalised by a scene of land, as a scene with that share of sea would have it.

    A picture without calibration is normalised by its own mean and deviation. Where 42 % of it is sea, the sea lies one
    deviation below the mean, and not 2.6 as beside Los Angeles. `share` is (N, 1, 1, 1); pixels that are 0 stay so.
    """
    mean = SEA[0] * share
    variance = (1 - share) + share * SEA[1] ** 2 + share * (1 - share) * SEA[0] ** 2
    return torch.where(sar == 0, sar, (sar - mean) / variance.sqrt())


@torch.no_grad()
def goal(batch: Batch, luma: Tensor, chroma: Tensor, keeps: Sequence[str] = KEEPABLE) -> Batch:
    """Return the batch with the truth on water, its means and the model's detail on the shore, and the model elsewhere.

    `luma` (N, 1, H, W) and `chroma` (N, 2, H/4, W/4) are the model's; what is not in `keeps` is the truth everywhere.
    """
    truth = functional.avg_pool2d(batch.chroma, 4)
    water = losses.open_water(batch.luma, truth) * batch.coloured
    painted = losses.open_water(luma, chroma) * batch.coloured
    near = functional.max_pool2d(torch.maximum(water, painted), 2 * SHORE + 1, 1, SHORE)
    shore = luma + _mean(batch.luma - luma)
    wet, close = _grown(water) > 0, _grown(near) > 0
    target = batch
    if "luma" in keeps:
        target = replace(target, luma=torch.where(wet, batch.luma, torch.where(close, shore, luma)))
    if "chroma" in keeps:
        chroma = _grown(torch.where(near > 0, truth, chroma))
        target = replace(target, chroma=chroma, coloured=torch.ones_like(batch.coloured))
    return target


def _mean(luma: Tensor) -> Tensor:
    return functional.avg_pool2d(luma, DETAIL, 1, DETAIL // 2, count_include_pad=False)


def _grown(cells: Tensor) -> Tensor:
    return functional.interpolate(cells, scale_factor=4.0, mode="nearest")


METHOD = Tuning
