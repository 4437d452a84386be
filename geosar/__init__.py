"""geosar: turns SAR rasters into optical-looking Cloud-Optimized GeoTIFFs that say that they are synthetic.

The public names load what they need on first use, so that ``import geosar`` itself is cheap.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from geosar.errors import (
        BlockSizeError,
        BoundsError,
        EngineError,
        GeosarError,
        GridMismatchError,
        ModelChecksumError,
        ModelFormatError,
        ModelNotFoundError,
        PolarisationError,
        ResumeError,
        SceneChangedError,
        SceneContentError,
        SceneNotFoundError,
        SceneReadError,
        TargetError,
        TargetExistsError,
        TranslationCancelled,
        UnitError,
        UnlikeSarError,
        UsageError,
    )
    from geosar.grid import Window
    from geosar.models import load_model
    from geosar.report import Progress, TranslationReport
    from geosar.scene import SarScene, open_scene
    from geosar.translation import translate
    from geosar.version import __version__
    from geosar.vocabulary import Unit

    show: Callable[..., Any]

__all__ = [
    "BlockSizeError",
    "BoundsError",
    "EngineError",
    "GeosarError",
    "GridMismatchError",
    "ModelChecksumError",
    "ModelFormatError",
    "ModelNotFoundError",
    "PolarisationError",
    "Progress",
    "ResumeError",
    "SarScene",
    "SceneChangedError",
    "SceneContentError",
    "SceneNotFoundError",
    "SceneReadError",
    "TargetError",
    "TargetExistsError",
    "TranslationCancelled",
    "TranslationReport",
    "Unit",
    "UnitError",
    "UnlikeSarError",
    "UsageError",
    "Window",
    "__version__",
    "load_model",
    "open_scene",
    "show",
    "translate",
]

# OpenVINO would report its use to a server of its makers, from a process that it forks, which can hang where there
# are threads. It does without where it finds this package missing.
_MISSING: Any = None
sys.modules.setdefault("openvino_telemetry", _MISSING)

_HOMES = {
    "Progress": "geosar.report",
    "SarScene": "geosar.scene",
    "TranslationReport": "geosar.report",
    "Unit": "geosar.vocabulary",
    "Window": "geosar.grid",
    "__version__": "geosar.version",
    "load_model": "geosar.models",
    "open_scene": "geosar.scene",
    "show": "geosar_webmap.mapfile.show",  # a package that stands on this one: named here, loaded when it is asked for
    "translate": "geosar.translation",
}


def __getattr__(name: str) -> Any:
    """Load a public name from the module that it lives in; what has no other home is an error's name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: Any = getattr(import_module(_HOMES.get(name, "geosar.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
