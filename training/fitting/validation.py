"""Scores a network while it is trained, on land that it does not learn from, and says when it gets no better.

What scores is imported when a run asks for it: a machine that only trains has little more than torch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from geosar_training.config import Config
from geosar_training.errors import ConfigError
from geosar_training.inference import generate
from geosar_training.networks.painter import Network
from geosar_training.pairs.pair import Pair


@dataclass
class Validation:
    """What has been scored so far; the best score is that of ``best.pt``."""

    pairs: Sequence[Pair]
    place: str
    """What the pairs are, in words."""
    patience: int
    best: float = -math.inf
    """In dB, tone-matched."""
    best_update: int = 0
    waited: int = 0
    """How many scores in a row were not better."""

    @classmethod
    def of(cls, config: Config, pairs: Sequence[Pair]) -> "Validation":
        """Take the pairs of the places that are left out, or where none is, of the split `val`; evenly, so many.

        Raises ConfigError where there are none.
        """
        coloured = [pair for pair in pairs if pair.coloured and _is_measured(pair)]
        left_out = [pair for pair in coloured if set(config.left_out) & set(pair.source.split("/"))]
        usable = left_out or [pair for pair in coloured if pair.split == "val"]
        if not usable:
            raise ConfigError(
                "validate_every asks for scores, but no coloured pair is of the split val, and no place is left out. "
                "Give such pairs, leave a source out with --leave-out, or set validate_every to 0."
            )
        count = min(config.validate_pairs, len(usable))
        chosen = [usable[index * len(usable) // count] for index in range(count)]
        return cls(chosen, "places left out" if left_out else "the split val", config.patience)

    def score(self, network: Network) -> dict[str, float]:
        """Return what `geosar-evaluate` says of these pairs, tone-matched: PSNR in dB, at full size and over 80 m."""
        from geosar_training.scoring.table import evaluate  # noqa: PLC0415 - see above

        table, _ = evaluate({"network": partial(generate, network)}, self.pairs)
        score = table["network"]["all"].matched
        return {"val_psnr": score.psnr, "val_psnr_80m": score.psnr_80m, "val_sharpness": score.sharpness}

    def is_best(self, update: int, scores: dict[str, float]) -> bool:
        """Take note of the scores of an update; returns whether they are the best so far."""
        if scores["val_psnr"] > self.best:
            self.best, self.best_update, self.waited = scores["val_psnr"], update, 0
            return True
        self.waited += 1
        return False

    @property
    def over(self) -> bool:
        """Whether it got no better for so many scores as the settings wait."""
        return 0 < self.patience <= self.waited

    @property
    def words(self) -> str:
        """The best, in words."""
        return f"{self.best:.2f} dB at update {self.best_update}, on {len(self.pairs)} pairs of {self.place}"

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs."""
        return {"best": self.best, "best_update": self.best_update, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best, self.best_update, self.waited = state["best"], state["best_update"], state["waited"]


def _is_measured(pair: Pair) -> bool:
    from geosar_training.scoring.patches import MEASURED, patches  # noqa: PLC0415 - see above

    return any(pair.mask[area].mean() >= MEASURED for area in patches(pair.shape))
