"""What one venue does to a source in one sitting, and what is to come of it."""

from dataclasses import dataclass
from typing import Any

from streams.collectors.port import Through
from tests.servers.dialects import Row
from tests.servers.web import Cut, Fault, Slow, Status, Well
from topics import Trade

from .faring import Faring, faring, since_start

HOSTILE = (
    "{",
    "[" * 5_000,
    '"\\ud800"',
    '{"a":' + "9" * 5_000 + "}",
    "\x00",
    '{"e":"aggTrade","channel":"trade","topic":"publicTrade.X","event":"trade","type":"update","data":[1]}',
)
"""Frames of no venue."""
SKEW_MS = -3 * 3_600_000
"""Where the venue's clock stands from ours."""
MISSED = 60
"""Trades of a long hole: more than snapshots have, and less than pages."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    venue: str
    frames: int
    """Events in the frames that were heard."""
    duplicates: int
    backfilled: int
    sent: int
    refused: int
    planted: int
    closed: int
    """By a snapshot, before they were told."""
    found: int
    filled: int
    permanent: int
    p95_ms: int
    faults: tuple[str, ...]


CONDITIONS: dict[str, Any] = {
    "server": {"skew_ms": SKEW_MS},
    "silence_s": 1.5,
    "silence_min_s": 1.5,
    "backfill_hold_ms": 60_000,
}
"""Of the server and the source. No hole waits for as long as the hold, so that no promise leaves one behind."""


async def ordeal(venue: str) -> Outcome:
    """Harm a source in every way there is, and return what came of it; check that nothing is missing or twice."""
    async with faring(venue, **CONDITIONS) as one:
        return await endured(venue, one)


async def endured(venue: str, one: Faring) -> Outcome:
    """Harm a source that runs already, as `ordeal` does."""
    planted = await _disorder(one)
    planted += await _closed_while_rest_fails(one)
    missed = await _aborted_while_rest_denies(one)
    planted += len({row.symbol for row in missed})
    # A venue that answers pings and says nothing is believed until it is found out.
    broken = _broken_promises(one)
    assert not broken, broken
    planted += await _silent(one)
    # Four trades are in a snapshot; of the two instruments, after the close and after the silence.
    closed = 4 if one.server.dialect.snapshot else 0
    await one.quiet()
    rows = since_start(one.server)
    came = one.came(rows)
    missing = [row for row in rows if row not in set(came)]
    assert set(missing) <= set(missed), "a hole that nobody told"
    assert len({row.symbol for row in missing}) == 1, "a hole that could have been filled"
    counts, found = one.source.counts, one.told()
    assert len(one.trades) == counts.heard - counts.duplicates + counts.backfilled
    late = sorted(one.late_ms)
    return Outcome(
        venue=venue,
        frames=counts.heard,
        duplicates=counts.duplicates,
        backfilled=counts.backfilled,
        sent=len(one.trades),
        refused=sum(letter.events for letter in one.refused),
        planted=planted,
        closed=closed,
        found=found[0],
        filled=found[1],
        permanent=found[2],
        p95_ms=late[len(late) * 95 // 100],
        faults=(
            "clock 3 h behind",
            "duplicates",
            "old ids again",
            "disorder",
            "hostile frames",
            "close",
            "abort",
            "mute but pinging",
            "429, 503, cut, slow, 404 by REST",
        ),
    )


async def _disorder(one: Faring) -> int:
    """Frames twice, again, the wrong way round, and of no sense; where numbers tell, a hole in the connection too."""
    server = one.server
    await server.subscribed()
    await server.trade(20)
    symbol = next(iter(server.market.rows))
    for frame in (server.frames[-1], *server.frames[4:8]):
        await server.send(frame, symbol)
    for frame in HOSTILE:
        await server.send(frame)
    await server.trade(4)
    if not server.dialect.numbered:
        return 0
    late, early = server.miss(2, symbol)
    for row in (early, late):
        await server.send(server.dialect.frame(row, row.ms), symbol)
    server.miss(3, symbol)
    await server.trade(2, symbol)
    return 2


async def _closed_while_rest_fails(one: Faring) -> int:
    server = one.server
    await _heard(one)
    await server.close()
    server.miss(4)
    server.rest.faults.extend(_after_token(one))
    server.rest.faults.extend([Status(429, {"Retry-After": "1"}), Status(503), Cut(), Slow(0.0002)])
    await server.subscribed()
    await server.trade(6)
    await one.quiet()
    server.rest.faults.clear()
    return 2


async def _aborted_while_rest_denies(one: Faring) -> list[Row]:
    """Return what was missed; of one instrument it will not come, as the venue denies the page."""
    server = one.server
    await _heard(one)
    await server.abort()
    missed = server.miss(MISSED)
    server.rest.faults.extend(_after_token(one))
    server.rest.faults.append(Status(404))
    await server.subscribed()
    await server.trade(6)
    await one.quiet()
    reasons = one.permanent
    assert len(reasons) == 1
    assert "404" in reasons[0], reasons
    return missed


async def _silent(one: Faring) -> int:
    """Connected, answering pings, and mute, while trades go on."""
    server = one.server
    await _heard(one)
    connections, server.silent = server.connections, True
    server.miss(4)
    await one.until(lambda: server.connections > connections or server.open == 0)
    server.silent = False
    await one.until(lambda: server.connections > connections)
    await server.subscribed()
    await server.trade(6)
    return 2


def _broken_promises(one: Faring) -> list[Trade]:
    """Return the trades that came behind a promise that nothing so old would: all holes were filled within the hold."""
    promised_ms, broken = 0, []
    for seen in one.all:
        if isinstance(seen, Through):
            assert seen.through_ms > promised_ms
            promised_ms = seen.through_ms
        elif isinstance(seen, Trade) and seen.event_ms < promised_ms:
            broken.append(seen)
    return broken


async def _heard(one: Faring) -> None:
    """Return when what was sent is there."""
    await one.quiet()


def _after_token(one: Faring) -> list[Fault]:
    """Return as many answers that are well as a new connection needs before it is open."""
    return [Well()] if one.server.dialect.by_token else []
