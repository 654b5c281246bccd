"""The ledger on a real Redis: the cap holds, whoever asks at once and however often."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from redis import Redis

from agents.account.ledger import CALL_S, Ledger, LedgerError, Spend
from tests.servers import RedisServer, SharedRedis

pytestmark = pytest.mark.integration

NOON_MS = 1_800_014_400_000
"""2027-01-15T12:00:00Z."""
DAY_MS = 86_400_000
PATIENCE_S = 1.5
PROMPT_S = 2.8
"""Longer than the ledger waits there, and shorter than waiting twice, for a connection and on it."""


@asynccontextmanager
async def ledger(
    url: str, prefix: str, cap: int = 1_000, scope: str = "test", call_s: float = CALL_S
) -> AsyncIterator[Ledger]:
    """Give a ledger, and close it."""
    made = Ledger(url, prefix=prefix, scope=scope, cap_nano_usd=cap, call_s=call_s)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def account(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Ledger]:
    """A ledger with a cap of 1,000, patient enough for a busy machine."""
    async with ledger(redis_server.url, topic_prefix, call_s=10.0) as made:
        yield made


async def test_fifty_at_once_never_pass_the_cap(account: Ledger) -> None:
    """Of fifty that want 30 each, exactly as many as fit are allowed."""
    allowed = await asyncio.gather(
        *(account.reserve(f"attempt-{n}", 30, NOON_MS) for n in range(50))
    )
    assert sum(allowed) == 1_000 // 30
    assert await account.spend(NOON_MS) == Spend(settled=0, reserved=990)
    assert await account.reserve("last", 10, NOON_MS)
    assert not await account.reserve("one too many", 1, NOON_MS)


async def test_a_reservation_is_made_once_an_attempt(account: Ledger) -> None:
    """Asked again, it is allowed still and nothing more is set aside; refused, it may fit later."""
    assert await account.reserve("a", 700, NOON_MS)
    assert await account.reserve("a", 700, NOON_MS)
    assert await account.spend(NOON_MS) == Spend(settled=0, reserved=700)
    assert not await account.reserve("b", 301, NOON_MS)
    await account.settle("a", 0, NOON_MS)
    assert await account.reserve("b", 301, NOON_MS)


async def test_a_settlement_replaces_the_reservation_once(account: Ledger) -> None:
    """By what it cost, more or less or nothing; told twice it counts once, and is not reserved again."""
    assert await account.reserve("a", 700, NOON_MS)
    for _ in range(3):
        await account.settle("a", 120, NOON_MS)
    assert await account.spend(NOON_MS) == Spend(settled=120, reserved=0)
    assert not await account.reserve("a", 10, NOON_MS)
    await account.settle("a", 5, NOON_MS)
    assert await account.spend(NOON_MS) == Spend(settled=120, reserved=0)


async def test_settling_what_was_never_reserved_changes_nothing(account: Ledger) -> None:
    """Nor does it stand in the way of the reservation."""
    await account.settle("a", 500, NOON_MS)
    assert await account.spend(NOON_MS) == Spend(settled=0, reserved=0)
    assert await account.reserve("a", 1_000, NOON_MS)


async def test_a_call_that_cost_more_than_reserved_is_counted_in_full(account: Ledger) -> None:
    """A defect elsewhere; the next is refused by it."""
    assert await account.reserve("a", 900, NOON_MS)
    await account.settle("a", 1_500, NOON_MS)
    assert await account.spend(NOON_MS) == Spend(settled=1_500, reserved=0)
    assert not await account.reserve("b", 0, NOON_MS)


async def test_days_scopes_and_pipelines_are_apart(
    account: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """A day begins at 00:00 UTC; a call is settled on the day it was reserved."""
    midnight_ms = NOON_MS + DAY_MS // 2
    assert await account.reserve("a", 1_000, midnight_ms - 1)
    assert not await account.reserve("b", 1, midnight_ms - 1)
    assert await account.reserve("b", 1, midnight_ms)
    await account.settle("a", 3, midnight_ms - 1)
    assert await account.spend(NOON_MS) == Spend(settled=3, reserved=0)
    assert await account.spend(midnight_ms) == Spend(settled=0, reserved=1)
    for prefix, scope in ((topic_prefix, "other"), (topic_prefix + "x.", "test")):
        async with ledger(redis_server.url, prefix, scope=scope) as other:
            assert await other.spend(NOON_MS) == Spend(settled=0, reserved=0)
    async with ledger(redis_server.url, topic_prefix) as same:
        assert await same.spend(NOON_MS) == Spend(settled=3, reserved=0)


async def test_amounts_stay_exact_up_to_the_greatest_cap(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """A hundred thousand dollars, to the nano-dollar."""
    cap = 100_000 * 10**9
    async with ledger(redis_server.url, topic_prefix, cap) as made:
        assert await made.reserve("a", cap - 1, NOON_MS)
        assert not await made.reserve("b", 2, NOON_MS)
        await made.settle("a", cap - 3, NOON_MS)
        assert await made.spend(NOON_MS) == Spend(settled=cap - 3, reserved=0)
        assert await made.reserve("c", 3, NOON_MS)
        assert not await made.reserve("d", 1, NOON_MS)


async def test_what_is_kept_is_kept_a_week_and_no_longer(
    account: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Both keys of a day expire, after more than seven days."""
    assert await account.reserve("a", 1, NOON_MS)
    with Redis.from_url(redis_server.url) as client:
        keys = list(client.scan_iter(match=f"{topic_prefix}*"))
        assert len(keys) == 2
        assert all(7 * 86_400 < client.ttl(key) <= 8 * 86_400 for key in keys)


async def refused(question: Awaitable[object]) -> None:
    """Ask; the answer is that there is none, in time and in words."""
    began_s = time.monotonic()
    with pytest.raises(LedgerError) as caught:
        await question
    assert time.monotonic() - began_s < PROMPT_S
    assert str(caught.value)


async def no_answer(made: Ledger) -> None:
    """Ask everything; all of it is refused."""
    await refused(made.reserve("z", 1, NOON_MS))
    await refused(made.settle("a", 1, NOON_MS))
    await refused(made.spend(NOON_MS))


async def answered(made: Ledger) -> Spend:
    """Return the account once the ledger answers again."""
    async with asyncio.timeout(20):
        while True:
            with suppress(LedgerError):
                return await made.spend(NOON_MS)
            await asyncio.sleep(0.05)


async def test_without_redis_it_says_so_quickly(
    start_redis: Callable[..., RedisServer], topic_prefix: str
) -> None:
    """Frozen or gone; when it is back the account goes on, with what it had."""
    redis = start_redis()
    async with ledger(redis.url, topic_prefix, call_s=PATIENCE_S) as made:
        assert await made.reserve("a", 400, NOON_MS)
        redis.pause()
        try:
            await no_answer(made)
            await asyncio.gather(*(refused(made.reserve(f"b-{n}", 1, NOON_MS)) for n in range(50)))
        finally:
            redis.resume()
        redis.kill()
        await no_answer(made)
        redis.start()
        spent = await answered(made)
        assert 400 <= spent.reserved <= 450  # what a frozen server had taken in may have been done


async def test_a_client_that_cleans_up_slowly_holds_nobody(topic_prefix: str) -> None:
    """A question is given up in time; what its client still has to do ends before the ledger is closed."""
    clean = asyncio.Event()

    async def asked() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.6)
            clean.set()

    async with ledger("redis://127.0.0.1:1/0", topic_prefix, call_s=0.1) as made:
        began_s = time.monotonic()
        with pytest.raises(LedgerError, match=r"no answer within 0\.1 s"):
            await made._answer(asked())
        assert time.monotonic() - began_s < 0.5
        assert not clean.is_set()
    assert clean.is_set()


async def test_a_redis_that_refuses_is_no_answer(
    start_redis: Callable[..., RedisServer], topic_prefix: str
) -> None:
    """Full, it takes no reservation, and nothing is sent."""
    redis = start_redis({"maxmemory": "1", "maxmemory-policy": "noeviction"})
    async with ledger(redis.url, topic_prefix) as made:
        with pytest.raises(LedgerError, match=r"(?i)memory"):
            await made.reserve("a", 1, NOON_MS)


ACTS = st.lists(
    st.tuples(st.sampled_from("rrs"), st.sampled_from("abcdef"), st.integers(0, 60)), max_size=25
)


@given(ACTS)
@profile(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_every_step_the_books_are_right(
    redis_server: SharedRedis, topic_prefix: str, acts: list[tuple[str, str, int]]
) -> None:
    """Any order of reservations and settlements, beside a dictionary that keeps the same books."""

    async def play() -> None:
        with Redis.from_url(redis_server.url) as client:
            for key in client.scan_iter(match=f"{topic_prefix}*"):
                client.delete(key)
        reserved, settled = dict[str, int](), dict[str, int]()
        async with ledger(redis_server.url, topic_prefix, 100) as made:
            for act, attempt, amount in acts:
                if act == "s":
                    await made.settle(attempt, amount, NOON_MS)
                    if reserved.pop(attempt, None) is not None:
                        settled[attempt] = amount
                else:
                    used = sum(reserved.values()) + sum(settled.values())
                    fits = attempt in reserved or (attempt not in settled and used + amount <= 100)
                    assert await made.reserve(attempt, amount, NOON_MS) is fits
                    if fits:
                        reserved.setdefault(attempt, amount)
                books = Spend(settled=sum(settled.values()), reserved=sum(reserved.values()))
                assert await made.spend(NOON_MS) == books

    asyncio.run(play())
