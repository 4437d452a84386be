"""Files of the page as browsers take them: code without its comments, and all of it compressed once."""

import gzip
import os
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import rcssmin
import rjsmin
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

FRESH = "no-cache"
"""Asked for again each time, answered 304: a new version of the service brings a new page at once."""
LASTING = "max-age=600"
"""The sprite of icons is named by every button; to ask for it each time would be a request each."""
SHORTEN = {".js": rjsmin.jsmin, ".css": rcssmin.cssmin}
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""Not asked of the machine: some have text/plain for scripts, which browsers refuse."""


class PageFiles(StaticFiles):
    """A folder of the page's files; `own` says that comments may be left out. Types not in `TYPES` stay as they are."""

    def __init__(self, directory: Path, *, own: bool) -> None:
        super().__init__(directory=directory)
        self._own = own

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """See Starlette."""
        path = Path(full_path)
        if path.suffix not in TYPES:
            return super().file_response(full_path, stat_result, scope, status_code)
        return page_file(path, Headers(scope=scope), own=self._own)


def page_file(path: Path, request_headers: Headers, *, own: bool = True) -> Response:
    """Answer with a file of the page, or that it is as the browser has it."""
    plain, packed, tag = _packed(path, path.stat().st_mtime_ns, own)
    zipped = "gzip" in request_headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": LASTING if path.suffix in {".svg", ".json"} else FRESH,
        "ETag": f'"{tag}-gzip"' if zipped else f'"{tag}"',
        "Vary": "Accept-Encoding",
        **({"Content-Encoding": "gzip"} if zipped else {}),
    }
    if headers["ETag"] in request_headers.get("if-none-match", ""):
        return NotModifiedResponse(Headers(headers))
    return Response(packed if zipped else plain, headers=headers, media_type=TYPES[path.suffix])


@lru_cache(maxsize=256)
def _packed(path: Path, _changed: int, own: bool) -> tuple[bytes, bytes, str]:
    """Read a file, as it was when it was changed last: as it is sent, the same compressed, and what names it."""
    text = path.read_text(encoding="utf-8")
    plain = (SHORTEN.get(path.suffix, str)(text) if own else text).encode()
    return plain, gzip.compress(plain, mtime=0), sha256(plain).hexdigest()[:20]
