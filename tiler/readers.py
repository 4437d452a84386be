"""Readers for TiTiler: a COG of the store, and a scene that is translated while it is read."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.warp import transform as transform_coords
from rasterio.warp import transform_bounds
from rio_tiler.constants import WGS84_CRS
from rio_tiler.errors import PointOutsideBounds, TileOutsideBounds
from rio_tiler.io import Reader
from rio_tiler.models import ImageData, Info, PointData

from geosar.grid import MapGrid, Window
from geosar.overviews import halve
from tiler.errors import NotGeoreferencedError, TooWideError
from tiler.layers import Layer
from tiler.live import BLOCK
from tiler.rendering import COMPOSITE

Value = TypeVar("Value")

TILE = 256
MARGIN = 2
"""Pixels around a view, for the resampling at its edges."""
RATIO_SPREAD = 6.0
"""Decibels that the ratio of two polarisations is shown to either side of its middle."""
OVERSAMPLING = 1.2
"""GDAL takes an overview that is coarser than what it needs by up to this factor; live tiles do the same."""
IMAGE_SPACE = CRS.from_wkt('LOCAL_CS["image space",UNIT["pixel",1]]')


def stretched(image: ImageData, layer: Layer, indexes: Any, expression: str | None) -> ImageData:
    """Note on the image the range of values that is shown from black to white, where the layer has one."""
    if layer.stretch is None:
        return image
    if expression == COMPOSITE:
        first, second = layer.stretch[:2]
        ratio = (sum(first) - sum(second)) / 2
        image.dataset_statistics = [first, second, (ratio - RATIO_SPREAD, ratio + RATIO_SPREAD)]
    elif expression is None:
        names = (
            indexes if isinstance(indexes, list | tuple) else range(1, image.count + 1) if not indexes else [indexes]
        )
        image.dataset_statistics = [layer.stretch[index - 1] for index in names if index <= len(layer.stretch)]
    return image


@contextmanager
def _places() -> Iterator[None]:
    try:
        yield
    except (rasterio.errors.RasterioError, rasterio._err.CPLE_BaseError) as error:  # noqa: SLF001 - PROJ's come through
        raise PointOutsideBounds(f"the point has no place in the scene's CRS: {error}") from error


def _shrinking(pixels: int, wanted: int) -> int:
    """How often a view of so many pixels is halved for a picture of the wanted size, as a power of 2."""
    return int(2 ** math.floor(math.log2(max(1.0, OVERSAMPLING * pixels / max(wanted, 1)))))


class CogReader(Reader):
    """Reads a layer that is a COG of the store; rio-tiler's reader, told what to open and with which driver."""

    def __attrs_post_init__(self) -> None:
        """Open the file as a GeoTIFF and nothing else."""
        self.layer: Layer = cast("Layer", self.input)
        self.dataset = self._ctx_stack.enter_context(rasterio.open(self.layer.path, driver="GTiff"))
        if any(scale != 1.0 for scale in self.dataset.scales):
            self.options = {"unscale": True, **self.options}
        parent: Any = super()
        parent.__attrs_post_init__()

    def info(self) -> Info:
        """See rio-tiler; raises NotGeoreferencedError for a scene in image space."""
        self._needs_georeference()
        return super().info()

    def tile(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; raises NotGeoreferencedError for a scene in image space."""
        self._needs_georeference()
        return super().tile(*args, **kwargs)

    def part(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; the image knows its stretch."""
        self._needs_georeference()
        return stretched(super().part(*args, **kwargs), self.layer, kwargs.get("indexes"), kwargs.get("expression"))

    def read(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; the image knows its stretch."""
        image = super().read(*args, **kwargs)
        image.crs = image.crs or IMAGE_SPACE
        return stretched(image, self.layer, kwargs.get("indexes"), kwargs.get("expression"))

    def point(self, *args: Any, **kwargs: Any) -> PointData:
        """See rio-tiler; a place that the scene's CRS does not know is outside it."""
        self._needs_georeference()
        with _places():
            return super().point(*args, **kwargs)

    def _needs_georeference(self) -> None:
        if self.crs is None:
            raise NotGeoreferencedError(
                "the scene has no georeference, so it has no place on a map. Look at its /preview instead.",
            )


class LiveReader(Reader):
    """Reads a scene as the model translates it: what a view needs is made, and then warped as a COG would be."""

    def __attrs_post_init__(self) -> None:
        """Take grid and CRS from the scene."""
        self.layer = cast("Layer", self.input)
        if self.layer.live is None:
            raise ValueError(f"the layer {self.layer.name!r} is not live")
        self.live = self.layer.live
        grid = self.live.grid
        if grid.crs is None:
            raise NotGeoreferencedError("the scene has no georeference; live tiles need one. Translate it as a job.")
        self.bounds = grid.bounds
        self.crs = grid.crs
        self.grid = grid
        self.transform = grid.transform
        self.height, self.width = grid.shape
        self.colormap = {}

    @property
    def minzoom(self) -> int:
        """The coarsest zoom at which a tile is within what is translated live; any, for a small scene."""
        if self.live.fits(self.live.grid.window):
            return int(self._minzoom)
        pixel = abs(self._dst_geom_in_tms_crs[0][0])
        zoom = int(self._maxzoom)
        while zoom > self._minzoom:
            matrix = self.tms.matrix(zoom - 1)
            # The worst place for a tile is across one block more than it is wide.
            side = (math.ceil(TILE * matrix.cellSize / pixel / BLOCK) + 1) * BLOCK
            if side * side > self.live.limit_pixels:
                break
            zoom -= 1
        return zoom

    def info(self) -> Info:
        """Say what the live image is."""
        names = ("red", "green", "blue", "error")
        return Info.model_validate(
            {
                "bounds": self.bounds,
                "crs": self.crs.to_string(),
                "band_metadata": [(f"b{number}", {}) for number in range(1, 5)],
                "band_descriptions": [(f"b{number}", name) for number, name in enumerate(names, 1)],
                "dtype": "uint8",
                "nodata_type": "Mask",
                "colorinterp": ["red", "green", "blue", "undefined"],
                "width": self.width,
                "height": self.height,
                "count": 4,
            },
        )

    def part(self, *args: Any, **kwargs: Any) -> ImageData:
        """Translate what the box needs, and warp it."""
        bbox = args[0]
        bounds_crs = args[2] if len(args) > 2 else kwargs.get("bounds_crs", WGS84_CRS)
        try:
            left, bottom, right, top = transform_bounds(bounds_crs, self.crs, *bbox, densify_pts=21)
        except (rasterio.errors.CRSError, ValueError) as error:
            raise TileOutsideBounds(f"the view has no place in the scene's CRS: {error}") from error
        window = self._pixels(left, bottom, right, top)
        factor = _shrinking(window.width - 2 * MARGIN, kwargs.get("width") or kwargs.get("max_size") or window.width)
        return self._read(window, factor, lambda reader: reader.part(*args, **kwargs))

    def read(self, *args: Any, **kwargs: Any) -> ImageData:
        """Translate the whole scene, where it is small enough."""
        longest = max(self.grid.shape)
        factor = _shrinking(longest, kwargs.get("max_size") or kwargs.get("width") or longest)
        return self._read(self.live.grid.window, factor, lambda reader: reader.read(*args, **kwargs))

    def point(self, *args: Any, **kwargs: Any) -> PointData:
        """Give red, green, blue and expected error of a place."""
        lon, lat = args[:2]
        coord_crs = args[2] if len(args) > 2 else kwargs.get("coord_crs", WGS84_CRS)
        with _places():
            (x,), (y,) = transform_coords(coord_crs, self.crs, [lon], [lat])
        if not (math.isfinite(x) and math.isfinite(y)):
            raise PointOutsideBounds(f"the point {lon}, {lat} is outside the scene.")
        col, row = (math.floor(value) for value in ~self.grid.transform @ (x, y))
        if not (0 <= col < self.grid.width and 0 <= row < self.grid.height):
            raise PointOutsideBounds(f"the point {lon}, {lat} is outside the scene.")
        window = Window(col, row, 1, 1)
        return self._read(window, 1, lambda reader: reader.point(*args, **kwargs))

    def _pixels(self, left: float, bottom: float, right: float, top: float) -> Window:
        """Give the pixels of the scene that a box needs, with a margin; raises TileOutsideBounds."""
        inverse = ~self.grid.transform
        corners = [inverse @ corner for corner in ((left, top), (right, top), (left, bottom), (right, bottom))]
        if not np.isfinite(corners).all():
            raise TileOutsideBounds("the view has no place in the scene's CRS.")
        cols, rows = zip(*corners, strict=True)
        col, row = math.floor(min(cols)) - MARGIN, math.floor(min(rows)) - MARGIN
        wanted = Window(col, row, math.ceil(max(cols)) + MARGIN - col, math.ceil(max(rows)) + MARGIN - row)
        found = wanted.intersection(self.live.grid.window)
        if found is None:
            raise TileOutsideBounds("the view is outside the scene.")
        return found

    def _read(self, window: Window, factor: int, work: Callable[[Reader], Value]) -> Value:
        """Translate a window, shrink it by 2 x 2 means as a COG's overviews are, and let rio-tiler read from it."""
        col, row = window.col_off // factor * factor, window.row_off // factor * factor
        grown = Window(col, row, window.col_end - col, window.row_end - row)
        if not self.live.fits(grown):
            megapixels = self.live.limit_pixels / 1e6
            raise TooWideError(
                f"the view covers {grown.area / 1e6:.1f} megapixels of the scene; at most {megapixels:g} are "
                "translated live. Zoom in, or translate the scene as a job.",
            )
        values, valid = self.live.window(grown)
        transform = self.live.grid.subgrid(grown).transform
        block: tuple[Any, Any] = (values, None if valid.all() else valid)
        while factor > 1:
            block = halve(*block)
            transform, factor = transform @ rasterio.Affine.scale(2), factor // 2
        values, mask = block
        height, width, bands = values.shape
        grid = MapGrid(self.crs, transform, width, height)
        with MemoryFile() as memory, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            with memory.open(
                driver="GTiff", dtype="uint8", count=bands, width=grid.width, height=grid.height, crs=grid.crs,
                transform=grid.transform, photometric="minisblack", interleave="pixel",
            ) as dataset:  # fmt: skip
                dataset.write(np.moveaxis(values, -1, 0))
                if mask is not None:
                    dataset.write_mask(mask)
            with memory.open(driver="GTiff") as dataset, Reader(None, dataset=dataset, tms=self.tms) as reader:
                return work(reader)
