"""Sending files: in pieces that can be repeated (tus) where the service takes them, else in one stream."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from ..words import tr
from .answers import Scene
from .driving import ask, seconds_of
from .messages import (
    CancelledError,
    FileChangedError,
    Flow,
    NotAServiceError,
    NotThereError,
    Piece,
    Progress,
    RejectedError,
    Request,
    Response,
    UnreachableError,
    Wait,
    checked,
    rejected,
)
from .service import JSON, Service, quiet
from .urls import join, within

PIECE = 4 * 2**20
"""Bytes of a piece: small enough to repeat and to hold in memory, large enough for a fast line."""
TRIES = 6
"""In a row without a byte arriving."""
CHECKING_SECONDS = 0.5
TUS = {"Tus-Resumable": "1.0.0"}
LOCKED, MISPLACED, GONE = 423, 409, (404, 410)
_POLARISATION = re.compile(r"(?<![a-z])(vv|vh|hh|hv)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class UploadFile:
    """What to send, and what its file does not say: see POST /scenes."""

    path: Path
    name: str = ""
    polarisation: str = ""
    unit: str = ""
    force: bool = False

    @property
    def filename(self) -> str:
        """The file's own name."""
        return self.path.name

    @property
    def size(self) -> int:
        """Bytes; raises FileChangedError when the file is not there."""
        return self._state().st_size

    @property
    def changed(self) -> int:
        """When it was changed, in nanoseconds; raises FileChangedError when the file is not there."""
        return self._state().st_mtime_ns

    def _state(self) -> os.stat_result:
        try:
            return self.path.stat()
        except OSError as error:
            raise FileChangedError(tr("{0} cannot be read: {1}.").format(self.path, error.strerror)) from error

    def options(self) -> dict[str, str]:
        """Return what is known, by the names of the service."""
        known = {"name": self.name, "polarisation": self.polarisation, "unit": self.unit}
        return {key: value for key, value in known.items() if value} | ({"force": "true"} if self.force else {})


def polarisation_in(*names: str) -> str:
    """
    Read a polarisation from the first of some names that tells just one, "" where none does.

    >>> polarisation_in("layer 1", "s1a-iw-grd-vh-2024.tif")
    'VH'
    """
    for name in names:
        polarisations = {one.upper() for one in _POLARISATION.findall(name)}
        if len(polarisations) == 1:
            return polarisations.pop()
    return ""


def upload(service: Service, file: UploadFile, progress: Progress = quiet) -> Flow[Scene]:
    """Send a file; gives the scene. A file that the service has already is not a second scene."""
    if not file.size:
        raise RejectedError(tr("{0} is empty.").format(file.filename))
    send = _send_pieces if (yield from _takes_pieces(service)) else _send_whole
    return (yield from send(service, file, progress))


def upload_together(service: Service, files: Sequence[UploadFile], progress: Progress = quiet) -> Flow[Scene]:
    """Send files that hold one polarisation each, and have them joined; name and unit are those of the first."""
    named = {one.polarisation: one for one in files}
    if len(named) != len(files) or any(len(name) != 2 for name in named):
        words = tr("Each file should hold one polarisation of its own; they are said to hold {0}.")
        raise RejectedError(words.format(", ".join(one.polarisation or "?" for one in files)))
    if not (yield from _takes_pieces(service)):
        raise RejectedError(
            tr("This service takes one file a scene. Put the polarisations into one file, as its bands.")
        )
    whole, before = sum(one.size for one in files), 0
    urls: dict[str, str] = {}
    try:
        for name, file in named.items():

            def report(share: float, words: str, begun: int = before, size: int = file.size) -> None:
                progress((begun + share * size) / whole, words)

            urls[name] = yield from _begin(service, file, hold=True)
            yield from _send_rest(urls[name], file, report)
            before += file.size
        progress(1.0, tr("The service inspects the files"))
        return (yield from _joined(service, urls, files[0]))
    except CancelledError:
        for url in urls.values():
            yield Request("DELETE", url, TUS)
        raise


def _takes_pieces(service: Service) -> Flow[bool]:
    """Ask until there is any answer, whatever it says."""
    request = Request("OPTIONS", join(service.base, "uploads"), TUS)
    for left in reversed(range(TRIES)):
        try:
            answer: Response = yield request
        except UnreachableError:
            if not left:
                raise
            yield Wait(0.5 * (TRIES - left))
        else:
            return answer.status < 300 and "tus-resumable" in answer.headers
    raise AssertionError("the last try returns or raises")


def _send_whole(service: Service, file: UploadFile, progress: Progress) -> Flow[Scene]:
    url = join(service.base, "scenes", filename=file.filename, **file.options())
    size = file.size
    request = Request(
        "POST", url, {**JSON, "Content-Type": "application/octet-stream"}, Piece(file.path, 0, size),
        report=lambda done, _total: progress(done / size, _words(done, size)),
    )  # fmt: skip
    return Scene.of((yield from ask(request)).json())


def _send_pieces(service: Service, file: UploadFile, progress: Progress) -> Flow[Scene]:
    url = yield from _begin(service, file)
    try:
        yield from _send_rest(url, file, progress)
        progress(1.0, tr("The service inspects the file"))
        return (yield from _received(service, url))
    except CancelledError:
        yield Request("DELETE", url, TUS)
        raise


def _begin(service: Service, file: UploadFile, *, hold: bool = False) -> Flow[str]:
    values = {"filename": file.filename, **({"hold": "true"} if hold else file.options())}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())
    headers = {**TUS, "Upload-Length": str(file.size), "Upload-Metadata": metadata}
    url = join(service.base, "uploads")
    answer = yield from ask(Request("POST", url, headers))
    location = urljoin(url, answer.headers.get("location", ""))
    identifier = location.rstrip("/").rpartition("/")[2]
    if not identifier or identifier == "uploads":
        raise NotAServiceError(tr("The service began an upload and did not say where."))
    # A key is only ever sent below the connection's own URL, whatever host the service takes itself for.
    return location if within(service.base, location) else join(service.base, "uploads", identifier)


def _send_rest(url: str, file: UploadFile, progress: Progress) -> Flow[None]:
    path, size, stamp = file.path, file.size, file.changed
    offset, tries = 0, TRIES
    while offset < size:
        piece = Piece(path, offset, min(PIECE, size - offset))
        if file.changed != stamp:
            raise FileChangedError(tr("{0} changed while it was being sent. Send it again.").format(path))
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        before = offset

        def report(done: int, _total: int, before: int = before) -> None:
            progress((before + done) / size, _words(before + done, size))

        answer = yield from _tried(Request("PATCH", url, headers, piece, report=report))
        if answer is not None and answer.status < 300:
            offset = _offset_in(answer, offset + piece.length)
        elif answer is None or answer.status in (LOCKED, MISPLACED, 429, 502, 503, 504):
            yield Wait(
                max(0.5 * (TRIES - tries), 0 if answer is None else seconds_of(answer.headers.get("retry-after", "")))
            )
            now = yield from _tried(Request("HEAD", url, TUS))
            if now is not None and now.status in GONE:
                raise NotThereError(tr("The service no longer knows this upload. Send the file again."))
            offset = offset if now is None or now.status >= 300 else _offset_in(now, offset)
        else:
            checked(answer)
        tries = TRIES if offset > before else tries - 1
        if not tries:
            raise UnreachableError(tr("The upload was cut off and could not be resumed. Send the file again."))
        progress(offset / size, _words(offset, size))


def _tried(request: Request) -> Flow[Response | None]:
    """Send once; None when there was no answer."""
    try:
        answer: Response = yield request
    except UnreachableError:
        return None
    return answer


def _received(service: Service, url: str) -> Flow[Scene]:
    """Wait until the service has looked at the file; raises RejectedError with what it found."""
    while True:
        document = (yield from ask(Request("GET", url, JSON))).json()
        if document.get("status") == "done" and document.get("scene"):
            return (yield from service.scene(str(document["scene"])))
        if document.get("status") == "failed":
            raise rejected(document.get("problem") or {}, tr("The service could not use the file."))
        if document.get("status") not in ("receiving", "checking"):
            words = tr("The service says '{0}' of the upload, which this plugin does not know. Is the plugin as new?")
            raise NotAServiceError(words.format(document.get("status")))
        yield Wait(CHECKING_SECONDS)


def _joined(service: Service, urls: dict[str, str], first: UploadFile) -> Flow[Scene]:
    """Have the service make one scene of uploads that it holds, by their URLs."""
    order = {"uploads": {name: url.rstrip("/").rpartition("/")[2] for name, url in urls.items()}}
    options = {key: value for key, value in first.options().items() if key != "polarisation"}
    body = json.dumps({**order, **options, "force": first.force}).encode()
    headers = {**JSON, "Content-Type": "application/json"}
    # Not sent twice: once joined, the uploads are no longer there to be joined.
    answer = yield from ask(Request("POST", join(service.base, "scenes"), headers, body, repeatable=False))
    document = answer.json()
    if answer.status == 202:  # it still inspects them
        return (yield from _received(service, join(service.base, "uploads", str(document.get("id")))))
    return Scene.of(document)


def _offset_in(answer: Response, otherwise: int) -> int:
    text = answer.headers.get("upload-offset", "")
    return int(text) if text.isdigit() else otherwise


def _words(done: int, size: int) -> str:
    return tr("Uploading, {0} of {1} MB").format(f"{done / 1e6:.1f}", f"{size / 1e6:.1f}")
