"""Fetching a scene from an address, where the settings allow it: by our own client, never by GDAL.

An address must lie under one of the allowed prefixes, and so must every redirect. A name is looked up once, every
answer must be a public address of another machine, and the connection goes to the very address that was looked at,
so that a second answer of the name server changes nothing.
"""

import errno
import http.client
import ipaddress
import os
import re
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from tiler.errors import ForbiddenError, InvalidError, NotFoundError, ServiceError, TooLargeError
from tiler.settings import Settings
from tiler.uploads import BUFFER_BYTES, Received, Writer

CONNECT_SECONDS = 10
READ_SECONDS = 30
MOST_REDIRECTS = 5
PORTS = {"http": 80, "https": 443}
_ODD = re.compile(r"[\x00-\x20\x7f\\]|%2f|%5c|%2e", re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class FetchError(ServiceError):
    """The other machine did not give what was asked for."""

    status = 502


def fetch(
    href: str,
    path: Path,
    settings: Settings,
    *,
    limit: int,
    room: Callable[[], int],
    label: str = "",
    tell_size: Callable[[int], None] | None = None,
) -> Received:
    """Write what lies at an allowed address to `path`; `tell_size` hears how large it is before it comes.

    Raises ForbiddenError for an address that is not allowed, NotFoundError, FetchError, and what `Writer` raises.
    """
    with path.open("wb") as target, _opened(href, settings) as (source, declared, name):
        if declared is not None and declared > limit:
            raise TooLargeError(f"{name} is {declared} bytes; this service takes {limit} at most.")
        if declared is not None and tell_size is not None:
            tell_size(declared)
        writer = Writer(target, limit, room)
        end = time.monotonic() + settings.href_seconds
        try:
            while data := source.read(BUFFER_BYTES):
                writer.take_now(data)
                if time.monotonic() > end:
                    raise FetchError(f"{name} did not come within {settings.href_seconds:g} s. Upload it instead.")
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(f"{name} stopped coming: {error}. Try again.") from error
        if declared is not None and writer.size != declared:
            raise FetchError(f"{name} ended after {writer.size} of {declared} bytes. Try again.")
        return writer.received(path, name, label)


def check(href: str, settings: Settings) -> None:
    """Raise ForbiddenError for an address that is not under an allowed one; nothing is opened or asked."""
    if _is_local(href):
        _allowed_file(href, settings)
    else:
        check_allowed(href, settings.allowed_hrefs)


@contextmanager
def _opened(href: str, settings: Settings) -> Iterator[tuple[IO[bytes] | http.client.HTTPResponse, int | None, str]]:
    """Open an address: what to read from, its size where it says one, and its name."""
    scheme = urlsplit(href).scheme.lower()
    if scheme in {"", "file"}:
        with _opened_file(href, settings) as found:
            yield found
        return
    if scheme not in {"http", "https", "s3"}:
        raise _refused(href)
    for _ in range(MOST_REDIRECTS + 1):
        check_allowed(href, settings.allowed_hrefs)
        parts = urlsplit(_signed(href) if scheme == "s3" else href)
        connection = _connection(parts, settings)
        try:
            answer = _asked(connection, parts)
            if answer.status in _REDIRECTS:
                # A redirect of a store of objects, too, leads to an address that must be allowed by its own name.
                href = _led_to(parts.geturl(), answer.headers.get("Location", ""))
                scheme = urlsplit(href).scheme.lower()
                continue
            name = unquote(urlsplit(href).path.rpartition("/")[2]) or "scene"
            if answer.status in {404, 410}:
                raise NotFoundError(f"there is no {name} at {parts.hostname}: it answered {answer.status}.")
            if answer.status != 200:
                raise FetchError(f"{parts.hostname} answered {answer.status} {answer.reason} for {name}.")
            length = answer.headers.get("Content-Length", "")
            yield answer, int(length) if length.isdigit() else None, name
        finally:
            connection.close()
        return
    raise FetchError(f"the address was redirected more than {MOST_REDIRECTS} times.")


def _led_to(href: str, location: str) -> str:
    try:
        return urljoin(href, location)
    except ValueError:
        raise FetchError("the address was redirected to none that can be read.") from None


@contextmanager
def _opened_file(href: str, settings: Settings) -> Iterator[tuple[IO[bytes], int | None, str]]:
    """Open a file below an allowed folder; links are followed before that is looked at."""
    real = _allowed_file(href, settings)
    try:
        # Not to be led elsewhere by a link that was put there since, nor to wait for a pipe.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EACCES, errno.ENOTDIR}:
            raise NotFoundError(f"there is no file {real.name!r} that could be read at this address.") from None
        raise _refused(href) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidError(f"{real.name!r} is no file; give the address of one raster or zip.")
    with os.fdopen(descriptor, "rb") as file:
        yield file, os.fstat(descriptor).st_size, real.name


def _allowed_file(href: str, settings: Settings) -> Path:
    """Give the file that a path or file address leads to, links followed; raises ForbiddenError."""
    if "\0" in unquote(href):
        raise _refused(href)
    parts = urlsplit(href)
    given = Path(unquote(parts.path) if parts.scheme else href)
    folders = [Path(unquote(urlsplit(one).path)) for one in settings.allowed_hrefs if _is_local(one)]
    if "\0" in str(given):  # no path, and Python says so in its own way
        raise _refused(href)
    real = Path(os.path.realpath(given))
    if not given.is_absolute() or parts.netloc or not any(_below(real, folder) for folder in folders):
        raise _refused(href)
    return real


def check_allowed(href: str, prefixes: tuple[str, ...]) -> None:
    """Raise ForbiddenError unless an address lies under one of the prefixes, part of a path by part."""
    parts = _split(href)
    if _ODD.search(href) or parts is None or ".." in parts.path.split("/") or parts.username or parts.password:
        raise _refused(href)
    for prefix in prefixes:
        allowed = _split(prefix)
        if allowed is None or _is_local(prefix) or _origin(parts) != _origin(allowed):
            continue
        root = allowed.path.rstrip("/")
        if parts.path == root or parts.path.startswith(f"{root}/"):
            return
    raise _refused(href)


def _split(href: str) -> SplitResult | None:
    try:
        parts = urlsplit(href)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    scheme = parts.scheme.lower()
    return scheme, parts.hostname, parts.port or PORTS.get(scheme)


def _is_local(address: str) -> bool:
    try:
        return urlsplit(address).scheme.lower() in {"", "file"}
    except ValueError:
        return False


def _below(path: Path, folder: Path) -> bool:
    return path.is_relative_to(os.path.realpath(folder))


def _refused(href: str) -> ForbiddenError:
    return ForbiddenError(
        f"{href[:200]!r} is not under an address from which this service fetches scenes (GEOSAR_ALLOWED_HREFS). "
        "Upload the file instead.",
    )


def addresses(host: str, port: int, *, private: bool) -> list[str]:
    """Look a name up; raises ForbiddenError where an answer is this machine or none of the public Internet."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise FetchError(f"the name {host!r} is unknown: {error}.") from error
    given = [str(answer[4][0]) for answer in found]
    for text in given:
        address = _plain(text)
        if not private and (not address.is_global or address.is_multicast or _is_own(text)):
            raise ForbiddenError(f"{host!r} leads to {text}, which is no public address of another machine.")
    return given


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Give the IPv4 address that an IPv6 address stands for, where it does: mapped, 6to4, Teredo or NAT64."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in ipaddress.ip_network("64:ff9b::/96"):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        teredo = address.teredo[1] if address.teredo else None
        return address.ipv4_mapped or address.sixtofour or teredo or address
    return address


def _is_own(text: str) -> bool:
    """Whether an address is one of this machine's: only then something can listen on it here."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((text, 0))
        except OSError:
            return False
    return True


def _connection(parts: SplitResult, settings: Settings) -> http.client.HTTPConnection:
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


def _asked(connection: http.client.HTTPConnection, parts: SplitResult) -> http.client.HTTPResponse:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", target, headers={"User-Agent": "geosar", "Accept-Encoding": "identity"})
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"{parts.hostname} did not answer: {error}. Try again, or upload the file.") from error


def _signed(href: str) -> str:
    """Turn an s3 address into an https one: signed where botocore is installed and finds credentials, else public."""
    parts = urlsplit(href)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    try:
        session: Any = import_module("botocore.session").get_session()  # an option, for private buckets
    except ImportError:
        return f"https://{bucket}.s3.amazonaws.com/{key}"
    unsigned = import_module("botocore.config").Config(signature_version=import_module("botocore").UNSIGNED)
    config = None if session.get_credentials() else unsigned
    client = session.create_client(
        "s3", region_name=session.get_config_variable("region") or "us-east-1", config=config
    )
    url: str = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=3600)
    return url
