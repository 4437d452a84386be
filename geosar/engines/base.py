"""What every engine promises."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

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
