"""The reader of layers that are COGs of the store, and what all readers of layers share."""

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import product
from typing import Any, cast

import attr
import numpy as np
import rasterio
from affine import Affine
from morecantile import Tile
from rasterio.coords import BoundingBox
from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform
from rasterio.warp import transform as transform_coords
from rasterio.windows import Window
from rio_tiler.constants import WEB_MERCATOR_CRS, WGS84_CRS
from rio_tiler.errors import PointOutsideBounds
from rio_tiler.io import Reader
from rio_tiler.models import ImageData, Info, PointData

from geosar.grid import Bounds, full_turn
from geosar.scene.untrusted import open_geotiff
from geosar_tiler.errors import InvalidError, NotFoundError, NotGeoreferencedError, TooMuchError
from geosar_tiler.tiles import around, budget, parameters
from geosar_tiler.tiles.around import TURN
from geosar_tiler.tiles.features import MOST_FEATURES, Covered
from geosar_tiler.tiles.layers import Layer
from geosar_tiler.tiles.rendering import COMPOSITE

RATIO_SPREAD = 6.0
"""Decibels that the ratio of two polarisations is shown to either side of its middle."""
_ROOM = 1e-3
"""So much of a turn to either side, as degrees of one datum are not quite those of another."""
IMAGE_SPACE = CRS.from_wkt('LOCAL_CS["image space",UNIT["pixel",1]]')


def stretched(image: ImageData, layer: Layer, indexes: Any, expression: str | None) -> ImageData:
    """Note on the image the range of values that is shown from black to white, where the layer has one."""
    image.crs = image.crs or IMAGE_SPACE
    if layer.stretch is None:
        return image
    if expression == COMPOSITE:
        image.dataset_statistics = list(composite_stretch(layer))
    elif expression is None:
        names = (
            indexes if isinstance(indexes, list | tuple) else range(1, image.count + 1) if not indexes else [indexes]
        )
        image.dataset_statistics = [layer.stretch[index - 1] for index in names if index <= len(layer.stretch)]
    return image


def composite_stretch(layer: Layer) -> tuple[tuple[float, float], ...]:
    """Return the ranges of two polarisations and of their ratio; raises InvalidError where there is one alone."""
    if len(layer.stretch or ()) < 2:
        raise InvalidError(f"the layer {layer.name!r} has one polarisation, and a composite needs two; leave it out.")
    first, second = (layer.stretch or ())[:2]
    ratio = (sum(first) - sum(second)) / 2
    return first, second, (ratio - RATIO_SPREAD, ratio + RATIO_SPREAD)


@contextmanager
def places() -> Iterator[None]:
    """Turn what PROJ says of a place that a CRS does not have into PointOutsideBounds."""
    try:
        yield
    except (rasterio.errors.RasterioError, rasterio._err.CPLE_BaseError) as error:  # noqa: SLF001 - PROJ's come through
        raise PointOutsideBounds(f"the point has no place in the scene's CRS: {error}") from error


def needs_georeference(crs: CRS | None) -> None:
    """Raise NotGeoreferencedError for a scene in image space."""
    if crs is None:
        raise NotGeoreferencedError(
            "the scene has no georeference, so it has no place on a map. Look at its /tiles/image, /crop or /preview.",
        )


def extent(reader: Any) -> tuple[tuple[float, float, float, float], CRS]:
    """Return bounds and CRS; those of its pixels for a scene in image space."""
    if reader.crs is None:
        return (0.0, 0.0, float(reader.width), float(reader.height)), IMAGE_SPACE
    return reader.bounds, reader.crs


def image_space_point(reader: Any, x: float, y: float, **options: Any) -> PointData:
    """Return the values of the pixel in column x and row y; raises PointOutsideBounds."""
    if not (0 <= x < reader.width and 0 <= y < reader.height):
        raise PointOutsideBounds(f"the pixel {x:g}, {y:g} is outside the picture of {reader.width} x {reader.height}.")
    options.pop("coord_crs", None)
    image = reader.read(window=Window(math.floor(x), math.floor(y), 1, 1), **options)
    return PointData(
        image.array[:, 0, 0], band_names=image.band_names, band_descriptions=image.band_descriptions,
        coordinates=(x, y), crs=None, assets=[],
    )  # fmt: skip


def _boxed(args: Any, options: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return box, CRS of the picture and CRS of the box of what `part` is called with."""
    dst_crs = args[1] if len(args) > 1 else options.get("dst_crs")
    return args[0], dst_crs, args[2] if len(args) > 2 else options.get("bounds_crs", WGS84_CRS)


def _moved(raster: Any, by: float) -> dict[str, Any]:
    """Return options of a warp by which a raster lies elsewhere along its eastings, and is torn where the map is.

    What of it a picture needs is looked for at each of its pixels, as it ends at the tear between two of them.
    """
    transform = Affine.translation(by, 0) @ raster.dataset.transform
    return {"vrt_options": {"src_transform": transform, "SAMPLE_GRID": "YES", "SAMPLE_STEPS": "ALL"}}


class PlacedReader(Reader):
    """rio-tiler's reader, which refuses what needs a place on a map where there is none, and what takes too much."""

    layer: Layer
    value_bytes: int
    coarsest: int
    dtype: str
    features: int = 0

    @property
    def pixels(self) -> budget.Grid:
        """What a read is measured by."""
        reader: Any = self
        return budget.Grid(
            reader.crs, reader.transform, reader.width, reader.height, self.layer.bands, self.value_bytes, self.coarsest
        )

    def part(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; the image knows its stretch, and is of both sides of the antimeridian where the box is."""
        needs_georeference(self.crs)
        box, dst_crs, bounds_crs = _boxed(args, kwargs)
        is_aligned = bool(kwargs.get("align_bounds_with_dataset"))  # and so grown to whole pixels
        parameters.check_box(box, around=bounds_crs is not None and bounds_crs.is_geographic, flat=is_aligned)
        parameters.check_nodata(kwargs.get("nodata"), self.dtype)
        bounds_crs = bounds_crs or dst_crs or self.crs
        dst_crs = dst_crs or bounds_crs
        with places():
            box_there = around.box_in(dst_crs, box, bounds_crs)
        if box_there is not None:
            box, bounds_crs = box_there, dst_crs
            if box[2] - box[0] > around.MOST_TURNS * (full_turn(dst_crs) or math.inf):
                raise InvalidError(f"the box goes more than {around.MOST_TURNS} times around the Earth; ask for less.")
        budget.check_part(self.pixels, box, bounds_crs, dst_crs, kwargs)
        return self.part_there(box, {**kwargs, "dst_crs": dst_crs, "bounds_crs": bounds_crs})

    @abstractmethod
    def part_there(self, box: Bounds, options: dict[str, Any]) -> ImageData:
        """Return a box that is checked, and goes on beyond the antimeridian where it lies across it."""

    def part_around(self, raster: Reader, box: Bounds, options: dict[str, Any]) -> ImageData:
        """Read a box of a raster of the scene from each turn around the Earth on which they meet.

        The box is moved where the raster is read as it is, and the raster where it is warped.
        """
        turn, dst_crs = full_turn(self.crs), options["dst_crs"]
        if turn is None or full_turn(dst_crs) is None:
            return Reader.part(raster, box, **options)
        left, _, right, _ = raster.bounds
        if dst_crs == self.crs:
            turns = around.moves(box[0], box[2], left, right, turn) or range(1)
            images = [Reader.part(raster, around.moved(box, by * turn), **options) for by in turns]
            images[0].bounds = BoundingBox(*around.moved(tuple(images[0].bounds or box), -turns[0] * turn))
            return around.joined(images)
        turns = around.copies(self.crs, left, right, dst_crs, box)
        at = [{}] if turns == range(1) else [_moved(raster, by * turn) for by in turns]
        return around.joined([Reader.part(raster, box, **options, **one) for one in at])

    def own_place(self, x: float, y: float, crs: CRS) -> tuple[float, float, CRS]:
        """Return a place as the scene counts it: in its own CRS, where that counts turns around the Earth."""
        turn = full_turn(self.crs)
        if turn is None:
            return x, y, crs
        with places():
            (own_x,), (own_y,) = transform_coords(crs, self.crs, [x], [y])
        if not math.isfinite(own_x):
            raise PointOutsideBounds(f"the point {x}, {y} is outside the scene.")
        return around.turned((own_x, own_y, own_x, own_y), self._middle_in(self.crs), turn)[0], own_y, self.crs

    def _middle_in(self, crs: CRS) -> float:
        left, bottom, right, top = self.bounds
        if crs == self.crs:
            return float(left + right) / 2
        return float(transform_coords(self.crs, crs, [(left + right) / 2], [(bottom + top) / 2])[0][0])

    def ends_in(self, crs: CRS, turn: float) -> tuple[float, float]:
        """Return where the scene begins and ends, with some room, in a CRS that counts turns; at one of them."""
        west, south, east, north = self._degrees
        begin = float(transform_coords(WGS84_CRS, crs, [west], [(south + north) / 2])[0][0])
        return begin - turn * _ROOM, begin + turn * ((east - west) / TURN + _ROOM)

    def get_geographic_bounds(self, crs: CRS) -> Any:
        """See rio-tiler; east goes on beyond the antimeridian. Raises NotGeoreferencedError in image space."""
        needs_georeference(self.crs)
        west, south, east, north = super().get_geographic_bounds(crs)
        east += TURN * (east < west)
        if crs.is_geographic and east - west < TURN:
            by = math.floor((west + TURN / 2) / TURN) * TURN
            west, east = west - by, east - by
        return west, south, east, north

    @cached_property
    def _degrees(self) -> tuple[float, float, float, float]:
        bounds: tuple[float, float, float, float] = self.get_geographic_bounds(WGS84_CRS)
        return bounds

    @cached_property
    def _across(self) -> tuple[float, float, float, float] | None:
        """West, south, east beyond 180, and north, in degrees, of a scene that crosses the antimeridian."""
        if self.crs is None:
            return None
        bounds = self._degrees
        return bounds if bounds[0] < TURN / 2 < bounds[2] and bounds[2] - bounds[0] < TURN else None

    @cached_property
    def _dst_geom_in_tms_crs(self) -> tuple[Any, int, int]:
        """See rio-tiler; of a scene that is torn on the map, at the antimeridian or a pole, pixels at its edge are."""
        reader: Any = self
        pole = 90.0 in {abs(value) for value in self._degrees[1::2]}
        if self._across is None and not (pole and self.crs != WGS84_CRS):
            geometry: tuple[Any, int, int] = super()._dst_geom_in_tms_crs
            return geometry
        # One of the pixels around may be torn itself, and is much too large then.
        cols, rows = (0, reader.width // 3, reader.width - 1), (0, reader.height // 3, reader.height - 1)
        pixels = [
            rasterio.transform.array_bounds(1, 1, reader.transform @ Affine.translation(col, row))
            for col, row in product(cols, rows)
            if col in {0, reader.width - 1} or row in {0, reader.height - 1}
        ]
        transforms = [calculate_default_transform(self.crs, self.tms.rasterio_crs, 1, 1, *one)[0] for one in pixels]
        return min(transforms, key=lambda one: abs(one.a)), reader.width, reader.height

    def tile_exists(self, tile_x: int, tile_y: int, tile_z: int) -> bool:
        """See rio-tiler, which knows no scene that lies on both sides of the antimeridian."""
        if full_turn(self.tms.rasterio_crs) is None:
            return bool(super().tile_exists(tile_x, tile_y, tile_z))
        west, south, east, north = self._degrees
        tile = self.tms.bounds(Tile(x=tile_x, y=tile_y, z=tile_z))
        beside = around.moves(tile.left, tile.right, west, east, TURN)
        return bool(beside and tile.bottom < north and south < tile.top)

    def tile(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; raises NotGeoreferencedError for a scene in image space."""
        self.on_the_map()
        return super().tile(*args, **kwargs)

    def on_the_map(self) -> None:
        """Raise NotGeoreferencedError where nothing of the scene is on the map that tiles are asked for."""
        needs_georeference(self.crs)
        _, south, _, north = self._degrees
        if self.tms.rasterio_crs == WEB_MERCATOR_CRS and around.beyond_web_maps(south, north):
            raise NotGeoreferencedError(
                f"the scene lies from {south:.2f} to {north:.2f} degrees of latitude, and a map of the web ends at "
                f"{around.HIGHEST_LATITUDE}. Look at its /tiles/image, /crop or /preview, or at tiles of a polar grid."
            )

    def feature(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; raises TooMuchError for one polygon too many of a request, which has a reader of its own."""
        self.features += 1
        if self.features > MOST_FEATURES:
            raise TooMuchError(f"there are more than {MOST_FEATURES} features; ask for them in parts.")
        try:
            return Covered.of(super().feature(*args, **kwargs))
        except rasterio._err.CPLE_BaseError as error:  # noqa: SLF001 - PROJ's come through
            if not str(error).startswith("PROJ"):
                raise
            raise InvalidError(f"the polygon has no place in the scene's CRS: {error}.") from error


class CogReader(PlacedReader):
    """Reads a layer that is a COG of the store; rio-tiler's reader, told what to open and with which driver."""

    def __attrs_post_init__(self) -> None:
        """Open the file as a GeoTIFF and nothing else; raises NotFoundError when it was removed meanwhile."""
        self.layer: Layer = cast("Layer", self.input)
        path = self.layer.path
        if path is None:
            raise NotFoundError(f"the layer {self.layer.name!r} has no file.")
        try:
            self.dataset = self._ctx_stack.enter_context(open_geotiff(path))
        except rasterio.errors.RasterioIOError:
            if path.is_file():
                raise
            raise NotFoundError(f"the layer {self.layer.name!r} was removed.") from None
        self.dtype = self.dataset.dtypes[0]
        scaled = any(scale != 1.0 for scale in self.dataset.scales)
        if scaled:
            self.options = {"unscale": True, **self.options}
        self.value_bytes = np.dtype(np.float32 if scaled else self.dtype).itemsize
        self.coarsest = max(self.dataset.overviews(1), default=1)
        parent: Any = super()
        parent.__attrs_post_init__()

    def info(self) -> Info:
        """See rio-tiler; a scene in image space lies in its pixels."""
        self.bounds, self.crs = extent(self)  # it is opened for each request, and nothing else is asked of it
        return super().info()

    def part_there(self, box: Bounds, options: dict[str, Any]) -> ImageData:
        """Read it as rio-tiler does; the image knows its stretch."""
        image = self._named(self.part_around(self, box, options), options)
        return stretched(image, self.layer, options.get("indexes"), options.get("expression"))

    def read(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; the image knows its stretch."""
        parameters.check_nodata(kwargs.get("nodata"), self.dtype)
        budget.check_read(self.pixels, kwargs.get("window"), kwargs.get("dst_crs"), kwargs)
        image = self._named(super().read(*args, **kwargs), kwargs)
        return stretched(image, self.layer, kwargs.get("indexes"), kwargs.get("expression"))

    def point(self, *args: Any, **kwargs: Any) -> PointData:
        """See rio-tiler; of a pixel for a scene in image space, and outside it where its CRS knows no such place."""
        if self.crs is None:
            return image_space_point(self, args[0], args[1], **kwargs)
        parameters.check_nodata(kwargs.get("nodata"), self.dtype)
        budget.check_bands(self.pixels, kwargs)
        place = args[2] if len(args) > 2 else kwargs.pop("coord_crs", WGS84_CRS)
        x, y, crs = self.own_place(args[0], args[1], place)
        with places():
            values: PointData = self._named(super().point(x, y, crs, *args[3:], **kwargs), kwargs)
        return attr.evolve(values, coordinates=(args[0], args[1]), crs=place)

    def _named(self, read: Any, options: dict[str, Any]) -> Any:
        """Give each band that was read its own name; rio-tiler's reader gives all of them the last one's."""
        if not options.get("expression"):
            named: Any = self.dataset
            read.band_descriptions = [named.descriptions[int(name[1:]) - 1] or name for name in read.band_names]
        return read
