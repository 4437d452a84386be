"""A small U-Net that segments water; every input gets the same network, updates, crops and seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from geosar_training.flood.inputs import Bands, Example, Mask


@dataclass(frozen=True)
class Schedule:
    """How long each network is trained, and on what."""

    updates: int = 400
    seeds: int = 2
    """Networks for each input."""
    batch: int = 8
    crop: int = 64
    width: int = 16
    learning_rate: float = 3e-3


class SmallUNet(nn.Module):
    """Three resolutions, two convolutions each (Ronneberger et al. 2015); (N, C, H, W) to logits (N, 1, H, W)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.top, self.middle, self.bottom = (
            _block(i, o) for i, o in ((channels, width), (width, 2 * width), (2 * width, 4 * width))
        )
        self.up_middle, self.up_top = _block(6 * width, 2 * width), _block(3 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, bands: Tensor) -> Tensor:
        """H and W are multiples of 4."""
        top = self.top(bands)
        middle = self.middle(functional.max_pool2d(top, 2))
        bottom = self.bottom(functional.max_pool2d(middle, 2))
        middle = self.up_middle(torch.cat([functional.interpolate(bottom, scale_factor=2.0), middle], 1))
        logits: Tensor = self.head(self.up_top(torch.cat([functional.interpolate(middle, scale_factor=2.0), top], 1)))
        return logits


def train_segmenter(
    examples: Sequence[Example], schedule: Schedule, seed: int, progress: Callable[[], None] = lambda: None
) -> SmallUNet:
    """Train on random crops of the chips, turned and flipped; the crops depend on the seed alone, not on the input."""
    torch.manual_seed(seed)
    network = SmallUNet(len(examples[0][0]), schedule.width).train()
    optimiser = torch.optim.AdamW(network.parameters(), schedule.learning_rate)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, schedule.learning_rate, total_steps=schedule.updates)
    random = np.random.default_rng(seed)
    for _ in range(schedule.updates):
        crops = [
            _crop(examples[int(random.integers(len(examples)))], schedule.crop, random) for _ in range(schedule.batch)
        ]
        inputs, truth, weight = (torch.from_numpy(np.stack(column)) for column in zip(*crops, strict=True))
        loss = functional.binary_cross_entropy_with_logits(network(inputs), truth, weight=weight)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        rate.step()
        progress()
    return network.eval()


@torch.no_grad()
def segment(network: SmallUNet, bands: Bands) -> Mask:
    """Return the water mask (H, W) of one chip of any size."""
    height, width = bands.shape[-2:]
    padded = np.pad(bands, ((0, 0), (0, -height % 4), (0, -width % 4)), mode="edge")
    logits = network(torch.from_numpy(padded)[None])[0, 0, :height, :width]
    flood: Mask = (logits > 0).numpy()
    return flood


def _block(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (inputs, outputs):
        layers += [nn.Conv2d(width, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _crop(example: Example, size: int, random: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    bands, water, known = example
    top, left = (int(random.integers(max(1, length - size + 1))) for length in water.shape)
    turns, flip = int(random.integers(4)), bool(random.integers(2))
    layers = np.concatenate([bands, water[None], known[None]]).astype(np.float32)
    layers = np.rot90(layers[:, top : top + size, left : left + size], turns, axes=(1, 2))
    layers = np.ascontiguousarray(layers[..., ::-1] if flip else layers)
    return layers[:-2], layers[-2:-1], layers[-1:]
