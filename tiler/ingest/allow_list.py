"""Which URLs a scene may be fetched from: those under the prefixes of the settings, on other, public machines."""

import ipaddress
import os
import re
import socket
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from geosar_tiler.errors import ForbiddenError, ServiceError
from geosar_tiler.settings import Settings

PORTS = {"http": 80, "https": 443}
_UNICAST = ipaddress.ip_network("2000::/3")
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",
                                           "3fff::/20", "2001::/23", "2620:4f:8000::/48")))  # fmt: skip
"""Kept for relays, documentation and name servers of private networks (IANA's registries of special addresses)."""
_ODD = re.compile(r"[\x00-\x20\x7f\\]|%2f|%5c|%2e", re.IGNORECASE)


class FetchError(ServiceError):
    """The other machine did not give what was asked for."""

    status = 502


class InterruptedDownloadError(FetchError):
    """The transfer ended too early; it may be resumed."""


def check(href: str, settings: Settings) -> None:
    """Raise ForbiddenError for a URL that is not under an allowed one; nothing is opened or asked."""
    if is_local(href):
        allowed_file(href, settings)
    else:
        check_allowed(href, settings.allowed_hrefs)


def allowed_file(href: str, settings: Settings) -> Path:
    """Return the file that a path or file URL leads to, links followed; raises ForbiddenError."""
    if "\0" in unquote(href):
        raise refused(href)
    parts = urlsplit(href)
    path = Path(unquote(parts.path) if parts.scheme else href)
    folders = [Path(unquote(urlsplit(one).path)) for one in settings.allowed_hrefs if is_local(one)]
    if "\0" in str(path):  # no path, and Python says so in its own way
        raise refused(href)
    real = Path(os.path.realpath(path))
    if not path.is_absolute() or parts.netloc or not any(_below(real, folder) for folder in folders):
        raise refused(href)
    return real


def check_allowed(href: str, prefixes: tuple[str, ...]) -> None:
    """Raise ForbiddenError unless a URL lies under one of the prefixes, part of a path by part."""
    parts = _split(href)
    if _ODD.search(href) or parts is None or ".." in parts.path.split("/") or parts.username or parts.password:
        raise refused(href)
    for prefix in prefixes:
        allowed = _split(prefix)
        if allowed is None or is_local(prefix) or _origin(parts) != _origin(allowed):
            continue
        root = allowed.path.rstrip("/")
        if parts.path == root or parts.path.startswith(f"{root}/"):
            return
    raise refused(href)


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


def is_local(address: str) -> bool:
    """Whether a URL is a file of this machine."""
    try:
        return urlsplit(address).scheme.lower() in {"", "file"}
    except ValueError:
        return False


def _below(path: Path, folder: Path) -> bool:
    return path.is_relative_to(os.path.realpath(folder))


def refused(href: str) -> ForbiddenError:
    """Make the error for a URL that is not allowed."""
    return ForbiddenError(
        f"{href[:200]!r} is not under a URL from which this service fetches scenes (GEOSAR_ALLOWED_HREFS). "
        "Upload the file instead.",
    )


def addresses(host: str, port: int, *, private: bool) -> list[str]:
    """Look a name up; raises ForbiddenError where an answer is this machine or none of the public Internet."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise FetchError(f"the name {host!r} is unknown: {error}.") from error
    texts = [str(answer[4][0]) for answer in answers]
    for text in texts:
        address = _plain(text)
        if not private and (not _is_public(address) or _is_own(text)):
            raise ForbiddenError(f"{host!r} leads to {text}, which is no public IP address of another machine.")
    return texts


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an IP address is one machine's on the public Internet; of IPv6 what is given out for that alone."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False
    return not any(address in network for network in _SPECIAL)


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, where it does: mapped, 6to4, Teredo or NAT64."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in ipaddress.ip_network("64:ff9b::/96"):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        teredo = address.teredo[1] if address.teredo else None
        return address.ipv4_mapped or address.sixtofour or teredo or address
    return address


def _is_own(text: str) -> bool:
    """Whether an IP address is one of this machine's: only then something can listen on it here."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((text, 0))
        except OSError:
            return False
    return True
