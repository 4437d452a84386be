"""HEAD for every route that has GET: GDAL asks for the size of a file that way before it reads a part of it."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _EnoughError(BaseException):
    """The headers are sent; nobody wants the body. Not an Exception, so that no handler takes it for a fault."""


class HeadMiddleware:
    """Asks the route for GET, passes on the headers, and stops it there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer HEAD; leave everything else alone."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        answered = False

        async def sending(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                await send(message)
            elif not answered:
                answered = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                if message.get("more_body", False):
                    raise _EnoughError

        try:
            await self.app({**scope, "method": "GET"}, receive, sending)
        except BaseException:
            task = asyncio.current_task()
            if not answered or (task is not None and task.cancelling()):
                raise
