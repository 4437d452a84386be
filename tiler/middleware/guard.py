"""What refuses a request before the application sees it, as a problem document."""

from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from geosar_tiler.errors import ServiceError
from geosar_tiler.problems import problem


class Guard:
    """Lets through the requests that pass `check`; `owner` is the application, whose state the document needs."""

    def __init__(self, app: ASGIApp, owner: Any) -> None:
        self.app = app
        self._owner = owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer what is wrong with it."""
        if scope["type"] == "http":
            try:
                self.check(scope)
            except ServiceError as error:
                scope["app"] = self._owner
                answer = problem(Request(scope), error.status, str(error), self.headers(scope, error))
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def check(self, scope: Scope) -> None:
        """Raise a ServiceError for a request that may not pass."""
        raise NotImplementedError

    def headers(self, scope: Scope, error: ServiceError) -> dict[str, str]:  # noqa: ARG002 - for those who need them
        """Return headers of the refusal."""
        return {}
