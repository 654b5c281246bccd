"""A venue's REST by ccxt: it knows the addresses and the rate that is allowed; the text comes back as it was sent."""

import asyncio
from collections.abc import Mapping
from typing import Any

from streams.collectors.asking import DeniedError, wait_of
from streams.collectors.port import Clock, SourceError

from .addresses import point_rest
from .leaving import leave
from .tap import create_exchange, errors
from .venues import Ask, Reply, Venue

BODY_CHARS_MAX = 8 * 1024 * 1024
"""Of one page; the largest has a tenth of that."""
TIMEOUT_MS = 10_000
"""For a whole answer, slow bytes included."""
_BUSY = (408, 418, 425, 429)
"""Asked too often, in the words of several venues."""
_REFUSED, _BROKEN = 400, 500


class Rest:
    """Asks one venue, one question at a time. The first question takes seconds, for ccxt's import."""

    def __init__(
        self, venue: Venue, url: str | None, *, now_ms: Clock, ca_file: str | None = None
    ) -> None:
        """Prepare; nothing is asked yet."""
        self.asked = 0
        self._venue, self._url, self._now_ms, self._ca_file = venue, url, now_ms, ca_file
        self._exchange: Any = None
        self._turn = asyncio.Lock()
        self._answer: tuple[int, str, Mapping[str, str], str] | None = None

    async def ask(self, question: Ask) -> Reply:
        """Ask, when ccxt's rate limiter allows it, and return the answer.

        Raises:
            DeniedError: The venue understood, and will not.
            SourceError: There was no answer, or none of use; with what the venue asks us to wait.
        """
        async with self._turn:
            exchange = self._connected()
            self._answer, self.asked = None, self.asked + 1
            failure: Exception | None = None
            try:
                await getattr(exchange, question.endpoint)(dict(question.params))
            except errors() as error:
                failure = error
            return self._read(question.endpoint, failure)

    async def close(self) -> None:
        """Close the connections; the next question opens them anew."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await leave(exchange)

    def _read(self, endpoint: str, failure: Exception | None) -> Reply:
        if self._answer is None:
            msg = f"{endpoint}: {type(failure).__name__}: {failure}"[:300]
            raise SourceError(msg)
        status, reason, headers, body = self._answer
        msg = f"{endpoint}: {status} {reason}"
        if status in _BUSY or status >= _BROKEN:
            told = {name.lower(): value for name, value in headers.items()}
            raise SourceError(msg, wait_s=wait_of(told, self._now_ms()))
        if status >= _REFUSED:
            raise DeniedError(msg, status)
        if len(body) > BODY_CHARS_MAX:
            msg = f"{endpoint}: an answer of more than {BODY_CHARS_MAX} characters"
            raise SourceError(msg)
        return Reply(body=body.encode(), received_ms=self._now_ms())

    def _connected(self) -> Any:  # noqa: ANN401 - ccxt's
        if self._exchange is None:
            self._exchange = create_exchange(
                self._venue, {"timeout": TIMEOUT_MS}, ca_file=self._ca_file
            )
            if self._url is not None:
                point_rest(self._exchange.urls, self._url)
            self._exchange.on_rest_response = self._heard
        return self._exchange

    def _heard(self, *told: Any) -> str:  # noqa: ANN401 - ccxt's
        """Take an answer before ccxt parses it, as its numbers are doubles.

        It comes as (code, reason, url, method, response_headers, response_body, request_headers, request_body).
        """
        self._answer = (told[0], told[1], told[4], told[5])
        return ""
