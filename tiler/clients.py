"""Who asks: a client is known by its IP address."""

import ipaddress

from starlette.types import Scope


def client_of(scope: Scope) -> str:
    """Name a client by its IP address; a network of IPv6 that one household has counts as one."""
    host = (scope.get("client") or ("unknown",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:  # as a listener for both kinds sees clients of IPv4, all in one network
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
