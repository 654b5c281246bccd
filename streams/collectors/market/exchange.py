"""Trades of a venue, live and without silent holes: ccxt's connections, our own reading of their frames.

The frames' path: socket -> ccxt -> tap -> venue's decoder -> tape -> backlog -> runner. When the runner is slow the
backlog fills, the sockets are not read any more, and the venue waits or hangs up. A connection that closes, breaks, is
silent, does not answer pings, or was refused, is dialled again; when all of a source's are down it ends with a
`SourceError`, and the runner waits and asks for the next ones. What was missed is found by the trades' numbers, or told
by time where there are none, and asked for by REST.

Promises are in the venue's time (`VenueClock`), so a venue whose clock is far from ours is neither late nor early. What
the venue sends is believed within `AHEAD_MS_MAX` of its receipt, as for events; a promise that is too far ahead of the
log's time waits for it (`Outbound`).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from functools import partial

from streams.collectors.port import (
    Clock,
    Context,
    Link,
    Observation,
    Source,
    SourceError,
    SourceType,
    Through,
)
from topics import Heartbeat, Kind

from .backfill import Backfill, Counts
from .backlog import BACKLOG_MAX, HELD_AT, Backlog
from .budget import DialBudget
from .promises import Promises, clock_of
from .session import TICK_S, Session
from .settings import ExchangeSettings
from .shard import Shard, budget_of, failure_of, link_of, parts_of
from .silence import Silence
from .tap import KEEP_ALIVE_MS, warm
from .tape import Tape, Told
from .venues import VENUES, Trades
from .watching import Dialling


def create_exchange(name: str, settings: ExchangeSettings, context: Context) -> list[Source]:
    """Return the source of that name.

    Raises:
        SettingsError: The symbols cannot be had together.
    """
    return [ExchangeSource(name, settings, now_ms=context.now_ms)]


class ExchangeSource:
    """The connections to one venue, for one set of symbols."""

    holds = False
    """A venue hangs up on who does not read."""

    def __init__(
        self,
        name: str,
        settings: ExchangeSettings,
        *,
        now_ms: Clock,
        held_at: int = HELD_AT,
        backlog_max: int = BACKLOG_MAX,
        keep_alive_ms: int = KEEP_ALIVE_MS,
        budget: DialBudget | None = None,
        life_s: float | None = None,
    ) -> None:
        """Prepare; nothing is dialled before the first observation is asked for."""
        self.name = name
        self.kind: Kind = "market" if settings.feed == "trades" else "volume"
        self.counts = Counts()
        self.backlog = Backlog(held_at=held_at, most=backlog_max)
        """Of the running session, or the last one."""
        self._settings, self._now_ms = settings, now_ms
        self._bounds = (held_at, backlog_max)
        make = VENUES[settings.venue]
        self._venue = make(name, settings.symbols)
        self._hold_s = settings.backfill_hold_ms / 1000
        self._tape = Tape(
            name,
            settings.venue,
            self._venue.markets,
            numbered=self._venue.numbered,
            hold_s=self._hold_s,
        )
        limits = self._venue.limits
        budget = budget or budget_of(settings.venue, limits.connections_per_5_min)
        parts = parts_of(self._venue, settings.symbols_per_connection)
        self._clocks = [clock_of(settings.lateness_ms) for _ in parts]
        self._silences = [
            Silence(least_s=settings.silence_min_s, most_s=settings.silence_s) for _ in parts
        ]
        self._venues = [make(name, part) for part in parts]
        self._dialling = Dialling(
            feed=settings.feed,
            url=settings.url,
            rest_url=settings.rest_url,
            ca_file=settings.ca_file,
            keep_alive_ms=keep_alive_ms,
        )
        self.shards = [
            Shard(
                number, part, partial(self._session, number), budget, life_s=life_s or limits.life_s
            )
            for number, part in enumerate(parts)
        ]
        self._promises = Promises(
            self._clocks, lateness_ms=settings.lateness_ms, hold_s=self._hold_s
        )
        self._backfill = Backfill(
            self._venue,
            self._tape,
            self._promises,
            self.counts,
            rest_url=settings.rest_url,
            ca_file=settings.ca_file,
            now_ms=now_ms,
        )
        self._past: Sequence[Told] = ()
        self._begun_ms = 0
        self._told_link: Link | None = None

    def prepare(self) -> None:
        """Import what takes seconds, so that who takes over dials at once."""
        warm()

    def resume(self, past: Sequence[Told]) -> None:
        """Go on where the log says that we, or who ran this source before, had come."""
        self._past = past

    async def observations(self) -> AsyncIterator[Observation]:
        """Connect, and yield what comes until no connection is left.

        Raises:
            SourceError: They failed; everything that had come before has been yielded.
        """
        held_at, most = self._bounds
        self.backlog = Backlog(held_at=held_at, most=most * len(self.shards))
        self._begin(asyncio.get_running_loop().time())
        works = (self._tend(), self._backfill.run(self.backlog))
        tasks = [asyncio.create_task(self._work(work)) for work in works]
        try:
            while True:
                yield await self.backlog.take()
        finally:
            self.backlog.end(SourceError("closed"))
            await self._stop(tasks)

    # What the connections bring: the hub's side

    def trades(self, reading: Trades) -> int:
        """Take the trades of a frame; return how many cannot be what they say they are."""
        trades = reading.trades
        self.backlog.require_room()
        self.counts.heard += len(trades)
        followed = self._tape.follow(trades)
        self.backlog.put_all(trades[:followed])
        if followed == len(trades):  # as nearly always
            return 0
        heard = self._tape.take(trades[followed:], snapshot=reading.snapshot)
        if heard.holes:
            self._backfill.want(heard.holes, asyncio.get_running_loop().time())
        self.counts.duplicates += heard.duplicates
        self.backlog.put_all(heard.out)
        return heard.strange

    def subscribed(self, symbols: tuple[str, ...]) -> None:
        """Take that a connection for these symbols brings what there is."""
        self._tape.heard_again(symbols)
        number = next(shard.number for shard in self.shards if shard.symbols == symbols)
        self._promises.up(number)

    # What goes on beside them

    def _begin(self, now_s: float) -> None:
        self._promises.begin(now_s)
        if self._past:
            self._take_past(now_s)
        self._told_link = None
        for shard in self.shards:
            shard.begin()
        self._tell_link()

    def _take_past(self, now_s: float) -> None:
        past, self._past = self._past, ()
        self._backfill.owe(self._tape.resume(past, now_s).out)
        promised_ms = [seen.through_ms for seen in past if isinstance(seen, Heartbeat)]
        if promised_ms:
            for shard in self.shards:
                self._promises.hold(shard.number, max(promised_ms), now_s)

    async def _tend(self) -> None:
        """Look after the connections.

        Raises:
            SourceError: None of them is left.
        """
        loop = asyncio.get_running_loop()
        closing: set[asyncio.Task[None]] = set()
        try:
            while True:
                for shard in self.shards:
                    self._tend_shard(shard, loop.time())
                    for left in shard.left:
                        closing.add(closed := asyncio.create_task(left.close()))
                        closed.add_done_callback(closing.discard)
                    shard.left.clear()
                    for session in shard.sessions():
                        await session.look()
                if (failure := failure_of(self.shards)) is not None:
                    raise failure
                self._tell(loop.time())
                await asyncio.sleep(TICK_S)
        finally:
            await asyncio.gather(*closing, return_exceptions=True)

    def _tend_shard(self, shard: Shard, now_s: float) -> None:
        for session in shard.sessions():
            if session.ended is not None and not isinstance(session.ended, SourceError):
                raise session.ended
        shard.tick(now_s)
        if shard.broke:
            shard.broke = False
            self._broke(shard, now_s)

    def _broke(self, shard: Shard, now_s: float) -> None:
        if self.kind != "market":  # what a ticker missed, the next one says
            return
        self._tape.broke(shard.symbols, now_s)
        if shard.heard:  # the connection that was to follow is there, but the two were not heard together for long
            self._tape.heard_again(shard.symbols)
        else:
            self._promises.down(shard.number, now_s)
        if (reached_ms := self._clocks[shard.number].reached_ms) is not None:
            self._promises.hold(shard.number, reached_ms - self._settings.lateness_ms, now_s)

    def _tell(self, now_s: float) -> None:
        """Put what is due: marks of what broke and has not shown since what it missed, the promise, the link."""
        self._tell_link()
        if self.backlog.held:
            return
        self.backlog.put_all(self._tape.overdue(now_s, self._promises.reached_ms()))
        for shard in self.shards:
            if not self._tape.unproven(shard.symbols):
                self._promises.settle(shard.number)
        if (through_ms := self._promises.advance(now_s)) is not None:
            self.backlog.put(Through(through_ms))

    def _tell_link(self) -> None:
        if (link := link_of(self.shards)) != self._told_link and not self.backlog.held:
            self._told_link = link
            self.backlog.put(link)

    async def _work(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - it is raised behind what waits
            self.backlog.end(error)

    async def _stop(self, tasks: "list[asyncio.Task[None]]") -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        sessions = [session for shard in self.shards for session in shard.stop()]
        closing = (session.close() for session in sessions)
        await asyncio.gather(*closing, self._backfill.close(), return_exceptions=True)
        now_s = asyncio.get_running_loop().time()
        for shard in self.shards:
            self._broke(shard, now_s)

    def _session(self, number: int) -> Session:
        # Its beginning names a connection, so that the letters of two processes never have one origin.
        self._begun_ms = max(self._now_ms(), self._begun_ms + 1)
        self.counts.dials += 1
        return Session(
            f"{self.name}/{self._begun_ms}",
            self._venues[number],
            self,
            clock=self._clocks[number],
            silence=self._silences[number],
            dialling=self._dialling,
            now_ms=self._now_ms,
        )


TYPE = SourceType(
    name="exchange",
    about="trades of a venue, live and without silent holes, in the venue's own digits; or its 24 h turnovers",
    kinds=("market", "volume"),
    settings=ExchangeSettings,
    create=create_exchange,
    limits="each venue's symbols a connection, connections in 5 minutes, and rate of REST (by ccxt) are kept to",
)
