"""Lets torchvision, and so torchmetrics, be imported beside a CPU-only torch.

torchvision's Linux wheel links CUDA; without it the package refuses to load because two operators are not
declared. Declaring their schemas is enough for everything that is used here (nms itself stays out of reach).
Take torchmetrics from here, so that the declaration comes first.
"""

import importlib
from typing import Any

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def _declared() -> Any:
    """Declare the operators when, and only when, torchvision cannot; returns what must be kept alive for it."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        make: Any = torch.library.Library  # its constructor is not annotated
        library = make("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            library.define(schema)
        return library
    return None


LIBRARY = _declared()

image_metrics: Any = importlib.import_module("torchmetrics.functional.image")
"""torchmetrics' scores of images, imported once the operators are there."""

regression_metrics: Any = importlib.import_module("torchmetrics.functional.regression")
"""torchmetrics' scores of numbers; it imports those of images too."""
