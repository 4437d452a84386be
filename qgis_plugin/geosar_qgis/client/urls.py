"""URLs: of the service and its parts, of tiles, and what can be read back from a layer's URL."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from ..words import tr
from .messages import ClientError

MARGIN_SECONDS = 15 * 60
"""A signature is renewed so long before it expires."""
SIGNATURE = ("expires", "signature")
VSICURL = "/vsicurl/"

_TILES = re.compile(r"^(?P<base>.+)/scenes/(?P<scene>[^/]+)/(?P<layer>[a-z]+)/tiles/\{z\}/\{x\}/\{y\}\.png$")
_RESULT = re.compile(r"^(?P<base>.+)/jobs/(?P<job>[^/]+)/results/(?P<output>[a-z]+)$")


class UrlError(ClientError):
    """What was given is no URL of a service."""


def service_url(text: str) -> str:
    """
    Bring a URL to the form that is kept: scheme, host, path without slash at its end.

    >>> service_url(" localhost:8000/ ")
    'http://localhost:8000'
    >>> service_url("https://sar.example.org/geosar/")
    'https://sar.example.org/geosar'
    """
    text = text.strip()
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        _ = parts.port
    except ValueError:
        parts = parts._replace(netloc="")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", text):
        words = tr("'{0}' is no URL of a service; expected something like http://127.0.0.1:8000.")
        raise UrlError(words.format(text))
    if parts.username or parts.password:
        raise UrlError(
            tr(
                "The URL holds a user name or password, which would be shown and saved. Leave them out, and choose an "
                "authentication configuration instead."
            )
        )
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), "", ""))


def join(base: str, *parts: str, **query: str | float | bool | None) -> str:
    """Make the URL of a resource; parts are quoted, parameters that are None left out."""
    path = "/".join(quote(part, safe="") for part in parts)
    values = {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
    text = urlencode({key: value for key, value in values.items() if value is not None})
    return f"{base}/{path}" + (f"?{text}" if text else "")


def with_query(url: str, query: str) -> str:
    """Put a query that is quoted already behind a URL."""
    return f"{url}?{query}" if query else url


def tile_template(base: str, scene: str, layer: str, query: str) -> str:
    """Return the URL of a layer's tiles, with {z}, {x} and {y}."""
    return with_query(f"{join(base, 'scenes', scene, layer, 'tiles')}/{{z}}/{{x}}/{{y}}.png", query)


def xyz_uri(template: str, minzoom: int, maxzoom: int, authcfg: str = "") -> str:
    """
    Return the source of an XYZ layer as QGIS's provider "wms" reads it.

    The URL is quoted, so that its own & and = do not end it.
    """
    pairs = [("type", "xyz"), ("url", template), ("zmin", str(minzoom)), ("zmax", str(maxzoom))]
    text = "&".join(f"{key}={quote(value, safe=':/') if key == 'url' else value}" for key, value in pairs)
    return f"{text}&authcfg={authcfg}" if authcfg else text


@dataclass(frozen=True)
class Place:
    """What a layer's URL says: a layer of a scene (`scene`, `layer`), or a file of a job (`job`, `output`)."""

    base: str
    query: dict[str, str]
    scene: str = ""
    layer: str = ""
    job: str = ""
    output: str = ""

    @property
    def unsigned(self) -> dict[str, str]:
        """The query without version and signature."""
        return {key: value for key, value in self.query.items() if key not in (*SIGNATURE, "v")}

    def expires(self, now: float | None = None, margin: float = MARGIN_SECONDS) -> bool:
        """Whether the signature is over, or will be soon; a URL without one never is."""
        text = self.query.get("expires", "")
        now = time.time() if now is None else now
        return text.isdigit() and int(text) < now + margin


def place_of(url: str) -> Place | None:
    """Read a URL of tiles or of a job's file, with or without /vsicurl/; None for any other."""
    path, _, query = url.removeprefix(VSICURL).partition("?")
    match = _TILES.match(path) or _RESULT.match(path)
    if match is None:
        return None
    return Place(query=dict(parse_qsl(query, keep_blank_values=True)), **match.groupdict())


def template_in(uri: str) -> str:
    """Return the template of an XYZ layer's source, "" where there is none."""
    pairs = (part.partition("=") for part in uri.split("&"))
    return next((unquote(value) for key, _, value in pairs if key == "url"), "")


def within(base: str, url: str) -> bool:
    """Whether a URL lies below the service's: only there may a key be sent."""
    return url == base or url.startswith((f"{base}/", f"{base}?"))
