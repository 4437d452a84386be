"""The patchwise contrastive loss of CUT (Park et al. 2020)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

TEMPERATURE = 0.07


class Projection(nn.Module):
    """A perceptron of two layers for the features of each of several depths, onto the unit sphere."""

    def __init__(self, widths: Sequence[int], size: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, size), nn.ReLU(), nn.Linear(size, size)) for width in widths
        )

    def forward(self, features: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Features (N, C, h, w) of each depth at chosen places (P,), counted row by row, to (N, P, size)."""
        chosen = [layer.flatten(2)[..., place].mT for layer, place in zip(features, places, strict=True)]
        return [functional.normalize(head(x).float(), dim=2) for head, x in zip(self.heads, chosen, strict=True)]


def draw_places(features: Sequence[Tensor], count: int) -> list[Tensor]:
    """Draw at most `count` places of each depth's features (N, C, h, w), with torch's generator."""
    sizes = [layer.shape[2] * layer.shape[3] for layer in features]
    return [torch.randperm(size)[:count].to(layer.device) for size, layer in zip(sizes, features, strict=True)]


def contrast(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
    """Cross entropy of finding, among all places of the same image, the place that a patch was made from.

    Both are lists of (N, P, size) on the unit sphere; `theirs` takes no gradient.
    """
    losses = []
    for mine, other in zip(ours, theirs, strict=True):
        likeness = mine @ other.detach().mT / TEMPERATURE
        labels = torch.arange(likeness.shape[1], device=likeness.device).expand(len(likeness), -1)
        losses.append(functional.cross_entropy(likeness.flatten(0, 1), labels.flatten()))
    return torch.stack(losses).mean()
