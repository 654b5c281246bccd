"""Between socket and runner: in order, within the bound, and held in time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.backlog import Backlog, BacklogFullError
from streams.collectors.port import SourceError, Through


async def test_the_socket_is_held_at_the_mark_and_let_go_below_it() -> None:
    """Neither one sooner nor one later."""
    backlog, held = Backlog(held_at=2, most=9), []
    for number in range(2):
        held.append(backlog.held)
        backlog.put(Through(number))
    held.append(backlog.held)
    assert held == [False, False, True]
    reading = asyncio.create_task(backlog.room())
    await asyncio.sleep(0)
    assert not reading.done()
    await backlog.take()
    await reading
    assert not backlog.held


async def test_at_the_bound_nothing_is_dropped_but_refused() -> None:
    """The error says how many wait; what was taken stays."""
    backlog = Backlog(held_at=1, most=3)
    for number in range(3):
        backlog.put(Through(number))
    with pytest.raises(BacklogFullError, match="3 observations"):
        backlog.put(Through(3))
    assert [await backlog.take() for _ in range(3)] == [Through(0), Through(1), Through(2)]
    assert backlog.greatest == 3


async def test_the_end_comes_behind_what_waits() -> None:
    """Only the first end counts, and nothing is taken after it."""
    backlog = Backlog()
    backlog.put(Through(1))
    backlog.end(SourceError("first"))
    backlog.end(SourceError("second"))
    backlog.put(Through(2))
    assert await backlog.take() == Through(1)
    for _ in range(2):
        with pytest.raises(SourceError, match="first"):
            await backlog.take()


async def test_the_end_wakes_who_waits() -> None:
    """For an observation, and for room."""
    backlog = Backlog(held_at=1)
    taking = asyncio.create_task(backlog.take())
    await asyncio.sleep(0)
    backlog.end(SourceError("over"))
    with pytest.raises(SourceError):
        await taking
    full = Backlog(held_at=1)
    full.put(Through(1))
    waiting = asyncio.create_task(full.room())
    await asyncio.sleep(0)
    full.end(SourceError("over"))
    await waiting


@given(turns=st.lists(st.integers(-30, 30), max_size=60), held_at=st.integers(1, 20))
def test_everything_put_is_taken_once_and_in_order(turns: list[int], held_at: int) -> None:
    """However putting and taking alternate; held exactly while the mark is reached."""

    async def scene() -> tuple[list[int], int]:
        backlog, taken, put = Backlog(held_at=held_at, most=10_000), [], 0
        for turn in turns:
            for _ in range(turn):
                backlog.put(Through(put))
                put += 1
            for _ in range(min(-turn, len(backlog))):
                seen = await backlog.take()
                assert isinstance(seen, Through)
                taken.append(seen.through_ms)
            assert backlog.held == (len(backlog) >= held_at)
        while len(backlog):
            seen = await backlog.take()
            assert isinstance(seen, Through)
            taken.append(seen.through_ms)
        return taken, put

    taken, put = asyncio.run(scene())
    assert taken == list(range(put))
