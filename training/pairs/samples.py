"""What one update sees: crops of pairs, and where a method asks for them crops of places on two dates."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from geosar_training.pairs.batch import Batch, DateCrop
from geosar_training.pairs.crops import Crops
from geosar_training.pairs.dates import Dates

Sample = tuple[Tensor, ...] | DateCrop


class Samples(Dataset[Sample]):
    """Crops of pairs by their index, crops of dates by -1 less theirs."""

    def __init__(self, crops: Crops, dates: Dates | None = None) -> None:
        self.crops, self.dates = crops, dates

    def __getitem__(self, index: int) -> Sample:
        if index >= 0 or self.dates is None:
            return self.crops[index]
        return self.dates[-1 - index]


class Share(Sampler[int]):
    """Which samples one of several processes takes: its part of each update's batch, in order.

    `batch` and `dates` are crops of pairs and of dates an update, multiples of `processes`.
    """

    def __init__(self, updates: range, batch: int, rank: int = 0, processes: int = 1, dates: int = 0) -> None:
        super().__init__()
        self.updates, self.rank = updates, rank
        self.parts = [(batch, batch // processes), (dates, dates // processes)]
        self.size = sum(mine for _, mine in self.parts)
        """Samples of one process in a batch."""

    def __len__(self) -> int:
        return len(self.updates) * self.size

    def __iter__(self) -> Iterator[int]:
        for update in self.updates:
            for sign, (whole, mine) in zip((1, -1), self.parts, strict=True):
                first = update * whole + self.rank * mine
                yield from (index if sign > 0 else -1 - index for index in range(first, first + mine))


def collate(items: Sequence[Sample]) -> Batch:
    """Stack samples into a batch."""
    sar, luma, chroma, valid, coloured, label = _stacked([item for item in items if not isinstance(item, DateCrop)])
    seen = [item for item in items if isinstance(item, DateCrop)]
    return Batch(sar, luma, chroma, valid, coloured, label, DateCrop(*_stacked(seen)) if seen else None)


def _stacked(items: Sequence[tuple[Tensor, ...]]) -> list[Tensor]:
    return [torch.stack(column) for column in zip(*items, strict=True)]
