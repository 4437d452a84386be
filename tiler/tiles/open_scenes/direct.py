"""SAR from the upload itself, in decibel, for as long as the copy that its tiles are made from is not ready."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio

from geosar.backscatter import to_decibel
from geosar.cog.overviews import Pixels
from geosar.errors import BlockSizeError, GeosarError
from geosar.grid import MapGrid, Window
from geosar.scene import SarBlock, SarScene
from geosar.scene.source import GDAL_ERRORS
from geosar_tiler.errors import NotReadyError, ServiceError
from geosar_tiler.state import readings
from geosar_tiler.state.database import Scene
from geosar_tiler.state.states import CopyState
from geosar_tiler.state.store import Store
from geosar_tiler.state.terrain import Terrain
from geosar_tiler.tiles.open_scenes import OpenScenes

OPEN_SCENES = 4
OVERVIEW_SIDE = 2048
"""Pixels of the longer side of the overview that views of much of a scene are made from."""
LIMIT_PIXELS = 8 * 2**20
"""A view of more pixels is made from the overview, however fine it should be."""


@dataclass
class DirectScene:
    """A scene that is open, to be read."""

    scene: SarScene
    store: Store
    overview_path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def grid(self) -> MapGrid:
        """The scene's own grid."""
        return self.scene.grid

    def window(self, window: Window) -> Pixels:
        """Return decibels (h, w, bands) of a window inside the scene, and what is valid (h, w)."""
        return _decibel(self.scene, self.scene.read(window))

    def overview(self) -> Path:
        """Return an overview of the whole scene as a GeoTIFF; made once, which may take seconds."""
        with self._lock:
            if not self.overview_path.is_file():
                block, grid = self.scene.read_overview(OVERVIEW_SIDE)
                pixels = _decibel(self.scene, block)
                with self.store.upload() as folder:
                    path = folder / self.overview_path.name
                    write_decibel(path, pixels, grid, self.scene.polarisations)
                    path.replace(self.overview_path)
        return self.overview_path

    @property
    def has_overview(self) -> bool:
        """Whether the scene is so large that there is an overview of it."""
        return max(self.grid.shape) > OVERVIEW_SIDE


class DirectScenes:
    """Opens scenes to be read, a few at a time."""

    def __init__(self, store: Store, terrain: Terrain) -> None:
        self._store = store
        self._open = OpenScenes(store, terrain, OPEN_SCENES, self._prepare)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="tiler-overview")

    def get(self, scene: Scene) -> DirectScene:
        """Return a scene that is open, or open it; raises geosar's errors where that fails.

        NotReadyError says that its blocks are too large to be decoded here, and its copy is being made.
        """
        try:
            return self._open.get(scene)
        except BlockSizeError as error:
            if scene.display != CopyState.PREPARING:
                raise
            raise NotReadyError("the scene is being prepared for tiles. Ask again in a few seconds.") from error

    def warm(self, scene: Scene) -> None:
        """Make the overview of a large scene before somebody asks for it."""
        if max(scene.description["width"], scene.description["height"]) > OVERVIEW_SIDE:
            with suppress(RuntimeError):  # the service is being stopped
                self._pool.submit(self._make, scene)

    def _make(self, scene: Scene) -> None:
        with suppress(GeosarError, ServiceError, OSError, *GDAL_ERRORS):  # who asks for a tile is told
            self.get(scene).overview()

    def forget(self, scene_id: str) -> None:
        """Let go of a scene that is removed."""
        self._open.forget(scene_id)

    def close(self) -> None:
        """Let go of everything."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._open.clear()

    def _prepare(self, scene: Scene, opened: SarScene) -> DirectScene:
        return DirectScene(opened, self._store, self._store.overview(scene.id, readings.number(scene)))


def _decibel(scene: SarScene, block: SarBlock) -> Pixels:
    values = to_decibel(block.values, scene.unit)
    valid = block.valid & np.isfinite(values).all(axis=0)
    # In hundredths, as the copy has them.
    return Pixels(np.moveaxis(np.round(np.where(valid, values, 0), 2), 0, -1).astype(np.float32), valid)


def write_decibel(path: Path, pixels: Pixels, grid: MapGrid, names: tuple[str, ...]) -> None:
    """Write decibels (h, w, bands) as a GeoTIFF, NaN where nothing is valid."""
    with rasterio.open(path, "w", **profile(pixels.values.shape[2], grid)) as dataset:
        dataset.descriptions = names
        dataset.write(np.where(pixels.mask, np.moveaxis(pixels.values, -1, 0), np.float32(np.nan)))


def profile(bands: int, grid: MapGrid) -> dict[str, object]:
    """Say how decibels are written."""
    return {
        "driver": "GTiff", "dtype": "float32", "count": bands, "width": grid.width, "height": grid.height,
        "crs": grid.crs, "transform": grid.transform, "nodata": float("nan"),
    }  # fmt: skip
