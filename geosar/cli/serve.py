"""``geosar serve``: starts the service, a package of its own that nothing else in geosar knows."""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """Return `command`, loading the service when it is asked for and not before."""
    if name == "command":
        return importlib.import_module("geosar_tiler.cli").command
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
