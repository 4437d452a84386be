"""The methods, one a module: each defines `METHOD`, and settings of its own where it has some."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from geosar_training.method import Method

METHODS = tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))
"""Names as the settings' `method` has them."""


def method_named(name: str) -> "type[Method[Any]]":
    """Return the class of a method; its module is imported only now, as settings and methods need each other."""
    method: type[Method[Any]] = import_module(f"geosar_training.methods.{name.replace('-', '_')}").METHOD
    return method
