"""Every venue, by its own dialect: heard once and exactly, every planted hole found, none invented."""

import pytest

from streams.collectors.market.venues import VENUES
from tests.servers.dialects import DIALECTS

from .faring import faring, since_start
from .ordeal import ordeal

HERE = sorted(set(VENUES) & set(DIALECTS))


@pytest.mark.parametrize("venue", HERE)
async def test_every_trade_is_heard_once_and_exactly(venue: str) -> None:
    """Id, digits, side and time, through the real connection code; fails if the tap sees nothing."""
    async with faring(venue) as one:
        await one.server.subscribed()
        rows = await one.server.trade(40)
        await one.until(lambda: len(one.came(rows)) == len(rows))
        await one.quiet()
        assert one.came(rows) == rows
        assert one.told() == (0, 0, 0)
        assert not one.refused
        assert not one.errors


@pytest.mark.parametrize("venue", HERE)
async def test_what_is_missed_between_two_connections_is_found_and_filled(venue: str) -> None:
    """By number, or by time; by a snapshot, or by REST."""
    async with faring(venue) as one:
        await one.server.subscribed()
        await one.server.trade(10)
        await one.until(lambda: len(one.trades) >= 10)
        await one.server.abort()
        one.server.miss(8)
        await one.server.subscribed()
        await one.server.trade(10)
        await one.quiet()
        rows = since_start(one.server)
        assert sorted(one.came(rows), key=rows.index) == rows


@pytest.mark.parametrize("venue", HERE)
async def test_an_ordeal_leaves_no_hole_untold_and_none_invented(venue: str) -> None:
    """Each planted hole is found, or closed by a snapshot; each found one is filled, but for the one that is denied."""
    outcome = await ordeal(venue)
    assert outcome.found == outcome.planted - outcome.closed
    assert (outcome.filled, outcome.permanent) == (outcome.found - 1, 1)
