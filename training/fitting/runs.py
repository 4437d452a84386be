"""What a run's checkpoint holds beside weights: its settings, and with the pairs a network for inference."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from geosar_training.config import Config
from geosar_training.errors import CheckpointError, ConfigError
from geosar_training.fitting.averaging import settle_norms
from geosar_training.fitting.checkpoint import first_line, read_checkpoint, restore
from geosar_training.methods import method_named
from geosar_training.networks.painter import Network
from geosar_training.pairs.pair import Pair
from geosar_training.settings import from_dict


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


def names_of(pairs: Sequence[Pair]) -> str:
    """Return what tells a set of pairs from another: a digest of their sources and names."""
    names = sorted(f"{pair.source}\n{pair.name}" for pair in pairs)
    return sha256("\n".join(names).encode()).hexdigest()


def differences(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in words in which settings and pairs the states of two runs differ, but for the number of updates."""
    before, after = earlier["config"], now["config"]
    words = [
        f"{key} is {after.get(key)!r} and was {before.get(key)!r}"
        for key in sorted(before.keys() | after.keys())
        if key != "updates" and before.get(key) != after.get(key)
    ]
    if earlier.get("pairs", now["pairs"]) != now["pairs"]:
        words.append("the training pairs are others")
    return words


def _of_another_version(checkpoint: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{checkpoint} was written by another version of the trainer ({first_line(error)}). Use that version."
    )
