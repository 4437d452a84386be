"""Receiving files: from the request straight to disk, hashed on the way, never whole in memory."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from geosar.publish import DISK_FULL
from geosar.scene.files.formats import name_format
from geosar.scene.source import HEADER_BYTES, beginning, driver_of
from geosar_tiler.errors import InvalidError, StoreFullError, TooLargeError, UnsupportedError
from geosar_tiler.ingest.multipart import MAX_PART_HEADERS, Part, files_of
from geosar_tiler.state.quota import Quota
from geosar_tiler.state.store import PROMISE
from geosar_tiler.words import BESIDE

BINARY = {"type": "string", "format": "binary"}
BUFFER_BYTES = 2**20
SPACE_CHECK_BYTES = 64 * 2**20
"""After so many bytes the store is asked again what space it has: others write to it too."""
LEAST_STEP = 4 * 2**20
"""Bytes that are promised at first to what comes without a length."""
MOST_FILES = 4
"""A scene has four polarisations at most."""
TAKEN = "a GeoTIFF, a PNG or JPEG picture, or a zip of a Sentinel-1 SAFE product"
_DRIVERS = frozenset({"GTiff", "PNG", "JPEG"})


def upload_body(**others: dict[str, Any]) -> dict[str, Any]:
    """Return how OpenAPI says that a route takes a file as a form, or as what the `others` are called, as it is."""
    form = {"type": "object", "properties": {"file": BINARY}}
    content = {"multipart/form-data": form, **others}
    return {"requestBody": {"required": True, "content": {kind: {"schema": one} for kind, one in content.items()}}}


@dataclass(frozen=True, slots=True)
class Received:
    """A complete file: where it lies, its size in bytes, SHA-256, GDAL driver by content, the name its sender gave it.

    `label` is the name of the form's field, or whatever else its sender called it by; it may name a polarisation.
    """

    path: Path
    size: int
    sha256: str
    driver: str
    filename: str
    label: str = ""


@dataclass(kw_only=True)
class Appender:
    """Writes to the end of a file off the event loop, in pieces of about a megabyte; knows the limits.

    `limit` is the most bytes that it takes, `too_large` what it says of more; `free_bytes` says what the store has left
    now; `digest` hashes what is written. Raises the errors of `geosar_tiler.errors`.
    """

    file: BinaryIO
    limit: int
    free_bytes: Callable[[], int]
    too_large: str = "the upload is larger than {limit} bytes, the most that this service takes."
    digest: Any = None
    size: int = 0
    waiting: bytearray = field(default_factory=bytearray)
    granted: int = 0

    async def take(self, data: bytes) -> None:
        """Take some bytes."""
        self._count(data)
        if len(self.waiting) >= BUFFER_BYTES:
            await asyncio.to_thread(self.flush)

    def take_now(self, data: bytes) -> None:
        """Take some bytes in a thread that may wait for the disk."""
        self._count(data)
        if len(self.waiting) >= BUFFER_BYTES:
            self.flush()

    def _count(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self.limit:
            raise TooLargeError(self.too_large.format(limit=self.limit))
        self.waiting += data

    def flush(self) -> None:
        """Write what waits."""
        data, self.waiting = bytes(self.waiting), bytearray()
        self._write(data)

    def _write(self, data: bytes) -> None:
        if len(data) > self.granted:
            self.granted = min(self.free_bytes(), SPACE_CHECK_BYTES)
            check_free(self.granted, len(data))
        self.granted -= len(data)
        if self.digest is not None:
            self.digest.update(data)
        write(self.file, data)


@dataclass(kw_only=True)
class Writer(Appender):
    """Writes a whole file, hashed by SHA-256, and refuses it as soon as its first bytes are no scene's.

    `wrote` hears how much was written.
    """

    wrote: Callable[[int], None] = lambda _: None
    filename: str = "scene"
    expected: str = TAKEN
    header: bytes = b""
    digest: Any = field(default_factory=hashlib.sha256)

    def _write(self, data: bytes) -> None:
        if len(self.header) < HEADER_BYTES:
            self.header = (self.header + data)[:HEADER_BYTES]
            driver_by_content(self.header, self.filename, self.expected)
        super()._write(data)
        self.wrote(len(data))

    def received(self, path: Path, filename: str, label: str = "") -> Received:
        """Write the rest, and say what came; raises InvalidError when nothing did."""
        if not self.size:
            raise InvalidError(f"the upload is empty; expected {self.expected}.")
        self.flush()
        driver = driver_by_content(self.header, filename, self.expected)
        return Received(path, self.size, self.digest.hexdigest(), driver, filename, label)


class Promise:
    """Space for what comes in, promised before it comes: of several at once none takes another's.

    What has no `size` is promised as much again as has come, of LEAST_STEP bytes to SPACE_CHECK_BYTES. What is promised
    is the length of a file without content in `folder`, beside what comes, for all processes to see.
    """

    def __init__(self, quota: Quota, folder: Path, size: int | None = None) -> None:
        self._quota = quota
        self._path = folder / PROMISE
        self._has_size = size is not None
        self._left = self._written = 0
        if size is not None:
            with quota.store.exclusively():
                check_free(quota.free_bytes(), size)
                self._promise(size)

    def free_bytes(self) -> int:
        """Bytes that the store has for this; of what has no size, those that are promised until it is asked again."""
        if self._has_size:
            return self._quota.free_bytes() + self._left
        with self._quota.store.exclusively():
            free = self._quota.free_bytes() + self._left
            self._promise(max(0, min(free, max(LEAST_STEP, self._written), SPACE_CHECK_BYTES)))
        return self._left

    def shrink(self, written: int) -> None:
        """Promise less by what has come."""
        self._written += written
        self._promise(max(0, self._left - written))

    def end(self) -> None:
        """Promise nothing any more."""
        self._path.unlink(missing_ok=True)

    def _promise(self, left: int) -> None:
        self._left = left
        self._path.touch()
        os.truncate(self._path, left)


def driver_by_content(header: bytes, filename: str = "scene", expected: str = TAKEN) -> str:
    """Name the driver by a file's first bytes; raises UnsupportedError where there is none for them."""
    if header.startswith(b"PK\x03\x04"):
        return "SAFE"
    driver = driver_of(header)
    if driver not in _DRIVERS and filename.lower().endswith(BESIDE):
        raise UnsupportedError(
            f"{filename!r} is a file beside a raster, and no such file is taken; expected {expected}. Say what it says "
            "(`crs`, `unit`, `band`, `nodata`), or write it into the raster with `gdal_translate`."
        )
    if driver not in _DRIVERS:
        known = name_format(header, PurePosixPath(filename))
        why = "" if known is None else f": {known}"
        raise UnsupportedError(f"the upload begins with {beginning(header)}; expected {expected}{why}.")
    return driver


def check_free(free_bytes: int, size: int) -> None:
    """Raise StoreFullError when so many bytes are not free."""
    if size > free_bytes:
        raise StoreFullError(
            f"the store has {max(0, free_bytes)} bytes of free space, and the upload needs more. Delete scenes or jobs "
            "first."
        )


def write(file: BinaryIO, data: bytes) -> None:
    """Write to a file; raises StoreFullError when the disk is full."""
    try:
        file.write(data)
        file.flush()
    except OSError as error:
        if error.errno in DISK_FULL:
            raise StoreFullError("the disk of the service is full. Delete scenes or jobs first.") from error
        raise


async def receive(request: Request, folder: Path, *, limit: int, quota: Quota, expected: str = TAKEN) -> list[Received]:
    """Write the body, or the files of a multipart form, into `folder`.

    `limit` is the most bytes of an upload, `expected` what its files are, in words. Raises the errors of
    `geosar_tiler.errors`; a client that goes away in the middle raises starlette's ClientDisconnect.
    """
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() and "transfer-encoding" not in request.headers else None
    if size is not None and size > limit + MOST_FILES * MAX_PART_HEADERS:
        raise TooLargeError(f"the upload is {declared} bytes; this service takes {limit} at most.")
    promise = await asyncio.to_thread(Promise, quota, folder, size)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        parts = files_of(request.stream(), options.get(b"boundary", b""))
    else:
        parts = _body(request)
    done = await _write_files(parts, folder, limit, promise, expected)
    await asyncio.to_thread(promise.end)
    return done


async def _write_files(
    parts: AsyncIterator[Part | bytes], folder: Path, limit: int, promise: Promise, expected: str
) -> list[Received]:
    done: list[Received] = []
    part = writer = None
    with ExitStack() as closing:

        def end() -> None:
            if part is not None and writer is not None:
                done.append(writer.received(Path(writer.file.name), part.filename, part.field))
                writer.file.close()

        async for piece in parts:
            if isinstance(piece, Part):
                await asyncio.to_thread(end)
                if len(done) == MOST_FILES:
                    raise InvalidError(f"the form holds more than {MOST_FILES} files; expected one a polarisation.")
                part = piece
                file = closing.enter_context((folder / str(len(done))).open("wb"))
                left = limit - sum(one.size for one in done)
                writer = Writer(
                    file=file, limit=left, free_bytes=promise.free_bytes, wrote=promise.shrink, filename=piece.filename,
                    expected=expected,
                )  # fmt: skip
            elif writer is not None:
                await writer.take(piece)
        await asyncio.to_thread(end)
    return done


async def _body(request: Request) -> AsyncIterator[Part | bytes]:
    _, options = parse_options_header(request.headers.get("content-disposition", ""))
    named = options.get(b"filename", b"").decode("utf-8", "replace")
    query = request.query_params
    yield Part("", query.get("filename") or query.get("name") or named or "scene")
    async for chunk in request.stream():
        yield chunk
