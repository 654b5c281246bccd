"""One connection to a venue: what it brings, and whether it lives."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from hashlib import sha256
from typing import Any, Protocol

from streams.collectors.port import Clock, Observation, Refused, SourceError

from .backlog import Backlog, BacklogFullError
from .leaving import leave
from .liveness import Liveness
from .silence import Silence
from .tap import Client, Exchange, create_ccxt, errors, hang_up
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
from .watching import Dialling, watch

TICK_S = 0.1
"""Between two looks at a connection, and so between two promises."""
CLOSE_S = 1.0
"""How long the venue may take to say goodbye."""
LETTER_CHARS_MAX = 64 * 1024
"""Of a frame that is too long, in its dead letter."""


class Hub(Protocol):
    """Where the connections of a source come together."""

    backlog: Backlog

    def trades(self, reading: Trades) -> int:
        """Take trades; return how many cannot be what they say they are."""

    def subscribed(self, symbols: tuple[str, ...]) -> None:
        """Take that a connection for these symbols brings what there is."""


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
        self.ended: Exception | None = None
        """Why it is over; a defect if it is no `SourceError`."""
        self.farewell: str | None = None
        """What the venue said when it announced the end."""
        self._hub, self._clock, self._liveness = hub, clock, Liveness(silence, clock)
        self._dialling, self._now_ms = dialling, now_ms
        self._chars_max = venue.limits.frame_chars_max
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._exchange: Exchange | None = None
        self._clients: list[Client] = []

    @property
    def subscribed_s(self) -> float | None:
        """Since when it brings what there is."""
        return self._liveness.subscribed_s

    @property
    def stale(self) -> bool:
        """Whether it has brought no data for long."""
        return self._liveness.stale

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
        self._spawn(watch(self._exchange, self.venue, dialling.feed, self._clients))

    async def close(self) -> None:
        """End the connection, in good order if the venue lets us."""
        self._end(SourceError("closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                # Goodbye may fail, as the connection did; what is ours is closed all the same.
                closing = (client.close() for client in self._clients)
                await asyncio.gather(*closing, return_exceptions=True)
        if self._exchange is not None:
            await leave(self._exchange)

    # What the tap hears

    def tapped(self, client: Client) -> None:
        """Take a connection, not yet dialled."""
        self._clients.append(client)

    def opened(self, client: Client) -> None:
        """Greet the venue."""
        self._liveness.opened_s = self._loop.time()
        self._spawn(self._greet(client))

    def text(self, client: Client, frame: str) -> bool:
        """Take a text frame; return whether ccxt shall not see it."""
        if self.ended is not None or self._hub.backlog.ended:
            return True
        now_s, received_ms = self._loop.time(), self._now_ms()
        self._liveness.frame(now_s)
        try:
            if len(frame) > self._chars_max:
                cut = frame[:LETTER_CHARS_MAX]
                self._refuse("too_large", _too_large(frame, self._chars_max), cut, received_ms)
                return True
            reading = self.venue.read(frame, received_ms=received_ms)
            if type(reading) is Trades or type(reading) is Levels:  # as nearly every frame is
                self._data(reading, frame, received_ms, now_s)
                return True
            return self._take(client, reading, frame, received_ms)
        except BacklogFullError as error:
            self._hub.backlog.end(SourceError(str(error)))
            hang_up(client, str(error))
            return True

    def pong(self, payload: bytes | None) -> None:
        """Take the answer to a ping, ours or ccxt's."""
        self._liveness.pong(payload)

    @property
    def held(self) -> bool:
        """Whether the socket must not be read now."""
        return self._hub.backlog.held

    async def room(self) -> None:
        """Return when the socket may be read."""
        backlog = self._hub.backlog
        if backlog.held:
            self._liveness.held()
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
            case Unreadable():
                self._refuse(reading.reason, reading.message, frame, received_ms)
            case VenueError():
                self._refuse("venue_error", reading.message, frame, received_ms, events=0)
                if reading.refuses or (reading.request in _requests(client) - {None}):
                    hang_up(client, f"the venue refused the subscription: {reading.message}")
            case Farewell():
                self.farewell = reading.message  # ccxt might take it for an error
                self._note_time(reading.venue_ms, received_ms)
            case Acknowledged() | Other():
                if isinstance(reading, Acknowledged):
                    self._subscribed()
                self._note_time(reading.venue_ms, received_ms)
                return False
        return True

    def _data(self, reading: Trades | Levels, frame: str, received_ms: int, now_s: float) -> None:
        if self._liveness.subscribed_s is None:
            self._subscribed()
        self._liveness.data(now_s)
        if type(reading) is Trades:
            self._trades(reading, frame, received_ms)
        elif isinstance(reading, Levels):
            for level in reading.levels:
                self._put(level)
            self._refuse_entries(reading.unreadable, received_ms)
        if reading.venue_ms is not None:
            self._clock.frame(reading.venue_ms, received_ms=received_ms, at_s=now_s)

    def _trades(self, reading: Trades, frame: str, received_ms: int) -> None:
        if reading.unreadable:
            self._refuse_entries(reading.unreadable, received_ms)
        if strange := self._hub.trades(reading):
            message = f"{strange} trades under the ids of others, and much later: does the venue count anew?"
            self._refuse("id_of_another", message, frame, received_ms, events=strange)

    def _refuse_entries(self, entries: tuple[Unreadable, ...], received_ms: int) -> None:
        for at, bad in enumerate(entries):
            # Its place in the frame tells an entry's letter from those of the others.
            entry = bad.entry or b""
            self._refuse(bad.reason, bad.message, entry, received_ms, entry=f"/{at}")

    def _subscribed(self) -> None:
        if self.subscribed_s is None:
            self._liveness.subscribed(self._loop.time())
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
                origin=f"{self.place}/{self._liveness.frames}{entry}",
                received_ms=received_ms,
                events=events,
            )
        )

    # What watches over it

    async def look(self) -> None:
        """Look at the connection: is it silent, shall it be asked whether it lives."""
        for client in self._clients:
            if client.closed() or self.ended is not None:
                continue
            now_s = self._loop.time()
            if await self._liveness.look(client, now_s, held=self._hub.backlog.held):
                self._subscribed()

    async def _greet(self, client: Client) -> None:
        with suppress(*errors()):
            for greeting in self.venue.greetings:
                await client.send(dict(greeting))

    def _end(self, why: Exception) -> None:
        if self.ended is None:
            self.ended = why

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
