"""How much of the radar's structure a picture keeps: its edges against those of another acquisition of the same place.

Speckle differs from date to date and land does not, so edges that agree with the other date are structure, and texture
that a network makes up agrees with nothing. The strength of an edge has no sign: a road may be dark in radar and bright
in the picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from geosar_training.pairs.dates import Place
from geosar_training.scoring.baselines import Translator

BLUR = 1.5
"""Deviation in pixels of the Gaussian before edges are looked for."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)

SHIFT = (77, 91)
"""Pixels by which the radar is moved for what agrees by chance."""


@dataclass(frozen=True)
class Structure:
    """Mean correlation of edges with those of the other date, and of the radar itself by how much it was kept."""

    places: int
    radar: float
    chance: float
    agreement: dict[str, float]

    def kept(self, name: str) -> float:
        """Return a translator's agreement in units of the radar's own."""
        return self.agreement[name] / self.radar


def structure(translators: Mapping[str, Translator], places: Sequence[Place]) -> Structure:
    """Measure pictures of the earlier date of each place, edges against those of the next, where nothing changed.

    Places are of one polarisation, which nothing names.
    """
    scores: dict[str, list[float]] = {name: [] for name in ("radar", "chance", *translators)}
    for place in places:
        before, after = place.values[0, 0], place.values[1, 0]
        truth = edges(after)[place.valid]

        def agree(image: NDArray[np.float32], truth: NDArray[np.float32] = truth, place: Place = place) -> float:
            return float(np.corrcoef(edges(image)[place.valid], truth)[0, 1])

        scores["radar"].append(agree(before))
        scores["chance"].append(agree(np.roll(before, SHIFT, (0, 1))))
        for name, translate in translators.items():
            scores[name].append(agree(np.rint(translate(before)[..., :3]).clip(0, 255) @ LUMA))
    means = {name: float(np.mean(values)) for name, values in scores.items()}
    return Structure(len(places), means.pop("radar"), means.pop("chance"), means)


def edges(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the strength of edges (H, W): Sobel over a Gaussian."""
    steps = torch.arange(-6, 7, dtype=torch.float32)
    bell = torch.exp(-0.5 * (steps / BLUR) ** 2)
    bell /= bell.sum()
    rise, smooth = torch.tensor([-1.0, 0.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])
    values = _along(torch.from_numpy(np.ascontiguousarray(image, np.float32)), bell, bell)
    result: NDArray[np.float32] = torch.hypot(_along(values, rise, smooth), _along(values, smooth, rise)).numpy()
    return result


def _along(image: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Filter (H, W) down the columns and across the rows; borders are replicated."""
    for kernel, shape in ((down, (1, 1, -1, 1)), (across, (1, 1, 1, -1))):
        reach = len(kernel) // 2
        border = [0, 0, reach, reach] if shape[2] == -1 else [reach, reach, 0, 0]
        image = functional.conv2d(functional.pad(image[None, None], border, mode="replicate"), kernel.view(shape))[0, 0]
    return image
