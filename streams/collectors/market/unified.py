"""Trades of any venue that ccxt streams from, by ccxt's own parsing, and marked as such.

For venues that `exchange` does not read. Their name in every record is ``<ccxt id>/unified``: price and size have the
venue's digits only where it prints them as text, side and time are what ccxt takes them for, and no numbers prove that
nothing is missing, so that every window of theirs is unverifiable. Of a broken connection it is told by time what it may
have cost (`UnifiedTape`).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from pydantic import Field

from streams.collectors.port import (
    Clock,
    Context,
    Link,
    Observation,
    Source,
    SourceError,
    SourceSettings,
    SourceType,
    Symbol,
)
from topics import (
    GapDetected,
    GapFilled,
    GapMark,
    GapPermanent,
    Heartbeat,
    Kind,
    RawEvent,
    SettingsError,
    Trade,
)

from .promises import clock_of
from .tap import errors
from .unified_ccxt import Place, check_venue, create_venue
from .unified_session import RETRY_S, UnifiedSession
from .unified_tape import UnifiedTape

SYMBOLS_MAX = 50
"""Of one source. Most venues take as many in one subscription; ccxt's parsing carries some 10,000 trades a second."""


class UnifiedSettings(SourceSettings):
    """Trades of one venue by ccxt's parsing: second best, for venues that the type `exchange` does not know."""

    type: Literal["unified"]
    venue: str = Field(pattern=r"^[a-z0-9]{1,50}$")
    """Its id in ccxt."""
    symbols: tuple[Symbol, ...] = Field(min_length=1, max_length=SYMBOLS_MAX)
    """BASE/QUOTE: spot."""
    lateness_ms: int = Field(default=5_000, ge=0, le=600_000)
    """How far behind the venue's time the source's promises stay."""
    backfill_hold_ms: int = Field(default=10_000, ge=0, le=60_000)
    """How long a broken connection holds the promises back, before its gaps are told and time goes on."""
    silence_s: float = Field(default=300.0, gt=0, le=3_600)
    """Without any frame for this long the connection is taken for dead."""
    url: str | None = None
    """Another host for the venue's websocket: a proxy, a local server. The path stays."""
    rest_url: str | None = None
    """Another host for its REST, which says what markets there are, and fills what was missed."""
    ca_file: str | None = None
    """Certificates of the authorities to trust, instead of the usual ones."""


def create_unified(name: str, settings: UnifiedSettings, context: Context) -> list[Source]:
    """Return the source of that name. It takes seconds, for ccxt's import.

    Raises:
        SettingsError: ccxt cannot watch this venue, or the symbols are not all spot.
    """
    futures = [symbol for symbol in settings.symbols if ":" in symbol]
    if futures:
        msg = f"sources.{name}.symbols: {', '.join(futures)}: only spot, as sizes of futures may be contracts"
        raise SettingsError(msg)
    check_venue(name, settings.venue)
    return [UnifiedSource(name, settings, now_ms=context.now_ms)]


class UnifiedSource:
    """One session after the other with one venue."""

    kind: Kind = "market"

    def __init__(
        self,
        name: str,
        settings: UnifiedSettings,
        *,
        now_ms: Clock,
        retry_s: Sequence[float] = RETRY_S,
    ) -> None:
        """Prepare; nothing is dialled before the first observation is asked for."""
        self.name = name
        self.tape: UnifiedTape | None = None
        """None before the venue's markets are known."""
        self._settings, self._now_ms, self._retry_s = settings, now_ms, retry_s
        self._place = Place(url=settings.url, rest_url=settings.rest_url, ca_file=settings.ca_file)
        self._clock = clock_of(settings.lateness_ms)
        self._markets: tuple[list[Any], Any] | None = None
        self._note = ""
        self._past: Sequence[RawEvent | GapMark | Heartbeat] = ()
        self._begun_ms = 0

    def resume(self, past: Sequence[RawEvent | GapMark | Heartbeat]) -> None:
        """Go on where the log says that we, or who ran this source before, had come."""
        self._past = past

    async def observations(self) -> AsyncIterator[Observation]:
        """Connect, and yield what comes until the connection fails.

        Raises:
            SourceError: It failed; everything that had come before has been yielded.
        """
        # Its beginning names a session, so that the letters of two processes never have one origin.
        self._begun_ms = max(self._now_ms(), self._begun_ms + 1)
        yield Link(state="connecting")
        if self._markets is None:
            self._markets = await self._load()
        tape = self._known(self._markets[0])
        past, self._past = self._past, ()
        for mark in _resumed(tape, past, self._begun_ms):
            yield mark
        session = UnifiedSession(
            f"{self.name}/{self._begun_ms}",
            tape,
            self._clock,
            watch=self._created(self._markets),
            rest=self._created(self._markets),
            silence_s=self._settings.silence_s,
            hold_s=self._settings.backfill_hold_ms / 1000,
            retry_s=self._retry_s,
            now_ms=self._now_ms,
            note=self._note,
        )
        try:
            session.start()
            while True:
                yield await session.backlog.take()
        finally:
            await session.close()

    def _known(self, markets: list[Any]) -> UnifiedTape:
        """Return the tape, of the symbols that the venue has.

        Raises:
            SourceError: It has none of them.
        """
        spot = {market["symbol"] for market in markets if market.get("spot")}
        wanted = tuple(dict.fromkeys(self._settings.symbols))
        unknown = [symbol for symbol in wanted if symbol not in spot]
        self._note = f"it does not trade {', '.join(unknown)}" if unknown else ""
        if len(unknown) == len(wanted):
            self._markets = None  # it may list one of them some day
            raise SourceError(f"{self._settings.venue}: {self._note}"[:300])
        if self.tape is None:
            venue = f"{self._settings.venue}/unified"
            symbols = tuple(symbol for symbol in wanted if symbol in spot)
            self.tape = UnifiedTape(self.name, venue, symbols)
        return self.tape

    async def _load(self) -> tuple[list[Any], Any]:
        loader = create_venue(self._settings.venue, self._place, exact=False)
        try:
            await loader.load_markets()
            return list(loader.markets.values()), loader.currencies
        except errors() as error:
            msg = f"its markets could not be had: {type(error).__name__}: {error}"[:300]
            raise SourceError(msg) from error
        finally:
            await loader.close()

    def _created(self, markets: tuple[list[Any], Any]) -> Any:  # noqa: ANN401 - ccxt's
        exchange = create_venue(self._settings.venue, self._place)
        exchange.set_markets(*markets)
        return exchange


def _resumed(
    tape: UnifiedTape, past: Sequence[RawEvent | GapMark | Heartbeat], begun_ms: int
) -> list[GapMark]:
    """Go on after what stands in the log, if anything does; return the marks that are due."""
    if not past:
        return []
    kinds = Trade | GapDetected | GapFilled | GapPermanent
    promised = [seen.through_ms for seen in past if isinstance(seen, Heartbeat)]
    told = [seen for seen in past if isinstance(seen, kinds)]
    return tape.resume(told, max(promised, default=begun_ms))


TYPE = SourceType(
    name="unified",
    about="trades of any other venue that ccxt streams from, by ccxt's parsing and marked so; what is missed is told by time",
    kinds=("market",),
    settings=UnifiedSettings,
    create=create_unified,
    limits="ccxt's rate limiter for REST; one connection, or what ccxt makes of the symbols",
)
