"""One connection to a venue: what it brings, and whether it lives."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from hashlib import sha256
from typing import Any, Literal, Protocol

from msgspec import Struct

from streams.collectors.port import Clock, Observation, Refused, SourceError

from .backlog import Backlog, BacklogFullError
from .silence import Silence
from .tap import KEEP_ALIVE_MS, Client, Exchange, create_ccxt, errors, forgive, hang_up
from .venues import (
    Acknowledged,
    Farewell,
    Levels,
    Other,
    Reading,
    Trades,
    Unreadable,
    Venue,
    VenueClock,
    VenueError,
)

TICK_S = 0.1
"""Between two looks at a connection, and so between two promises."""
PROBE_S, PROBE_TEXT_S = 0.5, 5.0
"""A connection that is quiet for this long is asked whether it lives, and not more often than that: Binance hangs up
on more than five messages a second, and pings of text count with other venues too."""
SUBSCRIBED_S = 10.0
"""For the venue to answer a subscription, or to send data."""
CLOSE_S = 1.0
"""How long the venue may take to say goodbye."""
LETTER_CHARS_MAX = 64 * 1024
"""Of a frame that is too long, in its dead letter."""

State = Literal["connecting", "connected", "stale", "over"]


class Hub(Protocol):
    """Where the connections of a source come together."""

    backlog: Backlog

    def trades(self, reading: Trades) -> int:
        """Take trades; return how many cannot be what they say they are."""

    def subscribed(self, symbols: tuple[str, ...]) -> None:
        """Take that a connection for these symbols brings what there is."""


class Dialling(Struct, frozen=True, kw_only=True):
    """How a venue is dialled."""

    feed: Literal["trades", "tickers"] = "trades"
    url: str | None = None
    rest_url: str | None = None
    ca_file: str | None = None
    keep_alive_ms: int = KEEP_ALIVE_MS


class Session:
    """One connection. It is the ear of the tap; what it hears it hands to the hub."""

    def __init__(
        self,
        place: str,
        venue: Venue,
        hub: Hub,
        *,
        clock: VenueClock,
        silence: Silence,
        dialling: Dialling,
        now_ms: Clock,
    ) -> None:
        """Prepare; ``place`` is the source and connection in the origins of dead letters."""
        self.place, self.venue = place, venue
        self.symbols = tuple(market.symbol for market in venue.markets)
        self.state: State = "connecting"
        self.ended: Exception | None = None
        """Why it is over; a defect if it is no `SourceError`."""
        self.farewell: str | None = None
        """What the venue said when it announced the end."""
        self.subscribed_s: float | None = None
        """Since when it brings what there is."""
        self._hub, self._clock, self._silence = hub, clock, silence
        self._dialling, self._now_ms = dialling, now_ms
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._exchange: Exchange | None = None
        self._clients: list[Client] = []
        self._frames = 0
        self._opened_s: float | None = None
        self._heard_s: float | None = None
        """When the last frame came, or the connection was first seen open."""
        self._probe: tuple[bytes, float] | None = None
        """The ping that has not been answered, and when it was sent."""
        self._probe_due_s = 0.0
        self._was_held = False
        """Whether the socket was held since the last look."""

    def start(self) -> None:
        """Dial and subscribe. The first one takes seconds, for ccxt's import."""
        dialling = self._dialling
        self._exchange = create_ccxt(
            self.venue,
            dialling.url,
            self,
            rest_url=dialling.rest_url,
            ca_file=dialling.ca_file,
            keep_alive_ms=dialling.keep_alive_ms,
        )
        self._spawn(self._subscription(self._exchange))

    async def close(self) -> None:
        """End the connection, in good order if the venue lets us."""
        self._end(SourceError("closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*(client.close() for client in self._clients))
        if self._exchange is not None:
            await self._exchange.close()

    # What the tap hears

    def tapped(self, client: Client) -> None:
        """Take a connection, not yet dialled."""
        self._clients.append(client)

    def opened(self, client: Client) -> None:
        """Greet the venue."""
        self._opened_s = self._loop.time()
        self._spawn(self._greet(client))

    def text(self, client: Client, frame: str) -> bool:
        """Take a text frame; return whether ccxt shall not see it."""
        if self.ended is not None or self._hub.backlog.ended:
            return True
        self._frames += 1
        self._heard_s, received_ms = self._loop.time(), self._now_ms()
        try:
            if len(frame) > self.venue.limits.frame_chars_max:
                cut = frame[:LETTER_CHARS_MAX]
                self._refuse(
                    "too_large",
                    _too_large(frame, self.venue.limits.frame_chars_max),
                    cut,
                    received_ms,
                )
                return True
            reading = self.venue.read(frame, received_ms=received_ms)
            return self._take(client, reading, frame, received_ms)
        except BacklogFullError as error:
            self._hub.backlog.end(SourceError(str(error)))
            hang_up(client, str(error))
            return True

    def pong(self, payload: bytes | None) -> None:
        """Take the answer to a ping, ours or ccxt's."""
        if self._probe is not None and payload in (None, self._probe[0]):
            self._clock.answered(self._probe[1])
            self._probe = None

    async def room(self) -> None:
        """Return when the socket may be read."""
        backlog = self._hub.backlog
        if backlog.held:
            self._was_held = True
            await backlog.room()

    def broken(self, client: Client, error: Exception, *, ours: bool, frame: str) -> None:
        """Take an exception that a frame caused: ours is a defect and ends the source, ccxt's is only told."""
        if ours:
            self._end(error)
            hang_up(client, repr(error))
        elif self.ended is None and not self._hub.backlog.ended:
            with suppress(BacklogFullError):  # no event is in it
                self._refuse("invalid", f"ccxt: {error!r}", frame, self._now_ms(), events=0)

    def _take(self, client: Client, reading: Reading, frame: str, received_ms: int) -> bool:
        match reading:
            case Trades() | Levels():
                self._data(reading, frame, received_ms)
            case Unreadable():
                self._refuse(reading.reason, reading.message, frame, received_ms)
            case VenueError():
                self._refuse("venue_error", reading.message, frame, received_ms, events=0)
                if reading.refuses or (reading.request in _requests(client) - {None}):
                    hang_up(client, f"the venue refused the subscription: {reading.message}")
            case Farewell() | Acknowledged() | Other():
                if isinstance(reading, Acknowledged):
                    self._subscribed()
                elif isinstance(reading, Farewell):
                    self.farewell = reading.message
                self._note_time(reading.venue_ms, received_ms)
                return False
        return True

    def _data(self, reading: Trades | Levels, frame: str, received_ms: int) -> None:
        self._subscribed()
        self._silence.data(self._loop.time())
        self.state = "connected"
        if isinstance(reading, Levels):
            for level in reading.levels:
                self._put(level)
        else:
            self._trades(reading, frame, received_ms)
        self._note_time(reading.venue_ms, received_ms)

    def _trades(self, reading: Trades, frame: str, received_ms: int) -> None:
        for bad in reading.unreadable:
            entry = bad.entry or b""
            # Its digest tells an entry's letter from those of the frame's others.
            digest = sha256(entry).hexdigest()[:16]
            self._refuse(bad.reason, bad.message, entry, received_ms, entry=f"/{digest}")
        if strange := self._hub.trades(reading):
            message = f"{strange} trades under the ids of others, and much later: does the venue count anew?"
            self._refuse("id_of_another", message, frame, received_ms, events=strange)

    def _subscribed(self) -> None:
        if self.subscribed_s is None:
            self.subscribed_s = self._loop.time()
            self._silence.began(self.subscribed_s)
            self.state = "connected"
            self._hub.subscribed(self.symbols)

    def _note_time(self, venue_ms: int | None, received_ms: int) -> None:
        if venue_ms is not None:
            self._clock.frame(venue_ms, received_ms=received_ms, at_s=self._loop.time())

    def _put(self, observation: Observation) -> None:
        self._hub.backlog.put(observation)

    def _refuse(
        self,
        reason: str,
        message: str,
        original: str | bytes,
        received_ms: int,
        *,
        events: int = 1,
        entry: str = "",
    ) -> None:
        if isinstance(original, str):
            original = original.encode(errors="replace")
        self._put(
            Refused(
                reason=reason,
                message=message,
                original=original,
                origin=f"{self.place}/{self._frames}{entry}",
                received_ms=received_ms,
                events=events,
            )
        )

    # What watches over it

    async def look(self) -> None:
        """Look at the connection: is it silent, shall it be asked whether it lives."""
        now_s = self._loop.time()
        for client in self._clients:
            if not client.closed() and self.ended is None:
                await self._look(client, now_s)

    async def _look(self, client: Client, now_s: float) -> None:
        if self._hub.backlog.held or self._was_held or self._heard_s is None:
            # While we do not read, neither frames nor pongs can come: that is no fault of the venue's.
            self._heard_s, self._was_held = now_s, False
            self._silence.began(now_s)
            forgive(client)
            return
        if self.subscribed_s is None:
            if now_s - (self._opened_s or now_s) >= min(SUBSCRIBED_S, self._silence.limit_s()):
                if self._frames:  # not every venue answers
                    self._subscribed()
                else:
                    hang_up(client, "no answer to the subscription")
            return
        quiet_s, limit_s = self._silence.quiet_s(now_s), self._silence.limit_s()
        if quiet_s >= limit_s:
            self._silence.hung_up()
            hang_up(client, f"no data for {limit_s:g} s")
            return
        if quiet_s >= limit_s / 2:
            self.state = "stale"
        await self._ask(client, now_s)

    async def _ask(self, client: Client, now_s: float) -> None:
        """Ping, if it is quiet, unless a ping is under way."""
        of_text = getattr(client, "ping", None)
        every_s = PROBE_TEXT_S if of_text else PROBE_S
        if self._heard_s is None or now_s - self._heard_s < every_s or now_s < self._probe_due_s:
            return
        if self._probe is not None and now_s - self._probe[1] < 2 * PROBE_TEXT_S:
            return
        self._probe_due_s = now_s + every_s
        self._probe = (f"{self._frames}/{now_s}".encode(), now_s)
        with suppress(*errors()):  # ccxt tells how the connection ended
            if of_text:
                await client.send(of_text(client))
            else:
                await client.connection.ping(self._probe[0])

    async def _greet(self, client: Client) -> None:
        with suppress(*errors()):
            for greeting in self.venue.greetings:
                await client.send(dict(greeting))

    async def _subscription(self, exchange: Exchange) -> None:
        """Last as long as the connection.

        Raises:
            SourceError: Always, when it ends.
        """
        try:
            await self._watch(exchange)
        except errors() as error:
            msg = f"{type(error).__name__}: {error}"
            wait_s = max((client.last_retry_after or 0 for client in self._clients), default=0)
            raise SourceError(msg, wait_s=wait_s or None) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            msg = "ccxt gave the subscription up"
            raise SourceError(msg) from None
        msg = "a frame went past the tap: the venue sends what we do not read"
        raise SourceError(msg)

    async def _watch(self, exchange: Exchange) -> None:
        if self._dialling.feed == "tickers":
            await exchange.watch_tickers(self.symbols)
        elif self.venue.one_by_one:
            await asyncio.gather(*(exchange.watch_trades(symbol) for symbol in self.symbols))
        else:
            await exchange.watch_trades_for_symbols(self.symbols)

    def _end(self, why: Exception) -> None:
        if self.ended is None:
            self.ended, self.state = why, "over"

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(error if isinstance(error, Exception) else RuntimeError(repr(error)))


def _requests(client: Client) -> set[Any]:
    """Return the numbers of the subscriptions that ccxt has asked for."""
    asked = client.subscriptions.values()
    return {request.get("id") for request in asked if isinstance(request, dict)}


def _too_large(frame: str, most: int) -> str:
    digest = sha256(frame.encode(errors="replace")).hexdigest()
    return f"{len(frame)} characters, at most {most}; sha256 {digest}"
