"""Connections for fetching a scene: to the very IP address that was checked, whatever its name says by then.

Objects of s3 are asked for over http as well, by a URL that is signed where there are credentials.
"""

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any
from urllib.parse import SplitResult, urlsplit

from geosar_tiler.errors import ForbiddenError
from geosar_tiler.ingest.allow_list import PORTS, InterruptedDownloadError, addresses
from geosar_tiler.settings import Settings

CONNECT_SECONDS = 10
READ_SECONDS = 30
SIGNED_SECONDS = 3600
CLOCK_SECONDS = 0.05
"""A connection is cut off so much later, so that the clock surely says so too."""


def connection(parts: SplitResult, settings: Settings) -> "Pinned":
    """Prepare a connection; raises ForbiddenError where the IP address is not public, or not https."""
    if parts.scheme == "http" and not settings.href_private:
        raise ForbiddenError("an http URL is fetched from a private network alone; give an https URL.")
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    pinned = addresses(host, port, private=settings.href_private)
    if parts.scheme == "https":
        return Pinned(host, port, pinned, ssl.create_default_context())
    return Pinned(host, port, pinned)


class Pinned(http.client.HTTPConnection):
    """Connects to IP addresses that were checked, whatever the name says by then; for TLS the name counts."""

    def __init__(self, host: str, port: int, pinned: list[str], context: ssl.SSLContext | None = None) -> None:
        super().__init__(host, port, timeout=READ_SECONDS)
        self.default_port = PORTS["https" if context else "http"]  # which the header Host leaves out
        self._pinned = pinned
        self._context = context
        self._is_cut = False
        self._held: socket.socket | None = None

    def connect(self) -> None:
        """Try one address after the other."""
        connected = _connected(self._pinned, self.port)
        self.sock = self._context.wrap_socket(connected, server_hostname=self.host) if self._context else connected
        self._held = self.sock  # an answer reads from it after the connection itself has let go of it
        if self._is_cut:
            self._cut()

    @contextmanager
    def until(self, end: float) -> Iterator[None]:
        """Cut the connection off at a time of `time.monotonic`, however slowly something still comes through it.

        The time-out of a socket begins anew with every byte, and so never ends what drips.
        """
        timer = threading.Timer(max(0.0, end - time.monotonic()) + CLOCK_SECONDS, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self._is_cut = True
        if self._held is not None:
            with suppress(OSError):  # it is closed already
                # Not that of TLS, which would say goodbye to the other side first.
                socket.socket.shutdown(self._held, socket.SHUT_RDWR)


def _connected(pinned: list[str], port: int) -> socket.socket:
    failure: OSError = OSError("it has no address")
    for address in pinned:
        try:
            connected = socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as error:
            failure = error
            continue
        connected.settimeout(READ_SECONDS)
        return connected
    raise failure


def response_to(
    opened: http.client.HTTPConnection, parts: SplitResult, headers: dict[str, str]
) -> http.client.HTTPResponse:
    """Send a request; raises InterruptedDownloadError where no answer comes."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        opened.request("GET", target, headers={"User-Agent": "geosar", "Accept-Encoding": "identity", **headers})
        return opened.getresponse()
    except (OSError, http.client.HTTPException) as error:
        message = f"{parts.hostname} did not answer: {error}. Try again, or upload the file."
        raise InterruptedDownloadError(message) from error


def signed(href: str) -> str:
    """Turn an s3 URL into one of http: signed where botocore is installed and finds credentials, else public.

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
