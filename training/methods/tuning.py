"""Goes on from a packaged model with other pairs: land cover and colours follow them, detail stays what it was.

More of an L1 loss alone would blur what an adversary has taught, and a new adversary teaches it anew. Here fine
structure is held to the model that the run started from, as in learning without forgetting (Li & Hoiem 2016); what is
learned is what blocks of 4 and 16 pixels show. The normalisation statistics are the model's and stay, so that a
small batch will do.
"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from training import losses
from training.checkpoint import CheckpointError
from training.config import at_least
from training.data import Batch
from training.descent import Descent, Terms
from training.methods.pix2pix import CLIP_GRADIENT, Pix2Pix, Pix2PixConfig

DETAIL = 9
"""Pixels on a side of the mean that detail is the difference from."""


@dataclass(frozen=True)
class TuningConfig(Pix2PixConfig):
    """Settings; `widths` are the model's, `stage` stays `regression`."""

    keep: float = 4.0
    """Weight of the L1 between the detail of luma and that of the model at the start."""

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
        at_least(self, "keep", 0)


class Tuning(Pix2Pix):
    """Pix2Pix's generator beside a copy of itself from the start."""

    settings = TuningConfig
    config: TuningConfig

    def __init__(self, config: TuningConfig) -> None:
        super().__init__(config)
        self.origin = copy.deepcopy(self.generator).requires_grad_(requires_grad=False).eval()
        self.networks["origin"] = self.origin

    def start(self, state: dict[str, Any], source: Path) -> None:
        """See `Method.start`; raises CheckpointError for a run's checkpoint, whose statistics are not settled."""
        if "config" in state:
            raise CheckpointError(
                f"{source} is a run's checkpoint. Tuning goes on from a packaged model: export it first."
            )
        super().start(state, source)
        self.origin.load_state_dict(self.generator.state_dict())

    def step(self, batch: Batch, descent: Descent) -> Terms:
        """One update."""
        self.generator.eval()
        sar = batch.sar.contiguous(memory_format=torch.channels_last)
        with descent.autocast():
            luma, chroma, log_error = (part.float() for part in self.generator.components(sar))
            with torch.no_grad():
                origin = self.origin.components(sar)[0].float()
        terms: Terms = losses.fidelity(luma, chroma, batch, self.config.weights.water)
        terms["error"] = losses.expected_error(self.generator, log_error, luma, chroma, batch)
        terms["keep"] = losses.masked_l1(_detail(luma), _detail(origin), batch.valid)
        weights = vars(self.config.weights) | {"keep": self.config.keep}
        total = torch.stack([weights[key] * value for key, value in terms.items()]).sum()
        descent(self.optimiser, total, terms, CLIP_GRADIENT)
        self.update_average(descent.update)
        return terms


def _detail(luma: Tensor) -> Tensor:
    return luma - functional.avg_pool2d(luma, DETAIL, 1, DETAIL // 2, count_include_pad=False)


METHOD = Tuning
