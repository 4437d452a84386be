"""Receiving a file: from the request straight to disk, hashed on the way, never whole in memory."""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from geosar.sources import HEADER_BYTES, driver_of
from tiler.errors import InvalidError, StoreFullError, TooLargeError, UnsupportedError

BUFFER_BYTES = 2**20
MAX_PART_HEADERS = 16 * 2**10
TAKEN = "a GeoTIFF, a PNG or JPEG picture, or a zip of a Sentinel-1 SAFE product"
_DRIVERS = frozenset({"GTiff", "PNG", "JPEG"})


@dataclass(frozen=True, slots=True)
class Received:
    """A complete upload: its size in bytes, SHA-256, GDAL driver by content, and the name its sender gave it."""

    size: int
    sha256: str
    driver: str
    filename: str


@dataclass
class _Writer:
    """Writes and hashes off the event loop, in pieces of about a megabyte; knows the limits."""

    file: BinaryIO
    limit: int
    room: int
    size: int = 0
    header: bytes = b""
    digest: Any = field(default_factory=hashlib.sha256)
    waiting: bytearray = field(default_factory=bytearray)

    async def take(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self.limit:
            raise TooLargeError(f"the upload is larger than {self.limit} bytes, the most that this service takes.")
        if self.size > self.room:
            raise StoreFullError(
                f"the store has room for {self.room} bytes more, and the upload is larger. Delete scenes or jobs first."
            )
        self.waiting += data
        if len(self.waiting) >= BUFFER_BYTES:
            await self.flush()

    async def flush(self) -> None:
        data, self.waiting = bytes(self.waiting), bytearray()
        if len(self.header) < HEADER_BYTES:
            self.header = (self.header + data)[:HEADER_BYTES]
            self.check_type()
        await asyncio.to_thread(self._write, data)

    def check_type(self) -> str:
        """Name the driver by the first bytes."""
        if self.header.startswith(b"PK\x03\x04"):
            return "SAFE"
        driver = driver_of(self.header)
        if driver not in _DRIVERS:
            raise UnsupportedError(f"the upload begins with {self.header[:8]!r}; expected {TAKEN}.")
        return driver

    def _write(self, data: bytes) -> None:
        self.digest.update(data)
        try:
            self.file.write(data)
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StoreFullError("the disk of the service is full. Delete scenes or jobs first.") from error
            raise


async def receive(request: Request, path: Path, *, limit: int, room: int) -> Received:
    """Write the body, or the first file of a multipart form, to `path`.

    `limit` is the most bytes of an upload, `room` what the store has left. Raises the errors of `tiler.errors`;
    a client that goes away in the middle raises starlette's ClientDisconnect.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit + MAX_PART_HEADERS:
        raise TooLargeError(f"the upload is {declared} bytes; this service takes {limit} at most.")
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    with path.open("wb") as file:
        writer = _Writer(file, limit, room)
        if kind == b"multipart/form-data":
            filename = await _receive_form(request.stream(), options.get(b"boundary", b""), writer)
        else:
            filename = _name_of_body(request)
            async for chunk in request.stream():
                await writer.take(chunk)
        if not writer.size:
            raise InvalidError(f"the upload is empty; expected {TAKEN}, as the body or in a field of a form.")
        await writer.flush()
    return Received(writer.size, writer.digest.hexdigest(), writer.check_type(), filename)


def _name_of_body(request: Request) -> str:
    _, options = parse_options_header(request.headers.get("content-disposition", ""))
    named = options.get(b"filename", b"").decode("utf-8", "replace")
    return request.query_params.get("filename") or request.query_params.get("name") or named or "scene"


class _Form:
    """Collects what the parser calls back: the data of the first part that is a file, and that file's name."""

    def __init__(self) -> None:
        self.filename: str | None = None
        self.data: list[bytes] = []
        self.ended = False
        self._in_file = False
        self._field = b""
        self._value = b""
        self._headers: dict[bytes, bytes] = {}

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add("_field", data[start:end]),
            "on_header_value": lambda data, start, end: self._add("_value", data[start:end]),
            "on_header_end": self._header,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers = {}

    def _add(self, name: str, data: bytes) -> None:
        setattr(self, name, getattr(self, name) + data)
        if len(self._field) + len(self._value) > MAX_PART_HEADERS:
            raise InvalidError("the headers of the form's parts are too long.")

    def _header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if self.filename is None and b"filename" in options:
            self.filename = options[b"filename"].decode("utf-8", "replace") or "scene"
            self._in_file = True

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self.data.append(data[start:end])

    def _part_end(self) -> None:
        self._in_file = False

    def _end(self) -> None:
        self.ended = True


async def _receive_form(stream: AsyncIterator[bytes], boundary: bytes, writer: _Writer) -> str:
    form = _Form()
    parsed: Callable[[bytes], int]
    try:
        parsed = MultipartParser(boundary, form.callbacks()).write
        async for chunk in stream:
            parsed(chunk)
            for data in form.data:
                await writer.take(data)
            form.data.clear()
    except MultipartParseError as error:
        raise InvalidError(f"the form is malformed: {error}. Send multipart/form-data with a boundary.") from error
    if not form.ended:
        raise InvalidError("the form ends in the middle; the upload is not complete. Send it again.")
    if form.filename is None:
        raise InvalidError("the form holds no file; expected one in any of its fields.")
    return form.filename
