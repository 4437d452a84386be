"""Tiles: one TiTiler factory for each layer, on the one dependency that turns names into layers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
import rasterio
from attrs import define
from fastapi import Depends, FastAPI, Path, Query, Request
from morecantile import TileMatrixSet
from morecantile import tms as matrix_sets
from pydantic import AfterValidator
from rio_tiler.colormap import cmap
from rio_tiler.io import BaseReader
from rio_tiler.utils import render
from starlette.responses import Response
from titiler.core.dependencies import BidxExprParams, ColorMapParams
from titiler.core.factory import TilerFactory, img_endpoint_params
from titiler.core.models.mapbox import TileJSON
from titiler.core.resources.enums import ImageType
from titiler.extensions.wmts import wmtsExtension

from tiler import layers
from tiler.gdal import environment
from tiler.layers import ERROR_SHOWN, Layer
from tiler.readers import CogReader, LiveReader
from tiler.rendering import PartParams, SarBands, no_algorithm
from tiler.rendering import render as render_layer
from tiler.security import signature_of

TILE = 256
WEB_MERCATOR = "WebMercatorQuad"
ERROR_COLOURS = "magma"
LEGEND_WIDTH, LEGEND_HEIGHT = 256, 16


def _known_matrix_set(name: str) -> str:
    if name not in matrix_sets.list():
        raise ValueError(f"there is no tile matrix set {name!r}; there are {', '.join(matrix_sets.list())}")
    return name


Zoom = Annotated[int, Path(ge=0, le=30)]
Place = Annotated[int, Path(ge=0, lt=2**31)]
Scale = Annotated[int, Path(ge=1, le=4)]
TileFormat = Literal["png", "webp", "jpg", "jpeg"]
MatrixSet = Annotated[str, AfterValidator(_known_matrix_set)]
_IMAGE = img_endpoint_params


@dataclass(frozen=True)
class _Shown:
    """A layer, and what a request wants of it."""

    layer: Layer
    bands: Any
    dataset: Any
    colours: Any
    rendering: Any


def _error_colours(
    colormap_name: Annotated[str | None, Query(max_length=50, description=f"Default: {ERROR_COLOURS}.")] = None,
) -> Any:
    return ColorMapParams(colormap_name or ERROR_COLOURS)


@define(kw_only=True)
class LayerFactory(TilerFactory):
    """TiTiler's factory, with tiles of 256 pixels at short addresses, and TileJSON that says what the image is."""

    def register_routes(self) -> None:
        """Register TiTiler's routes, after our own."""
        self.xyz()
        parent: Any = super()
        parent.register_routes()
        self.extra()

    def xyz(self) -> None:
        """Register /tiles/{z}/{x}/{y}.png and @2x, for clients that know nothing of matrix sets."""

        def picture(params: _Shown, tile: tuple[int, int, int], size: int, image_format: ImageType) -> Response:
            with rasterio.Env(**environment()), self.reader(params.layer, tms=matrix_sets.get(WEB_MERCATOR)) as reader:
                image = reader.tile(*tile, tilesize=size, **params.bands.as_dict(), **params.dataset.as_dict())
            content, media_type = render_layer(
                image, output_format=image_format, colormap=params.colours, **params.rendering.as_dict()
            )
            return Response(content, media_type=media_type)

        def shown(
            layer: Annotated[Layer, Depends(self.path_dependency)],
            bands: Annotated[Any, Depends(self.layer_dependency)],
            dataset: Annotated[Any, Depends(self.dataset_dependency)],
            colours: Annotated[Any, Depends(self.colormap_dependency)],
            rendering: Annotated[Any, Depends(self.render_dependency)],
        ) -> _Shown:
            return _Shown(layer, bands, dataset, colours, rendering)

        shown_params = Annotated[_Shown, Depends(shown)]

        # The longer address first: the other would take the @2x for part of y.
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
            params: shown_params,
        ) -> Response:
            """Give a tile for a screen with smaller pixels; 404 outside the scene."""
            return picture(params, (x, y, z), TILE * scale, ImageType(image_format))

        @self.router.get(
            "/tiles/{z}/{x}/{y}.{image_format}", operation_id=f"{self.operation_prefix}getXyzTile", **_IMAGE
        )
        def xyz_tile(z: Zoom, x: Place, y: Place, image_format: TileFormat, params: shown_params) -> Response:
            """Give a tile of 256 pixels of the web's usual grid; 404 outside the scene."""
            return picture(params, (x, y, z), TILE, ImageType(image_format))

    def tilejson(self) -> None:
        """Register TileJSON, also at an address without matrix set."""

        def asked(
            request: Request,
            layer: Annotated[Layer, Depends(self.path_dependency)],
            _bands: Annotated[Any, Depends(self.layer_dependency)],  # checked here, used in the tiles' addresses
            _colours: Annotated[Any, Depends(self.colormap_dependency)],
            _rendering: Annotated[Any, Depends(self.render_dependency)],
            *,
            tile_format: TileFormat = "png",
            minzoom: Annotated[int | None, Query(ge=0, le=30)] = None,
            maxzoom: Annotated[int | None, Query(ge=0, le=30)] = None,
        ) -> Callable[[str], dict[str, Any]]:
            def answer(matrix_set: str) -> dict[str, Any]:
                found = self._tilejson(request, layer, matrix_sets.get(matrix_set), tile_format)
                given = {"minzoom": minzoom, "maxzoom": maxzoom}
                return found | {key: value for key, value in given.items() if value is not None}

            return answer

        answering = Annotated[Callable[[str], dict[str, Any]], Depends(asked)]
        options: dict[str, Any] = {"response_model": TileJSON, "response_model_exclude_none": True}

        @self.router.get("/tilejson.json", operation_id=f"{self.operation_prefix}getXyzTileJSON", **options)
        def tilejson(answer: answering) -> dict[str, Any]:
            """Say where the tiles are, where the scene lies, and that the image is synthetic."""
            found: dict[str, Any] = answer(WEB_MERCATOR)
            return found

        @self.router.get(
            "/{tileMatrixSetId}/tilejson.json", operation_id=f"{self.operation_prefix}getTileJSON", **options
        )
        def tilejson_of_set(tileMatrixSetId: MatrixSet, answer: answering) -> dict[str, Any]:  # noqa: N803
            """Say the same for another grid of tiles."""
            found: dict[str, Any] = answer(tileMatrixSetId)
            return found

    def _tilejson(self, request: Request, layer: Layer, matrices: TileMatrixSet, tile_format: str) -> dict[str, Any]:
        place = {"z": "{z}", "x": "{x}", "y": "{y}"}
        left_out = {"tile_format", "minzoom", "maxzoom", "v", "expires", "signature"}
        query = [(key, value) for key, value in request.query_params.multi_items() if key not in left_out]
        query += [("v", layer.version), *signature_of(request, f"scenes/{layer.scene}").items()]
        if matrices.id == WEB_MERCATOR:
            tiles = self.url_for(request, "xyz_tile", **place, image_format=tile_format)
        else:
            tiles = self.url_for(request, "tile", **place, tileMatrixSetId=matrices.id, format=tile_format)
            if "tilesize" not in request.query_params:
                query.append(("tilesize", str(TILE)))
        with rasterio.Env(**environment()), self.reader(layer, tms=matrices) as reader:
            bounds = reader.get_geographic_bounds(matrices.rasterio_geographic_crs)
            zooms = reader.minzoom, reader.maxzoom
        return {
            "name": layer.title,
            "description": layer.description,
            "attribution": layer.description,
            "version": "1.0.0",
            "tiles": [f"{tiles}?{urlencode(query)}"],
            "bounds": bounds,
            "minzoom": zooms[0],
            "maxzoom": zooms[1],
            "tilesize": TILE,
            "synthetic": layer.name != "sar",
            "layer": layer.name,
            "scene": layer.scene,
        }

    def extra(self) -> None:
        """Register what only some layers have."""


@define(kw_only=True)
class ErrorFactory(LayerFactory):
    """The layer of the expected error has a legend."""

    def extra(self) -> None:
        """Register /legend.png."""

        @self.router.get("/legend.png", operation_id=f"{self.operation_prefix}getLegend", response_class=Response)
        def legend(
            _layer: Annotated[Layer, Depends(self.path_dependency)],
            colormap_name: Annotated[str | None, Query(max_length=50)] = None,
        ) -> Response:
            """Give the colours from no expected error to the most that is told apart (ERROR_SHOWN)."""
            colours = np.array([cmap.get(colormap_name or ERROR_COLOURS)[value] for value in range(256)], np.uint8)
            strip = np.repeat(colours.T[:3, np.newaxis, :], LEGEND_HEIGHT, axis=1)
            headers = {"X-Geosar-Legend": f"0 to {ERROR_SHOWN:g} of 255"}
            return Response(render(strip, img_format="PNG"), media_type="image/png", headers=headers)


@dataclass(frozen=True)
class _Kind:
    name: str
    reader: type[BaseReader]
    path: Callable[..., Layer]
    factory: type[LayerFactory] = LayerFactory
    bands: Any = BidxExprParams
    colours: Callable[..., Any] = ColorMapParams


KINDS = (
    _Kind("sar", CogReader, layers.sar, bands=SarBands),
    _Kind("optical", CogReader, layers.optical),
    _Kind("error", CogReader, layers.error, factory=ErrorFactory, colours=_error_colours),
    _Kind("live", LiveReader, layers.live),
)


def include(app: FastAPI) -> None:
    """Add the routes of all layers, under /scenes/{scene_id}/{layer}."""
    for kind in KINDS:
        prefix = f"/scenes/{{scene_id}}/{kind.name}"
        factory = kind.factory(
            router_prefix=prefix,
            name=kind.name,
            reader=kind.reader,
            path_dependency=kind.path,
            layer_dependency=kind.bands,
            colormap_dependency=kind.colours,
            img_part_dependency=PartParams,
            process_dependency=no_algorithm,
            render_func=render_layer,
            environment_dependency=environment,
            add_viewer=False,
            extensions=[wmtsExtension(layer_identifier_provider=_identifier)],
        )
        app.include_router(factory.router, prefix=prefix, tags=[f"Layer {kind.name}"])


def _identifier(layer: Any) -> str:
    return f"{layer.name}_{layer.scene}" if isinstance(layer, Layer) else "geosar"
