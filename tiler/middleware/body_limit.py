"""A limit for bodies that are read whole, such as JSON; files go to disk in pieces and have limits of their own."""

import re

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 2**20
FILES = re.compile(r"^/(?:scenes/?|models/?|uploads(?:/[^/]*)?|scenes/[^/]+/reference)$")
"""Where files are sent to."""


class BodiesMiddleware:
    """Answers 413 where a body is more than anybody needs to ask for something."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        if scope["type"] != "http" or FILES.match(scope["path"].removeprefix(scope.get("root_path", ""))):
            await self.app(scope, receive, send)
            return
        size = 0

        async def counting() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_BODY:
                raise HTTPException(413, f"the body is larger than {LARGEST_BODY} bytes, the most for this route.")
            return message

        await self.app(scope, counting, send)
