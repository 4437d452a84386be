"""Settings of a run from a YAML file, or from plain values as a checkpoint holds them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin

import yaml

from geosar_training.config import Config
from geosar_training.errors import ConfigError
from geosar_training.methods import METHODS, method_named


def load_config(path: Path, changes: Sequence[str] = (), **overrides: Any) -> Config:
    """Read a YAML file of the settings of a method; `overrides` that are not None win.

    `changes` win over the file too: ``key=value`` or ``group.key=value``, the value as in the file.

    `base: FILE`, from the file's own folder, takes over all settings of another file but those that stand here.

    Raises ConfigError for a file that is not YAML, an unknown key or a value that cannot be used.
    """
    values = _read(path)
    for change in changes:
        _change(values, change)
    values |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return from_dict(values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _change(values: dict[str, Any], change: str) -> None:
    """Set one value in settings; raises ConfigError for what is no ``key=value``."""
    name, equals, text = change.partition("=")
    *groups, key = name.strip().split(".")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        equals = ""
    if not (equals and key):
        raise ConfigError(f"{change!r} is no setting; expected key=value, as learning_rate=0.0001 or weights.luma=2.")
    for group in groups:
        inner = values.get(group, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{name} cannot be set: {group} is {inner!r}, and no group of settings.")
        values[group] = values = dict(inner)
    values[key] = value


def _read(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read the settings of a file, on top of those of its base; `above` are the files whose base it is."""
    if path in above:
        raise ConfigError(f"{path} is the base of its own base.")
    try:
        values = yaml.safe_load(path.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds a {type(values).__name__}; expected settings, one `key: value` a line.")
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f"{path}: base is {base!r}; expected the name of a settings file.")
    return _read((path.parent / base).resolve(), (*above, path.resolve())) | values


def from_dict(values: Mapping[str, Any]) -> Config:
    """Make the settings of a method of plain values, as a file and a checkpoint hold them; raises ConfigError."""
    name = values.get("method", Config.method)
    if name not in METHODS:
        raise ConfigError(f"method is {name!r}; expected one of {', '.join(METHODS)}.")
    config: Config = _built(values, method_named(name).settings)
    config.check()
    return config


def _built(values: Mapping[str, Any], kind: Any) -> Any:
    """Make a dataclass of plain values; refuses keys that are not there and values of another kind."""
    kinds: dict[str, Any] = {item.name: get_origin(item.type) or item.type for item in fields(kind)}
    unknown = sorted(str(key) for key in set(values) - set(kinds))
    if unknown:
        raise ConfigError(f"unknown settings {', '.join(unknown)}; known are {', '.join(sorted(kinds))}.")
    return kind(**{key: _value(key, value, kinds[key]) for key, value in values.items()})


def _value(key: str, value: Any, kind: Any) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{key} is {value!r}; expected a `term: number` a line below it.")
        return _built(value, kind)
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)  # whole numbers pass
    if not fits or (isinstance(value, bool) and kind is not bool):
        hint = " Write powers of ten with a point, as in 1.0e-4." if kind is float else ""
        raise ConfigError(f"{key} is {value!r}; expected {_NAMES.get(kind, kind)}.{hint}")
    return value


_NAMES: dict[Any, str] = {
    int: "a whole number", float: "a number", bool: "true or false", str: "a word", list: "a list",
    dict: "a `name: number` a line below it",
}  # fmt: skip
