"""How rasters are shown, wherever they are: which bands are colours, what is black and white, and what must be said."""

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
_NAMES = (("red", "b04", "b4"), ("green", "b03", "b3"), ("blue", "b02", "b2"))
"""What descriptions of bands call them, those of Sentinel-2 too."""


def colour_bands(dataset: "DatasetReader") -> tuple[int, ...]:
    """Return the bands of an optical image that are red, green and blue, counted from 1; the only one of a grey image.

    The bands' own colours decide, then their names, then their order; alpha is none of them. Raises
    `SceneContentError` for a table of colours.
    """
    meanings = [meaning.name for meaning in dataset.colorinterp]
    if "palette" in meanings:
        raise SceneContentError(
            "the picture has a table of colours; expected red, green and blue as bands. Expand it with "
            "`gdal_translate -expand rgb`."
        )
    if all(colour in meanings for colour in _COLOURS):
        return tuple(meanings.index(colour) + 1 for colour in _COLOURS)
    names = [(name or "").strip().lower() for name in dataset.descriptions]
    named = [next((names.index(one) + 1 for one in spellings if one in names), None) for spellings in _NAMES]
    if all(named):
        return tuple(number for number in named if number)
    others = [number for number, meaning in enumerate(meanings, 1) if meaning != "alpha"]
    return tuple(others[:3]) if len(others) >= 3 else tuple(others[:1])
