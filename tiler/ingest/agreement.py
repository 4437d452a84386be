"""Rows and files brought to agreement: what a kill, a full disk or a refused removal left half-done is finished.

Files and rows are changed together by one at a time (`Store.exclusively`), so that what does not agree while nobody
else changes anything was left by a death. A removal that had begun is finished; files that no row names go, as do
parts of files that nobody writes; copies that were lost are ordered again. Files that must once have had a row stay:
then it is the database that is not the right one.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from geosar_tiler.ingest.register import SceneRegister
from geosar_tiler.jobs import copies
from geosar_tiler.state import catalogue, locks, readings
from geosar_tiler.state.database import Database, Job, Reference, Scene, Upload
from geosar_tiler.state.states import LIVE, UNFINISHED, CopyState, JobStatus, Process, UploadStatus
from geosar_tiler.state.store import Store

_LOG = logging.getLogger("tiler.agreement")

LOOK_SECONDS = 20.0
SWEEP_SECONDS = 3600.0
YOUNG_SECONDS = 60.0
"""What is written without a lock, and quickly, may be under way for so long."""
ABANDONED_SECONDS = 24 * 3600.0
"""Where the file system has no locks, what came in is left alone for so long."""
_PASSING = (".probe-*", ".secret-*", "reserve.*", "scenes/*/live-blocks/*/.*.part")
"""What is there for a moment only."""


class Agreement:
    """Looks after rows and files: at the start and each hour at everything, in between at what is quick to see."""

    def __init__(self, register: SceneRegister) -> None:
        self._register = register
        self._store = register.store
        self._database = register.database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiler-agreement", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()

    def _run(self) -> None:
        swept = -SWEEP_SECONDS
        while True:
            try:
                if time.monotonic() - swept >= SWEEP_SECONDS:
                    self.sweep()
                    swept = time.monotonic()
                self.look()
            except (SQLAlchemyError, OSError) as error:  # locked, away or read-only for a while
                _LOG.warning("rows and files could not be compared: %s", error)
            if self._stop.wait(LOOK_SECONDS):
                return

    def look(self) -> None:
        """Finish removals, and order the copies that are wanted and that nobody makes."""
        with self._store.exclusively():
            for folder in list(self._store.removed.iterdir()):
                if self._store.scene(folder.name).exists():  # it was sent again
                    self._store.discard(folder)
                else:
                    self._register.withdraw(folder.name)
            ordered = copies.order_again(self._database, self._register.quota.free_bytes)
        if ordered:
            self._register.runner.wake()
        self._store.keep_reserve()

    def sweep(self) -> None:
        """Compare all files with all rows."""
        with self._store.exclusively():
            files = list(_strays(self._store, _Rows.of(self._database)))
            for path in files:
                self._store.discard(path)
            _mend(self._database, self._store)
        left = len(files) + sum(map(self._discard_abandoned, list(self._store.incoming.iterdir())))
        if left:
            _LOG.warning("removed %d files and folders that were left half-done", left)

    def _discard_abandoned(self, folder: Path) -> bool:
        with locks.free(folder) as free:
            abandoned = not _is_younger(folder, ABANDONED_SECONDS) if free is None else free
            if abandoned:
                self._store.discard(folder)
            return abandoned


@dataclass
class _Rows:
    """What files there may be, by the rows: of scenes and references, jobs, and uploads."""

    scenes: dict[str, Scene]
    references: dict[str, str]
    making: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Copies that are being made, for each scene."""
    jobs: dict[str, str] = field(default_factory=dict)
    uploads: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, database: Database) -> "_Rows":
        """Read them, at one moment."""
        with database.begin() as session:
            scenes = {scene.id: scene for scene in session.scalars(select(Scene))}
            rows = cls(scenes, {one.scene_id: one.filename for one in session.scalars(select(Reference))})
            for job_id, scene_id, process, status in session.execute(_columns(Job)):
                rows.jobs[job_id] = status
                if status in LIVE:
                    rows.making[scene_id].add(process)
            unfinished = Upload.status.in_(UNFINISHED)
            rows.uploads = set(session.scalars(select(Upload.id).where(unfinished)))
        return rows


def _columns(job: type[Job]) -> Any:
    return select(job.id, job.scene_id, job.process, job.status)


def _strays(store: Store, rows: _Rows) -> Iterator[Path]:
    """Find what no row names; whatever is in it is nobody's."""
    for folder in store.scenes.iterdir():
        scene = rows.scenes.get(folder.name)
        if scene is not None:
            yield from _strays_of_scene(store, rows, scene)
        elif [path.name for path in folder.iterdir()] not in ([], ["source"]):
            _tell_of_lost_row(folder)
        else:
            yield folder
    for folder in store.jobs.iterdir():
        status = rows.jobs.get(folder.name)
        parts = [path for path in folder.iterdir() if path.name.startswith(".")]
        if status == JobStatus.SUCCESSFUL:
            yield from parts
        elif status is None and len(parts) < sum(1 for _ in folder.iterdir()):
            _tell_of_lost_row(folder)
        elif status not in LIVE:
            yield folder
    # Rows of uploads are written before their files, and read here after these were listed.
    yield from (path for path in store.uploads.iterdir() if path.name not in rows.uploads and not _is_young(path))
    for pattern in _PASSING:
        yield from (path for path in store.root.glob(pattern) if not _is_young(path))


def _strays_of_scene(store: Store, rows: _Rows, scene: Scene) -> Iterator[Path]:
    folder = store.scene(scene.id)
    yield from _others(folder / "source", {path.name for path in catalogue.files(store, scene).values()})
    reading = readings.number(scene)
    copy = store.display(scene.id, reading)
    named = {"source", copy.name, "live-blocks"}
    if scene.display != CopyState.READY:
        named.add(store.overview(scene.id, reading).name)
    if scene.id in rows.references:
        named |= {"reference", "reference.tif"}
        yield from _others(folder / "reference", {rows.references[scene.id]})
    parts = {Process.PREPARE: copy, Process.REFERENCE: store.reference(scene.id)}
    making = tuple(f".{path.name}." for process, path in parts.items() if process in rows.making[scene.id])
    yield from (path for path in _others(folder, named) if not path.name.startswith(making))


def _others(folder: Path, named: set[str]) -> list[Path]:
    with suppress(FileNotFoundError):
        return [path for path in folder.iterdir() if path.name not in named]
    return []


def _tell_of_lost_row(folder: Path) -> None:
    message = "%s was in a catalogue once, and is not in this one. Is it the right database? Nothing of it was removed."
    _LOG.error(message, folder)


def _mend(database: Database, store: Store) -> None:
    """Bring rows to what there is: copies that are lost are wanted anew, and uploads without a file are none."""
    with database.begin() as session:
        for scene in session.scalars(select(Scene).where(Scene.display == CopyState.READY)).all():
            whole = all(path.is_file() for path in catalogue.files(store, scene).values())
            if not whole:
                _LOG.error("the files of scene %s are gone. Send it again, or remove it.", scene.id)
            elif not store.display(scene.id, readings.number(scene)).is_file():
                scene.display = CopyState.PREPARING
        for picture in session.scalars(select(Reference).where(Reference.state == CopyState.READY)).all():
            source = store.reference_source(picture.scene_id, picture.filename)
            if source.is_file() and not store.reference(picture.scene_id).is_file():
                picture.state = CopyState.PREPARING
        _forget_unbegun(session, store)


def _forget_unbegun(session: Session, store: Store) -> None:
    """Forget uploads whose service died before it said that they may come."""
    coming = (
        Upload.status == UploadStatus.RECEIVING,
        Upload.order.is_(None),
        Upload.created < time.time() - YOUNG_SECONDS,
    )
    unbegun = [one for one in session.scalars(select(Upload.id).where(*coming)) if not store.resumable(one).exists()]
    session.execute(delete(Upload).where(Upload.id.in_(unbegun)))


def _is_young(path: Path) -> bool:
    return _is_younger(path, YOUNG_SECONDS)


def _is_younger(path: Path, seconds: float) -> bool:
    try:
        return path.stat().st_mtime > time.time() - seconds
    except FileNotFoundError:
        return False
