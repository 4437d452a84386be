"""What libraries raise that an odd raster surprises: geosar's own errors at the doors of the package, and nowhere else.

Where something is known to go wrong, it is said there, with what to do. This is for what nobody foresaw.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from affine import AffineError
from pyproj.exceptions import ProjError

from geosar.errors import GeosarError, SceneContentError
from geosar.scene.source import GDAL_ERRORS

FOREIGN = (*GDAL_ERRORS, AffineError, ProjError, ArithmeticError, IndexError, NotImplementedError)

P = ParamSpec("P")
R = TypeVar("R")


def own_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function raise no errors but geosar's, and those of Python for arguments that make no sense."""

    @functools.wraps(function)
    def door(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except GeosarError:
            raise
        except FOREIGN as error:
            reason = str(error.__cause__ or error).strip() or "no reason given"
            raise SceneContentError(
                f"the raster cannot be worked with ({type(error).__name__}: {reason}); expected one whose pixels, "
                "georeference and tags go together. Look at it with `rio info`, and write it anew.",
            ) from error

    return door
