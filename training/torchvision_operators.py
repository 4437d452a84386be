"""Lets torchvision, and so torchmetrics, be imported beside a CPU-only torch.

torchvision's Linux wheel links CUDA; without it the package refuses to load because two operators are not
declared. Declaring their schemas is enough for everything that is used here (nms itself stays out of reach).
Import both through `module`, so that the declaration comes first.
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


_LIBRARY = _declared()


def module(name: str) -> Any:
    """Import a module of torchvision, or one that imports it, once the operators are there."""
    return importlib.import_module(name)
