"""OpenVINO on the CPU: the default engine."""

import math
from collections import OrderedDict
from functools import cache
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13

from geosar.engines.base import Precision, check_batch
from geosar.errors import EngineError, ModelFormatError
from geosar.models import Model
from geosar.models.manifest import OUTPUTS

KEPT_GRAPHS = 16
MOST_NUMBERS = 2**30
"""In one tensor: 256 channels of a window of 2048 x 2048."""
KEPT_PIXELS = 8_000_000
"""Input pixels that the kept graphs may stand for together: a window of 2048 x 2048 with its halo and a narrower one
at the scene's edge. A graph keeps about 50 bytes of buffers a pixel."""


class OpenVinoEngine:
    """The network, compiled for each shape of batch that it meets, its last steps (clamp, round, bytes) baked in.

    A graph for one shape takes a quarter less time and half the memory of one of free height and width, and is
    compiled in a fifth of a second. A scene has few shapes; those used last are kept.
    """

    device = "cpu"

    def __init__(self, model: Model, precision: Precision, threads: int | None = None) -> None:
        self.precision: Precision = precision
        self.name = f"openvino {openvino.__version__.split('-', maxsplit=1)[0]}"
        self._stride = model.manifest.stride
        self._margin = model.manifest.margin
        self._channels = model.manifest.inputs.channels
        self._graphs: OrderedDict[tuple[int, ...], openvino.InferRequest] = OrderedDict()
        # Bfloat16, which OpenVINO picks by itself where the CPU has it, would make the pixels depend on the CPU.
        self._options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            self._options["INFERENCE_NUM_THREADS"] = threads
        path, spec = model.file(precision), model.manifest.files[precision]
        # The very weights whose checksum was looked at, not those that lie beside the network under its name.
        weights = str(model.folder / spec.data_path) if spec.engine == "openvino" and spec.data_path else ""
        try:
            network = _core().read_model(str(path), weights)
            self._networks = {
                despeckled: _ending_in_bytes(network.clone(), self._channels, despeckled=despeckled)
                for despeckled in ((False, True) if model.manifest.despeckles else (False,))
            }
        except ModelFormatError:
            raise
        except Exception as error:  # each reader of a format has errors of its own kind
            raise ModelFormatError(
                f"OpenVINO cannot use {path}: {_first_line(error)}. Get the model again, or update openvino.",
            ) from error

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.uint8]:
        """See `geosar.engines.base.Engine.run`."""
        result: NDArray[np.uint8] = self._infer(batch, despeckled=False)[0]
        return result

    def run_despeckled(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """See `geosar.engines.base.Engine.run_despeckled`."""
        answer = self._infer(batch, despeckled=True)
        return answer[0], answer[1]

    def _infer(self, batch: NDArray[np.float32], *, despeckled: bool) -> Any:
        check_batch(batch, self._channels, self._stride, self._margin)
        try:
            request = self._graph(batch.shape, despeckled)
            answer = request.infer({0: np.ascontiguousarray(batch)}, share_inputs=True)
        except (RuntimeError, MemoryError) as error:
            raise EngineError(
                f"OpenVINO failed on a window of {batch.shape[3]} x {batch.shape[2]} pixels: {_first_line(error)}. "
                "If memory is short, choose a smaller window.",
            ) from error
        number, height, width = batch.shape[0], *(side - 2 * self._margin for side in batch.shape[2:])
        expected = ((number, height, width, len(OUTPUTS)), (number, self._channels, height, width))
        shapes = tuple(answer[index].shape for index in range(1 + despeckled))
        if shapes != expected[: len(shapes)]:
            raise ModelFormatError(f"the network makes {shapes} of {batch.shape}, expected {expected[: len(shapes)]}.")
        return answer

    def _graph(self, shape: tuple[int, ...], despeckled: bool) -> openvino.InferRequest:
        """Return the graph for one shape; older ones go before a new one is made, so that memory is bounded."""
        key = (*shape, int(despeckled))
        if key in self._graphs:
            self._graphs.move_to_end(key)
            return self._graphs[key]
        pixels_left = KEPT_PIXELS - _pixels(key)
        while self._graphs and (len(self._graphs) >= KEPT_GRAPHS or sum(map(_pixels, self._graphs)) > pixels_left):
            self._graphs.popitem(last=False)
        fixed = self._networks[despeckled].clone()
        fixed.reshape(shape)
        _check_tensors(fixed)
        self._graphs[key] = _core().compile_model(fixed, "CPU", self._options).create_infer_request()
        return self._graphs[key]


@cache
def _core() -> openvino.Core:
    """Return the one core of this process.

    Each core gives its thread a stack for signals and frees it when it goes; of two that go in the order they
    came in, the second puts back the freed stack of the first, and the next signal ends the process.
    """
    return openvino.Core()


def _pixels(shape: tuple[int, ...]) -> int:
    return shape[0] * shape[2] * shape[3]


def _ending_in_bytes(network: openvino.Model, channels: int, *, despeckled: bool) -> openvino.Model:
    """Return the network with the picture in bytes, and behind it, where wanted, the despeckled backscatter."""
    if len(network.inputs) != 1 or len(network.outputs) not in ((2,) if despeckled else (1, 2)):
        expected = "two outputs" if despeckled else "one output, or two"
        raise ModelFormatError(
            f"the network has {len(network.inputs)} inputs and {len(network.outputs)} outputs, expected one input and "
            f"{expected}.",
        )
    network.reshape([-1, channels, -1, -1])
    shape = network.output(0).get_partial_shape()
    if shape.rank.get_length() != 4 or shape[1] != len(OUTPUTS):
        raise ModelFormatError(f"the network's output has the shape {shape}, expected (N, {len(OUTPUTS)}, H, W).")
    end = network.output(0).get_node().input_value(0)
    steps = opset13.round(opset13.clamp(end, 0.0, 255.0), "half_to_even")
    steps = opset13.convert(opset13.transpose(steps, np.array([0, 2, 3, 1], np.int64)), "u8")
    ends = [opset13.result(steps)]
    if despeckled:
        ends.append(opset13.result(network.output(1).get_node().input_value(0)))
    return openvino.Model(ends, network.get_parameters(), network.get_friendly_name())


def _check_tensors(network: openvino.Model) -> None:
    """Refuse a network that would make a tensor of more memory than any window needs."""
    for node in network.get_ops():
        for output in node.outputs():
            shape = output.get_partial_shape()
            if shape.is_static and math.prod(shape.to_shape()) > MOST_NUMBERS:
                raise ModelFormatError(f"the network makes a tensor of {shape} numbers, more than any window needs.")


def _first_line(error: Exception) -> str:
    """OpenVINO's messages carry the source lines of its own code; the last line says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
