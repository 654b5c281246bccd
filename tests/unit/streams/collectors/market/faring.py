"""How a source fares at a venue of any dialect: what happens there, what it yields, what the runner makes of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from streams.collectors.market.budget import DialBudget
from streams.collectors.market.exchange import ExchangeSource
from streams.collectors.market.settings import ExchangeSettings
from streams.collectors.market.tape import Told
from streams.collectors.outbound import Outbound
from streams.collectors.port import Link, Observation, Refused, SourceError, Through
from streams.collectors.recall import Recall
from tests.servers.dialects import DIALECTS, Dialect, Market, Row
from tests.servers.exchange import ExchangeServer
from topics import (
    GapDetected,
    GapFilled,
    GapMark,
    GapPermanent,
    Trade,
    VolumeLevel,
    decoder_of,
)
from topics.codec import Decoder
from topics.settings import BrokerSettings

from .listening import now_ms

PATIENCE_S = 40.0
"""Longer than anything here takes on a busy machine."""
MARKS: Decoder[GapMark] = decoder_of(GapDetected, GapFilled, GapPermanent)
QUIET_S = 0.4
"""In which a source that has nothing more to say says nothing."""


class Faring:
    """One source at one venue, run as the runner runs it."""

    def __init__(self, server: ExchangeServer, source: ExchangeSource) -> None:
        self.server, self.source = server, source
        self.all: list[Observation] = []
        self.marks: list[GapMark] = []
        self.errors: list[str] = []
        self.late_ms: list[int] = []
        self.running: asyncio.Task[None] | None = None
        self._outbound = Outbound(source.name, source.kind, BrokerSettings(), epoch=1)

    @property
    def trades(self) -> list[Trade]:
        return [seen for seen in self.all if isinstance(seen, Trade)]

    @property
    def levels(self) -> list[VolumeLevel]:
        return [seen for seen in self.all if isinstance(seen, VolumeLevel)]

    @property
    def refused(self) -> list[Refused]:
        return [seen for seen in self.all if isinstance(seen, Refused)]

    @property
    def promises(self) -> list[int]:
        return [seen.through_ms for seen in self.all if isinstance(seen, Through)]

    @property
    def links(self) -> list[str]:
        return [seen.state for seen in self.all if isinstance(seen, Link)]

    def gaps(self, kind: type[GapMark]) -> dict[str, GapMark]:
        """Return the marks of that kind by gap; a gap that grew is one."""
        return {mark.gap_id: mark for mark in self.marks if isinstance(mark, kind)}

    @property
    def permanent(self) -> list[str]:
        """Why gaps are permanent."""
        return [mark.reason for mark in self.marks if isinstance(mark, GapPermanent)]

    def told(self) -> tuple[int, int, int]:
        """Return how many gaps were detected, filled, permanent; none ended twice, and none without its beginning."""
        ends = [mark.gap_id for mark in self.marks if not isinstance(mark, GapDetected)]
        assert max(Counter(ends).values(), default=1) == 1
        assert set(ends) <= set(self.gaps(GapDetected))
        kinds: tuple[type[GapMark], ...] = (GapDetected, GapFilled, GapPermanent)
        detected, filled, permanent = (len(self.gaps(kind)) for kind in kinds)
        return detected, filled, permanent

    def resume(self, past: Sequence[Told]) -> None:
        """Go on behind this log, as the runner does."""
        recall = Recall(self.source.name)
        for record in past:
            recall.take(record, partition=0, logged_ms=now_ms())
        self._outbound.resume(recall)
        self.source.resume(recall.past())

    def start(self) -> None:
        """Begin to listen."""
        self.running = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Stop to listen; a defect of the source is raised."""
        if self.running is not None:
            self.running.cancel()
            with suppress(asyncio.CancelledError):
                await self.running

    async def run(self) -> None:
        """Listen until cancelled; ask again after each failure."""
        while True:
            try:
                async with aclosing(self.source.observations()) as observations:  # type: ignore[type-var]
                    async for seen in observations:
                        self.take(seen)
            except SourceError as error:
                self.errors.append(str(error))
                await asyncio.sleep(error.wait_s or 0.05)

    def take(self, seen: Observation) -> None:
        """Note what the source said."""
        self.all.append(seen)
        if isinstance(seen, Trade):
            self.late_ms.append(now_ms() - seen.received_ms)
        for record in self._outbound.take(seen, now_ms()):
            if b'"type":"gap.' in (record.value or b"")[:40]:
                self.marks.append(MARKS.decode(record.value or b""))

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            if self.running is not None and self.running.done():
                self.running.result()
            await asyncio.sleep(0.01)

    async def quiet(self) -> None:
        """Return when every gap that was told has ended, and nothing more comes."""
        seen = -1
        while seen != len(self.trades) + len(self.marks) or self._open():
            seen = len(self.trades) + len(self.marks)
            await asyncio.sleep(QUIET_S)

    def _open(self) -> bool:
        detected, filled, permanent = self.told()
        return detected != filled + permanent

    def came(self, rows: Sequence[Row]) -> list[Row]:
        """Return those of the rows that were yielded, each once and exactly; whatever else came is an error."""
        known = {(row.symbol, self.server.dialect.id(row)): row for row in all_rows(self.server)}
        wanted = set(rows)
        came = []
        for trade in self.trades:
            row = known[trade.subject, trade.trade_id]
            said = (str(trade.price), str(trade.size), trade.side)
            assert said == (row.price, row.size, row.side)
            assert abs(trade.event_ms - row.ms) < self.server.dialect.rest_ms
            if row in wanted:
                came.append(row)
        assert len(came) == len(set(came)), "a trade was yielded twice"
        return came


def all_rows(server: ExchangeServer) -> list[Row]:
    """Return everything that ever traded there."""
    return [row for rows in server.market.rows.values() for row in rows]


def since_start(server: ExchangeServer) -> list[Row]:
    """Return everything that traded after the market's past."""
    return [row for row in all_rows(server) if row.number >= server.first[row.symbol]]


def symbols_of(dialect: type[Dialect], count: int) -> tuple[str, ...]:
    return tuple(f"{base}/{dialect.quote}" for base in ("BTC", "ETH", "SOL", "LTC")[:count])


@asynccontextmanager
async def faring(
    venue: str,
    *,
    symbols: int = 2,
    market: Market | None = None,
    past: Sequence[Any] = (),
    server: dict[str, Any] | None = None,
    source: dict[str, Any] | None = None,
    start: bool = True,
    patience_s: float = PATIENCE_S,
    source_name: str = "live",
    **settings: Any,
) -> AsyncIterator[Faring]:
    """Run a source at a venue of that dialect; more symbols than one, as some venues have another way for one.

    With ``start`` False the caller runs it.
    """
    dialect = DIALECTS[venue]
    names = symbols_of(dialect, symbols)
    async with (
        asyncio.timeout(patience_s),
        ExchangeServer(dialect(), names, market=market, **(server or {})) as at,
    ):
        made = ExchangeSource(
            source_name,
            ExchangeSettings(
                type="exchange",
                venue=venue,
                symbols=names,
                **{"url": at.url, "rest_url": at.rest_url, **settings},
            ),
            now_ms=now_ms,
            **{"budget": DialBudget(1_000), **(source or {})},
        )
        one = Faring(at, made)
        if past:
            one.resume(past)
        elif start:
            one.start()
        try:
            yield one
        finally:
            await one.stop()
