"""Time-outs: a body that stops coming, and an answer that does not begin, hold nothing for ever."""

import asyncio
import logging
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from geosar_tiler.problems import problem
from geosar_tiler.settings import Settings

_LOG = logging.getLogger("tiler.timeouts")


class TimeoutsMiddleware:
    """Gives up a request that stands still: 408 while its body comes, 504 while its answer is made.

    An answer that has begun is left alone: downloads and event streams take as long as they take.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, owner: ASGIApp) -> None:
        self.app = app
        self._owner = owner
        self._body_seconds = settings.body_seconds
        self._request_seconds = settings.request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, watching both."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        complete = started = False
        loop = asyncio.get_running_loop()

        async def receiving() -> Message:
            nonlocal complete
            if complete:  # what comes now is only that the client goes away
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._body_seconds)
            except TimeoutError:
                detail = f"the body stopped for {self._body_seconds:g} s before it was complete. Send it again."
                raise HTTPException(408, detail, {"Connection": "close"}) from None
            if not started:
                clock.reschedule(loop.time() + self._request_seconds)
            complete = not message.get("more_body", False)
            return message

        async def sending(message: Message) -> None:
            nonlocal started
            if not started:
                started = True
                clock.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self._request_seconds) as clock:
                await self.app(scope, receiving, sending)
        except TimeoutError:
            if started or not clock.expired():
                raise
            scope["app"] = self._owner
            _LOG.warning("%s %s was given up", scope["method"], quote(scope["path"]))
            detail = f"the answer did not begin within {self._request_seconds:g} s. Try again, or ask for less."
            await problem(Request(scope), 504, detail)(scope, receive, send)
