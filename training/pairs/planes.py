"""Backscatter as networks take it that declare which polarisation is missing."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from geosar.backscatter import MISSING, Normaliser
from geosar.vocabulary import SENTINEL_1
from geosar_training.pairs.pair import Pair

PLANES = SENTINEL_1
"""Input channels of a network that declares a missing polarisation."""


EXCHANGED = 0.3
"""Share of crops of one polarisation that are shown as the other: land looks much the same in both."""


def planes(pair: Pair, normalisers: Mapping[str, Normaliser]) -> NDArray[np.float32]:
    """Return the pair's backscatter on the `PLANES`, (2, H, W); one that is missing is `MISSING` throughout.

    One polarisation that nothing names is taken as the first. Backscatter of other polarisations is as `normalised`.
    """
    bands = normalisers[pair.source](pair.bands, pair.mask)
    names = pair.polarisations or PLANES[: len(bands)]
    return placed(bands, [PLANES.index(name) for name in names]) if set(names) <= set(PLANES) else bands


def placed(bands: NDArray[np.float32], channels: Sequence[int]) -> NDArray[np.float32]:
    """Return bands (P, H, W) as these channels of all `PLANES`, the others `MISSING`."""
    result = np.full((len(PLANES), *bands.shape[1:]), MISSING, np.float32)
    result[list(channels)] = bands
    return result


def fitting(backscatter: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """Return backscatter (H, W), (P, H, W) or of `planes` as (channels, H, W).

    A network of one channel gets the first polarisation that is there; one of the `PLANES` a single band as the first.
    """
    bands = backscatter if backscatter.ndim == 3 else backscatter[None]
    there = [index for index, band in enumerate(bands) if band[0, 0] != MISSING]
    if channels == 1:
        return bands[there[:1]]
    return placed(bands, [0]) if len(bands) == 1 else bands


def drawn_planes(
    bands: int, polarisations: Sequence[str], dropout: float, random: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Draw which of a crop's bands are shown, and on which of the `PLANES`; `dropout` of several leave one out."""
    channels = [PLANES.index(name) for name in polarisations]
    if bands == 1:
        return [0], channels if channels and random.random() >= EXCHANGED else [int(random.integers(len(PLANES)))]
    channels = channels or list(range(bands))
    if random.random() < dropout:
        band = int(random.integers(bands))
        return [band], [channels[band]]
    return list(range(bands)), channels
