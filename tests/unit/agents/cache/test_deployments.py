"""The same cache on one server, behind Sentinels, and on a cluster."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from agents.cache import board
from agents.cache.key import Key
from agents.cache.levels import Found
from agents.cache.narratives import Absent, Made
from tests.money.sentinel import SentinelServer
from tests.servers import RedisServer, find_binary, obtain
from tests.servers.process import free_ports

from .caches import PATIENCE_S, Asker, Maker, cache

pytestmark = pytest.mark.integration

SLOTS = 16_384
KEYS = [Key("state-1", "1", "m", str(n)) for n in range(12)]


async def _settled(url: str, prefix: str) -> None:
    """Return when a cache has its orders."""
    async with cache(url, prefix) as one, asyncio.timeout(PATIENCE_S):
        while await one.only_look() == Absent("unknown"):
            await asyncio.sleep(0.1)


async def serves(url: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do all a cache does, with keys on every server."""
    await _settled(url, prefix)
    monkeypatch.setattr(board, "READ_S", -1.0)
    async with cache(url, prefix, lease_s=0.5) as one, cache(url, prefix) as other:
        await one.cache.begin()
        for key in KEYS:
            assert isinstance(await one.ask(key), Made)
            assert isinstance(await other.ask(key), Found)
        maker = Maker(held=True)
        leading = asyncio.create_task(one.ask(Key("p", "1", "m", "new"), make=maker))
        await maker.began.wait()
        following = asyncio.create_task(other.ask(Key("p", "1", "m", "new")))
        await asyncio.sleep(0.7)
        maker.go.set()
        assert await leading == Made(1)
        assert await following == Found("fine 1", "joined", 0)
        store = one.cache._store
        assert store is not None
        epoch = (await store.orders(0)).epoch
        assert len(await store.names(epoch, 100)) == len(KEYS) + 1
        assert await one.cache.drop(KEYS[0])
        assert await other.ask(KEYS[0]) == Absent("tombstoned")
        assert await store.begin_epoch(0) == epoch + 1
        assert isinstance(await other.ask(KEYS[1]), Made)


@pytest.fixture
def cluster(start_redis: Callable[..., RedisServer]) -> Iterator[str]:
    """The address of a cluster of three."""
    servers = []
    for port in free_ports(3):
        options = {"cluster-enabled": "yes", "cluster-port": str(port), "appendonly": "no"}
        servers.append(start_redis(options))
    clients = [Redis(port=server.port, decode_responses=True) for server in servers]
    share = SLOTS // len(clients) + 1
    for number, client in enumerate(clients):
        first, last = number * share, min((number + 1) * share, SLOTS) - 1
        bus = servers[0]._options["cluster-port"]
        _order(client, "ADDSLOTSRANGE", first, last)
        _order(client, "SET-CONFIG-EPOCH", number + 1)
        _order(client, "MEET", "127.0.0.1", servers[0].port, bus)
    deadline_s = time.monotonic() + PATIENCE_S
    while not all(_is_whole(client) for client in clients):
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    yield "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers[1:])
    for client in clients:
        client.close()


def _order(client: "Redis", *words: str | int) -> str:
    return str(client.execute_command("CLUSTER", *words))  # type: ignore[no-untyped-call]


def _is_whole(client: "Redis") -> bool:
    with suppress(RedisError):
        told = _order(client, "INFO")
        return "cluster_state:ok" in told and "cluster_known_nodes:3" in told
    return False


async def test_a_cluster_serves(
    cluster: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question is about one key, so that it does not matter where that is."""
    await serves(cluster, topic_prefix, monkeypatch)


async def test_sentinels_name_the_server(
    start_redis: Callable[..., RedisServer],
    tmp_path: Path,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody waits for a failover, nor sees an error; after it what was kept is said again, from where it is now."""
    binary = obtain("redis", lambda: find_binary(os.environ), os.environ)
    master = start_redis()
    start_redis({"replicaof": f"127.0.0.1 {master.port}"})
    sentinel = SentinelServer(binary, tmp_path / "sentinel", master)
    try:
        sentinel.start()
        await serves(sentinel.url, topic_prefix, monkeypatch)
        async with cache(sentinel.url, topic_prefix, call_s=0.5) as one:
            await again_found(one)
            with Redis(port=master.port) as client:
                client.wait(1, 2_000)
            master.kill()
            assert isinstance(await one.ask(KEYS[1]), Found | Made)
            await again_found(one)
    finally:
        sentinel.close()


async def again_found(asker: Asker) -> None:
    """Ask until somebody has it."""
    async with asyncio.timeout(PATIENCE_S):
        while not isinstance(await asker.ask(KEYS[1]), Found):
            await asyncio.sleep(0.1)


async def test_one_server_serves(
    start_redis: Callable[..., RedisServer], topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cache's should be."""
    redis = start_redis({"maxmemory": "64mb", "maxmemory-policy": "allkeys-lfu"})
    await serves(redis.url, topic_prefix, monkeypatch)
