"""Fetching a scene from a URL, where the settings allow it: by our own client, never by GDAL.

A URL must lie under one of the allowed prefixes, and so must every redirect. A name is looked up once, every
answer must be a public IP address of another machine, and the connection goes to the very address that was looked at,
so that a second answer of the name server changes nothing. An interrupted transfer is resumed where it ended.
"""

import errno
import http.client
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urljoin, urlsplit

from geosar_tiler.errors import InvalidError, NotFoundError, TooLargeError
from geosar_tiler.ingest.allow_list import FetchError, InterruptedDownloadError, allowed_file, check_allowed, refused
from geosar_tiler.ingest.pinned_connections import connection, response_to, signed
from geosar_tiler.ingest.receive import BUFFER_BYTES, Received, Writer
from geosar_tiler.settings import Settings

MOST_REDIRECTS = 5
MOST_BREAKS = 5
"""How often in a row an interrupted transfer is resumed, when nothing more came in between."""
PAUSE_SECONDS = 0.5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True)
class _Answer:
    """What to read from, the size of the whole and its name; its version, where a transfer can be resumed."""

    source: IO[bytes] | http.client.HTTPResponse
    size: int | None
    name: str
    version: str | None = None


def fetch(
    href: str,
    path: Path,
    settings: Settings,
    *,
    limit: int,
    free_bytes: Callable[[], int],
    wrote: Callable[[int], None] = lambda _: None,
    label: str = "",
    tell_size: Callable[[int], None] | None = None,
) -> Received:
    """Write what lies at an allowed URL to `path`; `tell_size` hears how large it is before it comes.

    `free_bytes` and `wrote` are those of `Writer`.

    Raises ForbiddenError for a URL that is not allowed, NotFoundError, FetchError, and what `Writer` raises.
    """
    end = time.monotonic() + settings.href_seconds
    version: str | None = None
    breaks = 0
    with path.open("wb") as target:
        writer = Writer(file=target, limit=limit, free_bytes=free_bytes, wrote=wrote)
        while True:
            begin = writer.size
            try:
                with _opened(href, settings, begin, version, end) as answer:
                    if begin == 0:
                        version = answer.version
                        _tell_size(answer, limit, tell_size)
                    _copy(answer, writer, end)
                    return writer.received(path, answer.name, label)
            except InterruptedDownloadError:
                if time.monotonic() > end:
                    name, seconds = _name(href), settings.href_seconds
                    raise FetchError(f"{name} did not come within {seconds:g} s. Upload it instead.") from None
                breaks = 1 if writer.size > begin else breaks + 1
                if version is None or breaks > MOST_BREAKS:
                    raise
            time.sleep(PAUSE_SECONDS * breaks)


def _tell_size(answer: _Answer, limit: int, tell_size: Callable[[int], None] | None) -> None:
    if answer.size is None:
        return
    if answer.size > limit:
        raise TooLargeError(f"{answer.name} is {answer.size} bytes; this service takes {limit} at most.")
    if tell_size is not None:
        tell_size(answer.size)


def _copy(answer: _Answer, writer: Writer, end: float) -> None:
    """Write what comes; raises InterruptedDownloadError where that is not all."""
    while True:
        try:
            data = answer.source.read(BUFFER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise InterruptedDownloadError(f"{answer.name} stopped coming: {error}. Try again.") from error
        if time.monotonic() > end:  # what was cut off may look like all there is
            raise InterruptedDownloadError(f"{answer.name} did not come in time.")
        if not data:
            break
        writer.take_now(data)
    if answer.size is not None and writer.size != answer.size:
        raise InterruptedDownloadError(f"{answer.name} ended after {writer.size} of {answer.size} bytes. Try again.")


@contextmanager
def _opened(href: str, settings: Settings, begin: int, version: str | None, end: float) -> Iterator[_Answer]:
    """Open a URL, to read from the byte `begin` on, if it still has the version that began to come.

    What has not come by the time `end` is cut off.
    """
    scheme = urlsplit(href).scheme.lower()
    if scheme in {"", "file"}:
        with _opened_file(href, settings) as opened_file:
            yield opened_file
        return
    if scheme not in {"http", "https", "s3"}:
        raise refused(href)
    headers = {"Range": f"bytes={begin}-", "If-Range": version} if begin and version else {}
    for _ in range(MOST_REDIRECTS + 1):
        check_allowed(href, settings.allowed_hrefs)
        parts = urlsplit(signed(href) if scheme == "s3" else href)
        opened = connection(parts, settings)
        with opened.until(end), closing(opened):
            answer = response_to(opened, parts, headers)
            if answer.status in _REDIRECTS:
                # A redirect of a store of objects, too, leads to a URL that must be allowed by its own name.
                href = _led_to(parts.geturl(), answer.headers.get("Location", ""))
                scheme = urlsplit(href).scheme.lower()
                continue
            name = _name(href)
            if answer.status in {404, 410}:
                raise NotFoundError(f"there is no {name} at {parts.hostname}: it answered {answer.status}.")
            if answer.status not in {200, 206}:
                raise FetchError(f"{parts.hostname} answered {answer.status} {answer.reason} for {name}.")
            yield _Answer(answer, _size(answer, begin, name), name, _version(answer))
        return
    raise FetchError(f"the URL was redirected more than {MOST_REDIRECTS} times.")


def _name(href: str) -> str:
    return unquote(urlsplit(href).path.rpartition("/")[2]) or "scene"


def _size(answer: http.client.HTTPResponse, begin: int, name: str) -> int | None:
    """Return the size of the whole; raises FetchError where the answer does not go on from the byte `begin`."""
    length = answer.headers.get("Content-Length", "")
    if answer.status == 200 and begin == 0:
        return int(length) if length.isdecimal() else None
    part = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if answer.status != 206 or part is None or int(part.group(1)) != begin:
        raise FetchError(f"{name} was interrupted after {begin} bytes, and could not be resumed there. Try again.")
    return int(part.group(2)) if part.group(2).isdecimal() else None


def _version(answer: http.client.HTTPResponse) -> str | None:
    """Return what tells this version of a file from another to the byte, where there is something."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified")


def _led_to(href: str, location: str) -> str:
    try:
        return urljoin(href, location)
    except ValueError:
        raise FetchError("the URL was redirected to none that can be read.") from None


@contextmanager
def _opened_file(href: str, settings: Settings) -> Iterator[_Answer]:
    """Open a file below an allowed folder; links are followed before that is looked at."""
    real = allowed_file(href, settings)
    try:
        # Not to be led elsewhere by a link that was put there since, nor to wait for a pipe.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EACCES, errno.ENOTDIR}:
            raise NotFoundError(f"there is no file {real.name!r} that could be read at this URL.") from None
        raise refused(href) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidError(f"{real.name!r} is no file; give the URL of one raster or zip.")
    with os.fdopen(descriptor, "rb") as file:
        yield _Answer(file, os.fstat(descriptor).st_size, real.name)
