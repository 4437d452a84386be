"""PyTorch, for graphics cards (and, in tests, the CPU); imported only when one is asked for."""

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from geosar.engines.base import Precision, check_batch
from geosar.engines.generator import Generator, fold
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
        check_batch(batch, self._channels, self._stride, self._margin)
        try:
            inputs = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
            outputs = self._network(inputs.contiguous(memory_format=torch.channels_last))
            pixels = torch.nan_to_num(outputs).clamp(0.0, 255.0).round().to(torch.uint8).permute(0, 2, 3, 1)
            result: NDArray[np.uint8] = pixels.contiguous().cpu().numpy()
        except RuntimeError as error:
            raise EngineError(
                f"torch failed on a window of {batch.shape[3]} x {batch.shape[2]} pixels on {self.device}: {error}. "
                "If memory is short, choose a smaller window.",
            ) from error
        return result


def available(device: str) -> bool:
    """Whether torch can compute there."""
    if device == "cuda":
        return torch.cuda.is_available()
    if device == "mps":
        return torch.backends.mps.is_available()
    return device == "cpu"


def _network(model: Model) -> Generator:
    path, margin = model.file("weights"), model.manifest.margin
    try:
        weights = load_file(path)
        network = Generator(**model.manifest.architecture)
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
