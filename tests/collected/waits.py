"""Servers that are away for a while, and sources that are given the time to notice."""

from collections import deque
from collections.abc import Sequence

from tests.servers.web import Body, Cut, Fault, Status, WebServer

from .scene import Running


class _Always(deque[Fault]):
    """One fault, for every answer."""

    def popleft(self) -> Fault:
        return self[0]


def away(server: WebServer, fault: Fault | None = None) -> None:
    """Have every answer fail."""
    server.faults = _Always([fault or Status(503)])


def back(server: WebServer) -> None:
    """Have all be well again."""
    server.faults = deque()


async def asked_twice(running: Running, *servers: WebServer) -> None:
    """Return when each was asked twice more: what the first answer told has been taken by then."""
    before = [len(server.requests) for server in servers]
    await running.until(
        lambda: all(
            len(server.requests) >= asked + 2 for server, asked in zip(servers, before, strict=True)
        ),
        "two questions",
    )


def some(faults: Sequence[Fault], *, short: bool) -> list[Fault]:
    """Return all of them; in the short form those that take no time."""
    if not short:
        return list(faults)
    bodies = [fault for fault in faults if isinstance(fault, Body)]
    return [*(fault for fault in faults if isinstance(fault, Cut)), *bodies[-1:]]
