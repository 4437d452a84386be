"""Baseline: the mean colour of the training set everywhere."""

from typing import Any

import torch

from geosar_training.config import Config
from geosar_training.method_families import LinearMethod, linear_painter
from geosar_training.networks.painter import Painter


class Mean(LinearMethod[Config]):
    """A constant, without any feature of the radar."""

    @classmethod
    def network(cls, architecture: dict[str, Any]) -> Painter:
        """See `Method.network`."""
        return linear_painter(architecture, torch.zeros(0, architecture["channels"], 1, 1))


METHOD = Mean
