"""Scenes that are open, the latest few that were asked for: each is opened once, and anew when it is read otherwise."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from geosar.scene import SarScene, open_scene
from geosar_tiler.state import catalogue, readings
from geosar_tiler.state.database import Scene
from geosar_tiler.state.store import Store
from geosar_tiler.state.terrain import Terrain
from geosar_tiler.tiles import budget

Opened = TypeVar("Opened")


class OpenScenes(Generic[Opened]):
    """At most `most` scenes, each as what `prepare` makes of its row and its raster."""

    def __init__(self, store: Store, terrain: Terrain, most: int, prepare: Callable[[Scene, SarScene], Opened]) -> None:
        self._store = store
        self._terrain = terrain
        self._most = most
        self._prepare = prepare
        self._lock = threading.Lock()
        self._opened: OrderedDict[str, tuple[tuple[float, int], Opened]] = OrderedDict()

    def get(self, scene: Scene) -> Opened:
        """Return a scene that is open, or open it; raises geosar's errors, and what `prepare` raises.

        BlockSizeError says that its blocks are too large to be decoded in the service itself.
        """
        with self._lock:
            reading = readings.key(scene)
            known = self._opened.get(scene.id)
            if known is None or known[0] != reading:  # of the same content, but sent again or read otherwise since
                known = reading, self._prepare(scene, self._open(scene))
                self._opened[scene.id] = known
            self._opened.move_to_end(scene.id)
            while len(self._opened) > self._most:
                # A tile may be reading from it; it is closed when nobody holds it any more.
                self._opened.popitem(last=False)
            return known[1]

    def forget(self, scene_id: str) -> None:
        """Let go of a scene that is removed."""
        with self._lock:
            self._opened.pop(scene_id, None)

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._opened.clear()

    def _open(self, scene: Scene) -> SarScene:
        options = self._terrain.resolved(catalogue.opening(scene))
        return open_scene(catalogue.source(self._store, scene), **options, most_block_bytes=budget.MOST_BLOCK)
