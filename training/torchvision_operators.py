"""Lets torchmetrics (through torchvision) be imported beside a CPU-only torch.

torchvision's Linux wheel links CUDA; without it the package refuses to load because two operators are not
declared. Declaring their schemas is enough for everything that is used here (nms itself stays out of reach).
Import this module before torchvision or torchmetrics.
"""

import torch

LIBRARY = torch.library.Library("torchvision", "FRAGMENT")

if not hasattr(torch.ops.torchvision, "nms"):
    for schema in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        LIBRARY.define(schema)
