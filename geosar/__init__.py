"""geosar: turns SAR rasters into optical-looking Cloud-Optimized GeoTIFFs that say that they are synthetic.

The public names load what they need on first use, so that ``import geosar`` itself is cheap.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from geosar.errors import GeosarError
    from geosar.models import load_model
    from geosar.report import TranslationReport
    from geosar.scene import open_scene
    from geosar.translation import translate
    from geosar.version import __version__

    show: Callable[..., Any]

__all__ = ["GeosarError", "TranslationReport", "__version__", "load_model", "open_scene", "show", "translate"]

# OpenVINO would report its use to a server of its makers, from a process that it forks, which can hang where there
# are threads. It does without where it finds this package missing.
_MISSING: Any = None
sys.modules.setdefault("openvino_telemetry", _MISSING)

_HOMES = {
    "GeosarError": "geosar.errors",
    "TranslationReport": "geosar.report",
    "__version__": "geosar.version",
    "load_model": "geosar.models",
    "open_scene": "geosar.scene",
    "show": "webmap.mapfile.show",  # a package that stands on this one: named here, and loaded when it is asked for
    "translate": "geosar.translation",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: Any = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
