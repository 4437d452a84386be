"""How often one client may ask: more is answered with 429 and when to come back."""

import logging
import math
import time

from limits import RateLimitItem, parse
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import StorageError
from limits.storage import storage_from_string
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from geosar_tiler.clients import client_of
from geosar_tiler.middleware.auth import OPEN, READING
from geosar_tiler.problems import problem
from geosar_tiler.settings import Settings

_LOG = logging.getLogger("tiler.rates")


class RatesMiddleware:
    """Counts requests by the client's IP address, those that read apart from those that change something."""

    def __init__(self, app: ASGIApp, *, settings: Settings, owner: ASGIApp) -> None:
        self.app = app
        self._owner = owner
        rates = {"read": settings.read_rate, "write": settings.write_rate}
        self._rates = {kind: parse(rate) for kind, rate in rates.items() if rate}
        # A counter for each client and window: no list of times, which would grow with the rate.
        self._limiter = FixedWindowRateLimiter(_storage(settings.rate_storage))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer that it is one too many."""
        if scope["type"] == "http":
            kind = "read" if scope["method"] in READING else "write"
            rate = self._rates.get(kind)
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            seconds = 0 if rate is None or path in OPEN else await self._seconds_to_wait(rate, kind, client_of(scope))
            if seconds:
                scope["app"] = self._owner
                detail = f"more than {rate} came from this IP address. Ask again in {seconds} s."
                await problem(Request(scope), 429, detail, {"Retry-After": str(seconds)})(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _seconds_to_wait(self, rate: RateLimitItem, kind: str, client: str) -> int:
        """Count one request; returns 0 where it may pass."""
        try:
            if await self._limiter.hit(rate, kind, client):
                return 0
            window = await self._limiter.get_window_stats(rate, kind, client)
        except StorageError as error:
            _LOG.warning("requests are not counted, as the storage of the rates failed: %s", error)
            return 0
        return max(1, math.ceil(window.reset_time - time.time()))


def _storage(url: str) -> Storage:
    storage = storage_from_string(f"async+{url}", wrap_exceptions=True)
    if not isinstance(storage, Storage):
        raise TypeError(f"{url!r} is no storage for rates; expected memory:// or redis://HOST:PORT")
    return storage
