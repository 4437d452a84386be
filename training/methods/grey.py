"""Baseline: the radar as a grey picture, of the gain and offset that fit the training set best."""

from typing import Any

from training.config import Config
from training.method_families import LinearMethod, linear_painter
from training.networks.filters import pixels
from training.networks.painter import Painter


class Grey(LinearMethod[Config]):
    """One gain a polarisation and one offset, the same in red, green and blue."""

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        return linear_painter(architecture, pixels(architecture["channels"], 1), tied=True)


METHOD = Grey
