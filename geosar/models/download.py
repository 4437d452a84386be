"""Fetching one file over https, with limits on time and size and nothing half-written."""

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from geosar.errors import ModelFormatError, ModelNotFoundError
from geosar.publish import published

TIMEOUT = 30.0
"""Seconds without a byte after which a download is given up."""

MOST_SECONDS = 3600.0
"""A download takes no longer, however slowly it drips."""

_CHUNK = 2**20


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never away from https."""

    def redirect_request(  # noqa: PLR0917 - the signature is urllib's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, target: Path, limit: int, *, handlers: tuple[Any, ...] = ()) -> None:
    """Fetch `url` into `target`, which appears only when it is whole.

    `limit` is the largest size in bytes; `handlers` go to urllib's opener (proxies, other certificates).
    Raises ModelNotFoundError when the server cannot be reached or refuses, ModelFormatError when the file
    is too large.
    """
    _require_https(url)
    opener = urllib.request.build_opener(_HttpsOnly, *handlers)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            published(target, shared=True) as part,
            part.open("wb") as file,
            opener.open(url, timeout=TIMEOUT) as answer,
        ):
            size, end = 0, time.monotonic() + MOST_SECONDS
            while chunk := answer.read1(_CHUNK):
                if time.monotonic() > end:
                    raise ModelNotFoundError(f"{url} did not come within {MOST_SECONDS:.0f} s. Try again.")
                size += len(chunk)
                if size > limit:
                    raise ModelFormatError(f"{url} is larger than {limit / 1e6:.0f} MB, the limit for a model.")
                file.write(chunk)
            expected = answer.headers.get("Content-Length")
            if expected is not None and expected.strip() != str(size):
                raise ModelNotFoundError(f"{url} was interrupted after {size} of {expected} bytes. Try again.")
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelNotFoundError(
            f"{url} could not be fetched: {reason}. Check the URL and the network, or give the path of a copy "
            "on this machine.",
        ) from error


def _require_https(url: str) -> None:
    if not url.lower().startswith("https://"):
        raise ModelNotFoundError(f"{url} is not an https URL. Models are fetched over https only.")
