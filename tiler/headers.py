"""What every answer carries: a request id, ETag and caching of layers, and headers that keep browsers careful."""

import logging
import time
import uuid
from typing import Any
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger("tiler.access")

PINNED = "public, max-age=31536000, immutable"
"""For addresses that name the version of what they show."""
FLEETING = "public, max-age=60"
CAREFUL = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "x-frame-options": "SAMEORIGIN"}


class HeadersMiddleware:
    """Plain ASGI, so that streams pass through as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and complete the headers of the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        state: dict[str, Any] = scope.setdefault("state", {})
        request_id = uuid.uuid4().hex[:16]
        state["request_id"] = request_id
        status = 500

        async def complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                for name, value in CAREFUL.items():
                    headers.setdefault(name, value)
                if status in {200, 204, 304} and state.get("etag"):
                    headers["etag"] = state["etag"]
                    headers["cache-control"] = PINNED if state.get("pinned") else FLEETING
                    if any(name in {b"authorization", b"x-api-key"} for name, _ in scope["headers"]):
                        headers["cache-control"] = headers["cache-control"].replace("public", "private")
            await send(message)

        try:
            await self.app(scope, receive, complete)
        finally:
            seconds = time.perf_counter() - started
            services = getattr(getattr(scope.get("app"), "state", None), "services", None)
            if services is not None:
                services.metrics.count(state.get("layer", "other"), status, seconds)
            _LOG.info(
                "%s %s %d %.0f ms %s", scope["method"], quote(scope["path"]), status, 1000 * seconds, request_id,
                extra={"request_id": request_id, "status": status, "seconds": seconds},
            )  # fmt: skip
