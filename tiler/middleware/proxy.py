"""Behind a proxy: its word on scheme, host, prefix and client, where the settings say that it is to be believed."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send


class ProxyMiddleware:
    """Takes X-Forwarded-Proto, -Host, -Prefix and -For, of which the last proxy's word counts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change what the application sees of the request's address."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            scheme = _last(headers.get("x-forwarded-proto"))
            if scheme in {"http", "https"}:
                scope["scheme"] = scheme
            if host := _last(headers.get("x-forwarded-host")):
                MutableHeaders(scope=scope)["host"] = host
            if client := _last(headers.get("x-forwarded-for")):
                scope["client"] = (client, 0)
            prefix = _last(headers.get("x-forwarded-prefix")).rstrip("/")
            if prefix.startswith("/"):
                scope["root_path"] = prefix
                if not scope["path"].startswith(prefix + "/"):
                    scope["path"] = prefix + scope["path"]
        await self.app(scope, receive, send)


def _last(value: str | None) -> str:
    return (value or "").rpartition(",")[2].strip()
