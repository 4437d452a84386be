"""What a request wants of a layer, and the answer that shows it: shared by all routes that make pictures."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import rasterio
from fastapi import Depends
from morecantile import TileMatrixSet
from morecantile import tms as matrix_sets
from morecantile.defaults import TileMatrixSets
from rio_tiler.models import ImageData
from starlette.responses import Response
from titiler.core.factory import TilerFactory
from titiler.core.resources.enums import ImageType

from geosar_tiler.gdal import environment
from geosar_tiler.tiles.layers import Layer
from geosar_tiler.tiles.rendering import render

WEB_MERCATOR = "WebMercatorQuad"


class _Grids(TileMatrixSets):
    """The grids of tiles that there are, copied once for each thread; morecantile copies one for each request."""

    _own = threading.local()

    def get(self, identifier: str) -> TileMatrixSet:
        """See morecantile."""
        grids: dict[str, TileMatrixSet] = self._own.__dict__.setdefault("kept", {})
        if identifier not in grids:
            grids[identifier] = super().get(identifier)
        return grids[identifier]


GRIDS = _Grids(matrix_sets.tilematrixsets)


@dataclass(frozen=True)
class LayerRequest:
    """A layer, its reader, and what a request wants of it."""

    layer: Layer
    reader: Callable[..., Any]
    reading: dict[str, Any]
    """Bands and resampling, for rio-tiler's readers."""
    colours: Any
    rendering: Any

    def read(self, work: Callable[[Any], Any]) -> Any:
        """Open the layer, and do something with its reader."""
        with rasterio.Env(**environment()), self.reader(self.layer, tms=GRIDS.get(WEB_MERCATOR)) as reader:
            return work(reader)

    def answer(self, work: Callable[[Any], ImageData], image_format: ImageType) -> Response:
        """Read an image, and answer with a picture of it."""
        content, media_type = render(
            self.read(work), output_format=image_format, colormap=self.colours, **self.rendering.as_dict()
        )
        return Response(content, media_type=media_type)


def collector(factory: TilerFactory) -> Callable[..., LayerRequest]:
    """Return the dependency with which FastAPI finds what a request wants of a factory's layer."""

    def collect(
        layer: Annotated[Layer, Depends(factory.path_dependency)],
        bands: Annotated[Any, Depends(factory.layer_dependency)],
        dataset: Annotated[Any, Depends(factory.dataset_dependency)],
        colours: Annotated[Any, Depends(factory.colormap_dependency)],
        rendering: Annotated[Any, Depends(factory.render_dependency)],
    ) -> LayerRequest:
        return LayerRequest(layer, factory.reader, {**bands.as_dict(), **dataset.as_dict()}, colours, rendering)

    return collect
