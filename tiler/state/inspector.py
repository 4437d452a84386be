"""Looking at an upload in a process of its own, so that a file that crashes a decoder harms nobody."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from geosar.engines import open_engine
from geosar.errors import EngineError, GeosarError, ModelChecksumError, ModelFormatError
from geosar.footprint import footprint
from geosar.grid import MapGrid, Window, padded_window
from geosar.models import load_model
from geosar.scene import open_scene
from geosar.scene.raster import check_readable
from geosar.scene.source import gdal_errors
from geosar.scene.untrusted import open_path
from geosar.scene_info import describe_opened
from geosar_tiler.errors import InvalidError, OverloadedError, ServiceError, kind_of, status_of
from geosar_tiler.state import confinement
from geosar_tiler.state.presentable import check_finite, check_place

FILES_A_PROCESS = 200
"""After so many files the process is replaced, with whatever memory the decoders lost."""

TRIES = 2
"""So often a file is looked at whose process dies."""
START_SECONDS = 120.0
"""A process that begins anew may take so long until it looks at its first file, whose own time begins then."""
Look = Callable[..., dict[str, Any]]

TRIED_PIXELS = 64
"""Side of the window that the networks of a model are tried on, without its halo."""

MEMORY_BYTES = 8 * 2**30
"""A file that makes a decoder ask for more address space than this is refused."""


class Inspector:
    """One process that describes scenes, one after the other, replaced when it dies or hangs.

    It reads no files but those of the folder `incoming` and of those that it may read `also`, where the system allows
    that; without one it is not confined.
    """

    def __init__(self, seconds: float, incoming: Path | None = None, also: tuple[Path, ...] = ()) -> None:
        self._seconds = seconds
        self._incoming = incoming
        self._also = also
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._closed = False
        self._pool: ProcessPoolExecutor | None = None

    def warm(self) -> None:
        """Start the process, so that the first upload does not wait for it."""
        self._executor().submit(_nothing)

    def describe(self, source: Path | dict[str, Path], **options: Any) -> dict[str, Any]:
        """Return what `geosar.scene_info.describe_scene` does, and the footprint; raises ServiceError for no scene.

        `source` is a file, or one for each polarisation.
        """
        return self._ask(_describe, source, options)

    def picture(self, path: Path) -> dict[str, Any]:
        """Return width, height, crs, bounds and footprint of a picture; raises ServiceError for what is none."""
        return self._ask(_picture, path, {})

    def model(self, folder: Path) -> dict[str, Any]:
        """Run the networks of a packaged model on a small window; raises ServiceError for one that does not work."""
        return self._ask(_model, folder, {})

    def _ask(self, look: Look, source: Path | dict[str, Path], options: dict[str, Any]) -> dict[str, Any]:
        name = ", ".join(path.name for path in source.values()) if isinstance(source, dict) else source.name
        # One at a time, so that a death is that of the file in hand, and its time begins when it is looked at.
        with self._turn:
            answer = self._looked_at(look, source, options, name)
        if "error" in answer:
            raise _RefusedError(answer["error"], answer["status"], answer.get("kind"))
        return answer

    def _looked_at(
        self, look: Look, source: Path | dict[str, Path], options: dict[str, Any], name: str
    ) -> dict[str, Any]:
        """Look at a file in the process; once more where that died, for which something else may be to blame."""
        for _ in range(TRIES):
            pool = self._executor()
            seconds = START_SECONDS
            try:
                pool.submit(_nothing).result(seconds)
                seconds = self._seconds
                return pool.submit(_looked, look, source, options, name).result(seconds)
            except (BrokenProcessPool, CancelledError):
                self._drop(pool)
            except TimeoutError as error:
                self._drop(pool)
                raise OverloadedError(f"looking at {name} took longer than {seconds:g} s. Try again.") from error
        raise InvalidError(f"{name} is damaged: reading it crashed the decoder {TRIES} times. Send another file.")

    def close(self) -> None:
        """End the process; nothing is looked at any more."""
        self._closed = True
        if self._pool is not None:
            self._drop(self._pool)

    def _executor(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise OverloadedError("the service is being stopped. Send it again in a moment.")
            if self._pool is None:
                # Spawned: a fork of a process with threads may stop dead.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(
                    1,
                    mp_context=context,
                    initializer=confinement.begin,
                    initargs=(os.getpid(), MEMORY_BYTES, self._incoming, self._also),
                    max_tasks_per_child=FILES_A_PROCESS,
                )
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)


class _RefusedError(ServiceError):
    """What geosar said of the scene, with the status that the table has for it."""

    def __init__(self, message: str, status: int, kind: str | None) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


def _nothing() -> None:
    """Do nothing; the process is there afterwards."""


def _looked(look: Look, source: Any, options: dict[str, Any], name: str) -> dict[str, Any]:
    try:
        return look(source, **options)
    except (GeosarError, ServiceError) as error:
        return {"error": str(error), "status": status_of(error), "kind": kind_of(error)}
    except Exception as error:  # noqa: BLE001 - nobody foresees what a damaged file makes the decoders raise
        return {"error": f"{name} is damaged ({type(error).__name__}: {error}). Send it again.", "status": 422}


def _describe(source: Any, **options: Any) -> dict[str, Any]:
    with open_scene(source, **options) as scene:
        description = describe_opened(scene)
        check_place(scene.grid, scene.name)
        outline = footprint(scene.grid)
    geometry, bbox = outline or (None, None)
    described = {**description, "geometry": geometry, "bbox": bbox}
    check_finite(described, description["source"])
    return described


def _picture(path: Path) -> dict[str, Any]:
    with gdal_errors(path.name, "Reading"), open_path(path) as dataset:
        check_readable(dataset, path.name)
        grid = MapGrid(dataset.crs, dataset.transform, dataset.width, dataset.height)
        check_place(grid, path.name)
        side = min(512, dataset.width, dataset.height)
        dataset.read(1, window=Window(0, 0, side, side).to_rasterio())
    outline = footprint(grid)
    geometry, bbox = outline or (None, None)
    return {"width": grid.width, "height": grid.height, "geometry": geometry, "bbox": bbox}


def _model(folder: Path) -> dict[str, Any]:
    try:
        model = load_model(folder)
        manifest = model.manifest
        shape = padded_window(Window(0, 0, TRIED_PIXELS, TRIED_PIXELS), manifest.halo, manifest.stride)
        window = np.zeros((1, manifest.inputs.channels, shape.height, shape.width), np.float32)
        for precision in manifest.precisions:
            engine = open_engine(model, "cpu", precision, 1)
            engine.run(window)
            if manifest.despeckles:
                engine.run_despeckled(window)
    except (ModelFormatError, ModelChecksumError, EngineError) as error:
        raise InvalidError(str(error)) from error  # of a model of the service's own it would be 503
    return {"name": manifest.name}
