"""Asking a running geosar service over HTTP: answers as JSON, refusals in the service's own words."""

import json
import urllib.error
import urllib.request
from typing import IO, Any
from urllib.parse import urlsplit

from geosar.errors import GeosarError, UsageError

SECONDS = 20.0


class ServiceError(GeosarError, OSError):
    """A service refused, or did not answer; `status` is HTTP's, None without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def ask(
    url: str,
    *,
    key: str | None = None,
    method: str = "GET",
    body: IO[bytes] | None = None,
    headers: dict[str, str] | None = None,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Return what a service answers, {} where it says nothing.

    `key` is an API key; `body` is a file with its length in `headers`; `seconds` the longest silence. Raises UsageError
    for what is no URL of a service, ServiceError for the rest.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise UsageError(f"{url!r} is no URL of a service; give one such as http://127.0.0.1:8000.")
    sending = {"Accept": "application/json", **(headers or {})} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(url, body, sending, method=method)  # noqa: S310 - http and https only, see above
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
            content = answer.read()
    except urllib.error.HTTPError as error:
        raise ServiceError(f"{url} answered {error.code}: {_detail(error)}", error.code) from error
    except OSError as error:  # URLError, timeouts
        reason = getattr(error, "reason", None) or error
        raise ServiceError(f"{url} did not answer: {reason}. Is the service running (`geosar serve`)?") from error
    try:
        document: dict[str, Any] = json.loads(content) if content else {}
    except ValueError as error:
        raise ServiceError(f"{url} answered no JSON; expected a geosar service at that URL.") from error
    return document


def _detail(error: urllib.error.HTTPError) -> str:
    """Return the reason that the service tells in its problem document."""
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.reason}; check the URL and the key."
