"""The cache on a real Redis: once made, said by all; never an error, never more than it may."""

import asyncio

import pytest
from redis import Redis

from agents.cache import board
from agents.cache.codec import VALUE_BYTES_MAX
from agents.cache.flights import Filled, Unfilled
from agents.cache.key import Key, lease_name
from agents.cache.levels import Found
from agents.cache.narratives import Absent, Made
from tests.servers import SharedRedis

from .caches import KEY, PATIENCE_S, Clock, Maker, cache, fit, growth, lookups, place

pytestmark = pytest.mark.integration


async def test_what_was_made_once_is_said_by_all(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """From this process's memory, by another from Redis and then from its own; each lookup is counted once."""
    told, clock = lookups(), Clock()
    async with (
        cache(redis_server.url, topic_prefix, now_ms=clock) as one,
        cache(redis_server.url, topic_prefix, now_ms=clock) as other,
    ):
        assert await one.only_look() == Absent("absent")
        assert await one.ask() == Made(1)
        clock.now_ms += 1_000
        assert await one.ask() == Found("fine 1", "l1", 1_000)
        assert await other.ask() == Found("fine 1", "redis", 1_000)
        assert await other.ask() == Found("fine 1", "l1", 1_000)
        assert await other.ask(Key("state-2", "1", "claude-haiku-5-5", "d1")) == Made(1)
    assert told() == {"miss": 3, "l1": 2, "redis": 1}


async def test_all_who_want_the_same_wait_for_one_call(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """In this process, whoever of them is cancelled: also the one who makes it, whose call goes on."""
    told, maker = lookups(), Maker(held=True)
    async with cache(redis_server.url, topic_prefix, maker) as one:
        asking = [asyncio.create_task(one.ask()) for _ in range(20)]
        await one.waiting(20)
        asking[0].cancel()
        asking[1].cancel()
        await asyncio.wait(asking[:2])
        maker.go.set()
        found = await asyncio.gather(*asking[2:])
        assert found == [Found("fine 1", "joined", 0)] * 18
        assert await one.ask() == Found("fine 1", "l1", 0)
    assert maker.made == 1
    assert told() == {"joined": 18, "l1": 1}


async def test_workers_wait_for_one_call(redis_server: SharedRedis, topic_prefix: str) -> None:
    """Of all workers one makes it; the others have it as soon as it is there, and remember it."""
    told, maker, theirs = lookups(), Maker(held=True), Maker("fine too")
    async with (
        cache(redis_server.url, topic_prefix, maker, lease_s=0.5) as one,
        cache(redis_server.url, topic_prefix, theirs) as other,
    ):
        leading = asyncio.create_task(one.ask())
        await maker.began.wait()
        following = [asyncio.create_task(other.ask()) for _ in range(3)]
        await asyncio.sleep(1.0)  # twice as long as a lease lasts that is not renewed
        assert not any(task.done() for task in following)
        maker.go.set()
        assert await leading == Made(1)
        assert await asyncio.gather(*following) == [Found("fine 1", "joined", 0)] * 3
        assert await other.ask() == Found("fine 1", "l1", 0)
    assert theirs.made == 0
    assert told() == {"miss": 1, "joined": 3, "l1": 1}


async def test_a_lease_that_lapses_is_taken_over_once(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """By one of those who wait, in whatever process; the rest have what it makes."""
    taken_over = growth("taken_over_total")
    makers = [Maker(), Maker()]
    async with (
        cache(redis_server.url, topic_prefix, makers[0]) as one,
        cache(redis_server.url, topic_prefix, makers[1]) as other,
    ):
        await one.only_look()
        with Redis.from_url(redis_server.url) as client:
            client.set(lease_name(place(client, topic_prefix)), b"held 00ff", px=300)
        found = await asyncio.gather(*(asker.ask() for asker in (one, other, one, other)))
    assert sum(maker.made for maker in makers) == 1
    assert found.count(Made(1, taken_over=True)) == 1
    assert found.count(Found("fine 1", "joined", 0)) == 3
    assert taken_over() == 1


async def test_a_lease_that_lapses_again_is_left_to_rules(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """As where something stands in its place that is no lease at all; nobody is asked."""
    async with cache(redis_server.url, topic_prefix) as one:
        await one.only_look()
        with Redis.from_url(redis_server.url) as client:
            client.set(lease_name(place(client, topic_prefix)), b"nonsense")
        assert await one.ask() == Absent("leader_lost")
        assert one.maker.made == 0


async def test_nobody_waits_beyond_its_deadline(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """For another worker's call or another's of this process; one's own is waited for, and bounds itself."""
    maker = Maker(held=True)
    async with (
        cache(redis_server.url, topic_prefix, maker) as one,
        cache(redis_server.url, topic_prefix) as other,
    ):
        leading = asyncio.create_task(one.ask(left_s=0.1))
        await maker.began.wait()
        assert await one.ask(left_s=0.05) == Absent("deadline")
        assert await other.ask(left_s=0.05) == Absent("deadline")
        assert not leading.done()
        maker.go.set()
        assert await leading == Made(1)
        assert other.maker.made == 0


async def test_a_lease_that_nobody_waits_for_is_not_taken_over(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """It would be a call that nobody wants."""
    async with cache(redis_server.url, topic_prefix) as one:
        await one.only_look()
        with Redis.from_url(redis_server.url) as client:
            lease = lease_name(place(client, topic_prefix))
            client.set(lease, b"held 00ff", px=60_000)
            asking = asyncio.create_task(one.ask())
            await asyncio.sleep(0.3)
            asking.cancel()
            await asyncio.wait({asking})
            client.delete(lease)
            await asyncio.sleep(0.3)
            assert not client.exists(lease)
        assert one.maker.made == 0


async def test_what_was_declined_is_not_asked_for_again(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """By any worker, for a while; a value that was there stays for those whom a stale one will do."""
    clock, refusing = Clock(), Maker()
    refusing.outcome = Unfilled("refusal", 7, declined=True)
    async with (
        cache(redis_server.url, topic_prefix, now_ms=clock, ttl_s=10) as first,
        cache(
            redis_server.url, topic_prefix, refusing, now_ms=clock, ttl_s=10, declined_s=1
        ) as one,
        cache(redis_server.url, topic_prefix, now_ms=clock, ttl_s=10, declined_s=1) as other,
    ):
        assert await first.ask() == Made(1)
        clock.now_ms += 12_000
        assert await one.ask() == Made(7)
        assert await one.ask() == Absent("declined")
        assert await other.ask() == Absent("declined")
        assert other.maker.made == 0
        assert await other.only_look(stale=True) == Found("fine 1", "redis", 12_000, stale=True)
        async with asyncio.timeout(PATIENCE_S):
            while await other.ask() != Made(1):
                clock.now_ms += 1_000
                await asyncio.sleep(0.1)


async def test_who_has_to_wait_for_its_turn_comes_again(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """And those who waited for it as well: that was no lookup yet, and nobody is kept from asking."""
    told, maker = lookups(), Maker(held=True)
    maker.outcome = Unfilled("no_slot", 7, again=True)
    async with cache(redis_server.url, topic_prefix, maker) as one:
        asking = [asyncio.create_task(one.ask()) for _ in range(2)]
        await one.waiting(2)
        maker.go.set()
        assert await asyncio.gather(*asking) == [Made(7, again=True), Absent("no_slot", again=True)]
        assert told() == {}
        maker.outcome = None
        assert await one.ask() == Made(2)
    assert told() == {"miss": 1}


async def test_a_stale_value_is_said_to_those_whom_it_will_do(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """With its age, out of either place, until its time is over for good."""
    told, clock = lookups(), Clock()
    async with (
        cache(redis_server.url, topic_prefix, now_ms=clock, ttl_s=100, stale_s=50) as one,
        cache(redis_server.url, topic_prefix, now_ms=clock, ttl_s=100, stale_s=50) as other,
    ):
        await one.ask()
        clock.now_ms += 112_000
        assert await one.only_look() == Absent("expired")
        assert await one.only_look(stale=True) == Found("fine 1", "l1", 112_000, stale=True)
        assert await other.only_look(stale=True) == Found("fine 1", "redis", 112_000, stale=True)
        clock.now_ms += 50_000
        assert await one.ask() == Made(2)
        clock.now_ms += 1_000
        assert await other.only_look(stale=True) == Found("fine 2", "redis", 1_000)
    assert told() == {"miss": 3, "stale": 2, "redis": 1}


async def test_a_failure_is_its_callers_and_no_value(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Those who waited are told that it failed; the next may ask at once."""
    maker = Maker(held=True)
    maker.outcome = RuntimeError("a defect")
    async with cache(redis_server.url, topic_prefix, maker) as one:
        asking = [asyncio.create_task(one.ask()) for _ in range(2)]
        await one.waiting(2)
        maker.go.set()
        with pytest.raises(RuntimeError, match="a defect"):
            await asking[0]
        assert await asking[1] == Absent("failed")
        maker.outcome = None
        assert await one.ask() == Made(2)


async def test_no_more_values_are_made_at_once_than_may_be(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """One more is left to rules; who wants one of those that are made joins it."""
    full, maker = growth("misses_total", reason="flights_full"), Maker(held=True)
    keys = [Key("p", "1", "m", str(n)) for n in range(3)]
    async with cache(redis_server.url, topic_prefix, maker, flights_max=2) as one:
        asking = [asyncio.create_task(one.ask(key)) for key in keys[:2]]
        await one.waiting(2)
        assert await one.ask(keys[2]) == Absent("flights_full")
        asking.append(asyncio.create_task(one.ask(keys[0])))
        await one.waiting(3)
        maker.go.set()
        landed = await asyncio.gather(*asking)
        assert [type(found) for found in landed] == [Made, Made, Found]
        assert await one.ask(keys[2]) == Made(3)
    assert full() == 1


async def test_a_value_too_long_is_its_makers_alone(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """And what its own check does not take: neither is kept, and it is not paid for again at once."""
    longest = b"fine" + b"x" * (VALUE_BYTES_MAX - 4)
    for value, why in ((longest, ""), (longest + b"x", "too_long"), (b"wrong", "unfit")):
        refused = growth("refused_total", reason=why)
        key = Key("p", "1", "m", why or "longest")

        async def make(value: bytes = value) -> Filled[int]:
            return Filled(value, 9)

        async with (
            cache(redis_server.url, topic_prefix) as one,
            cache(redis_server.url, topic_prefix) as other,
        ):
            assert await one.ask(key, make=make) == Made(9)
            found = await other.ask(key)
            if why:
                assert found == Absent("declined")
                assert refused() == 1
            else:
                assert found == Found(longest.decode(), "redis", 0)


async def test_without_a_redis_each_process_has_its_own(topic_prefix: str) -> None:
    """Single flight, memory and tombstones as with one."""
    async with cache(None, topic_prefix) as one, cache(None, topic_prefix) as other:
        await one.cache.begin()
        assert sorted(map(str, await asyncio.gather(one.ask(), one.ask()))) == sorted(
            map(str, [Made(1), Found("fine 1", "joined", 0)])
        )
        assert await one.ask() == Found("fine 1", "l1", 0)
        assert await other.ask() == Made(1)
        assert await one.cache.drop(KEY)
        assert await one.ask() == Absent("tombstoned")
        other.maker.outcome = Unfilled("refusal", 7, declined=True)
        refused = Key("p", "1", "m", "refused")
        assert await other.ask(refused) == Made(7)
        assert await other.ask(refused) == Absent("declined")


async def test_what_is_under_way_ends_with_the_cache(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Its makes are cancelled, its leases given back, and whoever waits is told."""
    maker = Maker(held=True)
    async with cache(redis_server.url, topic_prefix, maker) as one:
        asking = asyncio.create_task(one.ask())
        await maker.began.wait()
    assert await asking == Absent("closed")
    with Redis.from_url(redis_server.url) as client:
        assert not client.exists(lease_name(place(client, topic_prefix)))


@pytest.fixture
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read orders at each lookup."""
    monkeypatch.setattr(board, "READ_S", -1.0)


async def test_the_kill_switch_reaches_every_worker_in_time(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """With the times that are shipped: what was kept before is said by nobody `KNOWN_S` later, and made anew."""
    async with (
        cache(redis_server.url, topic_prefix) as one,
        cache(redis_server.url, topic_prefix) as other,
    ):
        await one.ask()
        assert isinstance(await other.ask(), Found)
        store = other.cache._store
        assert store is not None
        began = await store.begin_epoch(0)
        assert began > 1
        said, deadline = 0, asyncio.timeout(board.KNOWN_S)
        async with deadline:
            while isinstance(found := await one.ask(), Found):
                said += 1
                await asyncio.sleep(0.1)
        assert found == Made(2)
        assert said
        with Redis.from_url(redis_server.url) as client:
            assert f":{began}:" in place(client, topic_prefix)


@pytest.mark.usefixtures("read_at_once")
async def test_a_tombstone_stands_before_a_key(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Of code or of an operator, for all workers: nothing is said under it, nor asked, and its value is gone."""
    async with (
        cache(redis_server.url, topic_prefix) as one,
        cache(redis_server.url, topic_prefix) as other,
        cache(redis_server.url, topic_prefix) as later,
    ):
        await one.ask()
        await other.ask()
        assert await other.cache.look(KEY, fit) == Found("fine 1", "l1", 0)
        assert await one.cache.drop(KEY)
        # It is in the other's memory still.
        assert await other.cache.look(KEY, fit, stale=True) is None
        assert other.cache.peek(KEY, fit) is None
        assert [await a.ask() for a in (one, other, later)] == [Absent("tombstoned")] * 3
        assert isinstance(await one.ask(Key("p", "1", "m", "another")), Made)
        with Redis.from_url(redis_server.url) as client:
            assert not client.exists(place(client, topic_prefix))
        assert (one.maker.made, other.maker.made, later.maker.made) == (2, 0, 0)


@pytest.mark.usefixtures("read_at_once")
@pytest.mark.parametrize("order", ["tombstone", "epoch"])
async def test_what_is_made_while_an_order_comes_is_not_said_again(
    redis_server: SharedRedis, topic_prefix: str, order: str
) -> None:
    """Whoever made it has it; those who waited do not."""
    maker = Maker(held=True)
    async with cache(redis_server.url, topic_prefix, maker) as one:
        asking = [asyncio.create_task(one.ask()) for _ in range(2)]
        await one.waiting(2)
        if order == "tombstone":
            await one.cache.drop(KEY)
        else:
            assert one.cache._store is not None
            await one.cache._store.begin_epoch(0)
        maker.go.set()
        reason = "tombstoned" if order == "tombstone" else "cleared"
        assert await asyncio.gather(*asking) == [Made(1), Absent(reason)]
        again = await one.ask()
        assert again == (Absent("tombstoned") if order == "tombstone" else Made(2))


@pytest.mark.usefixtures("read_at_once")
async def test_orders_that_are_lost_take_the_values_with_them(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """An evicted or deleted hash of orders begins an epoch that nobody had: nothing of before is said."""
    clock = Clock()
    async with cache(redis_server.url, topic_prefix, now_ms=clock) as one:
        await one.ask()
        with Redis.from_url(redis_server.url) as client:
            client.delete(f"{topic_prefix}narrative:orders")
        clock.now_ms += 1
        assert await one.ask() == Made(2)


def _planted(client: "Redis", name: str, what: str) -> None:
    value = client.get(name)
    assert isinstance(value, bytes)
    client.delete(name)
    if what == "no_value":
        client.rpush(name, "a list")
        return
    client.set(
        name,
        {"damaged": value[:-2] + b"xx", "too_long": b"x" * 2_000_000, "version": b"?" * 20}[what],
    )


@pytest.mark.parametrize("what", ["no_value", "damaged", "too_long", "version"])
async def test_what_was_planted_is_a_miss_and_deleted(
    redis_server: SharedRedis, topic_prefix: str, what: str
) -> None:
    """And counted; what is made in its place is kept."""
    refused = growth("refused_total", reason=what)
    async with (
        cache(redis_server.url, topic_prefix) as one,
        cache(redis_server.url, topic_prefix) as other,
    ):
        await one.ask()
        with Redis.from_url(redis_server.url) as client:
            name = place(client, topic_prefix)
            _planted(client, name, what)
            assert await other.only_look() == Absent("absent")
            assert refused() == 1
            assert not client.exists(name)
        assert await other.ask() == Made(1)


async def test_what_can_be_read_is_checked_all_the_same(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """A planted value in our own form, in Redis and in memory: a miss, counted, deleted."""
    refused = growth("refused_total", reason="unfit")
    async with (
        cache(redis_server.url, topic_prefix) as one,
        cache(redis_server.url, topic_prefix) as other,
    ):
        await one.cache.get(KEY, bytes.decode, Maker("planted"), until_s=float("inf"))
        with Redis.from_url(redis_server.url) as client:
            assert await other.only_look() == Absent("absent")
            assert not client.exists(place(client, topic_prefix))
        assert await one.ask() == Made(1)
        assert await one.ask() == Found("fine 1", "l1", 0)
    assert refused() == 2


async def test_who_peeks_knows_what_stands_as_long_as_it_is_followed(
    redis_server: SharedRedis, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peek cannot wait to be told. What stands against a value is known soon, though nobody looks it up."""
    monkeypatch.setattr(board, "READ_S", 0.05)
    monkeypatch.setattr(board, "KNOWN_S", 1.0)
    async with cache(redis_server.url, topic_prefix) as one:
        await one.ask()
        assert one.cache.peek(KEY, fit) == Found("fine 1", "l1", 0)
        await asyncio.sleep(1.2)
        assert one.cache.peek(KEY, fit) is None
        following = asyncio.create_task(one.cache.follow())
        try:
            await asyncio.sleep(1.2)
            told = lookups()
            assert one.cache.peek(KEY, fit) == Found("fine 1", "l1", 0)
            assert told() == {}
            async with cache(redis_server.url, topic_prefix) as other:
                assert await other.cache.drop(KEY)
            async with asyncio.timeout(PATIENCE_S):
                while one.cache.peek(KEY, fit) is not None:
                    await asyncio.sleep(0.02)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def test_who_peeks_sees_what_is_fresh_and_fit_in_this_memory_alone(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Not what is in Redis, nor what is beyond its time, nor what the check does not take."""
    clock = Clock()
    async with (
        cache(redis_server.url, topic_prefix, now_ms=clock) as one,
        cache(redis_server.url, topic_prefix, now_ms=clock) as other,
    ):
        assert one.cache.peek(KEY, fit) is None
        await one.ask()
        assert await other.only_look(Key("state-2", "1", "claude-haiku-5-5", "d1")) == Absent(
            "absent"
        )
        assert other.cache.peek(KEY, fit) is None
        assert one.cache.peek(KEY, fit) is not None
        clock.now_ms += 2 * 3_600_000
        assert one.cache.peek(KEY, fit) is None
        assert await one.cache.look(KEY, fit) is None
        stale = await one.cache.look(KEY, fit, stale=True)
        assert stale is not None
        assert stale.stale
        clock.now_ms -= 2 * 3_600_000
        assert one.cache.peek(KEY, lambda _: None) is None
        assert one.cache.peek(KEY, fit) is None
