"""Routes in the picture's own pixels, for scenes without a place on the Earth: tiles from its corner, and parts."""

import math
from collections.abc import Callable
from html import escape
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import Depends, Path, Query, Request
from rasterio.windows import Window as RasterioWindow
from rio_tiler.models import ImageData
from starlette.responses import Response
from titiler.core.factory import TilerFactory, img_endpoint_params
from titiler.core.resources.enums import ImageType

from geosar.grid import Window
from geosar_tiler.errors import InvalidError, NotFoundError
from geosar_tiler.signatures import signature_of
from geosar_tiler.tiles.image_space import TILE, maxzoom, tile_window
from geosar_tiler.tiles.layer_request import LayerRequest, collector
from geosar_tiler.tiles.rendering import PART_SIDE

Zoom = Annotated[int, Path(ge=0, le=30)]
Place = Annotated[int, Path(ge=0, lt=2**31)]
TileFormat = Literal["png", "webp", "jpg", "jpeg"]
PartFormat = Literal["png", "webp", "jpg", "jpeg", "tif"]
Side = Annotated[int | None, Query(ge=1, le=4096)]


def register(factory: TilerFactory) -> None:
    """Add the routes to a layer's factory."""
    parameters = Annotated[LayerRequest, Depends(collector(factory))]
    prefix = factory.operation_prefix

    def tile(params: LayerRequest, z: int, x: int, y: int, image_format: str) -> Response:
        return params.answer(_tile((x, y, z), params), ImageType(image_format))

    @factory.router.get(
        "/tiles/image/{z}/{x}/{y}.{image_format}", operation_id=f"{prefix}getImageTileFormat", **img_endpoint_params
    )
    def image_tile_format(z: Zoom, x: Place, y: Place, image_format: TileFormat, params: parameters) -> Response:
        """Return 256 pixels of the picture itself, row 0 at the top; transparent beyond its edges, 404 outside."""
        return tile(params, z, x, y, image_format)

    @factory.router.get("/tiles/image/{z}/{x}/{y}", operation_id=f"{prefix}getImageTile", **img_endpoint_params)
    def image_tile(z: Zoom, x: Place, y: Place, params: parameters) -> Response:
        """Return the same as PNG."""
        return tile(params, z, x, y, "png")

    @factory.router.get("/image/tilejson.json", operation_id=f"{prefix}getImageTileJSON")
    def image_tilejson(request: Request, params: parameters) -> dict[str, Any]:
        """Say where these tiles are, and how many pixels the picture has."""
        left_out = {"v", "expires", "signature"}
        query = [(key, value) for key, value in request.query_params.multi_items() if key not in left_out]
        query += [("v", params.layer.version), *signature_of(request, params.layer.subject).items()]
        url = factory.url_for(request, "image_tile_format", z="{z}", x="{x}", y="{y}", image_format="png")
        width, height = params.read(lambda reader: (reader.width, reader.height))
        live = params.layer.live
        zooms = range(maxzoom(width, height) + 1)
        coarse = [z for z in zooms if live is not None and live.is_too_fine(2 ** (zooms[-1] - z))]
        return {
            "name": params.layer.title,
            "description": params.layer.description,
            "attribution": escape(params.layer.description, quote=False),
            "tiles": [f"{url}?{urlencode(query)}"],
            "crs": None,
            "bounds": [0, 0, width, height],
            "bands": list(params.layer.names),
            "width": width,
            "height": height,
            "minzoom": 0,
            "maxzoom": maxzoom(width, height),
            **({"sharp_minzoom": len(coarse)} if coarse else {}),
            "tilesize": TILE,
            "synthetic": params.layer.synthetic,
            "layer": params.layer.name,
            "scene": params.layer.scene,
        }

    def crop(params: LayerRequest, bbox: str, image_format: str, sizes: dict[str, int | None]) -> Response:
        return params.answer(_crop(bbox, params, sizes), ImageType(image_format))

    @factory.router.get("/crop.{image_format}", operation_id=f"{prefix}getCropFormat", **img_endpoint_params)
    def crop_format(
        image_format: PartFormat,
        params: parameters,
        bbox: Annotated[str, Query(max_length=200, description="left,top,right,bottom in pixels.")],
        *,
        max_size: Side = None,
        width: Side = None,
        height: Side = None,
    ) -> Response:
        """Return a part of the picture, named by its pixels; as `tif` the values themselves."""
        return crop(params, bbox, image_format, {"max_size": max_size, "width": width, "height": height})

    @factory.router.get("/crop", operation_id=f"{prefix}getCrop", **img_endpoint_params)
    def crop_png(
        params: parameters,
        bbox: Annotated[str, Query(max_length=200, description="left,top,right,bottom in pixels.")],
        *,
        max_size: Side = None,
        width: Side = None,
        height: Side = None,
    ) -> Response:
        """Return the same as PNG."""
        return crop(params, bbox, "png", {"max_size": max_size, "width": width, "height": height})


def _tile(place: tuple[int, int, int], params: LayerRequest) -> Callable[[Any], ImageData]:
    def read(reader: Any) -> ImageData:
        window, factor = tile_window(place, reader.width, reader.height)
        size = {"width": math.ceil(window.width / factor), "height": math.ceil(window.height / factor)}
        image: ImageData = reader.read(window=_rasterio(window), **size, **params.reading)
        return _filled(image)

    return read


def _crop(bbox: str, params: LayerRequest, sizes: dict[str, int | None]) -> Callable[[Any], ImageData]:
    try:
        left, top, right, bottom = (float(part) for part in bbox.split(","))
        box = Window(
            math.floor(left), math.floor(top), math.ceil(right) - math.floor(left), math.ceil(bottom) - math.floor(top)
        )
        valid = right > left and bottom > top
    except (ValueError, OverflowError):
        valid = False
    if not valid:
        raise InvalidError(f"bbox is {bbox!r}; expected left,top,right,bottom in pixels, the right beyond the left.")

    def read(reader: Any) -> ImageData:
        window = box.intersection(Window(0, 0, reader.width, reader.height))
        if window is None:
            raise NotFoundError(f"the part {bbox} is outside the picture of {reader.width} x {reader.height} pixels.")
        size = {key: value for key, value in sizes.items() if value is not None} or {"max_size": PART_SIDE}
        image: ImageData = reader.read(window=_rasterio(window), **size, **params.reading)
        return image

    return read


def _rasterio(window: Window) -> RasterioWindow:
    return RasterioWindow(window.col_off, window.row_off, window.width, window.height)


def _filled(image: ImageData) -> ImageData:
    """Put a smaller image into the upper left corner of a whole tile, the rest of which is masked."""
    count, height, width = image.array.shape
    if (height, width) == (TILE, TILE):
        return image
    empty = np.zeros((count, TILE, TILE), image.array.dtype)
    whole: Any = np.ma.MaskedArray(empty, mask=np.ones(empty.shape, np.bool_))
    whole[:, :height, :width] = image.array
    return ImageData(
        whole, assets=image.assets, crs=image.crs, band_names=image.band_names,
        dataset_statistics=image.dataset_statistics,
    )  # fmt: skip
