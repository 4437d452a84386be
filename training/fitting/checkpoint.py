"""Checkpoints on disk: written beside their target and renamed, read without running what is in them."""

import json
import os
import pickle
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.config import Config, ConfigError, from_dict
from training.fitting.averaging import settle_norms
from training.methods import method_named
from training.networks.painter import Network
from training.pairs.pair import Pair

KEYS = frozenset({"config", "update", "architecture", "generator", "average"})
"""What every checkpoint has; a method's other networks and its optimisers come beside them."""


class CheckpointError(ValueError):
    """A file is no checkpoint of this trainer, or of another network or stage; the message says which."""


class CheckpointWriteError(OSError):
    """A checkpoint could not be written; the one before it is still there."""


def write_checkpoint(state: dict[str, Any], target: Path) -> None:
    """Write `state` so that `target` holds either the old checkpoint or the whole new one.

    Raises CheckpointWriteError, after which the old one is untouched and nothing half-done is left.
    """
    temporary = target.with_suffix(".part")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        temporary.unlink(missing_ok=True)
        kept = f"The earlier checkpoint {target} is intact" if target.exists() else "No checkpoint was written yet"
        raise CheckpointWriteError(
            f"The checkpoint of update {state['update']} cannot be written to {target.parent} ({_first_line(error)}). "
            f"{kept}; free some space and give the same command again."
        ) from error


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return the state in a checkpoint; raises CheckpointError when the file holds none, or a damaged one."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a checkpoint ({_first_line(error)}). It is damaged or something else; "
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

    Its expected error is the calibrated one. Raises CheckpointError for a folder that is no packaged model, or one of a
    method whose weights are not packaged beside its networks.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        weights = folder / manifest["files"]["weights"]["path"]
        network = import_module("safetensors.torch").load_file(weights, device=str(device))
    except (OSError, ValueError, KeyError, TypeError, import_module("safetensors").SafetensorError) as error:
        raise CheckpointError(
            f"{folder} holds no packaged model with weights to start from ({_first_line(error)}). "
            "Give the folder of a model that `geosar-train export` made of a pix2pix run."
        ) from error
    return {"architecture": manifest["architecture"], "generator": network, "average": network}


def restore(parts: Mapping[str, nn.Module | torch.optim.Optimizer], state: dict[str, Any], checkpoint: Path) -> None:
    """Give networks and optimisers their states of a checkpoint; raises CheckpointError for one that does not fit."""
    for name, part in parts.items():
        try:
            part.load_state_dict(state[name])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(
                f"{checkpoint} holds no {name} that fits these settings ({_first_line(error)}). Use the settings "
                "(adversary_width and the like) that it was made with, or start again from it in another output "
                "folder with --from."
            ) from error


def settings_of(checkpoint: Path) -> Config:
    """Return the settings of a checkpoint; raises CheckpointError."""
    return settings_in(read_checkpoint(checkpoint), checkpoint)


def load_network(checkpoint: Path, pairs: Sequence[Pair], batches: int | None = None) -> tuple[Network, Config, int]:
    """Return the averaged generator of a checkpoint ready for inference, its settings and its update count.

    The training split of `pairs` gives the normalisation statistics of the averaged weights, over `batches` of it.
    """
    state = read_checkpoint(checkpoint)
    config = settings_in(state, checkpoint)
    method = method_named(config.method)
    try:
        network = method.network(state["architecture"])
        network.load_state_dict(state["average"])
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        raise _of_another_version(checkpoint, error) from error
    training = [pair for pair in pairs if pair.split == "train" and (pair.coloured or not method.colour_only)]
    return settle_norms(network, config, training, batches), config, int(state["update"])


def network_in(checkpoint: Path) -> Network:
    """Return the averaged generator of a checkpoint with the normalisation statistics that training kept beside it.

    Good enough to look at; `load_network` makes statistics that fit the averaged weights. Raises CheckpointError.
    """
    state = read_checkpoint(checkpoint)
    method = method_named(settings_in(state, checkpoint).method)
    network = method.network(state["architecture"])
    restore({"average": network}, state, checkpoint)
    return network.eval()


def settings_in(state: dict[str, Any], checkpoint: Path) -> Config:
    """Return the settings in the state of a checkpoint; raises CheckpointError."""
    try:
        return from_dict(state["config"])
    except (ConfigError, TypeError, AttributeError) as error:
        raise _of_another_version(checkpoint, error) from error


def _of_another_version(checkpoint: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{checkpoint} was written by another version of the trainer ({_first_line(error)}). Use that version."
    )


def _first_line(error: Exception) -> str:
    """Messages of torch go on for a page; their first line says what is wrong."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
