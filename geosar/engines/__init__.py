"""Running a network: OpenVINO on the CPU, PyTorch on graphics cards, behind one small interface."""

import ctypes.util
import importlib
import importlib.util
import platform
from typing import TYPE_CHECKING, Any, get_args

from geosar.engines.base import Engine, Precision
from geosar.errors import EngineError, UsageError

if TYPE_CHECKING:  # pydantic comes with it, which a machine for training may lack
    from geosar.models import Model

__all__ = ["DEVICES", "Engine", "Precision", "open_engine", "resolve_device"]

DEVICES = ("auto", "cpu", "cuda", "mps")


def open_engine(
    model: "Model",
    device: str = "auto",
    precision: str | None = None,
    threads: int | None = None,
) -> Engine:
    """Make the engine for this model.

    `device` is one of `DEVICES`. `precision` defaults to int8 on the CPU where the model has it, else
    float32; graphics cards compute float32. Raises UsageError for an unknown or impossible choice,
    EngineError when the device is not here, ModelFormatError when the model's file does not fit.
    """
    if precision is not None and precision not in get_args(Precision):
        raise UsageError(f"unknown precision {precision!r}; choose int8 or float32.")
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}, expected 1 or more.")
    device = resolve_device(model, device)
    if device == "cpu":
        chosen: Precision = "float32"
        if precision == "int8" or (precision is None and "int8" in model.manifest.files):
            chosen = "int8"
        engine: Engine = _module("openvino").OpenVinoEngine(model, chosen, threads)
        return engine
    if precision == "int8":
        raise UsageError(f"int8 runs on the CPU; on {device} the precision is float32. Leave --precision out.")
    if importlib.util.find_spec("torch") is None:
        raise EngineError(f"the device {device} needs torch, which is not installed. Install it, or use --device cpu.")
    accelerated: Engine = _module("torch").TorchEngine(model, device, threads)
    return accelerated


def resolve_device(model: "Model", device: str) -> str:
    """Turn ``auto`` into the device that will be used; other names are returned as they are."""
    if device not in DEVICES:
        raise UsageError(f"unknown device {device!r}; choose one of {', '.join(DEVICES)}.")
    if device != "auto":
        return device
    # Importing torch takes seconds, so first look for what a graphics card cannot do without.
    if importlib.util.find_spec("torch") is None or "weights" not in model.manifest.files:
        return "cpu"
    if ctypes.util.find_library("cuda") is not None and _module("torch").available("cuda"):
        return "cuda"
    if platform.system() == "Darwin" and _module("torch").available("mps"):
        return "mps"
    return "cpu"


def _module(name: str) -> Any:
    """Each engine imports its library at its top; only the one that is used is imported."""
    return importlib.import_module(f"geosar.engines.{name}")
