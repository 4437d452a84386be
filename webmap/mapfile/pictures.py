"""Pictures as they lie in a map file: encoded in whichever format makes them smallest, as data: URLs."""

import base64
import io
from typing import Any

import numpy as np
from branca.colormap import linear
from numpy.typing import NDArray
from PIL import Image

from geosar.display import ERROR_COLOURS, ERROR_RANGE

Picture = NDArray[np.uint8]
"""(height, width, 4): red, green, blue, and 255 where there is a value, else 0."""
Values = NDArray[np.float32]

_SCHEMES: Any = linear
ERROR_TABLE: tuple[str, ...] = tuple(getattr(_SCHEMES, ERROR_COLOURS).rgb_hex_str(step / 31) for step in range(32))

_LOSSY: dict[str, Any] = {"quality": 85}


def stretched(values: Values, ranges: tuple[tuple[float, float], ...]) -> Picture:
    """Show one band in grey, or three in colour, each from black to white over its range; NaN is transparent."""
    valid = np.isfinite(values).all(axis=0)
    levels = np.zeros(values.shape, np.uint8)
    for band, (low, high), out in zip(values, ranges, levels, strict=True):
        out[valid] = np.clip(np.rint((band[valid] - low) * (255 / max(high - low, 1e-6))), 0, 255)
    red, green, blue = levels if len(levels) == 3 else (levels[0],) * 3
    return np.dstack([red, green, blue, valid * np.uint8(255)])


def coloured_error(values: Values) -> Picture:
    """Show expected errors (height, width), 0 to 255, in the colours of the legend; NaN is transparent."""
    valid = np.isfinite(values)
    index = np.clip(np.nan_to_num(values) * ((len(ERROR_TABLE) - 1) / ERROR_RANGE[1]), 0, len(ERROR_TABLE) - 1)
    table = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in ERROR_TABLE], np.uint8)
    return np.dstack([table[np.rint(index).astype(np.intp)], valid * np.uint8(255)])


def data_url(picture: Picture) -> str:
    """Encode a picture as WebP, PNG or, if nothing is transparent, JPEG: give the smallest, as a data: URL."""
    image = _slim(picture)
    encoded = {"webp": _encoded(image, "WEBP", method=4, **_LOSSY), "png": _encoded(image, "PNG")}
    if image.mode in {"L", "RGB"}:
        encoded["jpeg"] = _encoded(image, "JPEG", optimize=True, **_LOSSY)
    kind, content = min(encoded.items(), key=lambda one: len(one[1]))
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _slim(picture: Picture) -> Image.Image:
    """Leave out channels that say nothing: colours of a grey picture, transparency of an opaque one."""
    grey = bool((picture[..., :1] == picture[..., 1:3]).all())
    opaque = bool(picture[..., 3].all())
    channels = {(True, True): [0], (True, False): [0, 3], (False, True): [0, 1, 2], (False, False): [0, 1, 2, 3]}
    pixels = picture[..., channels[grey, opaque]]
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey and opaque else pixels))


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
