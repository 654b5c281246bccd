"""A venue's REST: ccxt knows its addresses, its limits and its forms; we ask, and keep the digits.

ccxt's own HTTP is not used: its numbers are doubles, and nothing bounds what it reads. In its place it is given
`Http`, so it waits by its own rate limiter, builds the address, and reads what came back; no markets are loaded.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from msgspec import Struct

from streams.collectors.asking import Answer, DeniedError, Http
from streams.collectors.port import Clock, SourceError
from topics import SettingsError

from .digits import loads_for_ccxt
from .venues import Pair, ccxt_market, under_our_id

BODY_BYTES_MAX = 2 * 1024 * 1024
"""Of one answer; 1,000 candles have a tenth of that."""
SKEW_MS_MAX = 600_000
"""Between the venue's clock and ours. What closes is decided by the venue's, so a wrong one must not be believed."""
PER_MINUTE = 60_000.0
"""Of `Http`: ccxt's limiter is what holds us back."""

_HUGE = re.compile(rb"\d[eE][+-]?\d{4}")
"""ccxt writes such a number out, digit by digit, before anybody could look at it."""


class UnreadableError(Exception):
    """The venue answered what cannot be read. The message says why."""

    def __init__(self, message: str, answer: Answer) -> None:
        """Keep the answer, for the dead letter."""
        super().__init__(message)
        self.answer = answer


class Page(Struct, frozen=True, kw_only=True):
    """What a venue answered, as ccxt reads it."""

    said: Any
    answer: Answer
    venue_ms: int
    """The venue's time when it answered."""


class Exchange(Protocol):
    """One venue, as ccxt has it."""

    timeframes: Mapping[str, Any] | None
    has: Mapping[str, Any]
    urls: Any
    fetch: Any
    throttler: Any
    milliseconds: Any
    seconds: Any

    def set_markets(self, markets: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - ccxt's
        """Know these markets, and ask the network for none."""

    def handle_errors(self, *args: object) -> Any:  # noqa: ANN401 - ccxt's
        """Raise what an answer complains of."""

    async def fetch_ohlcv(self, *args: object) -> Any:  # noqa: ANN401 - ccxt's
        """Return candles: opening, open, high, low, close, volume."""

    async def fetch_ticker(self, symbol: str) -> Any:  # noqa: ANN401 - ccxt's
        """Return a ticker."""


class Rest:
    """Asks one venue, one question after the other."""

    def __init__(
        self,
        venue: str,
        pairs: tuple[Pair, ...],
        *,
        now_ms: Clock,
        url: str | None,
        ca_file: str | None,
        timeout_s: float,
    ) -> None:
        """Make ccxt's exchange, which takes a second. Nothing is asked.

        Raises:
            SettingsError: ccxt does not know the venue.
        """
        self.venue = venue
        self._exchange = _create(venue, pairs, url)
        self._exchange.fetch = self._fetch
        # By its clock ccxt decides what is history, and up to when to ask.
        self._exchange.milliseconds, self._exchange.seconds = now_ms, lambda: now_ms() // 1_000
        self._http = Http(
            now_ms=now_ms,
            per_minute=PER_MINUTE,
            timeout_s=timeout_s,
            body_bytes_max=BODY_BYTES_MAX,
            ca_file=ca_file,
        )
        self._pair: Pair | None = None
        self._answer: Answer | None = None

    def timeframes(self) -> set[str]:
        """Return the spans of its candles, in ccxt's words."""
        return set(self._exchange.timeframes or {})

    def has(self, what: str) -> bool:
        """Return whether ccxt can ask it for something."""
        return bool(self._exchange.has.get(what))

    async def candles(self, pair: Pair, timeframe: str, since_ms: int, limit: int) -> Page:
        """Return the candles of a market from a time on; each [opening, open, high, low, close, volume].

        Raises:
            UnreadableError: It answered something else.
            SourceError: It did not answer, or refused.
        """
        return await self._ask(pair, "fetch_ohlcv", pair.symbol, timeframe, since_ms, limit)

    async def ticker(self, pair: Pair) -> Page:
        """Return the ticker of a market.

        Raises:
            UnreadableError: It answered something else.
            SourceError: It did not answer, or refused.
        """
        return await self._ask(pair, "fetch_ticker", pair.symbol)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(self, pair: Pair, method: str, *args: object) -> Page:
        from ccxt.base import errors  # noqa: PLC0415 - ccxt's import takes a second

        self._pair, self._answer = pair, None
        self._exchange.throttler.loop = asyncio.get_running_loop()
        try:
            said = await getattr(self._exchange, method)(*args)
        except (SourceError, UnreadableError):
            raise
        except errors.BadResponse as error:  # NullResponse is one
            raise UnreadableError(repr(error)[:200], self._taken()) from error
        except errors.NetworkError as error:
            msg = f"{self.venue}: {type(error).__name__}: {error}"
            raise SourceError(msg[:200]) from error
        except errors.BaseError as error:
            msg = f"{self.venue}: {type(error).__name__}: {error}"
            raise DeniedError(msg[:200], 200) from error
        except Exception as error:
            # Whatever ccxt's reading of a strange answer raises.
            raise UnreadableError(repr(error)[:200], self._taken()) from error
        answer = self._taken()
        venue_ms = served_ms(answer)
        skew_ms = venue_ms - answer.received_ms
        if abs(skew_ms) > SKEW_MS_MAX:
            msg = f"{self.venue}: its clock and ours are {skew_ms / 1000:.0f} s apart: one of them is wrong"
            raise SourceError(msg)
        return Page(said=said, answer=answer, venue_ms=venue_ms)

    def _taken(self) -> Answer:
        if self._answer is None:
            msg = f"{self.venue}: ccxt asked nothing"
            raise SourceError(msg)
        return self._answer

    async def _fetch(
        self,
        url: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> object:
        """Stand in for ccxt's own: ask, and return the answer's JSON with its digits."""
        if method != "GET" or body:
            msg = f"{self.venue}: ccxt asks by {method}, which is not for reading"
            raise SourceError(msg)
        answer = await self._http.get(url, headers=headers)
        self._answer = answer
        if _HUGE.search(answer.body):
            msg = "a number beyond all measure"
            raise UnreadableError(msg, answer)
        try:
            said = loads_for_ccxt(answer.body)
        except ValueError as error:
            msg = f"no JSON: {error}"
            raise UnreadableError(msg, answer) from error
        text = answer.body.decode(errors="replace")
        self._exchange.handle_errors(
            answer.status, "", url, method, dict(answer.headers), text, said, headers, body
        )
        return said if self._pair is None else under_our_id(self.venue, said, self._pair)


def served_ms(answer: Answer) -> int:
    """Return the other side's time of an answer, to the second; ours where it says none."""
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, OverflowError):
        return answer.received_ms
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return int(at.timestamp() * 1000)


def _create(venue: str, pairs: tuple[Pair, ...], url: str | None) -> Exchange:
    import ccxt.async_support  # noqa: PLC0415 - a second of CPU, which only this needs

    if venue not in ccxt.async_support.exchanges:
        msg = f"ccxt knows no venue {venue}"
        raise SettingsError(msg)
    exchange: Exchange = getattr(ccxt.async_support, venue)({"number": Decimal})
    exchange.set_markets([ccxt_market(pair) for pair in pairs])
    if url is not None:
        exchange.urls["api"] = _moved(exchange.urls["api"], url)
    return exchange


def _moved(leaf: Any, url: str) -> Any:  # noqa: ANN401 - ccxt's tree of addresses
    """Return the tree with every HTTP address on another host; the paths stay."""
    if isinstance(leaf, dict):
        return {name: _moved(under, url) for name, under in leaf.items()}
    if isinstance(leaf, str) and leaf.startswith("http"):
        return url + urlsplit(leaf.replace("{hostname}", "host")).path
    return leaf
