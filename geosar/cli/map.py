"""``geosar map``: writes a map file, the business of a package of its own that nothing else in geosar knows."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """Return `command`, loading the maps when it is asked for and not before."""
    if name == "command":
        return importlib.import_module("geosar_webmap.mapfile.command").command
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
