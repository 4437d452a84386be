"""Without keys, what a browser would lend to strangers: this service under their names, and changes by their pages.

Any site can have a visitor's browser send requests to loopback and to the visitor's own network. Where no key is asked
for, two headers that no page can forge tell them from one's own: by `Host`, a name that was made to lead here (DNS
rebinding) is not one of ours; by `Sec-Fetch-Site` and `Origin`, a change was ordered by another site's page. Programs
such as curl and QGIS send neither of these two, and IP addresses cannot be made to lead anywhere else.
"""

import ipaddress
import re
import socket
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Scope

from geosar_tiler.errors import ForbiddenError, MisdirectedError
from geosar_tiler.middleware.auth import OPEN, READING
from geosar_tiler.middleware.guard import Guard
from geosar_tiler.settings import Settings

OWN_SITE = frozenset({"same-origin", "none"})
"""What a browser says of requests of our own page, and of what its user typed."""
OUTWARD = frozenset({"/places"})
"""What has this service ask another one, at the cost of whoever runs it."""
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@/?#\\\s]+)(?::(\d{1,5}))?", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9.-]{1,253}")


class OriginsMiddleware(Guard):
    """Refuses requests for a foreign host (421), and changes and questions that another site's page orders (403)."""

    def __init__(self, app: ASGIApp, *, settings: Settings, owner: Any) -> None:
        super().__init__(app, owner)
        self._hosts = {socket.gethostname().lower(), *(name.lower() for name in settings.hosts)}
        self._callers = frozenset(settings.cors_origins)

    def check(self, scope: Scope) -> None:
        """Raise MisdirectedError or ForbiddenError for what may not pass."""
        headers = Headers(scope=scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        # Over TLS a browser has seen a certificate for the name; and whoever watches asks by whatever name.
        if path not in OPEN and scope["scheme"] != "https":
            for host in headers.getlist("host"):
                self._check_host(host)
        if (scope["method"] not in READING or path in OUTWARD) and self._is_foreign(headers):
            what = "a question to another service" if path in OUTWARD else "a change here"
            raise ForbiddenError(_refusal(headers.get("origin"), what))

    def _check_host(self, host: str) -> None:
        name, _ = _parts(host, None)
        if not host or "*" in self._hosts or name in self._hosts or _is_here(name):
            return
        advice = f" If the name is its own, set GEOSAR_HOSTS={name}." if _NAME.fullmatch(name) else ""
        raise MisdirectedError(
            f"this service does not go by the name {host[:100]!r}. Use localhost or its IP address.{advice}"
        )

    def _is_foreign(self, headers: Headers) -> bool:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and ({"*", origin} & self._callers):
            return False
        if site is not None:
            return site not in OWN_SITE
        return origin is not None and not _is_same(origin, headers.get("host", ""))


def _is_here(name: str) -> bool:
    """Whether a name leads to this machine whatever a name server says, or is an IP address."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same(origin: str, host: str) -> bool:
    """Whether a page's origin is the host that it asks; the scheme is left out, as a proxy may have ended TLS."""
    scheme, _, rest = origin.partition("://")
    port = _PORTS.get(scheme)
    return port is not None and bool(host) and _parts(rest, port) == _parts(host, port)


def _parts(host: str, default: int | None) -> tuple[str, int | None]:
    """Return the name and the port of a host; no name for what is none."""
    match = _HOST.fullmatch(host)
    if match is None:
        return "", None
    name, port = match.groups()
    return name.strip("[]").lower().removesuffix("."), int(port) if port else default


def _refusal(origin: str | None, what: str) -> str:
    sender = "a page of another site" if origin is None else f"the page of {origin[:100]!r}"
    advice = ""
    if origin is not None and urlsplit(origin).scheme in _PORTS:
        advice = (
            f" If it may, set GEOSAR_CORS_ORIGINS={origin[:100]}; if it is this service's own behind a proxy, set "
            "GEOSAR_TRUST_FORWARDED=true, and let the proxy send X-Forwarded-Host."
        )
    return f"{sender} asks for {what}, which other sites may not without a key.{advice}"
