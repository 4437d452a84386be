"""One run's settings, read from a YAML file; dataclasses only, so that the loop runs where pydantic is not."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_origin

import yaml

from geosar.engines.generator import LEVELS, STRIDE


class ConfigError(ValueError):
    """A settings file that cannot be used; the message names the key."""


@dataclass(frozen=True)
class Weights:
    """Weights of the loss terms; `adversarial` and `features` only count in the adversarial stage."""

    luma: float = 1.0
    luma_coarse: float = 1.0
    chroma: float = 1.0
    error: float = 0.1
    adversarial: float = 1.0
    features: float = 5.0


@dataclass(frozen=True)
class Config:
    """Everything that decides a run, apart from where its data lies."""

    stage: str = "regression"
    """`regression` (no adversary: the L1-only twin) or `adversarial`."""
    seed: int = 1
    updates: int = 20_000
    batch: int = 8
    crop: int = 256
    learning_rate: float = 1e-3
    adversary_learning_rate: float = 4e-4
    warmup: int = 200
    ema: float = 0.999
    widths: list[int] = field(default_factory=lambda: [24, 48, 96, 192, 256])
    adversary_width: int = 32
    align_tone: bool = True
    source_weights: dict[str, float] = field(default_factory=dict)
    weights: Weights = field(default_factory=Weights)
    checkpoint_every: int = 250
    preview_every: int = 1000

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as the checkpoint and the manifest keep them."""
        return asdict(self)


ADVERSARY_FIELD = 136
"""Pixels on a side of the larger of the patches that the discriminators judge."""

STAGES = ("regression", "adversarial")
_AT_LEAST = {
    "updates": 1, "batch": 1, "crop": 64, "warmup": 1, "adversary_width": 1, "checkpoint_every": 1, "preview_every": 1,
}  # fmt: skip


def load_config(path: Path, **overrides: Any) -> Config:
    """Read a YAML file of `Config`'s fields; `overrides` that are not None win.

    Raises ConfigError for a file that is not YAML, an unknown key or a value that cannot be used.
    """
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds a {type(values).__name__}; expected settings, one `key: value` a line.")
    values |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return from_dict(values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def from_dict(values: Mapping[str, Any]) -> Config:
    """Make a `Config` of plain values, as a settings file and a checkpoint hold them; raises ConfigError."""
    weights = values.get("weights") or {}
    if not isinstance(weights, Mapping):
        raise ConfigError(f"weights is {weights!r}; expected a `term: number` a line below it.")
    config = Config(**(_checked(values, Config) | {"weights": Weights(**_checked(weights, Weights))}))
    if config.stage not in STAGES:
        raise ConfigError(f"stage is {config.stage!r}; expected {' or '.join(STAGES)}.")
    for key, least in _AT_LEAST.items():
        if getattr(config, key) < least:
            raise ConfigError(f"{key} is {getattr(config, key)}; expected {least} or more.")
    if config.stage == "adversarial" and config.crop < ADVERSARY_FIELD:
        raise ConfigError(f"crop is {config.crop}; an adversary that sees {ADVERSARY_FIELD} pixels needs 160 or more.")
    if config.crop % STRIDE:
        raise ConfigError(f"crop is {config.crop}; expected a multiple of the network's stride, {STRIDE}.")
    if len(config.widths) != LEVELS or not all(isinstance(width, int) and width > 0 for width in config.widths):
        raise ConfigError(f"widths is {config.widths}; expected {LEVELS} numbers of features, from 1/2 to 1/32.")
    if not (0 <= config.ema < 1 and config.learning_rate > 0 and config.adversary_learning_rate > 0):
        raise ConfigError("learning rates must be above 0, and ema at least 0 and below 1.")
    if not all(isinstance(weight, int | float) and weight >= 0 for weight in config.source_weights.values()):
        raise ConfigError(f"source_weights is {config.source_weights}; expected numbers of 0 or more.")
    return config


def _checked(values: Mapping[str, Any], kind: type[Config] | type[Weights]) -> dict[str, Any]:
    """Refuse keys that are not there and values of another kind; whole numbers pass as fractions."""
    kinds: dict[str, Any] = {item.name: get_origin(item.type) or item.type for item in fields(kind)}
    unknown = sorted(str(key) for key in set(values) - set(kinds))
    if unknown:
        raise ConfigError(f"unknown settings {', '.join(unknown)}; known are {', '.join(sorted(kinds))}.")
    for key, value in values.items():
        wanted = kinds[key]
        fits = isinstance(value, int | float) if wanted is float else wanted is Weights or isinstance(value, wanted)
        if not fits or (isinstance(value, bool) and wanted is not bool):
            hint = " Write powers of ten with a point, as in 1.0e-4." if wanted is float else ""
            raise ConfigError(f"{key} is {value!r}; expected {_NAMES.get(wanted, wanted)}.{hint}")
    return dict(values)


_NAMES: dict[Any, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a word", list: "a list",
    dict: "a `name: number` a line below it",
}  # fmt: skip
