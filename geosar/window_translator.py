"""Any window of a scene through the network: read with its halo, normalise, run, cut.

A window's pixels depend on the scene and the model alone, so whoever asks for whichever window gets what the
whole translated scene has there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geosar.engines import Engine
from geosar.errors import UsageError
from geosar.grid import Window, padded_window
from geosar.models.manifest import InputSpec, ModelManifest
from geosar.normalisation import choose_normaliser
from geosar.scene import SarScene

STEPS = 128
"""Steps of a decibel that despeckled backscatter is rounded to, far below its error: files of half the size."""


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """A window on its way in: what the network sees, where the window lies in its answer, and what of it is real.

    `measured` (P, h, w) is the window in decibels where it is too bright for the network, NaN elsewhere; None where
    despeckled backscatter was not asked for.
    """

    inputs: NDArray[np.float32]
    crop: tuple[slice, slice]
    valid: NDArray[np.bool_]
    measured: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A window on its way out: red, green, blue and expected error (h, w, 4), and what of it is real (h, w).

    `despeckled`, where it was asked for, is backscatter in decibels (h, w, P), in the scene's order of polarisations.
    """

    values: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    despeckled: NDArray[np.float32] | None = None


class WindowTranslator:
    """Translates windows of one scene by one model; `scene` has the polarisations that the model takes.

    Making one measures the scene (`SarScene.statistics`). `read` and `compute` may run in different threads;
    each by itself is used by one thread at a time. With `despeckled`, windows have the despeckled backscatter as well;
    raises UsageError for a model that makes none.
    """

    def __init__(self, scene: SarScene, manifest: ModelManifest, engine: Engine, *, despeckled: bool = False) -> None:
        if despeckled and not manifest.despeckles:
            raise UsageError(
                f"the model {manifest.name} makes no despeckled backscatter; leave it out, or use a model that does."
            )
        self.scene = scene
        self._manifest = manifest
        self._engine = engine
        self._despeckled = despeckled
        self._channels = list(manifest.inputs.channels_of(scene.polarisations))
        self._normalise, _ = choose_normaliser(scene, manifest.inputs)

    def read(self, window: Window) -> NetworkInput | None:
        """Read and normalise a window inside the scene; None where nothing of it is valid."""
        padded = padded_window(window, self._manifest.halo, self._manifest.stride)
        block = self.scene.read_padded(padded)
        col, row = window.col_off - padded.col_off, window.row_off - padded.row_off
        inside = _part(col, row, window)
        valid = block.valid[inside]
        if not valid.any():
            return None
        margin = self._manifest.margin
        normalised = self._normalise(block.values, block.valid)
        measured = self._beyond(block.values[:, *inside], normalised[:, *inside]) if self._despeckled else None
        inputs = _on_channels(normalised, self._channels, self._manifest.inputs)
        return NetworkInput(inputs[np.newaxis], _part(col - margin, row - margin, window), valid, measured)

    def compute(self, block: NetworkInput) -> Prediction:
        """Run the network on what `read` gave."""
        if block.measured is None:
            return Prediction(self._engine.run(block.inputs)[0][block.crop], block.valid)
        pictures, despeckled = self._engine.run_despeckled(block.inputs)
        decibels = self._normalise.decibels(despeckled[0][self._channels][:, *block.crop])
        values = np.where(np.isnan(block.measured), decibels, block.measured)
        values = np.rint(values * STEPS) / np.float32(STEPS)
        return Prediction(pictures[0][block.crop], block.valid, np.ascontiguousarray(np.moveaxis(values, 0, -1)))

    def translate(self, window: Window) -> Prediction | None:
        """Return what `read` and `compute` make of a window; None where nothing of it is valid."""
        block = self.read(window)
        return None if block is None else self.compute(block)

    def _beyond(self, values: NDArray[np.generic], normalised: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the decibels of what is brighter than the network can tell, NaN elsewhere: bright points stay.

        What is darker is speckle over dark ground, for which the network's answer is the better one.
        """
        measured = self._normalise.to_decibels(values)
        measured[(normalised < self._manifest.inputs.clip[1]) | ~np.isfinite(measured)] = np.nan
        return measured


def _on_channels(normalised: NDArray[np.float32], channels: list[int], inputs: InputSpec) -> NDArray[np.float32]:
    if len(channels) == inputs.channels or inputs.missing is None:
        return normalised
    planes = np.full((inputs.channels, *normalised.shape[1:]), inputs.missing, np.float32)
    planes[channels] = normalised
    return planes


def _part(col: int, row: int, window: Window) -> tuple[slice, slice]:
    return slice(row, row + window.height), slice(col, col + window.width)
