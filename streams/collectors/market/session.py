"""One connection to a venue: what it brings, whether it lives, and how far the venue's time has come."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from hashlib import sha256
from typing import Any, Literal

from streams.collectors.port import Clock, Link, Refused, SourceError, Through

from .backlog import Backlog, BacklogFullError
from .tap import Client, Exchange, errors, forgive, hang_up
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
"""Between two looks at the connection, and so between two promises."""
PROBE_S = 0.5
"""A connection that is quiet for this long is asked whether it lives, and not more often than that. (Binance
hangs up on more than five messages a second.)"""
CLOSE_S = 1.0
"""How long the venue may take to say goodbye."""
FRAME_CHARS_MAX = 64 * 1024
"""A trade's frame has some 200; a longer one than this is not read, and its dead letter has only its beginning."""


class Session:
    """One connection. It is the ear of the tap; its backlog is what the source yields, and then raises."""

    def __init__(
        self,
        place: str,
        venue: Venue,
        clock: VenueClock,
        backlog: Backlog,
        *,
        silence_s: float,
        now_ms: Clock,
    ) -> None:
        """Prepare; ``place`` is the source and connection in the origins of dead letters."""
        self.backlog = backlog
        self._place, self._venue, self._clock = place, venue, clock
        self._silence_s, self._now_ms = silence_s, now_ms
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._clients: list[Client] = []
        self._frames = 0
        self._link: Literal["connecting", "connected", "stale"] = "connecting"
        self._heard_s: float | None = None
        """When the last frame came, or the connection was first seen open."""
        self._probe: tuple[bytes, float] | None = None
        """The ping that has not been answered, and when it was sent."""
        self._probe_due_s = 0.0
        self._was_held = False
        """Whether the socket was held since the last look."""

    def start(self, exchange: Exchange) -> None:
        """Dial, subscribe, and watch over the connection."""
        self.backlog.put(Link(state="connecting"))
        self._spawn(self._subscription(exchange))
        self._spawn(self._tend())

    async def close(self) -> None:
        """End the connection, in good order if the venue lets us."""
        self.backlog.end(SourceError("closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*(client.close() for client in self._clients))

    # What the tap hears

    def tapped(self, client: Client) -> None:
        """Take a connection, not yet dialled."""
        self._clients.append(client)

    def text(self, client: Client, frame: str) -> bool:
        """Take a text frame; return whether ccxt shall not see it."""
        if self.backlog.ended:
            return True
        self._frames += 1
        self._heard_s, received_ms = self._loop.time(), self._now_ms()
        try:
            if len(frame) > FRAME_CHARS_MAX:
                self._refuse("too_large", _too_large(frame), frame[:FRAME_CHARS_MAX], received_ms)
                return True
            reading = self._venue.read(frame, received_ms=received_ms)
            return self._take(client, reading, frame, received_ms)
        except BacklogFullError as error:
            self.backlog.end(SourceError(str(error)))
            hang_up(client, str(error))
            return True

    def pong(self, payload: bytes) -> None:
        """Take the answer to a ping, ours or ccxt's."""
        if self._probe is not None and payload == self._probe[0]:
            self._clock.answered(self._probe[1])
            self._probe = None

    async def room(self) -> None:
        """Return when the socket may be read."""
        if self.backlog.held:
            self._was_held = True
            await self.backlog.room()

    def broken(self, client: Client, error: Exception, *, ours: bool, frame: str) -> None:
        """Take an exception that a frame caused: ours is a defect and ends the session, ccxt's is only told."""
        if ours:
            self.backlog.end(error)
            hang_up(client, repr(error))
        elif not self.backlog.ended:
            with suppress(BacklogFullError):  # no event is in it
                self._refuse("invalid", f"ccxt: {error!r}", frame, self._now_ms(), events=0)

    def _take(self, client: Client, reading: Reading, frame: str, received_ms: int) -> bool:
        match reading:
            case Trades():
                self._alive()
                for trade in reading.trades:
                    self.backlog.put(trade)
                for at, bad in enumerate(reading.unreadable):
                    self._refuse_entry(bad, at, received_ms)
                self._note_time(reading.venue_ms, received_ms)
            case Unreadable():
                self._refuse(reading.reason, reading.message, frame, received_ms)
            case VenueError():
                self._refuse("venue_error", reading.message, frame, received_ms, events=0)
                if reading.refuses or (reading.request in _requests(client) - {None}):
                    hang_up(client, f"the venue refused the subscription: {reading.message}")
            case Levels() | Farewell() | Acknowledged() | Other():
                self._alive()
                self._note_time(reading.venue_ms, received_ms)
                return False
        return True

    def _alive(self) -> None:
        if self._link != "connected":
            self._link = "connected"
            self.backlog.put(Link(state="connected"))

    def _note_time(self, venue_ms: int | None, received_ms: int) -> None:
        if venue_ms is not None:
            self._clock.frame(venue_ms, received_ms=received_ms, at_s=self._loop.time())

    def _refuse(
        self, reason: str, message: str, frame: str, received_ms: int, *, events: int = 1
    ) -> None:
        self.backlog.put(
            Refused(
                reason=reason,
                message=message,
                original=frame.encode(errors="replace"),
                origin=f"{self._place}/{self._frames}",
                received_ms=received_ms,
                events=events,
            )
        )

    def _refuse_entry(self, bad: Unreadable, at: int, received_ms: int) -> None:
        """Refuse one entry of a frame; its place there tells its letter from those of the others."""
        self.backlog.put(
            Refused(
                reason=bad.reason,
                message=bad.message,
                original=bad.entry or b"",
                origin=f"{self._place}/{self._frames}/{at}",
                received_ms=received_ms,
            )
        )

    # What watches over it

    async def _subscription(self, exchange: Exchange) -> None:
        """Last as long as the connection.

        Raises:
            SourceError: Always, when it ends.
        """
        symbols = [market.symbol for market in self._venue.markets]
        try:
            await exchange.watch_trades_for_symbols(symbols)
        except errors() as error:
            msg = f"{type(error).__name__}: {error}"
            raise SourceError(msg) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            msg = "ccxt gave the subscription up"
            raise SourceError(msg) from None
        # Frames with trades never reach ccxt, so it has nothing to return; unless the tap did not know one.
        msg = "a trade's frame went past the tap: the venue has changed its format"
        raise SourceError(msg)

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for client in self._clients:
                if not client.closed():
                    await self._look(client, self._loop.time())

    async def _look(self, client: Client, now_s: float) -> None:
        """Look at an open connection: is it silent, shall it be asked, what can be promised."""
        if self.backlog.held or self._was_held or self._heard_s is None:
            # While we do not read, neither frames nor pongs can come: that is no fault of the venue's.
            self._heard_s, self._was_held = now_s, False
            forgive(client)
            return
        quiet_s = now_s - self._heard_s
        if quiet_s >= self._silence_s:
            hang_up(client, f"no frame for {self._silence_s:g} s")
            return
        if quiet_s >= self._silence_s / 2 and self._link == "connected":
            self._link = "stale"
            self.backlog.put(Link(state="stale", reason=f"no frame for {quiet_s:.0f} s"))
        if quiet_s >= PROBE_S:
            await self._ask(client, now_s)
        through_ms = self._clock.advance()
        if through_ms is not None:
            self.backlog.put(Through(through_ms))

    async def _ask(self, client: Client, now_s: float) -> None:
        """Ping, unless a ping is under way, or nobody is subscribed yet: then an answer would prove nothing."""
        if self._probe is None and now_s >= self._probe_due_s and self._link != "connecting":
            self._probe_due_s = now_s + PROBE_S
            self._probe = (f"{self._frames}/{now_s}".encode(), now_s)
            with suppress(*errors()):  # ccxt tells how the connection ended
                await client.connection.ping(self._probe[0])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.backlog.end(error)


def _requests(client: Client) -> set[Any]:
    """Return the numbers of the subscriptions that ccxt has asked for."""
    asked = client.subscriptions.values()
    return {request.get("id") for request in asked if isinstance(request, dict)}


def _too_large(frame: str) -> str:
    digest = sha256(frame.encode(errors="replace")).hexdigest()
    return f"{len(frame)} characters, at most {FRAME_CHARS_MAX}; sha256 {digest}"
