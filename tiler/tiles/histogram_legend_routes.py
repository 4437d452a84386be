"""Routes that say what a layer's values are: the histogram, and the legend of what is shown."""

from typing import Annotated, Any

import numpy as np
from fastapi import Depends, Query
from numpy.typing import NDArray
from rio_tiler.models import ImageData
from starlette.responses import Response
from titiler.core.factory import TilerFactory

from geosar_tiler.errors import InvalidError
from geosar_tiler.tiles.layer_request import LayerRequest, collector
from geosar_tiler.tiles.layers import Layer
from geosar_tiler.tiles.legend_image import bar, note
from geosar_tiler.tiles.readers import composite_stretch
from geosar_tiler.tiles.rendering import COMPOSITE

SAMPLE_SIDE = 1024
TAILS = (0.1, 99.9)
"""Percentiles at which the histogram of values that are no bytes begins and ends; what lies beyond counts there."""


def register(factory: TilerFactory) -> None:
    """Add the routes to a layer's factory."""
    parameters = Annotated[LayerRequest, Depends(collector(factory))]
    prefix = factory.operation_prefix

    @factory.router.get("/histogram", operation_id=f"{prefix}getHistogram")
    def histogram(params: parameters, bins: Annotated[int, Query(ge=2, le=1024)] = 64) -> dict[str, Any]:
        """Count the values of each band, in a view of the layer of at most 1024 pixels a side."""

        def read(reader: Any) -> ImageData:
            image: ImageData = reader.preview(max_size=SAMPLE_SIDE, **params.reading)
            return image

        image = params.read(read)
        names = _names(params, image)
        ranges = image.dataset_statistics or [None] * image.count
        return {
            "bands": [
                {"name": name, "unit": params.layer.unit, "range": shown, **count(band, bins)}
                for name, shown, band in zip(names, ranges, image.array, strict=False)
            ],
        }

    @factory.router.get("/legend.png", operation_id=f"{prefix}getLegend", response_class=Response)
    def legend(params: parameters) -> Response:
        """Say in a picture what the colours mean, and whether the image is an observation."""
        layer = params.layer
        stretch = _stretch_of(params)
        if stretch is None:
            picture = note(_about(layer))
            headers = {}
        else:
            low, high, unit = stretch
            picture = bar(_colours(params.colours), low, high, f"{_about(layer)}, {unit}" if unit else _about(layer))
            headers = {"X-Geosar-Legend": f"{low:g} to {high:g} {unit}".strip()}
        return Response(picture, media_type="image/png", headers=headers)


def count(band: Any, bins: int) -> dict[str, list[float] | list[int]]:
    """Count the valid values of a band in bins of equal width; all of them, those beyond the ends in the last bins.

    >>> count(np.ma.array([0, 0, 100, 255], dtype="uint8"), 2)
    {'edges': [0.0, 128.0, 256.0], 'counts': [3, 1]}
    """
    values = np.ma.compressed(band)
    values = values[np.isfinite(values)]
    if values.dtype == np.bool_:
        values = values.astype(np.float32)
    low, high = 0.0, 1.0
    if values.dtype == np.uint8:
        high = 256.0
    elif values.size:
        low, high = (float(one) for one in np.percentile(values, TAILS))
        high = high if high > low else low + 1
    counts, edges = np.histogram(np.clip(values, low, high), bins, (low, high))
    return {"edges": edges.round(6).tolist(), "counts": counts.tolist()}


def _names(params: LayerRequest, image: ImageData) -> list[str]:
    """Name the bands of an image by those of the layer, where they are such."""
    if params.reading.get("expression"):
        return [str(name) for name in image.band_names]
    indexes = params.reading.get("indexes") or range(1, image.count + 1)
    return [params.layer.names[index - 1] for index in ([indexes] if isinstance(indexes, int) else indexes)]


def _about(layer: Layer) -> str:
    known = ", ".join(name for name in layer.names if name != "unknown")
    return layer.kind.legend.format(bands=known).strip()


def _stretch_of(params: LayerRequest) -> tuple[float, float, str] | None:
    """Return the values at both ends of the colours, and their unit; None where colours have no such meaning."""
    layer = params.layer
    if layer.kind.span is not None:
        return *layer.kind.span, layer.unit
    rescale = params.rendering.as_dict().get("rescale")
    expression = params.reading.get("expression")
    if layer.stretch is None or (expression == COMPOSITE and len(composite_stretch(layer)) == 3):
        return None
    if rescale:
        return float(rescale[0][0]), float(rescale[0][1]), layer.unit
    if expression:
        raise InvalidError("the range of values of an expression is not known; say it, as in rescale=-5,15.")
    indexes = params.reading.get("indexes") or [1]
    low, high = layer.stretch[(indexes if isinstance(indexes, int) else indexes[0]) - 1]
    return low, high, layer.unit


def _colours(colour_map: Any) -> NDArray[np.uint8]:
    """Return 256 colours (256, 3): those of a map of single values, else grey."""
    if isinstance(colour_map, dict) and set(range(256)) <= set(colour_map):
        return np.array([colour_map[value][:3] for value in range(256)], np.uint8)
    return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
