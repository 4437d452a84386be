"""One run's settings, read from a YAML file; dataclasses only, so that the loop runs where pydantic is not."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml


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


def load_config(path: Path, **overrides: Any) -> Config:
    """Read a YAML file of `Config`'s fields; `overrides` that are not None win."""
    text = yaml.safe_load(path.read_text()) or {}
    text |= {key: value for key, value in overrides.items() if value is not None}
    text["weights"] = Weights(**_known(text.get("weights", {}), Weights, path))
    return Config(**_known(text, Config, path))


def _known(values: dict[str, Any], kind: type[Config] | type[Weights], path: Path) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise ConfigError(f"{path} sets {', '.join(unknown)}; known are {', '.join(sorted(names))}.")
    return values
