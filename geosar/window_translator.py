"""Any window of a scene through the network: read with its halo, normalise, run, cut.

A window's pixels depend on the scene and the model alone, so whoever asks for whichever window gets what the
whole translated scene has there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosar.engines import Engine
from geosar.grid import Window, padded_window
from geosar.manifest import ModelManifest
from geosar.normalisation import choose_normaliser
from geosar.scene import SarScene


@dataclass(frozen=True, slots=True)
class Block:
    """A window on its way in: what the network sees, where the window lies in its answer, and what of it is real."""

    inputs: NDArray[np.float32]
    crop: tuple[slice, slice]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pixels:
    """A window on its way out: red, green, blue and expected error (h, w, 4), and what of it is real (h, w)."""

    values: NDArray[np.uint8]
    valid: NDArray[np.bool_]


class WindowTranslator:
    """Translates windows of one scene by one model; `scene` has the polarisations that the model takes.

    Making one measures the scene (`SarScene.statistics`). `read` and `compute` may run in different threads;
    each by itself is used by one thread at a time.
    """

    def __init__(self, scene: SarScene, manifest: ModelManifest, engine: Engine) -> None:
        self.scene = scene
        self._manifest = manifest
        self._engine = engine
        self._normalise, _ = choose_normaliser(scene, manifest.inputs)

    def read(self, window: Window) -> Block | None:
        """Read and normalise a window inside the scene; None where nothing of it is valid."""
        padded = padded_window(window, self._manifest.halo, self._manifest.stride)
        block = self.scene.read_padded(padded)
        col, row = window.col_off - padded.col_off, window.row_off - padded.row_off
        valid = block.valid[_part(col, row, window)]
        if not valid.any():
            return None
        margin = self._manifest.margin
        crop = _part(col - margin, row - margin, window)
        return Block(self._normalise(block.values, block.valid)[np.newaxis], crop, valid)

    def compute(self, block: Block) -> Pixels:
        """Run the network on what `read` gave."""
        return Pixels(self._engine.run(block.inputs)[0][block.crop], block.valid)


def _part(col: int, row: int, window: Window) -> tuple[slice, slice]:
    return slice(row, row + window.height), slice(col, col + window.width)
