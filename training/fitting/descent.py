"""A step down the gradients, on one device or averaged over several, and never into values that are not finite."""

import math
from contextlib import AbstractContextManager
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from geosar_training.errors import NotFiniteError

Terms = dict[str, Tensor]
"""Losses by name, each a tensor of one number."""


class Descent:
    """What a method's `step` does with its losses.

    Several processes average their gradients in one exchange, whatever networks the loss went through: an
    adversary that is run twice, or a network that a batch leaves out, needs no care, as it would inside DDP's wrapper.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.update = 0
        """Updates that were done before this one."""

    def autocast(self) -> AbstractContextManager[None]:
        """Compute inside this in the run's precision."""
        return self.fabric.autocast()

    def total(self, values: Tensor) -> Tensor:
        """Sum over all processes."""
        if self.fabric.world_size == 1:
            return values
        return cast("Tensor", self.fabric.all_reduce(values, reduce_op="sum"))

    def __call__(self, optimiser: torch.optim.Optimizer, loss: Tensor, terms: Terms, clip: float = math.inf) -> None:
        """Follow the gradient of `loss`, of a norm of at most `clip`; `terms` are named when it is not finite.

        Raises NotFiniteError, before the weights are touched.
        """
        optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        parameters = [weight for group in optimiser.param_groups for weight in group["params"]]
        if self.fabric.world_size > 1:
            self._average([weight.grad for weight in parameters if weight.grad is not None])
        norm = nn.utils.clip_grad_norm_(parameters, clip)
        norm_value, loss_value = torch.stack([norm.float(), loss.detach().float()]).tolist()
        if not (math.isfinite(norm_value) and math.isfinite(loss_value)):
            values = {key: float(value.detach()) for key, value in terms.items()}
            raise NotFiniteError(
                f"A loss or gradient is not finite at update {self.update + 1}: {values}, gradient {norm_value:.3g}. "
                "The last checkpoint is intact; go on with a smaller learning_rate or with --precision 32-true."
            )
        optimiser.step()

    def _average(self, gradients: list[Tensor]) -> None:
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        mean = cast("Tensor", self.fabric.all_reduce(flat, reduce_op="mean"))
        start = 0
        for gradient in gradients:
            gradient.copy_(mean[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()
