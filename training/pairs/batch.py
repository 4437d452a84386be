"""What one update of a network sees."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from geosar_training.pairs.tone import picture


class DateCrop(NamedTuple):
    """One date of a square as the network takes it, another date of it, and where the two can be compared (P, H, W)."""

    sar: Tensor
    target: Tensor
    valid: Tensor


@dataclass(frozen=True)
class Batch:
    """What one update sees: (N, P, H, W) radar, (N, 1, H, W) each, `chroma` (N, 2, H, W).

    `valid` and `coloured` (N, 1, 1, 1) are 0 where nothing is known; `label` (N, 1, 1, 1) counts the land cover of
    `Config.classes` from 1, and is 0 where it is another. `dates`, where a method asks for them, are `DateCrop`s of
    other places.
    """

    sar: Tensor
    luma: Tensor
    chroma: Tensor
    valid: Tensor
    coloured: Tensor
    label: Tensor
    dates: DateCrop | None = None

    @property
    def image(self) -> Tensor:
        """The truth as red, green, blue (N, 3, H, W), -1 to 1 for 0 to 255."""
        return picture(self.luma, self.chroma)

    def to(self, device: torch.device) -> "Batch":
        """Move every tensor to a device."""
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in vars(self).items() if name != "dates"}
        dates = DateCrop(*(tensor.to(device, non_blocking=True) for tensor in self.dates)) if self.dates else None
        return Batch(**moved, dates=dates)
