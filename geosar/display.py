"""How rasters are shown, wherever they are: which bands are colours, what is black and white, and what must be said."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from geosar.errors import SceneContentError

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

SYNTHETIC_NOTE = "Synthetic, not an observation"
"""What must stand wherever a translated image is shown."""
SYNTHETIC_OPTICAL = "Synthetic optical image, not an observation"
SYNTHETIC_TITLE = "Synthetic optical image (not an observation)"
ERROR_TITLE = "Expected error of the synthetic image"
ERROR_FILE_TITLE = "Expected absolute error of the synthetic image, 0 to 255"
DESPECKLED_TITLE = "Despeckled backscatter (estimated from the observation)"
QUICKLOOK_TITLE = "SAR beside the synthetic image"

SAR_PERCENTILES = (2, 98)
"""Of backscatter in decibel, which is shown from black to white between them."""
WHITE_PERCENTILE = 99
"""Of the three bands of an optical image that is not in bytes: zero is black, this is white."""

ERROR_RANGE = (0, 64)
"""Expected errors at which the colours begin and end; a quarter of the range of colours is far off."""
ERROR_COLOURS = "magma"
"""Matplotlib's name of the colours of the expected error."""

_COLOURS = ("red", "green", "blue")
_CODES = ({"b04", "b4"}, {"b03", "b3"}, {"b02", "b2"})
"""What bands of Sentinel-2 and of Landsat 8 and 9 are called that are red, green and blue."""


def colour_bands(dataset: "DatasetReader") -> tuple[int, ...]:
    """Return the bands of an optical image that are red, green and blue, counted from 1; the only one of a grey image.

    What the bands say decides (`labelled_colour_bands`), then their order; alpha is none of them. Raises
    `SceneContentError` for a table of colours.
    """
    if bands := labelled_colour_bands(dataset):
        return bands
    others = bands_but_alpha(dataset)
    return others[:3] if len(others) >= 3 else others[:1]


def labelled_colour_bands(dataset: "DatasetReader") -> tuple[int, ...]:
    """Return red, green and blue, counted from 1, by the bands' colours, else by their names; empty where none tells.

    Raises `SceneContentError` for a table of colours.
    """
    meanings = [meaning.name for meaning in dataset.colorinterp]
    if "palette" in meanings:
        raise SceneContentError(
            "the picture has a table of colours; expected red, green and blue as bands. Expand it with "
            "`gdal_translate -expand rgb`."
        )
    words = [set(re.split(r"[^a-z0-9]+", (name or "").lower())) for name in dataset.descriptions]
    orders: list[list[int | None]] = [
        [_first(meaning == colour for meaning in meanings) for colour in _COLOURS],
        [_first(colour in name for name in words) for colour in _COLOURS],
        [_first(bool(codes & name) for name in words) for codes in _CODES],
    ]
    return next((tuple(band for band in bands if band) for bands in orders if all(bands)), ())


def bands_but_alpha(dataset: "DatasetReader") -> tuple[int, ...]:
    """Return the numbers of the bands that are no alpha, counted from 1."""
    return tuple(number for number, meaning in enumerate(dataset.colorinterp, 1) if meaning.name != "alpha")


def _first(true: Iterable[bool]) -> int | None:
    return next((number for number, is_it in enumerate(true, 1) if is_it), None)
