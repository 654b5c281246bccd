"""Every venue, by its own dialect: heard once and exactly, every planted hole found, none invented."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from streams.collectors.market.venues import VENUES
from tests.servers.dialects import DIALECTS

from .faring import faring, since_start
from .ordeal import ordeal

HERE = sorted(set(VENUES) & set(DIALECTS))


async def test_every_trade_is_heard_once_and_exactly() -> None:
    """Id, digits, side and time, through the real connection code; fails if the tap sees nothing."""
    await at_every_venue(heard_once_and_exactly)


async def heard_once_and_exactly(venue: str) -> None:
    async with faring(venue) as one:
        await one.server.subscribed()
        rows = await one.server.trade(40)
        await one.until(lambda: len(one.came(rows)) == len(rows))
        await one.quiet()
        assert one.came(rows) == rows
        assert one.told() == (0, 0, 0)
        assert not one.refused
        assert not one.errors


async def test_what_is_missed_between_two_connections_is_found_and_filled() -> None:
    """By number, or by time; by a snapshot, or by REST. All venues at once: each mostly waits."""
    await at_every_venue(missed_between_two_connections)


async def missed_between_two_connections(venue: str) -> None:
    async with faring(venue) as one:
        await one.server.subscribed()
        await one.server.trade(10)
        await one.until(lambda: len(one.trades) >= 10)
        await one.server.abort()
        one.server.miss(8)
        await one.server.subscribed()
        await one.server.trade(10)
        rows = since_start(one.server)
        await one.until(lambda: len(one.came(rows)) == len(rows))
        await one.quiet()
        assert sorted(one.came(rows), key=rows.index) == rows


@pytest.mark.parametrize("venues", [HERE[:5], HERE[5:]], ids="+".join)
async def test_an_ordeal_leaves_no_hole_untold_and_none_invented(venues: list[str]) -> None:
    """Each planted hole is found, or closed by a snapshot; each found one is filled, but for the one that is denied."""

    async def endures(venue: str) -> None:
        outcome = await ordeal(venue)
        assert outcome.found == outcome.planted - outcome.closed
        assert (outcome.filled, outcome.permanent) == (outcome.found - 1, 1)

    await at_every_venue(endures, venues)


async def at_every_venue(
    test: Callable[[str], Awaitable[None]], venues: Sequence[str] = tuple(HERE)
) -> None:
    """Test at all these venues at once; what failed is told with where."""
    outcomes = await asyncio.gather(*map(test, venues), return_exceptions=True)
    failed = [error for error in outcomes if isinstance(error, BaseException)]
    for venue, error in zip(venues, outcomes, strict=True):
        if isinstance(error, BaseException):
            error.add_note(f"at {venue}")
    if failed:
        raise failed[0]
