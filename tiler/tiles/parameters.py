"""What the many parameters of a layer may be, refused before they reach arithmetic that cannot take them."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from color_operations import parse_operations

from geosar_tiler.errors import InvalidError

FARTHEST = 1e9
"""No CRS of the Earth has a coordinate beyond it, in whatever unit."""


def check(query: Mapping[str, str], percentiles: Sequence[str]) -> None:
    """Refuse a colour map, a range of a histogram or percentiles that make nothing; raises InvalidError."""
    if "colormap" in query:
        check_colormap(query["colormap"])
    if "histogram_range" in query:
        _check_range(query["histogram_range"])
    for text in percentiles:
        if text.lstrip("+-").isdecimal() and not 0 <= int(text[:9]) <= 100:
            raise InvalidError(f"p is {text[:40]}; expected percentiles from 0 to 100.")


def check_colormap(text: str) -> None:
    """Refuse a colour map that names no colours for values; what is no JSON is refused where it is read.

    >>> check_colormap('{"1": "#ff0000", "2": [0, 255, 0]}')
    >>> check_colormap('[[[0, 10], [0, 0, 255, 255]]]')
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not value and not isinstance(value, bool | int | float):
        return
    if isinstance(value, dict):
        good = all(_is_whole(key) and _is_colour(colour) for key, colour in value.items())
    else:
        good = isinstance(value, list) and all(
            isinstance(one, list) and len(one) == 2 and _is_interval(one[0]) and _is_colour(one[1]) for one in value
        )
    if not good:
        raise InvalidError(
            'colormap is no map of colours; expected {"VALUE": COLOUR, ...} or [[[FROM, TO], COLOUR], ...], a colour '
            "being [red, green, blue], the same with alpha, or #rrggbb."
        )


def check_formula(text: str, bands: int) -> None:
    """Refuse a colour formula that cannot be worked out for a picture of so many bands.

    >>> check_formula("gamma RGB 1.2", 3)
    """
    try:
        for operation in parse_operations(text):
            operation(np.full((bands, 1, 1), 0.5))
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise InvalidError(f"color_formula is {text[:100]!r}, which cannot be worked out: {error}.") from error


def check_nodata(value: Any, dtype: str) -> None:
    """Refuse a nodata value that pixels of this type cannot have."""
    if value is None:
        return
    number, kind = float(value), np.dtype(dtype)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        if not (math.isfinite(number) and limits.min <= number <= limits.max):
            raise InvalidError(f"nodata is {value}; pixels of this layer are {limits.min} to {limits.max}.")
    elif math.isfinite(number) and abs(number) > float(np.finfo(kind).max):
        raise InvalidError(f"nodata is {value}, which pixels of the type {kind} cannot have.")


def check_box(box: Sequence[float], *, around: bool, flat: bool = False) -> None:
    """Refuse a box that is nowhere, upside down or, unless it may be `flat`, without area.

    `around`, in degrees, it may lie across the antimeridian.
    """
    words = ", ".join(f"{value:g}" for value in box)
    if not all(abs(value) <= FARTHEST for value in box):  # NaN neither
        raise InvalidError(f"the box is {words}; expected coordinates of a CRS.")
    left, bottom, right, top = box
    if bottom > top or (left > right and not around) or (not flat and (left == right or bottom == top)):
        raise InvalidError(f"the box is {words}, which has no area; expected minx,miny,maxx,maxy, each maximum beyond.")


def _check_range(text: str) -> None:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        return  # its own declaration refuses it
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InvalidError(f"histogram_range is {text[:100]}; expected two numbers, the second not below the first.")


def _is_whole(text: str) -> bool:
    return text.lstrip("+-").isdecimal() and len(text) < 20


def _is_interval(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(one) for one in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_colour(value: Any) -> bool:
    if isinstance(value, str):
        return value.startswith("#")
    return (
        isinstance(value, list)
        and len(value) in {3, 4}
        and all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= 255 for one in value)
    )
