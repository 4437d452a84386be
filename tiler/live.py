"""Live translation: blocks of a scene's own grid through the network, made once and kept in bounded memory."""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geosar.engines import Engine, open_engine
from geosar.errors import GeosarError
from geosar.grid import MapGrid, Window, padded_window
from geosar.models import Model, load_model
from geosar.scene import SarScene, open_scene
from geosar.suitability import choose_polarisations
from geosar.windowed import WindowTranslator
from tiler import catalogue
from tiler.database import Scene
from tiler.errors import OverloadedError
from tiler.settings import Settings
from tiler.store import Store

BLOCK = 256
"""Side of the blocks. Small, so that a first tile needs few pixels beside its own; neighbours that are missing
together go through the network together, with one halo."""
OPEN_SCENES = 8
BANDS = 4

Key = tuple[str, int, int]
Pixels = tuple[NDArray[np.uint8], NDArray[np.bool_]]


class BlockCache:
    """Blocks by key, the least recently used leave when the bytes are too many."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._blocks: OrderedDict[Key, Pixels] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0
        self.hits = 0
        self.misses = 0

    def get(self, key: Key) -> Pixels | None:
        """Give a block, and count whether it was there."""
        with self._lock:
            found = self._blocks.get(key)
            if found is None:
                self.misses += 1
            else:
                self.hits += 1
                self._blocks.move_to_end(key)
            return found

    def put(self, key: Key, block: Pixels) -> None:
        """Keep a block."""
        size = block[0].nbytes + block[1].nbytes
        with self._lock:
            if key in self._blocks:
                return
            self._blocks[key] = block
            self.bytes += size
            while self.bytes > self._limit and len(self._blocks) > 1:
                _, (values, valid) = self._blocks.popitem(last=False)
                self.bytes -= values.nbytes + valid.nbytes

    def forget(self, name: str) -> None:
        """Drop the blocks of a scene."""
        with self._lock:
            for key in [key for key in self._blocks if key[0] == name]:
                values, valid = self._blocks.pop(key)
                self.bytes -= values.nbytes + valid.nbytes


@dataclass
class LiveScene:
    """A scene that is open, with what translates it."""

    name: str
    version: str
    model: str
    scene: SarScene
    translator: WindowTranslator
    cache: BlockCache
    engine_lock: threading.Lock
    waiting: threading.Semaphore
    limit_pixels: float
    created: float
    _read_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def grid(self) -> MapGrid:
        """The scene's own grid."""
        return self.scene.grid

    def fits(self, window: Window) -> bool:
        """Whether a view of this part of the scene is translated live."""
        return self._blocks(window).area <= max(self.limit_pixels, 4 * BLOCK * BLOCK)

    def window(self, window: Window) -> Pixels:
        """Give red, green, blue and expected error (h, w, 4) of a window inside the scene, and what is valid (h, w).

        The same pixels as the whole translated scene has there. Raises OverloadedError when too many wait.
        """
        outer = self._blocks(window)
        places = [
            (col, row)
            for row in range(outer.row_off, outer.row_end, BLOCK)
            for col in range(outer.col_off, outer.col_end, BLOCK)
        ]
        blocks = {place: self.cache.get((self.version, *place)) for place in places}
        if any(block is None for block in blocks.values()):
            self._make(blocks)
        values = np.zeros((window.height, window.width, BANDS), np.uint8)
        valid = np.zeros((window.height, window.width), np.bool_)
        for (col, row), block in blocks.items():
            part = Window(col, row, BLOCK, BLOCK).intersection(window)
            if part is None or block is None:
                continue
            there = part.shifted(-col, -row).slices
            here = part.shifted(-window.col_off, -window.row_off).slices
            values[here] = block[0][there]
            valid[here] = block[1][there]
        return values, valid

    def _make(self, blocks: dict[tuple[int, int], Pixels | None]) -> None:
        """Fill in what is missing."""
        if not self.waiting.acquire(blocking=False):
            raise OverloadedError("too many live tiles are waiting. Ask again in a moment.")
        try:
            with self.engine_lock:
                # Another tile may have made some of them while this one waited.
                missing = [place for place in blocks if blocks[place] is None and not self._found(place, blocks)]
                if not missing:
                    return
                hull = _hull(missing).intersection(self.grid.window)
                block = None if hull is None else self.translator.read(hull)
                made = None if block is None else self.translator.compute(block)
                for col, row in missing:
                    part = Window(col, row, BLOCK, BLOCK).intersection(self.grid.window)
                    if part is None or hull is None:
                        continue
                    if made is None:
                        shape = (part.height, part.width)
                        pixels: Pixels = np.zeros((*shape, BANDS), np.uint8), np.zeros(shape, np.bool_)
                    else:
                        place = part.shifted(-hull.col_off, -hull.row_off).slices
                        pixels = made.values[place].copy(), made.valid[place].copy()
                        pixels[0][~pixels[1]] = 0  # as the COG has it
                    self.cache.put((self.version, col, row), pixels)
                    blocks[col, row] = pixels
        finally:
            self.waiting.release()

    def _found(self, place: tuple[int, int], blocks: dict[tuple[int, int], Pixels | None]) -> bool:
        blocks[place] = self.cache.get((self.version, *place))
        return blocks[place] is not None

    @staticmethod
    def _blocks(window: Window) -> Window:
        """Grow a window to whole blocks."""
        col, row = window.col_off // BLOCK * BLOCK, window.row_off // BLOCK * BLOCK
        return Window(col, row, -(-window.col_end // BLOCK) * BLOCK - col, -(-window.row_end // BLOCK) * BLOCK - row)


class LiveScenes:
    """Opens scenes for live translation, a few at a time, and shares the engine and the cache among them."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._lock = threading.Lock()
        self._engine_lock = threading.Lock()
        self._waiting = threading.Semaphore(settings.live_queue)
        self._open: OrderedDict[str, LiveScene] = OrderedDict()
        self._loaded: tuple[Model, Engine] | None = None
        self.cache = BlockCache(settings.live_cache_bytes)

    def get(self, scene: Scene) -> LiveScene:
        """Open a scene, or give the one that is open; raises geosar's errors where the model does not take it."""
        with self._lock:
            found = self._open.get(scene.id)
            if found is not None and found.created == scene.created:  # not another's of the same content
                self._open.move_to_end(scene.id)
                return found
            model, engine = self._engine()
            opened = self._begin(catalogue.source(self._store, scene), scene, model, engine)
            self._open[scene.id] = opened
            while len(self._open) > OPEN_SCENES:
                # A tile may be reading from it; it is closed when nobody holds it any more.
                self._open.popitem(last=False)
            return opened

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._loaded is not None

    def warm(self) -> None:
        """Load the model and run it once, so that the first tile does not wait for that; without model do nothing."""
        with suppress(GeosarError), self._lock:
            model, engine = self._engine()
            # As large as the first tile is likely to be, for the memory that the engine gets then.
            shape = padded_window(Window(0, 0, 2 * BLOCK, 2 * BLOCK), model.manifest.halo, model.manifest.stride)
            with self._engine_lock:
                engine.run(np.zeros((1, model.manifest.inputs.channels, shape.height, shape.width), np.float32))

    def forget(self, scene_id: str) -> None:
        """Let go of a scene that is removed."""
        with self._lock:
            found = self._open.pop(scene_id, None)
        if found is not None:
            self.cache.forget(found.version)

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._open.clear()
            self._loaded = None

    def _engine(self) -> tuple[Model, Engine]:
        if self._loaded is None:
            model = load_model(self._settings.model)
            self._loaded = model, open_engine(model, "auto", self._settings.precision, self._settings.job_threads)
        return self._loaded

    def _begin(self, source: Path | dict[str, Path], scene: Scene, model: Model, engine: Engine) -> LiveScene:
        opened = open_scene(source, polarisation=scene.polarisation, scale=scene.unit, force=scene.force)
        wanted, _ = choose_polarisations(opened.polarisations, model.manifest, scene.polarisation)
        view = opened.select(wanted)
        return LiveScene(
            scene.id, f"{scene.id}-{scene.created}-{model.checksum[:16]}-{engine.precision}", model.label, view,
            WindowTranslator(view, model.manifest, engine), self.cache, self._engine_lock, self._waiting,
            self._settings.live_megapixels * 1e6, scene.created,
        )  # fmt: skip


def _hull(places: list[tuple[int, int]]) -> Window:
    cols, rows = [col for col, _ in places], [row for _, row in places]
    return Window(min(cols), min(rows), max(cols) + BLOCK - min(cols), max(rows) + BLOCK - min(rows))
