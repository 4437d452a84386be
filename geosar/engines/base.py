"""What every engine promises."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from geosar.errors import EngineError

Precision = Literal["int8", "float32"]


class Engine(Protocol):
    """Runs a network on windows. One thread at a time may call `run`."""

    @property
    def device(self) -> str:
        """Where it runs: ``cpu``, ``cuda`` or ``mps``."""
        ...

    @property
    def precision(self) -> Precision:
        """The arithmetic of the network's convolutions."""
        ...

    @property
    def name(self) -> str:
        """The library behind it and its version."""
        ...

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Normalised backscatter (N, C, H, W) to red, green, blue and expected absolute error (N, h, w, 4).

        H and W are multiples of the model's stride; h and w are smaller by the model's margin on each side.
        Outputs are rounded to the nearest and clamped to 0..255. Raises EngineError when the network cannot run.
        """
        ...

    def run_despeckled(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return what `run` does, and normalised despeckled backscatter (N, C, h, w) of a model that makes it."""
        ...


def check_batch(batch: NDArray[np.float32], channels: int, stride: int, margin: int) -> None:
    """Raise EngineError unless the batch has the network's channels, and sides that its stride divides."""
    if batch.ndim != 4 or batch.shape[1] != channels or any(n % stride or n <= 2 * margin for n in batch.shape[2:]):
        raise EngineError(
            f"the batch is {batch.shape}, expected (N, {channels}, H, W) with H and W multiples of {stride} "
            f"above {2 * margin}.",
        )
