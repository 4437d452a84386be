"""What a conversation with the service is made of: requests, responses, pauses, and what goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, TypeVar, Union

from ..words import tr

Bytes = Callable[[int, int], None]
"""Told of bytes that are done, and of how many there are in all (0 where that is not known)."""
Progress = Callable[[float, str], None]
"""Told of the share that is done, 0 to 1, and of what is being done."""
T = TypeVar("T")


@dataclass(frozen=True)
class Piece:
    """A part of a file, in bytes; it is read when it is sent."""

    path: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """Read it; raises FileChangedError when the file has become shorter, or is gone."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.length)
        except OSError as error:
            raise FileChangedError(tr("{0} cannot be read: {1}.").format(self.path, error.strerror)) from error
        if len(data) != self.length:
            words = tr("{0} became shorter while it was being sent. Send it again.")
            raise FileChangedError(words.format(self.path))
        return data


@dataclass(frozen=True)
class Request:
    """
    A request. `body` may be a piece of a file, so that no file is ever whole in memory.

    With `save_to` the body of a good answer is appended to that file. `repeatable` says that a repetition does no harm.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Piece = b""
    save_to: Path | None = None
    repeatable: bool = True
    report: Bytes | None = None


@dataclass(frozen=True)
class Response:
    """An answer, of whatever status. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """Parse the body; raises NotAServiceError when it is not the JSON of this service."""
        try:
            content = json.loads(self.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise NotAServiceError(
                tr("The answer is not that of a geosar service. Check the URL: it is the one that shows the web map.")
            )
        return content


@dataclass(frozen=True)
class Wait:
    """A pause, in seconds."""

    seconds: float


Flow = Generator[Union[Request, Wait], Any, T]
"""A conversation that ends with a T."""


class ClientError(Exception):
    """Root of what goes wrong; the message is meant for the user."""


class UnreachableError(ClientError):
    """No answer: service away, name unknown, connection cut, time over."""


class UntrustedError(ClientError):
    """The certificate of the service was not accepted."""


class NotAServiceError(ClientError):
    """Something answers, but not this service."""


class RefusedError(ClientError):
    """No key, a wrong one, or one that may not do this."""


class NotThereError(ClientError):
    """No such scene, job or layer."""


class RejectedError(ClientError):
    """The service understood and said no; the message is its own."""


class UnavailableError(ClientError):
    """The service is too busy, or failed; trying again did not help."""


class JobFailedError(ClientError):
    """The translation ended without a result."""


class CancelledError(ClientError):
    """The user stopped it."""


class FileChangedError(ClientError):
    """The file changed while it was being sent."""


class LocalDiskError(ClientError):
    """What came could not be written on this computer."""


UNLIKE_SAR = "urn:geosar:problem:unlike-sar"
"""The `type` of the problem that a file looks like something else than radar."""


def checked(response: Response) -> Response:
    """Return a good answer; raise what a bad one says, in words."""
    if response.status < 400:
        return response
    problem = _problem(response)
    detail = _sentence(problem.get("detail"))
    if response.status == 401:
        raise RefusedError(
            tr(
                "A key is needed, and the connection has none that the service takes. Check the authentication of the "
                "connection: change it in the panel SAR to optical, and enter the key there."
            )
        )
    if response.status == 403:
        raise RefusedError(tr("The service refuses: {0} Check the authentication of the connection.").format(detail))
    if response.status == 404:
        raise NotThereError(detail or tr("The service does not have that."))
    if response.status in (429, 502, 503, 504):
        words = tr("The service cannot do that now: {0} Try again later.")
        raise UnavailableError(words.format(detail or tr("it is too busy.")))
    if response.status >= 500 and response.status != 507:
        status = tr("status {0}").format(response.status)
        raise UnavailableError(tr("The service failed: {0}").format(detail or status))
    raise rejected(problem, tr("The service answered with status {0}.").format(response.status))


def rejected(problem: Mapping[str, Any], otherwise: str) -> RejectedError:
    """Make the error of a problem document: in words of QGIS where a choice here helps, else in the service's own."""
    if problem.get("type") == UNLIKE_SAR:
        detail = re.split(r"\. (?=[A-Z])", str(problem.get("detail")))[0]  # what follows is advice to programs
        words = tr(
            "{0}. If it is radar all the same, choose Upload with details, and tick there under the advanced "
            "parameters: Take what looks like no SAR image."
        )
        return RejectedError(words.format(detail.rstrip(".")))
    return RejectedError(_sentence(problem.get("detail")) or otherwise)


def _problem(response: Response) -> dict[str, Any]:
    try:
        content = json.loads(response.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _sentence(detail: Any) -> str:
    text = str(detail or "").strip()
    return text + ("" if not text or text.endswith((".", "!", "?")) else ".")
