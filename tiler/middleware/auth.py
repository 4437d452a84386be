"""Who may do what: API keys with scopes, and signed URLs for tiles, which cannot carry a key.

Once one key is set, everything needs one but the health checks and the files of the web map. A signature opens
one scene's layers, or one job's results and the layers that show them, for reading and for a limited time.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Scope

from geosar_tiler import layer_kinds
from geosar_tiler.errors import ForbiddenError, ServiceError, UnauthorisedError
from geosar_tiler.middleware.guard import Guard
from geosar_tiler.problems import LAYER
from geosar_tiler.settings import Settings

if TYPE_CHECKING:
    from geosar_tiler.signatures import Signer

SCOPES = ("read", "write", "admin")
OPEN = frozenset({"/healthz", "/readyz"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
ASKING = re.compile(rf"{LAYER.pattern}|^/stac/search$")
"""Where a POST asks and changes nothing: a layer for the statistics of a polygon, the catalogue for items."""
SIGNABLE = re.compile(
    rf"^/(?P<scene>scenes/[^/]+)/(?P<layer>{layer_kinds.IN_PATHS})/|^/(?P<job>jobs/[^/]+)/results(?:/|$)"
)


class KeysMiddleware(Guard):
    """Refuses requests that have neither key nor signature: 401 or 403."""

    def __init__(self, app: ASGIApp, *, settings: Settings, is_static: Callable[[str], bool], owner: Any) -> None:
        super().__init__(app, owner)
        self._keys = [entry.partition(":")[::2] for entry in settings.api_keys]
        self._is_static = is_static

    def headers(self, scope: Scope, error: ServiceError) -> dict[str, str]:
        """Say how a key is sent, where one is missing."""
        return {"WWW-Authenticate": challenge(Headers(scope=scope))} if error.status == 401 else {}

    def check(self, scope: Scope) -> None:
        """Raise UnauthorisedError or ForbiddenError for what may not pass."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        reading = scope["method"] in READING
        if reading and (path in OPEN or self._is_static(path)):
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return  # a browser asks whether it may; it cannot send a key with that
        granted = next(filter(None, map(self._scope_of, keys_in(headers))), None)
        if granted is None and reading and self._is_signed(scope, path):
            return
        if granted is None:
            raise UnauthorisedError(
                "an API key is needed, and none was given that is known here. Send `Authorization: Bearer KEY`, or the "
                "key as the password of HTTP Basic.",
            )
        needed = "read" if reading or ASKING.match(path) else "write"
        if path == "/metrics" or (path.startswith("/models") and not reading):
            needed = "admin"
        if SCOPES.index(granted) < SCOPES.index(needed):
            raise ForbiddenError(f"the key may {granted}; this needs one that may {needed}.")

    def _scope_of(self, key: str) -> str | None:
        digest = hashlib.sha256(key.encode()).hexdigest()
        granted = None
        for scope, expected in self._keys:  # all of them, so that time tells nothing
            if hmac.compare_digest(digest, expected):
                granted = scope
        return granted

    def _is_signed(self, scope: Scope, path: str) -> bool:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        expires, signature = (query.get(name, [""])[0] for name in ("expires", "signature"))
        signer: Signer = self._owner.state.services.signer
        if not any(signer.opens(subject, expires, signature) for subject in subjects(path, query.get("job", []))):
            return False
        # URLs in the answer have this signature, and no other.
        scope.setdefault("state", {})["signature"] = {"expires": expires, "signature": signature}
        return True


def subjects(path: str, jobs: list[str]) -> list[str]:
    """Name what a signature must be of to open a path, whose query names these jobs.

    >>> subjects("/scenes/a/optical/preview.png", ["b"])
    ['scenes/a', 'jobs/b']
    >>> subjects("/scenes/a/sar/preview.png", ["b"]), subjects("/jobs/b/results", []), subjects("/jobs/b", [])
    (['scenes/a'], ['jobs/b'], [])
    """
    match = SIGNABLE.match(path)
    if match is None:
        return []
    if match["job"]:
        return [match["job"]]
    # Of two jobs the route might take the other.
    of_job = [f"jobs/{jobs[0]}"] if len(jobs) == 1 and match["layer"] in layer_kinds.OF_JOBS else []
    return [match["scene"], *of_job]


def keys_in(headers: Headers) -> list[str]:
    """Return what a request says is its key: as Bearer, as the password of HTTP Basic (any user), or in X-API-Key."""
    scheme, _, text = headers.get("authorization", "").strip().partition(" ")
    keys = [headers.get("x-api-key", "")]
    if scheme.lower() == "bearer":
        keys.insert(0, text.strip())
    elif scheme.lower() == "basic":
        with suppress(binascii.Error, ValueError):
            keys.insert(0, base64.b64decode(text.strip(), validate=True).decode().partition(":")[2])
    return [key for key in keys if key]


def challenge(headers: Headers) -> str:
    """Say how to give a key; browsers hear nothing of Basic.

    They would ask for it in a window of their own, above the map, and from then on send it with whatever another site
    makes them send here.
    """
    is_browser = "sec-fetch-mode" in headers or headers.get("user-agent", "").startswith("Mozilla/")
    return "Bearer" if is_browser else 'Bearer, Basic realm="geosar", charset="UTF-8"'
