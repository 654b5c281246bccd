"""Who a request says it is for, where it comes from, and which client that is. PURE."""

import ipaddress
import re
from collections.abc import Iterable

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9._-]{0,252}))(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
UNKNOWN = "unknown"
"""A client without an address."""
_NETWORK_BITS = 64
"""Of IPv6: whoever has one address has all of these."""


def client_of(address: str | None) -> str:
    """Return what is counted as one client: an IPv4 address, or the network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
    return str(found)


def host_and_port(text: str) -> tuple[str, str] | None:
    """Return a `Host` header's name, in small letters and without brackets, and its port or ""; None: malformed."""
    found = _HOST.fullmatch(text.strip().lower())
    if found is None:
        return None
    return found[1].strip("[]").removesuffix("."), found[2] or ""


def is_own_origin(origin: str, host: str, allowed: Iterable[str]) -> bool:
    """Return whether a page of this origin is one of ours: the host it was served by is the one it now asks."""
    told = origin.strip().lower()
    if told in allowed:
        return True
    scheme, _, rest = told.partition("://")
    here, there = host_and_port(host), host_and_port(rest)
    if scheme not in _DEFAULT_PORTS or here is None or there is None:
        return False
    default = _DEFAULT_PORTS[scheme]
    return (here[0], here[1] or default) == (there[0], there[1] or default)
