"""Live translation: blocks of a scene's own grid through the network, made once and kept while there is space."""

import hashlib
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import geosar
from geosar.cog.overviews import Pixels
from geosar.engines import Engine, open_engine
from geosar.errors import BlockSizeError, GeosarError
from geosar.grid import MapGrid, Window, padded_window
from geosar.models import Model, load_model
from geosar.models.fit import choose_polarisations
from geosar.scene import SarScene
from geosar.window_translator import WindowTranslator
from geosar_tiler.errors import OverloadedError, TooMuchError
from geosar_tiler.settings import Settings
from geosar_tiler.state import readings
from geosar_tiler.state.database import Scene
from geosar_tiler.state.store import Store
from geosar_tiler.state.terrain import Terrain
from geosar_tiler.tiles.image_space import TILE
from geosar_tiler.tiles.open_scenes import OpenScenes
from geosar_tiler.tiles.open_scenes.block_cache import BlockKey, Blocks
from geosar_tiler.tiles.open_scenes.coarse import coarse_colour, factor_of, read_radar

BLOCK = 256
"""Side of the blocks. Small, so that a first tile needs few pixels beside its own; neighbours that are missing
together go through the network together, with one halo."""
OPEN_SCENES = 8
BANDS = 4

Place = tuple[int, int]
"""Column and row of a block's first pixel."""
WHOLE: Place = (-1, -1)
"""Where the coarse picture of a whole scene is kept among the blocks."""


@dataclass(kw_only=True)
class LiveScene:
    """A scene that is open, with what translates it."""

    scene_id: str
    version: str
    model: str
    scene: SarScene
    translator: WindowTranslator
    blocks: Blocks
    engine_lock: threading.Lock
    waiting: threading.Semaphore
    limit_pixels: float
    copy: Path
    _coarse_lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def grid(self) -> MapGrid:
        """The scene's own grid."""
        return self.scene.grid

    def fits(self, window: Window) -> bool:
        """Whether a view of this part of the scene is translated live."""
        return _whole_blocks(window).area <= max(self.limit_pixels, 4 * BLOCK * BLOCK)

    @property
    def is_large(self) -> bool:
        """Whether a view of the whole scene is more than is translated live."""
        return not self.fits(self.grid.window)

    def is_too_fine(self, factor: float) -> bool:
        """Whether tiles of pixels that are so many times the scene's own cover more than is translated live."""
        # The worst place for a tile is across one block more than it is wide.
        side = (math.ceil(TILE * factor / BLOCK) + 1) * BLOCK
        return self.is_large and side * side > self.limit_pixels

    def coarse(self) -> Pixels:
        """Return the whole scene's colours and expected errors (h, w, 4), coarse, and what is valid (h, w).

        Made once, from its copy for tiles, which must be ready, and some sixteen blocks. Raises
        OverloadedError when too many wait.
        """
        key = self._key(WHOLE)
        overview = self.blocks.get(key)
        if overview is not None:
            return overview
        if not self.waiting.acquire(blocking=False):
            raise OverloadedError("too many live tiles are waiting. Ask again in a moment.")
        try:
            with self._coarse_lock:
                overview = self.blocks.get(key)
                if overview is None:
                    radar = read_radar(self.copy, factor_of(self.grid))
                    overview = coarse_colour(radar, self.grid, self.window, BLOCK)
                    self.blocks.put(key, overview)
                    self.blocks.save(key, overview)
        finally:
            self.waiting.release()
        return overview

    def window(self, window: Window) -> Pixels:
        """Return red, green, blue and expected error (h, w, 4) of a window inside the scene, and what is valid (h, w).

        The same pixels as the whole translated scene has there. Raises OverloadedError when too many wait.
        """
        outer = _whole_blocks(window)
        places = [
            (col, row)
            for row in range(outer.row_off, outer.row_end, BLOCK)
            for col in range(outer.col_off, outer.col_end, BLOCK)
        ]
        blocks = {place: self.blocks.get(self._key(place)) for place in places}
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
            values[here] = block.values[there]
            valid[here] = block.mask[there]
        return Pixels(values, valid)

    def _make(self, blocks: dict[Place, Pixels | None]) -> None:
        """Fill in what is missing, and keep it."""
        if not self.waiting.acquire(blocking=False):
            raise OverloadedError("too many live tiles are waiting. Ask again in a moment.")
        try:
            with self.engine_lock:
                # Another tile, or another process, may have made some of them while this one waited.
                for place in [place for place, block in blocks.items() if block is None]:
                    blocks[place] = self.blocks.get(self._key(place))
                translated = self._translated([place for place, block in blocks.items() if block is None])
                for place, block in translated.items():
                    self.blocks.put(self._key(place), block)
        finally:
            self.waiting.release()
        for place, block in translated.items():
            self.blocks.save(self._key(place), block)
        blocks.update(translated)

    def _translated(self, places: list[Place]) -> dict[Place, Pixels]:
        """Run all of these blocks through the network together, with one halo."""
        if not places:
            return {}
        hull = _hull(places).intersection(self.grid.window)
        read = None if hull is None else self.translator.read(hull)
        prediction = None if read is None else self.translator.compute(read)
        blocks: dict[Place, Pixels] = {}
        for place in places:
            part = Window(*place, BLOCK, BLOCK).intersection(self.grid.window)
            if part is None or hull is None:
                continue
            if prediction is None:
                shape = (part.height, part.width)
                blocks[place] = Pixels(np.zeros((*shape, BANDS), np.uint8), np.zeros(shape, np.bool_))
            else:
                inside = part.shifted(-hull.col_off, -hull.row_off).slices
                values, valid = prediction.values[inside].copy(), prediction.valid[inside].copy()
                values[~valid] = 0  # as the COG has it
                blocks[place] = Pixels(values, valid)
        return blocks

    def _key(self, place: Place) -> BlockKey:
        return BlockKey(self.scene_id, self.version, *place)


class LiveScenes:
    """Opens scenes for live translation, a few at a time, and shares the engine and the blocks among them."""

    def __init__(self, settings: Settings, store: Store, terrain: Terrain) -> None:
        self._settings = settings
        self._store = store
        self._open = OpenScenes(store, terrain, OPEN_SCENES, self._prepare)
        self._model_lock = threading.Lock()
        self._engine_lock = threading.Lock()
        self._waiting = threading.Semaphore(settings.live_queue)
        self._loaded: tuple[Model, Engine] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="tiler-warm")
        self.blocks = Blocks(store, settings.live_cache_bytes, settings.live_disk_bytes)

    def get(self, scene: Scene) -> LiveScene:
        """Return a scene that is open, or open it; raises geosar's errors where the model does not take it."""
        try:
            return self._open.get(scene)
        except BlockSizeError as error:
            raise TooMuchError(f"{error} Or translate the scene as a job.") from error

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._loaded is not None

    def warm(self) -> None:
        """Begin to load the model and to run it once, so that the first tile does not wait for that."""
        self._pool.submit(self._warm)

    def _warm(self) -> None:
        with suppress(GeosarError):
            model, engine = self._engine()
            # As large as the first tile is likely to be, for the memory that the engine gets then.
            shape = padded_window(Window(0, 0, 2 * BLOCK, 2 * BLOCK), model.manifest.halo, model.manifest.stride)
            with self._engine_lock:
                engine.run(np.zeros((1, model.manifest.inputs.channels, shape.height, shape.width), np.float32))

    def forget(self, scene_id: str) -> None:
        """Let go of a scene that is removed."""
        self._open.forget(scene_id)
        self.blocks.memory.forget(scene_id)

    def close(self) -> None:
        """Let go of everything; a model that is being loaded is waited for, since ending amid it aborts the process."""
        self._pool.shutdown(cancel_futures=True)
        self._open.clear()
        with self._model_lock:
            self._loaded = None

    def _engine(self) -> tuple[Model, Engine]:
        with self._model_lock:
            if self._loaded is None:
                model = load_model(self._settings.model)
                self._loaded = model, open_engine(model, "auto", self._settings.precision, self._settings.job_threads)
            return self._loaded

    def _prepare(self, scene: Scene, opened: SarScene) -> LiveScene:
        model, engine = self._engine()
        names, _ = choose_polarisations(opened.polarisations, model.manifest, scene.polarisation, opened.given)
        view = opened.select(names)
        # With another network, engine or release of ours the same scene may have other pixels.
        reading = [str(readings.number(scene))] if readings.number(scene) else []
        parts = (str(scene.created), *reading, model.checksum, str(engine.precision), geosar.__version__)
        return LiveScene(
            scene_id=scene.id,
            version=hashlib.sha256("|".join(parts).encode()).hexdigest()[:16],
            model=model.label,
            scene=view,
            translator=WindowTranslator(view, model.manifest, engine),
            blocks=self.blocks,
            engine_lock=self._engine_lock,
            waiting=self._waiting,
            limit_pixels=self._settings.live_megapixels * 1e6,
            copy=self._store.display(scene.id, readings.number(scene)),
        )


def _whole_blocks(window: Window) -> Window:
    """Grow a window to whole blocks."""
    col, row = window.col_off // BLOCK * BLOCK, window.row_off // BLOCK * BLOCK
    return Window(col, row, -(-window.col_end // BLOCK) * BLOCK - col, -(-window.row_end // BLOCK) * BLOCK - row)


def _hull(places: list[tuple[int, int]]) -> Window:
    cols, rows = [col for col, _ in places], [row for _, row in places]
    return Window(min(cols), min(rows), max(cols) + BLOCK - min(cols), max(rows) + BLOCK - min(rows))
