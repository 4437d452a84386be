"""Checkpoints on disk: written beside their target and renamed, read without running what is in them."""

import json
import pickle
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from geosar.publish import published
from geosar_training.errors import CheckpointError, CheckpointWriteError

KEYS = frozenset({"config", "update", "architecture", "generator", "average"})
"""What every checkpoint has; a method's other networks and its optimisers come beside them."""


def write_checkpoint(state: dict[str, Any], target: Path) -> None:
    """Write `state` so that `target` holds either the old checkpoint or the whole new one.

    Raises CheckpointWriteError, after which the old one is untouched and nothing half-done is left.
    """
    try:
        with published(target) as part, part.open("wb") as file:
            torch.save(state, file)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        earlier = f"The earlier checkpoint {target} is intact" if target.exists() else "No checkpoint was written yet"
        raise CheckpointWriteError(
            f"The checkpoint of update {state['update']} cannot be written to {target.parent} ({first_line(error)}). "
            f"{earlier}; free some space and give the same command again."
        ) from error


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return the state in a checkpoint; raises CheckpointError when the file holds none, or a damaged one."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({first_line(error)}). It is damaged or something else; "
            "give the last.pt of a `geosar-train fit` run."
        ) from error
    missing = KEYS - set(state) if isinstance(state, dict) else KEYS
    if missing:
        raise CheckpointError(
            f"{path} is no checkpoint of `geosar-train fit`: it lacks {', '.join(sorted(missing))}. "
            "Give the last.pt of such a run."
        )
    result: dict[str, Any] = state
    return result


def read_packaged(folder: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return the network of a packaged model in the shape of a checkpoint's state, with `architecture`.

    Its expected error is the calibrated one; what the export stretched its pictures by is taken back. Raises
    CheckpointError for a folder that is no packaged model, or one of a method whose weights are not packaged beside its
    networks.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        weights = folder / manifest["files"]["weights"]["path"]
        network = import_module("safetensors.torch").load_file(weights, device=str(device))
    except (OSError, ValueError, KeyError, TypeError, import_module("safetensors").SafetensorError) as error:
        raise CheckpointError(
            f"{folder} holds no packaged model with weights to start from ({first_line(error)}). "
            "Give the folder of a model that `geosar-train export` made of a pix2pix run."
        ) from error
    architecture = manifest["architecture"]
    for tone in {"mean", "deviation"} & architecture.keys() & network.keys():
        network[tone] = network[tone].new_tensor(architecture[tone]).view_as(network[tone])
    return {"architecture": architecture, "generator": network, "average": network}


def restore(parts: Mapping[str, nn.Module | torch.optim.Optimizer], state: dict[str, Any], checkpoint: Path) -> None:
    """Give networks and optimisers their states of a checkpoint; raises CheckpointError for one that does not fit."""
    for name, part in parts.items():
        try:
            part.load_state_dict(state[name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{checkpoint} holds no {name} that fits these settings ({first_line(error)}). Use the settings "
                "(adversary_width and the like) that it was made with, or start again from it in another output "
                "folder with --from."
            ) from error


def first_line(error: Exception) -> str:
    """Messages of torch go on for a page; their first line says what is wrong."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
