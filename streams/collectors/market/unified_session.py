"""One session of ccxt's with a venue: what it parses, whether it lives, and what a break may have cost."""

import asyncio
import json
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from streams.collectors.port import Clock, Link, Refused, SourceError, Through
from topics import Trade

from .backlog import Backlog, BacklogFullError
from .tap import Client, errors, forgive, hang_up
from .unified_ccxt import drain, tap
from .unified_tape import UnifiedTape
from .venues import VenueClock

TICK_S = 0.1
"""Between two looks at what ccxt may have parsed without waking anyone, and so between two promises."""
PROBE_S = 5.0
"""Between two pings, whose answers say how far a quiet venue's time has come."""
RETRY_S = (0.5, 1.0, 2.0, 4.0)
"""Waits before the pages of REST that may resolve a doubt: REST is behind the stream, by seconds at some venues."""
CLOSE_S = 1.0
"""How long the venue may take to say goodbye."""
_LETTER_CHARS_MAX = 64 * 1024


class UnifiedSession:
    """One session. It is the ear of the tap; its backlog is what the source yields, and then raises."""

    def __init__(
        self,
        place: str,
        tape: UnifiedTape,
        clock: VenueClock,
        *,
        watch: Any,  # noqa: ANN401 - ccxt's
        rest: Any,  # noqa: ANN401 - ccxt's
        silence_s: float,
        hold_s: float,
        retry_s: Sequence[float],
        now_ms: Clock,
        note: str = "",
    ) -> None:
        """Prepare; ``place`` is the source and session in the origins of dead letters, ``note`` is for people."""
        self.backlog = Backlog()
        self._place, self._tape, self._clock, self._note = place, tape, clock, note
        self._watch, self._rest = watch, rest
        self._silence_s, self._hold_s, self._now_ms = silence_s, hold_s, now_ms
        self._retry_s = retry_s
        self._loop = asyncio.get_running_loop()
        self._begun_ms = now_ms()
        self._begun_s = self._heard_s = self._probe_due_s = self._loop.time()
        self._refusals = 0
        self._linked = self._was_held = False
        self._probe: tuple[bytes, float] | None = None
        """The ping that has not been answered, and when it was sent."""
        self._clients: list[Client] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._resolving: set[str] = set()

    def start(self) -> None:
        """Dial, subscribe, and watch over the connection."""
        tap(self._watch, self)
        symbols = self._tape.symbols
        if self._watch.has.get("watchTradesForSymbols"):
            self._spawn(self._follow(symbols))
        else:
            for symbol in symbols:
                self._spawn(self._follow((symbol,)))
        self._spawn(self._tend())

    async def close(self) -> None:
        """End the session, in good order if the venue lets us; from now on everything may be missed."""
        self.backlog.end(SourceError("closed"))
        if self._linked:
            self._tape.broke(self._clock.reached_ms or self._begun_ms)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                closing = (client.close() for client in self._clients)
                await asyncio.gather(*closing, return_exceptions=True)
        await asyncio.gather(self._watch.close(), self._rest.close(), return_exceptions=True)

    # What the tap hears

    def tapped(self, client: Client) -> None:
        """Take a connection, not yet dialled."""
        self._clients.append(client)

    def parsed(self) -> None:
        """Take what ccxt has made of a frame."""
        self._heard_s = self._loop.time()
        if self.backlog.ended:
            return
        try:
            self.backlog.require_room()
        except BacklogFullError as error:
            self._end(SourceError(str(error)))
            return
        self._alive()
        self._look()

    def broken(self, frame: str | bytes, error: Exception) -> None:
        """Refuse a frame at which ccxt's parser raised; nobody can say how many events were in it."""
        original = frame.encode(errors="replace") if isinstance(frame, str) else frame
        self._refuse(f"ccxt: {error!r}"[:300], original)

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

    # What ccxt brings

    async def _follow(self, symbols: Sequence[str]) -> None:
        """Keep ccxt watching. What it returns is taken too, for venues whose trades it keeps in no ring.

        Raises:
            SourceError: Always, when it ends.
        """
        several = bool(self._watch.has.get("watchTradesForSymbols"))
        try:
            while True:
                came = await (
                    self._watch.watch_trades_for_symbols(list(symbols))
                    if several
                    else self._watch.watch_trades(symbols[0])
                )
                self._look()
                if not self.backlog.ended:
                    self._take(came)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            msg = "ccxt gave the subscription up"
            raise SourceError(msg) from None
        except Exception as error:  # whatever its code for this venue raises
            msg = f"{type(error).__name__}: {error}"[:300]
            raise SourceError(msg) from error

    def _look(self) -> None:
        """Take what is in ccxt's rings."""
        if self.backlog.ended:
            return
        for symbol, ring in list(self._watch.trades.items()):
            if not ring:
                continue
            trades, lost = drain(ring)
            if lost and symbol in self._tape.symbols:
                first_ms = trades[0].get("timestamp")
                to_ms = first_ms if isinstance(first_ms, int) else self._now_ms()
                reason = f"{lost} trades of one frame were more than ccxt keeps"
                self.backlog.put_all(self._tape.lost(symbol, to_ms, reason))
            self._take(trades)

    def _take(self, parsed: Iterable[Mapping[str, Any]]) -> None:
        received_ms, now_s = self._now_ms(), self._loop.time()
        for entry in parsed:
            try:
                trade = self._tape.read(entry, received_ms=received_ms)
            except (ValueError, ArithmeticError) as error:
                said = json.dumps(entry.get("info"), default=str).encode(errors="replace")
                self._refuse(str(error) or repr(error), said)
                continue
            if given := self._tape.take(trade):
                self.backlog.put_all(given)
                self._clock.frame(trade.event_ms, received_ms=received_ms, at_s=now_s)

    def _refuse(self, message: str, original: bytes) -> None:
        self._refusals += 1
        self.backlog.put_all(
            (
                Refused(
                    reason="invalid",
                    message=message,
                    original=original[:_LETTER_CHARS_MAX],
                    origin=f"{self._place}/{self._refusals}",
                    received_ms=self._now_ms(),
                ),
            )
        )

    def _alive(self) -> None:
        if not self._linked:
            self._linked = True
            self.backlog.put_all((Link(state="connected", reason=self._note[:200]),))

    # What watches over it

    async def _tend(self) -> None:
        """Look after the connection.

        Raises:
            SourceError: Nothing has come for too long.
        """
        while True:
            self._look()
            await self._check()
            await asyncio.sleep(TICK_S)

    async def _check(self) -> None:
        """Look whether the connection lives, resolve what is in doubt, and promise.

        Raises:
            SourceError: Nothing has come for too long.
        """
        now_s = self._loop.time()
        if self._was_held:  # what was not read could not be heard
            self._was_held, self._heard_s = self.backlog.held, now_s
            for client in self._clients:
                forgive(client)
        if now_s - self._heard_s > self._silence_s:
            msg = f"no frame for {self._silence_s:g} s"
            raise SourceError(msg)
        await self._ask(now_s)
        late = now_s - self._begun_s > self._hold_s
        for symbol, doubt in list(self._tape.doubts.items()):
            if doubt.before is not None and symbol not in self._resolving:
                self._resolving.add(symbol)
                self._spawn(self._resolve(symbol))
            if late and self._linked:
                self.backlog.put_all(self._tape.tell(symbol, self._clock.reached_ms or 0))
        if (late or not self._tape.doubts) and (through_ms := self._clock.advance()) is not None:
            self.backlog.put_all((Through(through_ms),))

    async def _ask(self, now_s: float) -> None:
        if self._probe is None and now_s >= self._probe_due_s and self._linked:
            self._probe_due_s = now_s + PROBE_S
            for client in self._clients:
                if not client.closed():
                    self._probe = (f"{now_s}".encode(), now_s)
                    with suppress(*errors()):  # ccxt tells how the connection ended
                        await client.connection.ping(self._probe[0])
                    return

    async def _resolve(self, symbol: str) -> None:
        """Ask REST for what lies around a broken connection."""
        reason = "REST has no page with both the last trade before and the first after"
        pages: list[list[Trade]] = []
        for wait_s in self._retry_s:
            await asyncio.sleep(wait_s)
            try:
                pages = await self._pages(symbol)
            except Exception as error:  # noqa: BLE001 - whatever its code for this venue raises
                reason = f"REST: {type(error).__name__}: {error}"
            out = self._tape.resolve(symbol, pages)
            if out is not None:
                break
        else:
            out = self._tape.resolve(symbol, pages, last_try=reason)
        self._resolving.discard(symbol)
        self.backlog.put_all(out or ())

    async def _pages(self, symbol: str) -> list[list[Trade]]:
        """Return the newest page, and the one that begins where the doubt does, as far as the venue has them."""
        if not self._rest.has.get("fetchTrades"):
            msg = "ccxt cannot ask for trades there"
            raise ValueError(msg)
        from_ms = self._tape.doubts[symbol].from_ms
        pages = []
        for since_ms in (None, from_ms - 1):
            rows = await self._rest.fetch_trades(symbol, since_ms)
            received_ms = self._now_ms()
            pages.append([self._tape.read(row, received_ms=received_ms) for row in rows])
        return pages

    def _end(self, why: Exception) -> None:
        self.backlog.end(why)
        for client in self._clients:
            hang_up(client, str(why))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.backlog.end(error)
