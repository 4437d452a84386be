"""The networks of packaged models, by the architecture in their manifest; imported only where torch runs."""

from typing import Any

from torch import Tensor, nn

from geosar.engines import colouriser, generator
from geosar.engines.colouriser import Colouriser
from geosar.engines.generator import Generator

Packaged = Colouriser | Generator
"""Networks that an engine can run on PyTorch, and that can be trained on."""


def make_network(architecture: dict[str, Any]) -> Packaged:
    """Make the network of an architecture; raises TypeError or ValueError for what is none."""
    options = dict(architecture)
    kind = options.pop("kind", "generator")
    if kind == Colouriser.kind:
        return Colouriser(**options)
    if kind != "generator":
        raise ValueError(f"unknown kind {kind!r}; known are generator and {Colouriser.kind}")
    return Generator(**options)


def fold(network: Packaged, margin: int = 0) -> Packaged:
    """Turn a trained network, in place, into its inference form; see the two modules' `fold`."""
    if isinstance(network, Colouriser):
        return colouriser.fold(network, margin)
    return generator.fold(network, margin)


class WithDespeckled(nn.Module):
    """A colouriser whose every output is asked for, to be exported."""

    def __init__(self, network: Colouriser) -> None:
        super().__init__()
        self.network = network

    def forward(self, sar: Tensor) -> tuple[Tensor, Tensor]:
        """See `Colouriser.picture_and_despeckled`."""
        return self.network.picture_and_despeckled(sar)
