"""Tiles: one TiTiler factory for each layer, on the one dependency that turns names into layers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path as PlainPath
from typing import Annotated, Any, cast
from urllib.parse import urlencode

import jinja2
import rasterio
from attrs import define
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from morecantile import TileMatrixSet
from pydantic import AfterValidator
from rio_tiler.io import BaseReader
from rio_tiler.models import ImageData
from starlette.responses import Response
from starlette.templating import Jinja2Templates
from titiler.core.dependencies import BidxExprParams, ColorMapParams
from titiler.core.factory import TilerFactory, img_endpoint_params
from titiler.core.models.mapbox import TileJSON
from titiler.core.resources.enums import ImageType
from titiler.extensions.wmts import wmtsExtension

from geosar_tiler.gdal import environment
from geosar_tiler.layer_kinds import KINDS
from geosar_tiler.signatures import signature_of
from geosar_tiler.tiles import histogram_legend_routes, image_space_routes, layers
from geosar_tiler.tiles.image_space import TILE
from geosar_tiler.tiles.image_space_routes import Place, TileFormat, Zoom
from geosar_tiler.tiles.layer_request import GRIDS, WEB_MERCATOR, LayerRequest, collector
from geosar_tiler.tiles.layers import Layer
from geosar_tiler.tiles.readers import CogReader
from geosar_tiler.tiles.rendering import PartParams, SarBands, error_colours, no_algorithm
from geosar_tiler.tiles.rendering import render as render_layer
from geosar_tiler.tiles.view_readers import DirectReader, LiveReader


def _known_matrix_set(name: str) -> str:
    if name not in GRIDS.list():
        raise ValueError(f"there is no tile matrix set {name!r}; there are {', '.join(GRIDS.list())}")
    return name


Scale = Annotated[int, Path(ge=1, le=4)]
MatrixSet = Annotated[str, AfterValidator(_known_matrix_set)]
_IMAGE = img_endpoint_params
_WMTS = Jinja2Templates(
    env=jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(PlainPath(__file__).parent), trim_blocks=True
    )
)
"""TiTiler's lists a layer for each of its thirteen grids, in codes, down to pixels of millimetres."""


@define(kw_only=True)
class LayerFactory(TilerFactory):
    """TiTiler's factory, with tiles of 256 pixels at short URLs, and TileJSON that says what the image is."""

    def register_routes(self) -> None:
        """Register TiTiler's routes, after our own."""
        image_space_routes.register(self)
        self.xyz()
        parent: Any = super()
        parent.register_routes()
        histogram_legend_routes.register(self)

    def xyz(self) -> None:
        """Register /tiles/{z}/{x}/{y}.png and @2x, for clients that know nothing of matrix sets."""

        def picture(params: LayerRequest, tile: tuple[int, int, int], size: int, image_format: ImageType) -> Response:
            def read(reader: Any) -> ImageData:
                image: ImageData = reader.tile(*tile, tilesize=size, **params.reading)
                return image

            return params.answer(read, image_format)

        layer_request = Annotated[LayerRequest, Depends(collector(self))]

        # The longer URL first: the other would take the @2x for part of y.
        @self.router.get(
            "/tiles/{z}/{x}/{y}@{scale}x.{image_format}",
            operation_id=f"{self.operation_prefix}getXyzTileScaled", **_IMAGE,
        )  # fmt: skip
        def xyz_tile_scaled(
            *,
            z: Zoom,
            x: Place,
            y: Place,
            scale: Scale,
            image_format: TileFormat,
            params: layer_request,
        ) -> Response:
            """Return a tile for a screen with smaller pixels; 404 outside the scene."""
            return picture(params, (x, y, z), TILE * scale, ImageType(image_format))

        @self.router.get(
            "/tiles/{z}/{x}/{y}.{image_format}", operation_id=f"{self.operation_prefix}getXyzTile", **_IMAGE
        )
        def xyz_tile(z: Zoom, x: Place, y: Place, image_format: TileFormat, params: layer_request) -> Response:
            """Return a tile of 256 pixels of the web's usual grid; 404 outside the scene."""
            return picture(params, (x, y, z), TILE, ImageType(image_format))

    def tilejson(self) -> None:
        """Register TileJSON, also at a URL without matrix set."""

        def document_of(
            request: Request,
            layer: Annotated[Layer, Depends(self.path_dependency)],
            _bands: Annotated[Any, Depends(self.layer_dependency)],  # checked here, used in the tiles' URLs
            _colours: Annotated[Any, Depends(self.colormap_dependency)],
            _rendering: Annotated[Any, Depends(self.render_dependency)],
            *,
            tile_format: TileFormat = "png",
            minzoom: Annotated[int | None, Query(ge=0, le=30)] = None,
            maxzoom: Annotated[int | None, Query(ge=0, le=30)] = None,
        ) -> Callable[[str], dict[str, Any]]:
            def answer(matrix_set: str) -> dict[str, Any]:
                document = self._tilejson(request, layer, GRIDS.get(matrix_set), tile_format)
                zooms = {"minzoom": minzoom, "maxzoom": maxzoom}
                return document | {key: value for key, value in zooms.items() if value is not None}

            return answer

        answering = Annotated[Callable[[str], dict[str, Any]], Depends(document_of)]
        options: dict[str, Any] = {"response_model": TileJSON, "response_model_exclude_none": True}

        @self.router.get("/tilejson.json", operation_id=f"{self.operation_prefix}getXyzTileJSON", **options)
        def tilejson(answer: answering) -> dict[str, Any]:
            """Say where the tiles are, where the scene lies, and that the image is synthetic."""
            document: dict[str, Any] = answer(WEB_MERCATOR)
            return document

        @self.router.get(
            "/{tileMatrixSetId}/tilejson.json", operation_id=f"{self.operation_prefix}getTileJSON", **options
        )
        def tilejson_of_set(tileMatrixSetId: MatrixSet, answer: answering) -> dict[str, Any]:  # noqa: N803
            """Say the same for another grid of tiles."""
            document: dict[str, Any] = answer(tileMatrixSetId)
            return document

    def _tilejson(self, request: Request, layer: Layer, matrices: TileMatrixSet, tile_format: str) -> dict[str, Any]:
        place = {"z": "{z}", "x": "{x}", "y": "{y}"}
        left_out = {"tile_format", "minzoom", "maxzoom", "v", "expires", "signature"}
        query = [(key, value) for key, value in request.query_params.multi_items() if key not in left_out]
        query += [("v", layer.version), *signature_of(request, layer.subject).items()]
        if matrices.id == WEB_MERCATOR:
            tiles = self.url_for(request, "xyz_tile", **place, image_format=tile_format)
        else:
            tiles = self.url_for(request, "tile", **place, tileMatrixSetId=matrices.id, format=tile_format)
            if "tilesize" not in request.query_params:
                query.append(("tilesize", str(TILE)))
        with rasterio.Env(**environment()), self.reader(layer, tms=matrices) as reader:
            reader.on_the_map()
            bounds = reader.get_geographic_bounds(matrices.rasterio_geographic_crs)
            zooms = reader.minzoom, reader.maxzoom
            sharp = getattr(reader, "sharp_minzoom", zooms[0])
        return {
            "name": layer.title,
            "description": layer.description,
            # Which maps of the web take for HTML; the names of bands are among its words.
            "attribution": escape(layer.description, quote=False),
            "version": "1.0.0",
            "tiles": [f"{tiles}?{urlencode(query)}"],
            "bounds": bounds,
            "minzoom": zooms[0],
            "maxzoom": zooms[1],
            **({"sharp_minzoom": sharp} if sharp > zooms[0] else {}),
            "tilesize": TILE,
            "synthetic": layer.synthetic,
            "bands": list(layer.names),
            "layer": layer.name,
            "scene": layer.scene,
        }


@dataclass(frozen=True)
class _Served:
    """How a kind of layer is found and read."""

    reader: Callable[..., BaseReader]
    path: Callable[..., Layer]
    bands: Any = BidxExprParams
    colours: Callable[..., Any] = ColorMapParams


def sar_reader(layer: Layer, **options: Any) -> BaseReader:
    """Return the reader for SAR: of its copy for tiles, or of the upload while there is none."""
    reader: type[BaseReader] = CogReader if layer.direct is None else DirectReader
    return reader(cast("Any", layer), **options)


SERVED = {
    "sar": _Served(sar_reader, layers.sar, bands=SarBands),
    "despeckled": _Served(CogReader, layers.despeckled, bands=SarBands),
    "optical": _Served(CogReader, layers.optical),
    "error": _Served(CogReader, layers.error, colours=error_colours),
    "live": _Served(LiveReader, layers.live),
    "reference": _Served(CogReader, layers.reference),
}


def include(app: FastAPI) -> None:
    """Add the routes of all layers, under /scenes/{scene_id}/{layer}."""
    for kind in KINDS:
        app.include_router(_router(kind.name), prefix=_prefix(kind.name), tags=[f"Layer {kind.name}"])


def _prefix(name: str) -> str:
    return f"/scenes/{{scene_id}}/{name}"


@cache
def _router(name: str) -> APIRouter:
    """Make the routes of a layer, which takes a quarter of a second; they are the same for every app."""
    served = SERVED[name]
    factory = LayerFactory(
        router_prefix=_prefix(name),
        name=name,
        reader=cast("Any", served.reader),
        path_dependency=served.path,
        supported_tms=GRIDS,
        layer_dependency=served.bands,
        colormap_dependency=served.colours,
        img_part_dependency=PartParams,
        process_dependency=no_algorithm,
        render_func=render_layer,
        environment_dependency=environment,
        add_viewer=False,
        extensions=[wmtsExtension(layer_identifier_provider=_identifier, templates=_WMTS)],
    )
    return factory.router


def _identifier(layer: Any) -> str:
    return f"{layer.name}_{layer.scene}" if isinstance(layer, Layer) else "geosar"
