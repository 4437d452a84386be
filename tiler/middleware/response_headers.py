"""What every answer carries: a request id, ETag and caching of layers, and headers that keep browsers careful."""

import logging
import re
import time
import uuid
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geosar_tiler.logs import REQUEST

_LOG = logging.getLogger("tiler.access")

PINNED = "public, max-age=31536000, immutable"
"""For URLs that name the version of what they show."""
FLEETING = "public, max-age=60"
CAREFUL = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "x-frame-options": "SAMEORIGIN"}
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines; logged where the level is debug."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class HeadersMiddleware:
    """Plain ASGI, so that streams pass through as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, complete the headers of the answer, and log it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        state: dict[str, Any] = scope.setdefault("state", {})
        request_id = state["request_id"] = _identifier(scope)
        token = REQUEST.set(request_id)
        status = 500

        async def complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
                if state.get("remarks"):
                    headers.setdefault("x-geosar-note", "; ".join(state["remarks"]))
                if status in {200, 204, 304} and state.get("etag"):
                    headers["etag"] = state["etag"]
                    headers["cache-control"] = PINNED if state.get("pinned") else FLEETING
                    if any(name in {b"authorization", b"x-api-key"} for name, _ in scope["headers"]):
                        headers["cache-control"] = headers["cache-control"].replace("public", "private")
            await send(message)

        try:
            await self.app(scope, receive, complete)
        finally:
            _tell(scope, status, time.perf_counter() - started)
            REQUEST.reset(token)


def _identifier(scope: Scope) -> str:
    """Keep the identifier that a client or proxy gave, where it is one; else make one."""
    requested = Headers(scope=scope).get("x-request-id", "")
    return requested if _PLAIN_ID.fullmatch(requested) else uuid.uuid4().hex[:16]


def _tell(scope: Scope, status: int, seconds: float) -> None:
    """Count and log an answer. The query is left out: it may hold a signature."""
    layer = scope["state"].get("layer")
    services = getattr(getattr(scope.get("app"), "state", None), "services", None)
    if services is not None:
        services.metrics.count(layer or "other", status, seconds)
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    level = logging.DEBUG if path in QUIET and status < 400 else logging.INFO
    fields = {
        "method": scope["method"], "path": quote(scope["path"]), "status": status,
        "milliseconds": round(1000 * seconds, 1), "client": (scope.get("client") or ("-",))[0], "layer": layer,
    }  # fmt: skip
    _LOG.log(level, "%(method)s %(path)s %(status)d %(milliseconds).0f ms", fields, extra=fields)
