"""What a network saw in training, as its package declares it: both ends then go by one rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from geosar_training.pairs.pair import REFERENCE, Pair

PIXEL_SIZE = 10.0
"""Metres, of Sentinel-1 GRD: taken where no pair says its own."""


@dataclass(frozen=True)
class Seen:
    """What the training pairs say of the radar that a network knows.

    `polarisations` are those that single bands had, empty where a pair names none. `reference` holds the mean and
    deviation, in decibel, of each polarisation that was normalised by the `REFERENCE`; a scene of any other is
    normalised by its own values, as in training. `pixel_size` is in metres.
    """

    polarisations: tuple[str, ...]
    reference: dict[str, tuple[float, float]]
    pixel_size: float
    pairs: int
    together: bool = False
    """Whether any pair had several polarisations at once."""

    def accepts(self, together: Sequence[str] = ()) -> list[list[str]]:
        """Return the sets of polarisations that a network takes: all of `together`, or one of those it saw."""
        return [list(together)] if together else [[name] for name in self.polarisations or REFERENCE]

    def description(self, together: Sequence[str] = ()) -> str:
        """Return a sentence for a package whose maker gave none."""
        words = " or ".join(" and ".join(names) for names in self.accepts(together))
        return f"Optical-looking colour from {words} at {self.pixel_size:g} m, with its expected error."


def seen_in(pairs: Sequence[Pair]) -> Seen:
    """Return what the training split of pairs says."""
    trained = [pair for pair in pairs if pair.split == "train"]
    single = [pair.polarisations for pair in trained if pair.sar.ndim == 2]
    named = all(single)
    calibrated = {name for pair in trained if pair.calibrated for name in pair.polarisations}
    sizes = [pair.pixel_size for pair in trained if pair.pixel_size is not None]
    return Seen(
        polarisations=tuple(name for name in REFERENCE if named and (name,) in single),
        reference={name: figures for name, figures in REFERENCE.items() if name in calibrated},
        pixel_size=median(sizes) if sizes else PIXEL_SIZE,
        pairs=len(trained),
        together=any(len(pair.bands) > 1 for pair in trained),
    )
