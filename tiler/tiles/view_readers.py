"""Readers for what is made on the fly: a scene translated live, or SAR from the upload itself."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import attr
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

from geosar.cog.overviews import Pixels, shrink
from geosar.grid import Bounds, MapGrid, Window, full_turn
from geosar.scene.untrusted import open_geotiff
from geosar_tiler.errors import TooWideError
from geosar_tiler.tiles import around, budget, parameters
from geosar_tiler.tiles.open_scenes import direct
from geosar_tiler.tiles.open_scenes.coarse import coarse_grid
from geosar_tiler.tiles.readers import PlacedReader, extent, image_space_point, places, stretched

if TYPE_CHECKING:
    from geosar_tiler.tiles.layers import Layer

Value = TypeVar("Value")

MARGIN = 2
"""Pixels around a view, for the resampling at its edges."""
OVERSAMPLING = 1.2
"""GDAL takes an overview that is coarser than what it needs by up to this factor; tiles made here do the same."""


def _shrinking(pixels: int, size: int) -> int:
    """How often a view of so many pixels is halved for a picture of the wanted size, as a power of 2."""
    return int(2 ** math.floor(math.log2(max(1.0, OVERSAMPLING * pixels / max(size, 1)))))


class ViewReader(PlacedReader):
    """Makes what a view needs of the scene's own grid, and warps it as a COG would be."""

    grid: MapGrid
    dtype: str
    names: tuple[str, ...]

    def __attrs_post_init__(self) -> None:
        """Take grid and CRS from the scene."""
        self.layer: Layer = cast("Layer", self.input)
        self.names = self.layer.names
        self._begin()
        self.bounds = self.grid.bounds
        self.crs = self.grid.crs
        self.transform = self.grid.transform
        self.height, self.width = self.grid.shape
        self.colormap = {}
        self.value_bytes = np.dtype(self.dtype).itemsize
        # What is needed is made at any of these sizes, and how much that takes has limits of its own.
        self.coarsest = 2 ** math.ceil(math.log2(max(self.grid.shape)))

    @abstractmethod
    def _begin(self) -> None:
        """Set `grid` and whatever else."""

    @abstractmethod
    def _with(self, window: Window, factor: int, work: Callable[[Reader], Value]) -> Value:
        """Make a window, shrunk by a power of 2, and let rio-tiler read from it."""

    def info(self) -> Info:
        """Say what the image is; a scene in image space lies in its pixels."""
        bounds, crs = extent(self)
        return Info.model_validate(
            {
                "bounds": bounds,
                "crs": crs.to_string(),
                "band_metadata": [(f"b{number}", {}) for number in range(1, len(self.names) + 1)],
                "band_descriptions": [(f"b{number}", name) for number, name in enumerate(self.names, 1)],
                "dtype": self.dtype,
                "nodata_type": "Mask",
                "width": self.width,
                "height": self.height,
                "count": len(self.names),
            },
        )

    def part_there(self, box: Bounds, options: dict[str, Any]) -> ImageData:
        """Make what the box needs, and warp it."""
        window = self._pixels(*self._needed(box, options["bounds_crs"]))
        factor = _shrinking(window.width - 2 * MARGIN, options.get("width") or options.get("max_size") or window.width)
        return self._shown(self._with(window, factor, lambda raster: self.part_around(raster, box, options)), options)

    def _needed(self, box: Bounds, crs: CRS) -> Bounds:
        """Return the part of a box that the scene meets, in its own CRS; raises TileOutsideBounds."""
        own_turn, turn = full_turn(self.crs), full_turn(crs)
        try:
            if turn is not None:  # what lies on the Earth's other side has no place in a zone
                reached = around.reached(box, *self.ends_in(crs, turn), turn)
                if reached is None:
                    raise TileOutsideBounds("the view is outside the scene.")
                box = reached
            there = around.box_in(self.crs, box, crs) or transform_bounds(crs, self.crs, *box, densify_pts=21)
            return there if own_turn is None else around.turned(there, self._middle_in(self.crs), own_turn)
        except (rasterio.errors.CRSError, ValueError) as error:
            raise TileOutsideBounds(f"the view has no place in the scene's CRS: {error}") from error

    def read(self, *args: Any, **kwargs: Any) -> ImageData:
        """Make the whole scene, or the `window` of it that is asked for."""
        parameters.check_nodata(kwargs.get("nodata"), self.dtype)
        budget.check_read(self.pixels, kwargs.get("window"), kwargs.get("dst_crs"), kwargs)
        window_asked = kwargs.pop("window", None)
        window = self.grid.window
        if window_asked is not None:
            window = Window(*(int(value) for value in window_asked.flatten()))
        longest = max(window.width, window.height)
        side = max(kwargs.get("max_size") or 0, kwargs.get("width") or 0, kwargs.get("height") or 0) or longest
        image = self._with(window, _shrinking(longest, side), lambda reader: reader.read(*args, **kwargs))
        return self._shown(image, kwargs)

    def point(self, *args: Any, **kwargs: Any) -> PointData:
        """Return the values of a place; of a pixel for a scene in image space."""
        lon, lat = args[:2]
        if self.crs is None:
            return image_space_point(self, lon, lat, **kwargs)
        parameters.check_nodata(kwargs.get("nodata"), self.dtype)
        budget.check_bands(self.pixels, kwargs)
        coord_crs = args[2] if len(args) > 2 else kwargs.get("coord_crs", WGS84_CRS)
        x, y, crs = self.own_place(lon, lat, coord_crs)
        with places():
            (x,), (y,) = transform_coords(crs, self.crs, [x], [y])
        if not (math.isfinite(x) and math.isfinite(y)):
            raise PointOutsideBounds(f"the point {lon}, {lat} is outside the scene.")
        col, row = (math.floor(value) for value in ~self.grid.transform @ (x, y))
        if not (0 <= col < self.grid.width and 0 <= row < self.grid.height):
            raise PointOutsideBounds(f"the point {lon}, {lat} is outside the scene.")
        options = {key: value for key, value in kwargs.items() if key != "coord_crs"}
        values = self._with(
            Window(col, row, 1, 1), 1, lambda reader: reader.point(x, y, self.crs, *args[3:], **options)
        )
        return attr.evolve(values, coordinates=(lon, lat), crs=coord_crs)

    def _shown(self, image: ImageData, options: dict[str, Any]) -> ImageData:
        return stretched(image, self.layer, options.get("indexes"), options.get("expression"))

    def _pixels(self, left: float, bottom: float, right: float, top: float) -> Window:
        """Return the pixels of the scene that a box needs, with a margin; raises TileOutsideBounds."""
        inverse = ~self.grid.transform
        corners = [inverse @ corner for corner in ((left, top), (right, top), (left, bottom), (right, bottom))]
        if not np.isfinite(corners).all():
            raise TileOutsideBounds("the view has no place in the scene's CRS.")
        cols, rows = zip(*corners, strict=True)
        col, row = math.floor(min(cols)) - MARGIN, math.floor(min(rows)) - MARGIN
        needed = Window(col, row, math.ceil(max(cols)) + MARGIN - col, math.ceil(max(rows)) + MARGIN - row)
        window = needed.intersection(self.grid.window)
        if window is None:
            raise TileOutsideBounds("the view is outside the scene.")
        return window

    @contextmanager
    def _opened(self, values: Any, mask: Any, grid: MapGrid) -> Iterator[Reader]:
        """Return rio-tiler a raster of values (h, w, bands) that is in memory alone."""
        with MemoryFile() as memory, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            with memory.open(
                driver="GTiff", dtype=values.dtype.name, count=values.shape[2], width=grid.width, height=grid.height,
                crs=grid.crs, transform=grid.transform, photometric="minisblack", interleave="pixel",
            ) as dataset:  # fmt: skip
                dataset.write(np.moveaxis(values, -1, 0))
                dataset.descriptions = self.names
                if mask is not None:
                    dataset.write_mask(mask)
            with memory.open(driver="GTiff") as dataset, Reader(None, dataset=dataset, tms=self.tms) as reader:
                yield reader


def _aligned(window: Window, factor: int) -> Window:
    col, row = window.col_off // factor * factor, window.row_off // factor * factor
    return Window(col, row, window.col_end - col, window.row_end - row)


def _coarse(grid: MapGrid, window: Window, factor: int, shape: tuple[int, ...]) -> MapGrid:
    """Return the grid of a window that was halved to a shape (height, width)."""
    transform = grid.subgrid(window).transform @ rasterio.Affine.scale(factor)
    return MapGrid(grid.crs, transform, shape[1], shape[0])


class LiveReader(ViewReader):
    """Reads a scene as the model translates it; views of much of a large scene come from a coarse picture."""

    dtype = "uint8"

    def _begin(self) -> None:
        if self.layer.live is None:
            raise ValueError(f"the layer {self.layer.name!r} is not live")
        self.live = self.layer.live
        self.grid = self.live.grid
        self.zoom: int | None = None
        self.ratio: float | None = None

    @property
    def minzoom(self) -> int:
        """The coarsest zoom at which there are tiles."""
        return int(self._minzoom) if self.layer.has_coarse else self.sharp_minzoom

    @property
    def sharp_minzoom(self) -> int:
        """The coarsest zoom at which a tile is within what is translated live; any, for a small scene."""
        if not self.live.is_large:
            return int(self._minzoom)
        pixel = abs(self._dst_geom_in_tms_crs[0][0])
        zoom = int(self._maxzoom)
        while zoom > self._minzoom and not self.live.is_too_fine(self.tms.matrix(zoom - 1).cellSize / pixel):
            zoom -= 1
        return zoom

    def tile(self, *args: Any, **kwargs: Any) -> ImageData:
        """See rio-tiler; all tiles of a zoom are sharp, or all are coarse."""
        self.zoom = int(args[2] if len(args) > 2 else kwargs["tile_z"])
        # Not of the window, which ends at the scene's edge: all tiles of a zoom are shrunk alike.
        matrix = self.tms.matrix(self.zoom)
        across = matrix.cellSize * matrix.tileWidth / (kwargs.get("tilesize") or matrix.tileWidth)
        self.ratio = across / abs(self._dst_geom_in_tms_crs[0][0])
        return super().tile(*args, **kwargs)

    def _with(self, window: Window, factor: int, work: Callable[[Reader], Value]) -> Value:
        """Translate a window, shrink it by 2 x 2 means as a COG's overviews are, and let rio-tiler read from it."""
        too_fine = self.live.is_too_fine(factor) if self.zoom is None else self.zoom < self.sharp_minzoom
        if too_fine and self.layer.has_coarse:
            return self._with_coarse(window, factor, work)
        grown = _aligned(window, factor)
        if not self.live.fits(grown):
            megapixels = self.live.limit_pixels / 1e6
            raise TooWideError(
                f"the view covers {grown.area / 1e6:.1f} megapixels of the scene; at most {megapixels:g} are "
                "translated live. Zoom in, or translate the scene as a job.",
            )
        values, mask = shrink(self.live.window(grown), factor)
        with self._opened(values, mask, _coarse(self.grid, grown, factor, values.shape)) as reader:
            return work(reader)

    def _with_coarse(self, window: Window, factor: int, work: Callable[[Reader], Value]) -> Value:
        """Let rio-tiler read a window from the coarse picture, and say so."""
        colours = self.live.coarse()
        whole = coarse_grid(self.grid, colours.mask.shape)
        across, down = self.grid.width / whole.width, self.grid.height / whole.height
        times = factor if self.ratio is None else _shrinking(math.ceil(1000 * self.ratio), 1000)
        further = max(1, int(times // min(across, down)))
        col, row = math.floor(window.col_off / across), math.floor(window.row_off / down)
        window_there = Window(
            col, row, math.ceil(window.col_end / across) - col, math.ceil(window.row_end / down) - row
        )
        part = _aligned(window_there.intersection(whole.window) or whole.window, further)
        values, mask = shrink(Pixels(colours.values[part.slices], colours.mask[part.slices]), further)
        self.layer.remarks.append(
            f"coarse: a pixel of it is {across:.0f} x {down:.0f} of the scene's; colours are those of some places in it"
        )
        with self._opened(values, mask, _coarse(whole, part, further, values.shape)) as reader:
            return work(reader)


class DirectReader(ViewReader):
    """Reads SAR from the upload itself, in decibel; views of much of a large scene come from an overview."""

    dtype = "float32"

    def _begin(self) -> None:
        if self.layer.direct is None:
            raise ValueError(f"the layer {self.layer.name!r} is not read from an upload")
        self.direct = self.layer.direct
        self.grid = self.direct.grid

    def _with(self, window: Window, factor: int, work: Callable[[Reader], Value]) -> Value:
        coarse = 2 ** math.ceil(math.log2(max(1, max(self.grid.shape) / direct.OVERVIEW_SIDE)))
        if self.direct.has_overview and (factor >= coarse or window.area > direct.LIMIT_PIXELS):
            return self._with_overview(window, work)
        grown = _aligned(window, factor)
        values, mask = shrink(self.direct.window(grown), factor)
        with self._opened(values, mask, _coarse(self.grid, grown, factor, values.shape)) as reader:
            return work(reader)

    def _with_overview(self, window: Window, work: Callable[[Reader], Value]) -> Value:
        with open_geotiff(self.direct.overview()) as dataset:
            across, down = self.grid.width / dataset.width, self.grid.height / dataset.height
            col, row = math.floor(window.col_off / across), math.floor(window.row_off / down)
            part = Window(col, row, math.ceil(window.col_end / across) - col, math.ceil(window.row_end / down) - row)
            own = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
            values = np.moveaxis(dataset.read(window=part.to_rasterio()), 0, -1)
        valid = np.isfinite(values).all(axis=-1)
        with self._opened(np.nan_to_num(values), valid, own.subgrid(part)) as reader:
            return work(reader)
