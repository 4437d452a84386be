"""PyTorch, for graphics cards (and, in tests, the CPU); imported only when one is asked for."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from geosar.engines.base import Precision, check_batch
from geosar.engines.colouriser import Colouriser
from geosar.engines.networks import Packaged, fold, make_network
from geosar.errors import EngineError, ModelFormatError
from geosar.models import Model


class TorchEngine:
    """The generator in float32, rebuilt from the manifest's architecture and the safetensors weights."""

    precision: Precision = "float32"

    def __init__(self, model: Model, device: str, threads: int | None = None) -> None:
        if not available(device):
            raise EngineError(
                f"torch {torch.__version__} sees no {device} device here. Use --device cpu, or install the torch "
                "build for your graphics card.",
            )
        self.device = device
        self.name = f"torch {torch.__version__}"
        self._stride = model.manifest.stride
        self._margin = model.manifest.margin
        self._channels = model.manifest.inputs.channels
        if threads is not None and device == "cpu":
            torch.set_num_threads(threads)
        # TF32 would round the inputs to ten bits, and so make the pixels depend on the card.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        network = _network(model).eval().requires_grad_(requires_grad=False)
        self._network = network.to(device)
        for weight in self._network.parameters():
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(self, batch: NDArray[np.float32]) -> NDArray[np.uint8]:
        """See `geosar.engines.base.Engine.run`."""
        return self._infer(batch, self._network)[0]

    @torch.inference_mode()
    def run_despeckled(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """See `geosar.engines.base.Engine.run_despeckled`."""
        if not isinstance(self._network, Colouriser):
            raise EngineError("this model makes no despeckled backscatter; use one that does.")
        pictures, (despeckled,) = self._infer(batch, self._network.picture_and_despeckled)
        return pictures, despeckled.float().cpu().numpy()

    def _infer(
        self, batch: NDArray[np.float32], network: Callable[[Tensor], Tensor | tuple[Tensor, ...]]
    ) -> tuple[NDArray[np.uint8], tuple[Tensor, ...]]:
        check_batch(batch, self._channels, self._stride, self._margin)
        try:
            inputs = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
            outputs = network(inputs.contiguous(memory_format=torch.channels_last))
            picture, *others = (outputs,) if isinstance(outputs, Tensor) else outputs
            pixels = torch.nan_to_num(picture).clamp(0.0, 255.0).round().to(torch.uint8).permute(0, 2, 3, 1)
            return pixels.contiguous().cpu().numpy(), tuple(others)
        except RuntimeError as error:
            raise EngineError(
                f"torch failed on a window of {batch.shape[3]} x {batch.shape[2]} pixels on {self.device}: {error}. "
                "If memory is short, choose a smaller window.",
            ) from error


def available(device: str) -> bool:
    """Whether torch can compute there."""
    if device == "cuda":
        return torch.cuda.is_available()
    if device == "mps":
        return torch.backends.mps.is_available()
    return device == "cpu"


def _network(model: Model) -> Packaged:
    path, margin = model.file("weights"), model.manifest.margin
    try:
        weights = load_file(path)
        network = make_network(model.manifest.architecture)
        folded = not any(name.endswith("running_mean") for name in weights)
        if folded:
            network = fold(network, margin)
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise ModelFormatError(
            f"{path} does not fit the architecture that the manifest of {model.label} declares: {error}. "
            "Package the model again.",
        ) from error
    return network if folded else fold(network, margin)
