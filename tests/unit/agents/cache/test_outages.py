"""A Redis that is gone, frozen, empty, full or somebody else's: misses, in time, and never an error."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from redis import Redis
from structlog.testing import capture_logs

from agents.cache import board, store
from agents.cache.key import Key, lease_name
from agents.cache.levels import Found
from agents.cache.narratives import Absent, Made
from agents.cache.store import AWAY_S, CacheError, Store
from agents.redis import NoAnswerError
from tests.servers import RedisServer, SharedRedis

from .caches import KEY, PATIENCE_S, Asker, Maker, cache, growth, place

pytestmark = pytest.mark.integration

Start = Callable[..., RedisServer]
CALL_S = 0.2
EVICTING = {"maxmemory": "64mb", "maxmemory-policy": "allkeys-lfu"}
LEADER = """
import asyncio, sys, time
from agents.cache.narratives import NarrativeCache
from agents.cache.key import Key
from agents.cache.store import Store
from agents.settings import CacheSettings

async def main(url, prefix):
    store = Store(url, prefix=prefix, call_s=5.0)
    settings = CacheSettings(lease_s=1.0)
    cache = NarrativeCache(settings, store, prefix=prefix, now_ms=lambda: 1_800_000_000_000)
    async def make():
        print("began", flush=True)
        await asyncio.Event().wait()
    key = Key("state-1", "1", "claude-haiku-5-5", "d1")
    await cache.get(key, bytes.decode, make, until_s=time.monotonic() + 600)

asyncio.run(main(*sys.argv[1:]))
"""


async def again(asker: Asker, expected: object, key: Key = KEY) -> None:
    """Ask until it is answered so."""
    async with asyncio.timeout(PATIENCE_S):
        while await asker.ask(key) != expected:
            await asyncio.sleep(0.1)


async def test_a_worker_that_is_killed_is_taken_over(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """A real process, by SIGKILL, in the middle of its call: one of those who wait makes the value."""
    command = [sys.executable, "-P", "-c", LEADER, redis_server.url, topic_prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as leader:  # noqa: ASYNC220, S603
        try:
            assert leader.stdout is not None
            assert await asyncio.to_thread(leader.stdout.readline) == b"began\n"
            async with cache(redis_server.url, topic_prefix) as one:
                asking = [asyncio.create_task(one.ask()) for _ in range(3)]
                await asyncio.sleep(1.5)
                assert one.maker.made == 0  # it renews its lease
                leader.kill()
                found = await asyncio.gather(*asking)
                assert found == [Made(1, taken_over=True), *[Found("fine 1", "joined", 0)] * 2]
        finally:
            leader.kill()


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_without_redis_there_are_misses_in_time(
    start_redis: Start, topic_prefix: str, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """One wait, then none for a while; memory is trusted as long as the orders are, then it is not."""
    monkeypatch.setattr(board, "READ_S", 0.2)
    monkeypatch.setattr(board, "KNOWN_S", 0.8)
    unknown = growth("misses_total", reason="unknown")
    redis = start_redis(EVICTING)
    other = Key("p", "1", "m", "other")
    async with cache(redis.url, topic_prefix, call_s=CALL_S) as one:
        await again(one, Found("fine 1", "l1", 0))
        getattr(redis, how)()
        # Never an error, whatever is known by then.
        assert isinstance(await one.ask(), Found | Made)
        await again(one, Made(2))
        began_s = time.monotonic()
        for number in range(3, 8):
            assert await one.ask() == Made(number)
        assert time.monotonic() - began_s < 3 * CALL_S + AWAY_S
        assert await one.only_look() == Absent("unknown")
        assert not await one.cache.drop(other)
        assert unknown() == 1
        if how == "pause":
            redis.resume()
        else:
            redis.start()
        async with asyncio.timeout(PATIENCE_S):
            while not isinstance(await one.ask(), Found):
                await asyncio.sleep(0.1)
        # What was dropped meanwhile is told as soon as it can be.
        assert await one.ask(other) == Absent("tombstoned")
        async with cache(redis.url, topic_prefix) as late:
            await again(late, Absent("tombstoned"), other)


async def test_a_redis_that_is_emptied_is_a_cold_one(
    start_redis: Start, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of before is said, as nobody knows what stood against it."""
    monkeypatch.setattr(board, "READ_S", -1.0)
    redis, times = start_redis(EVICTING), iter(range(1_800_000_000_000, 1_800_000_100_000))
    async with cache(redis.url, topic_prefix, now_ms=lambda: next(times)) as one:
        await one.ask()
        assert isinstance(await one.ask(), Found)
        with Redis.from_url(redis.url) as client:
            client.flushall()
        assert await one.ask() == Made(2)
        assert isinstance(await one.ask(), Found)


async def test_a_full_redis_keeps_nothing_more_and_says_what_it_has(
    start_redis: Start, topic_prefix: str
) -> None:
    """Each process goes on with its own memory; what Redis refuses is counted."""
    refused = growth("redis_failures_total", question="put", how="refused")
    redis = start_redis({"maxmemory-policy": "noeviction"})
    new = Key("p", "1", "m", "new")
    async with (
        cache(redis.url, topic_prefix) as one,
        cache(redis.url, topic_prefix) as other,
    ):
        await one.ask()
        with Redis.from_url(redis.url) as client:
            client.config_set("maxmemory", "1")
        assert await other.ask() == Found("fine 1", "redis", 0)
        assert await one.ask(new) == Made(2)
        assert await one.ask(new) == Found("fine 2", "l1", 0)
        assert await other.ask(new) == Made(1)
    assert refused() >= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"maxmemory": "64mb", "maxmemory-policy": "noeviction"}, None),
        ({"maxmemory": "64mb", "maxmemory-policy": "allkeys-lfu"}, ""),
        ({"maxmemory": "64mb", "maxmemory-policy": "volatile-lru"}, ""),
        ({"maxmemory": "0"}, "nothing but time bounds what it holds"),
    ],
)
async def test_a_ledgers_redis_is_none_for_a_cache(
    start_redis: Start, topic_prefix: str, options: dict[str, str], words: str | None
) -> None:
    """One that refuses writes when it is full is refused at the start; one without a bound is told loudly."""
    redis = start_redis(options)
    async with cache(redis.url, topic_prefix) as one:
        with capture_logs() as logs:
            if words is None:
                with pytest.raises(CacheError, match=r"agent\.cache\.redis_url: .*noeviction"):
                    await one.cache.begin()
            else:
                await one.cache.begin()
        assert len(logs) == bool(words)
        assert (words or "") in "".join(entry["event"] for entry in logs)


async def test_a_password_is_never_shown(start_redis: Start, topic_prefix: str) -> None:
    """A wrong one, and a server that is gone: misses, and words without it."""
    redis = start_redis(EVICTING)
    with Redis.from_url(redis.url) as client:
        client.config_set("requirepass", "the-right-one")
    wrong = f"redis://:hush@127.0.0.1:{redis.port}/0"
    right = f"redis://:the-right-one@127.0.0.1:{redis.port}/0"
    with capture_logs() as logs:
        for url in (wrong, right):
            async with cache(url, topic_prefix) as one:
                await one.cache.begin()
                assert await one.ask() == Made(1)
                if url == right:
                    assert isinstance(await one.ask(), Found)
    assert logs
    assert "hush" not in str(logs)
    assert "the-right-one" not in str(logs)


async def test_no_more_tombstones_stand_than_may(
    redis_server: SharedRedis, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is refused and counted; where others are over there is room again."""
    for module in (board, store):
        monkeypatch.setattr(module, "TOMBSTONES_MAX", 3)
    made = Store(redis_server.url, prefix=topic_prefix, call_s=5.0)
    words = [f"p:1:m:{n}" for n in range(4)]
    for number, word in enumerate(words[:3]):
        assert await made.bar(word, "n", until_ms=100 + number, now_ms=1)
    assert not await made.bar(words[3], "n", until_ms=200, now_ms=99)
    assert await made.bar(words[2], "n", until_ms=300, now_ms=99)
    assert await made.bar(words[3], "n", until_ms=200, now_ms=100)
    assert set((await made.orders(0)).tombstones) == set(words[1:])
    await made.close()
    refused = growth("refused_total", reason="tombstone")
    async with cache(None, topic_prefix) as one:
        keys = [Key("p", "1", "m", str(n)) for n in range(4)]
        assert [await one.cache.drop(key) for key in keys] == [True, True, True, False]
    assert refused() == 1


async def test_a_lease_is_renewed_and_left_by_its_owner_alone(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Whoever lost it changes nothing; it ends by itself."""
    made = Store(redis_server.url, prefix=topic_prefix, call_s=5.0)
    lease = lease_name(f"{topic_prefix}x")
    assert await made.take(lease, b"held a", 60_000)
    assert not await made.take(lease, b"held b", 60_000)
    assert not await made.renew(lease, b"held b", 90_000)
    await made.leave(lease, b"held b")
    await made.decline(lease, b"held b", 1_000)
    assert await made.lease(lease) == b"held a"
    assert await made.renew(lease, b"held a", 90_000)
    with Redis.from_url(redis_server.url) as client:
        assert 60_000 < client.pttl(lease) <= 90_000
    await made.decline(lease, b"held a", 1_000)
    assert await made.lease(lease) == b"declined"
    with Redis.from_url(redis_server.url) as client:
        assert 0 < client.pttl(lease) <= 1_000
    await made.close()


async def test_orders_that_nobody_can_read_are_not_known(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Then nothing is said out of memory either."""
    with Redis.from_url(redis_server.url) as client:
        client.hset(f"{topic_prefix}narrative:orders", "epoch", "the first")
    async with cache(redis_server.url, topic_prefix) as one:
        assert await one.ask() == Made(1)
        assert await one.ask() == Made(2)
        assert await one.only_look() == Absent("unknown")
        assert one.cache._store is not None
        epoch = await one.cache._store.begin_epoch(7)  # an operator's `clear` mends it
        assert epoch == 8
        await again(one, Found("fine 3", "l1", 0))


async def test_values_have_their_time_in_redis(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Fresh and stale, a tenth more or less: nothing of ours stays for ever but the orders."""
    maker = Maker()
    async with cache(redis_server.url, topic_prefix, maker, ttl_s=100, stale_s=50) as one:
        await one.ask()
        with Redis.from_url(redis_server.url) as client:
            assert 139_000 < client.pttl(place(client, topic_prefix)) <= 160_000
            assert len(list(client.scan_iter(f"{topic_prefix}*"))) == 2


async def test_names_are_listed_up_to_a_bound(redis_server: SharedRedis, topic_prefix: str) -> None:
    """Of one epoch, without leases; a prefix is no pattern."""
    made = Store(redis_server.url, prefix=f"{topic_prefix}[x]*", call_s=5.0)
    family = f"{topic_prefix}[x]*narrative:7:"
    for name in ("a", "b", "a:lease"):
        await made.put(family + name, b"x", 10_000)
    await made.put(f"{topic_prefix}xxnarrative:7:c", b"x", 10_000)
    assert sorted(await made.names(7, 10)) == [f"{family}a", f"{family}b"]
    assert len(await made.names(7, 1)) == 1
    assert await made.names(8, 10) == []
    await made.close()


async def test_a_redis_that_did_not_answer_is_let_be(
    topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a moment; then it is asked again."""
    made = Store("redis://127.0.0.1:1/0", prefix=topic_prefix)
    kept_away = growth("redis_failures_total", question="get", how="not_asked")
    with pytest.raises(NoAnswerError, match="127"):
        await made.get("n")
    with pytest.raises(NoAnswerError, match="a moment ago"):
        await made.get("n")
    monkeypatch.setattr(made, "_away_until_s", 0.0)
    with pytest.raises(NoAnswerError, match="127"):
        await made.get("n")
    assert kept_away() == 1
    await made.close()
