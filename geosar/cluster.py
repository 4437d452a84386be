"""The translation pipeline on a Dask cluster: its workers read and compute windows, this process writes them.

Every worker must see the source (and the model's folder) under the same path or URL. Imported only when a cluster is
asked for; needs ``pip install 'geosar[cluster]'``.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

import rasterio
from distributed import Client, Future, KilledWorker

from geosar.engines import open_engine
from geosar.errors import EngineError, SceneChangedError
from geosar.grid import Window
from geosar.models import Model, load_model
from geosar.scene import open_scene
from geosar.window_translator import Prediction, WindowTranslator

CONNECT_SECONDS = 15
IN_FLIGHT = 2
"""Windows a worker thread has under way or waiting: one to compute, one to read ahead."""

_POLL = 0.2


@dataclass(frozen=True)
class Recipe:
    """All that a worker needs to compute any window of a scene as this process would."""

    source: str | tuple[tuple[str, str], ...]
    opening: tuple[tuple[str, Any], ...]
    """Keyword arguments of `open_scene`."""
    polarisations: tuple[str, ...]
    fingerprint: str
    model: str
    checksum: str
    device: str
    precision: str
    threads: int | None
    engine: str
    """Name and version of the engine: another version may round other pixels."""
    despeckled: bool = False


class RemoteTranslator:
    """The place of a `WindowTranslator` in the pipeline: `read` asks the cluster for a window, `compute` awaits it."""

    def __init__(self, client: Client, recipe: Recipe, check: Callable[[], None]) -> None:
        self._client, self._recipe, self._check = client, recipe, check
        threads = sum(client.nthreads().values())
        if not threads:
            raise EngineError(f"the Dask cluster {client} has no workers. Start some, then run the same again.")
        self.ahead = IN_FLIGHT * threads

    def read(self, window: Window) -> Future:
        """Ask for a window of the scene."""
        return self._client.submit(compute_window, self._recipe, window, pure=False)

    def compute(self, block: Future) -> Prediction | None:
        """Wait for a window; None where nothing of it is valid. Raises what the worker raised."""
        while True:
            self._check()
            try:
                pixels: Prediction | None = block.result(timeout=_POLL)
            except (KilledWorker, CancelledError) as error:
                raise EngineError(
                    f"the Dask cluster lost a window: {error}. Its workers may be short of memory (about 1.5 GiB a "
                    "thread is needed); run the same again with resume (--resume).",
                ) from error
            except TimeoutError:
                continue
            block.release()
            return pixels

    def translate(self, window: Window) -> Prediction | None:
        """Ask for a window and wait for it."""
        return self.compute(self.read(window))


@contextmanager
def connected(cluster: str | Client) -> Iterator[Client]:
    """Return a client of a cluster: one that is there already, or one for the address of a scheduler."""
    if not isinstance(cluster, str):
        yield cluster
        return
    try:
        client = Client(cluster, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no Dask scheduler answers at {cluster}: {error}. Expected an address such as tcp://host:8786 of a "
            "running `dask scheduler`.",
        ) from error
    with client:
        yield client


def flat(source: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]) -> str | tuple[tuple[str, str], ...]:
    """Return a source so that it can be hashed and sent, its paths absolute."""
    if isinstance(source, Mapping):
        return tuple((name, _absolute(path)) for name, path in source.items())
    return _absolute(source)


def _absolute(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    return text if "://" in text else os.path.abspath(text)  # noqa: PTH100 - pathlib would follow no links either


def compute_window(recipe: Recipe, window: Window) -> Prediction | None:
    """Compute one window, on a worker."""
    with _one_at_a_time, rasterio.Env():
        translator = _translator(recipe)
        block = translator.read(window)
        return None if block is None else translator.compute(block)


_one_at_a_time = Lock()


@lru_cache(maxsize=1)
def _translator(recipe: Recipe) -> WindowTranslator:
    """Open scene and engine once in a worker's life, and see that they are those of the process that asks."""
    source = recipe.source if isinstance(recipe.source, str) else dict(recipe.source)
    scene = open_scene(source, **dict(recipe.opening)).select(recipe.polarisations)
    if scene.fingerprint != recipe.fingerprint:
        raise SceneChangedError(f"a worker sees another file as {scene.source}. Give all machines the same.")
    model: Model = load_model(recipe.model)
    engine = open_engine(model, recipe.device, recipe.precision, recipe.threads)
    if (model.checksum, engine.name) != (recipe.checksum, recipe.engine):
        raise EngineError(
            f"a worker has {model.label} on {engine.name}, here it runs on {recipe.engine} or is another one. Install "
            "the same versions everywhere.",
        )
    return WindowTranslator(scene, model.manifest, engine, despeckled=recipe.despeckled)
