"""Baseline: the radar as a grey picture, of the gain and offset that fit the training set best."""

from typing import Any

from geosar_training.config import Config
from geosar_training.method_families import LinearMethod, linear_painter
from geosar_training.networks.filters import pixels
from geosar_training.networks.painter import Painter


class Grey(LinearMethod[Config]):
    """One gain a polarisation and one offset, the same in red, green and blue."""

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        return linear_painter(architecture, pixels(architecture["channels"], 1), tied=True)


METHOD = Grey
