"""Checkpoints on disk: written beside their target and renamed, read without running what is in them."""

import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from geosar.engines.generator import Generator
from training.averaging import settle_norms
from training.config import Config, from_dict
from training.data import Pair

KEYS = frozenset(
    {"config", "update", "architecture", "generator", "average", "adversary", "optimiser", "adversary_optimiser"}
)


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


def load_network(checkpoint: Path, pairs: Sequence[Pair]) -> tuple[Generator, Config, int]:
    """Return the averaged generator of a checkpoint ready for inference, its settings and its update count.

    The training split of `pairs` gives the normalisation statistics of the averaged weights.
    """
    state = read_checkpoint(checkpoint)
    try:
        config = from_dict(state["config"])
        network = Generator(**state["architecture"])
        network.load_state_dict(state["average"])
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(
            f"{checkpoint} was written by another version of the trainer ({_first_line(error)}). Use that version."
        ) from error
    training = [pair for pair in pairs if pair.split == "train"]
    return settle_norms(network, config, training), config, int(state["update"])


def _first_line(error: Exception) -> str:
    """Messages of torch go on for a page; their first line says what is wrong."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
