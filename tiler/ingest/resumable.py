"""Resumable uploads, and import requests for scenes whose files lie elsewhere: kept, checked, made a scene, forgotten.

Each is a row; the bytes that came are a file of the store, whose size is how far the upload is. So a service that is
killed loses nothing: the next one finds what was received, and checks what nobody has checked.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from geosar.errors import GeosarError
from geosar.scene.source import HEADER_BYTES
from geosar_tiler.errors import (
    ConflictError,
    GoneError,
    InvalidError,
    LockedError,
    NotFoundError,
    OverloadedError,
    ServiceError,
    TooLargeError,
    kind_of,
    status_of,
)
from geosar_tiler.ingest.fetch import fetch
from geosar_tiler.ingest.places import STILL_SECONDS, making_way
from geosar_tiler.ingest.receive import Promise, Received, check_free, driver_by_content
from geosar_tiler.ingest.register import SceneRegister
from geosar_tiler.scene_options import SceneOptions
from geosar_tiler.settings import Settings
from geosar_tiler.state.database import Database, Upload
from geosar_tiler.state.owners import Owner
from geosar_tiler.state.quota import Quota
from geosar_tiler.state.states import UNFINISHED, UploadStatus
from geosar_tiler.state.store import Store

_LOG = logging.getLogger("tiler.uploads")

THREADS = 4
LOOK_SECONDS = 20.0
READ_BYTES = 2**20
LOST = "the upload {!r} is unknown here; it may have been removed. Begin a new one."


class ResumableUploads:
    """Takes in uploads of one service. Several services may share the rows and the store."""

    def __init__(
        self, settings: Settings, store: Store, database: Database, *, quota: Quota, register: SceneRegister
    ) -> None:
        self._settings = settings
        self._store = store
        self._database = database
        self._quota = quota
        self._register = register
        self._owner = Owner(store.owners)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="tiler-intake")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="tiler-intake", daemon=True)

    def start(self) -> None:
        """Go on with what a service that died left, and forget what has expired, now and again."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is being checked is checked by the next service."""
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._owner.release()

    def create(
        self, filename: str, length: int, options: SceneOptions, *, hold: bool = False, client: str = ""
    ) -> Upload:
        """Reserve space for an upload of so many bytes; raises TooLargeError, StoreFullError, OverloadedError."""
        limit = self._settings.max_upload_bytes
        if length < 1:
            raise InvalidError(f"the upload is {length} bytes long; expected a file with something in it.")
        if length > limit:
            raise TooLargeError(f"the upload is {length} bytes; this service takes {limit} at most.")
        with self._store.exclusively():
            check_free(self._quota.free_bytes(), length)
            upload = self._enter(filename, length, options, None, client, hold=hold)
        self._store.resumable(upload.id).touch()
        return upload

    def request_import(self, sources: dict[str, str], kind: str, options: SceneOptions, client: str = "") -> Upload:
        """Begin to make a scene of files by their URLs (kind "href") or uploads that are held ("uploads")."""
        name = next(iter(sources.values())).rpartition("/")[2]
        upload = self._enter(name, 0, options, {"kind": kind, "sources": sources}, client)
        self._begin(upload.id)
        return upload

    def find(self, upload_id: str) -> Upload:
        """Return an upload; raises NotFoundError, or GoneError when it has expired."""
        with self._database.begin() as session:
            upload = session.get(Upload, upload_id)
        if upload is None:
            raise NotFoundError(LOST.format(upload_id))
        if upload.expires < time.time() and upload.status in {UploadStatus.RECEIVING, UploadStatus.HELD}:
            raise GoneError("nothing came for this upload for so long that it has expired. Begin a new one.")
        return upload

    def touch(self, upload_id: str) -> float:
        """Begin the time until an upload expires anew; returns when that is."""
        expires = time.time() + self._settings.upload_seconds
        self._change(upload_id, expires=expires)
        return expires

    def complete(self, upload: Upload) -> None:
        """The last byte has come: keep the file, or begin to make a scene of it."""
        if upload.options.get("hold"):
            self._change(upload.id, status=UploadStatus.HELD, only=(UploadStatus.RECEIVING,))
        elif self._change(
            upload.id, status=UploadStatus.CHECKING, owner=self._owner.name, only=(UploadStatus.RECEIVING,)
        ):
            self._begin(upload.id)

    def fail(self, upload_id: str, error: Exception) -> None:
        """Give up an upload, and free its disk."""
        self._store.resumable(upload_id).unlink(missing_ok=True)
        self._change(upload_id, status=UploadStatus.FAILED, problem=self._problem(error))

    def wait(self, upload_id: str, seconds: float) -> Upload:
        """Return an upload when it is done or failed, or after this time."""
        end = time.monotonic() + seconds
        while True:
            upload = self.find(upload_id)
            if upload.status in {UploadStatus.DONE, UploadStatus.FAILED} or time.monotonic() > end:
                return upload
            time.sleep(0.05)

    def remove(self, upload_id: str) -> None:
        """Forget an upload and free its disk; raises ConflictError or LockedError while somebody is at it."""
        upload = self.find(upload_id)
        if upload.status == UploadStatus.CHECKING or (
            upload.status == UploadStatus.RECEIVING and upload.order is not None
        ):
            raise ConflictError("a scene is being made of this upload. Remove the scene when it is there.")
        path = self._store.resumable(upload_id)
        with exclusive(path) if path.exists() else nullcontext():
            path.unlink(missing_ok=True)
        self._database.write_always(lambda session: session.execute(delete(Upload).where(Upload.id == upload_id)))

    def _enter(
        self, filename: str, length: int, options: SceneOptions, order: dict[str, Any] | None, client: str, **more: Any
    ) -> Upload:
        stated = options.model_dump(exclude_defaults=True)
        joining = order is not None and order["kind"] == "uploads"
        upload = Upload(
            id=uuid.uuid4().hex, filename=filename, length=length, order=order,
            options={"stated": stated, "client": client, **more},
            status=UploadStatus.CHECKING if joining else UploadStatus.RECEIVING,
            owner=None if order is None else self._owner.name,
            expires=time.time() + self._settings.upload_seconds,
        )  # fmt: skip
        needed = set(order["sources"].values()) if order is not None and joining else set()
        with self._database.begin() as session:
            under_way = session.scalars(select(Upload).where(Upload.status.in_(UNFINISHED))).all()
            others = [one for one in under_way if one.id not in needed]
            still = making_way(others, client, upload.expires - STILL_SECONDS)
            if still:
                session.delete(self._ended(still))
            session.add(upload)
        return upload

    def _ended(self, still: list[Upload]) -> Upload:
        """Remove the file of the first of these to which nobody sends right now; raises OverloadedError."""
        for one in still:
            path = self._store.resumable(one.id)
            with suppress(LockedError), exclusive(path) if path.exists() else nullcontext():
                path.unlink(missing_ok=True)
                return one
        raise OverloadedError("all uploads that are under way are being sent right now. Try again later.")

    def _begin(self, upload_id: str) -> None:
        if not self._stop.is_set():
            self._pool.submit(self._make, upload_id).add_done_callback(_log_failure)

    def _make(self, upload_id: str) -> None:
        """Make a scene, and say in the row how that went."""
        try:
            with self._store.upload() as folder:
                upload = self.find(upload_id)
                files = self._files(upload, folder)
                scene, new = self._register.add(files, SceneOptions(**upload.options["stated"]), folder)
            self._finish(upload, scene.id, new=new)
        except (ServiceError, GeosarError) as error:
            if not self._stop.is_set():  # else the next service makes it
                self.fail(upload_id, error)
        except Exception as error:  # the client is told, whatever it is
            self.fail(upload_id, error)
            raise

    def _files(self, upload: Upload, folder: Path) -> list[Received]:
        store = self._store
        if upload.order is None:
            return [received(linked(store.resumable(upload.id), folder / "0"), upload.filename)]
        sources: dict[str, str] = upload.order["sources"]
        if upload.order["kind"] == "href":
            return self._fetch(upload, sources, folder)
        joined = []
        for label, other in sources.items():
            part = self.find(other)
            if part.status != UploadStatus.HELD:
                raise ConflictError(
                    f"the upload {other!r} is {part.status}; expected a complete one, sent with `hold`."
                )
            joined.append(received(linked(store.resumable(other), folder / label), part.filename, label))
        return joined

    def _finish(self, upload: Upload, scene_id: str, *, new: bool) -> None:
        """Say at once of all that a scene was made of that it is done, and let go of the files; the scene has them."""
        joined = upload.order is not None and upload.order["kind"] == "uploads"
        others = list(upload.order["sources"].values()) if upload.order is not None and joined else []
        mine = update(Upload).where(Upload.id == upload.id, Upload.status.in_(UNFINISHED))
        theirs = (
            update(Upload)
            .where(Upload.id.in_(others), Upload.status == UploadStatus.HELD)
            .values(status=UploadStatus.DONE)
        )

        def write(session: Session) -> None:
            session.execute(mine.values(status=UploadStatus.DONE, scene_id=scene_id, new=new))
            session.execute(theirs)

        self._database.write_always(write)
        for one in (upload.id, *others):
            self._store.resumable(one).unlink(missing_ok=True)

    def _fetch(self, upload: Upload, sources: dict[str, str], folder: Path) -> list[Received]:
        settings = self._settings
        left = settings.max_upload_bytes
        promise = Promise(self._quota, folder)
        files: list[Received] = []
        for number, (label, href) in enumerate(sources.items()):
            # The first lies where an upload would, so that its size tells how far it is.
            path = folder / str(number) if number else self._store.resumable(upload.id)
            tell_size = None if number else partial(self._expect, upload.id)
            file = fetch(
                href, path, settings, limit=left, free_bytes=promise.free_bytes, wrote=promise.shrink, label=label,
                tell_size=tell_size,
            )  # fmt: skip
            files.append(file if number else replace(file, path=linked(path, folder / "0")))
            left -= file.size
        promise.end()
        self._change(upload.id, status=UploadStatus.CHECKING, length=sum(one.size for one in files))
        return files

    def _expect(self, upload_id: str, size: int) -> None:
        self._change(upload_id, length=size)

    def _change(self, upload_id: str, *, only: tuple[str, ...] = UNFINISHED, **values: Any) -> bool:
        """Set columns of an upload that has one of these states; returns whether it had."""
        query = update(Upload).where(Upload.id == upload_id, Upload.status.in_(only)).values(**values)
        return self._database.write_always(lambda session: bool(getattr(session.execute(query), "rowcount", 0)))

    def _problem(self, error: Exception) -> dict[str, Any]:
        status = status_of(error)
        foreseen = isinstance(error, ServiceError | GeosarError)
        detail = str(error) if foreseen else f"the service failed ({type(error).__name__}). Its log says more."
        title = HTTPStatus(status).phrase
        return {"type": kind_of(error), "title": title, "status": status, "detail": self._store.scrub(detail)}

    def _look_after(self) -> None:
        while True:
            try:
                self._forget_expired()
                self._take_over()
                self._owner.sweep()
            except SQLAlchemyError as error:  # locked or away for a while
                _LOG.warning("the database failed: %s", error)
            if self._stop.wait(LOOK_SECONDS):
                return

    def _forget_expired(self) -> None:
        with self._database.begin() as session:
            old = session.scalars(
                select(Upload).where(Upload.expires < time.time(), Upload.status != UploadStatus.CHECKING)
            ).all()
            for upload in old:
                session.delete(upload)
        for upload in old:
            self._store.resumable(upload.id).unlink(missing_ok=True)

    def _take_over(self) -> None:
        """Check what belongs to services that have ended."""
        with self._database.begin() as session:
            begun = or_(
                Upload.status == UploadStatus.CHECKING,
                (Upload.status == UploadStatus.RECEIVING) & Upload.order.is_not(None),
            )
            rows = session.execute(select(Upload.id, Upload.owner).where(begun)).all()
            whole = session.scalars(
                select(Upload).where(Upload.status == UploadStatus.RECEIVING, Upload.order.is_(None))
            ).all()
        for upload in whole:
            if self._quota.size_of(upload.id) == upload.length:
                with suppress(LockedError, GoneError), exclusive(self._store.resumable(upload.id)):
                    self.complete(upload)
        for upload_id, owner in rows:
            if not self._owner.knows_dead(owner):
                continue
            with self._database.begin() as session:
                same = or_(Upload.owner == owner, Upload.owner.is_(owner))
                mine = update(Upload).where(Upload.id == upload_id, same).values(owner=self._owner.name)
                is_ours = bool(getattr(session.execute(mine), "rowcount", 0))
            if is_ours:
                self._begin(upload_id)


def _log_failure(done: Future[None]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        _LOG.error("no scene could be made of an upload", exc_info=error)


@contextmanager
def exclusive(path: Path) -> Iterator[BinaryIO]:
    """Open a file that grows, for one alone; raises LockedError while another has it, GoneError when it is gone."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        raise GoneError("the file of this upload is gone. Begin a new one.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError("another request sends to this upload right now. Ask where it is, and go on.") from None
        yield file


def linked(path: Path, other: Path) -> Path:
    """Give a file a second name, so that it is still there when the service dies meanwhile."""
    try:
        os.link(path, other)
    except OSError:  # a file system without links
        shutil.copyfile(path, other)
    return other


def received(path: Path, filename: str, label: str = "") -> Received:
    """Say what a file of the store is; reads it once, for its hash."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
        driver = driver_by_content(header)
        data = header
        while data:
            size += len(data)
            digest.update(data)
            data = file.read(READ_BYTES)
    return Received(path, size, digest.hexdigest(), driver, filename, label)
