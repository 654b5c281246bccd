"""uvicorn's HTTP connection with the one bound it lacks: how long a caller may take to say what it wants."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 20.0
"""For a whole request, headers and body, from its connection or from the end of the answer before."""


class ImpatientProtocol(H11Protocol):
    """Closes a connection whose request does not become whole: a thousand halves would take every connection there is."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Begin with nobody waited for."""
        super().__init__(*args, **options)
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take some of a request, and wait for the rest if there is one."""
        super().data_received(data)
        is_websocket = self.transport.get_protocol() is not self
        if is_websocket or self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._rest()
        elif self._late is None:
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for what was begun meanwhile; where nothing was, uvicorn's own bound is shorter."""
        super().on_response_complete()
        self._rest()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._rest()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _rest(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
