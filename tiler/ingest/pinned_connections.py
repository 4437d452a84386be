"""Connections for fetching a scene: to the very address that was looked at, whatever its name says by then.

Objects of s3 are asked for over http as well, by an address that is signed where there are credentials.
"""

import http.client
import os
import socket
import ssl
from importlib import import_module
from typing import Any
from urllib.parse import SplitResult, urlsplit

from tiler.errors import ForbiddenError
from tiler.ingest.allow_list import PORTS, BrokenOffError, addresses
from tiler.settings import Settings

CONNECT_SECONDS = 10
READ_SECONDS = 30
SIGNED_SECONDS = 3600


def connection(parts: SplitResult, settings: Settings) -> http.client.HTTPConnection:
    """Prepare a connection; raises ForbiddenError where the address is not public, or not https."""
    if parts.scheme == "http" and not settings.href_private:
        raise ForbiddenError("an http address is fetched from a private network alone; give an https address.")
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    pinned = addresses(host, port, private=settings.href_private)
    if parts.scheme == "https":
        return _PinnedHTTPS(host, port, pinned)
    return _Pinned(host, port, pinned)


class _Pinned(http.client.HTTPConnection):
    """Connects to addresses that were looked at, whatever the name says by then."""

    def __init__(self, host: str, port: int, pinned: list[str]) -> None:
        super().__init__(host, port, timeout=READ_SECONDS)
        self._pinned = pinned

    def connect(self) -> None:
        """Try one address after the other."""
        self.sock = _connected(self._pinned, self.port)


class _PinnedHTTPS(http.client.HTTPSConnection):
    """The same with TLS, for which the name counts."""

    def __init__(self, host: str, port: int, pinned: list[str]) -> None:
        self._own_context = ssl.create_default_context()
        super().__init__(host, port, timeout=READ_SECONDS, context=self._own_context)
        self._pinned = pinned

    def connect(self) -> None:
        """Try one address after the other."""
        self.sock = self._own_context.wrap_socket(_connected(self._pinned, self.port), server_hostname=self.host)


def _connected(pinned: list[str], port: int) -> socket.socket:
    failure: OSError = OSError("it has no address")
    for address in pinned:
        try:
            made = socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as error:
            failure = error
            continue
        made.settimeout(READ_SECONDS)
        return made
    raise failure


def asked(opened: http.client.HTTPConnection, parts: SplitResult, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Send a request; raises BrokenOffError where no answer comes."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        opened.request("GET", target, headers={"User-Agent": "geosar", "Accept-Encoding": "identity", **headers})
        return opened.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise BrokenOffError(f"{parts.hostname} did not answer: {error}. Try again, or upload the file.") from error


def signed(href: str) -> str:
    """Turn an s3 address into one of http: signed where botocore is installed and finds credentials, else public.

    The settings are those that GDAL knows (AWS_S3_ENDPOINT, AWS_HTTPS, AWS_VIRTUAL_HOSTING) and botocore's own.
    """
    parts = urlsplit(href)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    endpoint, is_virtual = _endpoint(), os.environ.get("AWS_VIRTUAL_HOSTING", "TRUE").upper() not in {"FALSE", "NO"}
    try:
        session: Any = import_module("botocore.session").get_session()  # an option, for private buckets
    except ImportError:
        scheme, _, host = (endpoint or "https://s3.amazonaws.com").partition("://")
        return f"{scheme}://{bucket}.{host}/{key}" if is_virtual else f"{scheme}://{host}/{bucket}/{key}"
    config = import_module("botocore.config").Config(
        signature_version="s3v4" if session.get_credentials() else import_module("botocore").UNSIGNED,
        s3={"addressing_style": "virtual" if is_virtual else "path"},
    )
    region = session.get_config_variable("region") or "us-east-1"
    client = session.create_client("s3", region_name=region, endpoint_url=endpoint, config=config)
    url: str = client.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=SIGNED_SECONDS
    )
    return url


def _endpoint() -> str | None:
    host = os.environ.get("AWS_S3_ENDPOINT")
    if not host or "://" in host:
        return host or None
    return f"{'http' if os.environ.get('AWS_HTTPS', 'YES').upper() in {'NO', 'FALSE'} else 'https'}://{host}"
