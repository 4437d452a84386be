"""SAR from the upload itself, in decibel, for as long as the copy that its tiles are made from is not ready."""

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from geosar.backscatter import to_decibel
from geosar.errors import BlockSizeError, GeosarError
from geosar.grid import MapGrid, Window
from geosar.scene import SarBlock, SarScene, open_scene
from geosar.scene.source import GDAL_ERRORS
from geosar_tiler.errors import NotReadyError, ServiceError
from geosar_tiler.state import catalogue, readings
from geosar_tiler.state.database import Scene
from geosar_tiler.state.states import CopyState
from geosar_tiler.state.store import Store
from geosar_tiler.state.terrain import Terrain
from geosar_tiler.tiles import budget

OPEN_SCENES = 4
OVERVIEW_SIDE = 2048
"""Pixels of the longer side of the overview that views of much of a scene are made from."""
LIMIT_PIXELS = 8 * 2**20
"""A view of more pixels is made from the overview, however fine it should be."""

Pixels = tuple[NDArray[np.float32], NDArray[np.bool_]]


@dataclass
class DirectScene:
    """A scene that is open, to be read."""

    scene: SarScene
    reading: tuple[float, int]
    """When the scene was sent, and how often it was read anew since."""
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
                values, valid = _decibel(self.scene, block)
                with self.store.upload() as folder:
                    made = folder / self.overview_path.name
                    write_decibel(made, values, valid, grid, self.scene.polarisations)
                    made.replace(self.overview_path)
        return self.overview_path

    @property
    def has_overview(self) -> bool:
        """Whether the scene is so large that there is an overview of it."""
        return max(self.grid.shape) > OVERVIEW_SIDE


class DirectScenes:
    """Opens scenes to be read, a few at a time."""

    def __init__(self, store: Store, terrain: Terrain) -> None:
        self._terrain = terrain
        self._store = store
        self._lock = threading.Lock()
        self._open: OrderedDict[str, DirectScene] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="tiler-overview")

    def get(self, scene: Scene) -> DirectScene:
        """Open a scene, or give the one that is open; raises geosar's errors where that fails.

        NotReadyError says that its blocks are too large to be decoded here, and its copy is being made.
        """
        with self._lock:
            direct = self._open.get(scene.id)
            reading = readings.key(scene)
            if direct is None or direct.reading != reading:
                direct = DirectScene(
                    self._opened(scene), reading, self._store, self._store.overview(scene.id, reading[1])
                )
                self._open[scene.id] = direct
            self._open.move_to_end(scene.id)
            while len(self._open) > OPEN_SCENES:
                # A tile may be reading from it; it is closed when nobody holds it any more.
                self._open.popitem(last=False)
            return direct

    def _opened(self, scene: Scene) -> SarScene:
        options = self._terrain.resolved(catalogue.opening(scene))
        try:
            return open_scene(
                catalogue.source(self._store, scene), **options, most_block_bytes=budget.MOST_BLOCK,
            )  # fmt: skip
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
        with self._lock:
            self._open.pop(scene_id, None)

    def close(self) -> None:
        """Let go of everything."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._open.clear()


def _decibel(scene: SarScene, block: SarBlock) -> Pixels:
    values = to_decibel(block.values, scene.unit)
    valid = block.valid & np.isfinite(values).all(axis=0)
    # In hundredths, as the copy has them.
    return np.moveaxis(np.round(np.where(valid, values, 0), 2), 0, -1).astype(np.float32), valid


def write_decibel(
    path: Path, values: NDArray[np.float32], valid: NDArray[np.bool_], grid: MapGrid, names: tuple[str, ...]
) -> None:
    """Write decibels (h, w, bands) as a GeoTIFF, NaN where nothing is valid."""
    with rasterio.open(path, "w", **profile(values, grid)) as dataset:
        dataset.descriptions = names
        dataset.write(np.where(valid, np.moveaxis(values, -1, 0), np.float32(np.nan)))


def profile(values: NDArray[np.float32], grid: MapGrid) -> dict[str, object]:
    """Say how decibels are written."""
    return {
        "driver": "GTiff", "dtype": "float32", "count": values.shape[2], "width": grid.width, "height": grid.height,
        "crs": grid.crs, "transform": grid.transform, "nodata": float("nan"),
    }  # fmt: skip
