"""What a test run may touch: loopback, and the part of the environment that is meant for it.

Processes a test starts are not held by this: they fetch what they need, or have guards of their own. Nor are
clients written in C (librdkafka, uvloop), which never ask Python.
"""

import socket
import traceback
from collections.abc import MutableMapping
from ipaddress import IPv6Address, ip_address

_FOREIGN = ("ANTHROPIC_", "AWS_", "TAPEREADER_")
_OURS = ("TAPEREADER_TEST_", "TAPEREADER_REQUIRE", "TAPEREADER_SDK_SDIST")
_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_FRAMES_MAX = 6


class NetworkBannedError(Exception):
    """A test reached for something outside this machine."""


def strip_environment(environ: MutableMapping[str, str]) -> None:
    """Remove keys and settings of the person who runs the tests, so that none of them is used or spent."""
    for name in list(environ):
        if name.startswith(_FOREIGN) and not name.startswith(_OURS):
            del environ[name]


def is_local(host: object) -> bool:
    """Whether a host, by name or address, is surely this machine and needs no name server."""
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if not isinstance(host, str):
        return host is None
    if host in {"", "localhost"}:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


def refusal(event: str, args: tuple[object, ...]) -> str | None:
    """Say what an audit event reaches for outside this machine, or None."""
    if event in _LOOKUPS:
        host = args[0]
        return None if is_local(host) or _is_address(host) else f"{event} of {host!r}"
    if event not in _CONNECTS:
        return None
    connection, address = args[0], args[1]
    if not isinstance(connection, socket.socket) or not isinstance(address, tuple):
        return None  # A path, or sendmsg on a connected socket.
    if connection.family not in {socket.AF_INET, socket.AF_INET6} or is_local(address[0]):
        return None
    return f"{event} to {address[0]}:{address[1]}"


class NetworkGuard:
    """Refuses what reaches outside, and remembers it: the code under test may swallow the refusal.

    ``audit`` goes to ``sys.addaudithook``, for good: there is no way to remove a hook.
    """

    def __init__(self) -> None:
        self._refused: list[str] = []

    def audit(self, event: str, args: tuple[object, ...]) -> None:
        """Take an audit event.

        Raises:
            NetworkBannedError: it reaches outside.
        """
        if not event.startswith("socket."):
            return
        reason = refusal(event, args)
        if reason is None:
            return
        where = "".join(traceback.format_stack(limit=_FRAMES_MAX)[:-1])
        self._refused.append(f"{reason}, from\n{where}")
        message = f"tests never leave this machine: {reason}"
        raise NetworkBannedError(message)

    def take_refused(self) -> list[str]:
        """Return what was refused since the last call."""
        refused, self._refused = self._refused, []
        return refused


def _is_address(host: object) -> bool:
    try:
        ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True
