"""Where people see and hear of the demo: a dashboard at a port of this machine, a receiver in this process."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from . import plan
from .receiver import Receiver


class Outlets:
    """The dashboard's address, and the receiver of notifications."""

    def __init__(self, *, dashboard: bool) -> None:
        """Find a port; nothing listens yet."""
        self.receiver = Receiver()
        self._port = free_port(plan.DASHBOARD_PORT) if dashboard else None

    @property
    def url(self) -> str | None:
        """Where the dashboard will be; None: there is none."""
        return None if self._port is None else f"http://127.0.0.1:{self._port}"

    @property
    def roles(self) -> tuple[str, ...]:
        """What has to run for them."""
        return ("notify",) if self._port is None else ("notify", "serve")

    @property
    def words(self) -> str:
        """The dashboard in a sentence for people; empty if there is none."""
        return "" if self.url is None else f"Dashboard: {self.url}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive notifications meanwhile."""
        async with self.receiver.listening():
            yield

    def settings(self) -> dict[str, Any]:
        """Return the branches of their roles; the receiver must listen."""
        serve = {} if self._port is None else {"serve": plan.serve_settings(self._port)}
        return serve | {"notify": plan.notify_settings(self.receiver.address)}


def free_port(wanted: int) -> int:
    """Return a port of this machine that can be listened at: the one wanted, if it can."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            # As a server does: what a former one has left on its way does not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    msg = "no port of this machine can be listened at"
    raise OSError(msg)
