"""The cache's Redis: values, leases and orders, each question in time or not at all."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from agents.metrics import AGENT
from agents.redis import Client, NoAnswerError, RefusedError
from topics import PipelineError

from .codec import PACKED_BYTES_MAX
from .key import family, orders_name
from .lease import DECLINED, LEASE_BYTES_MAX
from .orders import EPOCH, TOMBSTONES_MAX, Orders, read_orders, tombstone

CALL_S = 0.2
"""For one question. A value is there within a millisecond; without it, there is a model to be asked."""
AWAY_S = 1.0
"""A Redis that did not answer is not asked again for so long: a wait for each candidate would be long together."""
SCANNED = 500
"""Names looked through at once."""

_IF_MINE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call({}) end return false"
_RENEW = _IF_MINE.format("'PEXPIRE', KEYS[1], ARGV[2]")
_LEAVE = _IF_MINE.format("'DEL', KEYS[1]")
_REPLACE = _IF_MINE.format("'SET', KEYS[1], ARGV[3], 'PX', ARGV[2]")


class CacheError(PipelineError):
    """The cache's Redis is not one for a cache."""


class Store:
    """Bytes under names, of all workers."""

    def __init__(self, url: str, *, prefix: str, call_s: float = CALL_S) -> None:
        """Connect when first asked. ``prefix`` is the pipeline's.

        ``url`` is redis://, rediss://, unix://, redis+sentinel://HOST:PORT,.../NAME or redis+cluster://HOST:PORT,...

        Raises:
            ValueError: The URL is none of these; no part of it is shown.
        """
        self._client = Client(url, call_s=call_s, decode_responses=False, clusters=True)
        self._redis = self._client.redis
        self._orders, self._family = orders_name(prefix), family(prefix)
        self._scripts = {
            text: self._redis.register_script(text) for text in (_RENEW, _LEAVE, _REPLACE)
        }
        self._away_until_s = float("-inf")

    async def get(self, name: str) -> bytes:
        """Return what is kept under a name, at most one byte more than a value may have; nothing where nothing is.

        Raises:
            NoAnswerError: Redis did not answer, or something else than a value stands there.
        """
        return bytes(
            await self._ask("get", lambda: self._redis.getrange(name, 0, PACKED_BYTES_MAX))
        )

    async def put(self, name: str, packed: bytes, kept_ms: int) -> None:
        """Keep a value for so long, in the place of an earlier one.

        Raises:
            NoAnswerError: Redis did not answer, or is full.
        """
        await self._ask("put", lambda: self._redis.set(name, packed, px=kept_ms))

    async def delete(self, name: str) -> None:
        """Delete what stands under a name.

        Raises:
            NoAnswerError: Redis did not answer.
        """
        await self._ask("delete", lambda: self._redis.delete(name))

    async def take(self, lease: str, mine: bytes, lease_ms: int) -> bool:
        """Return whether the lease is ours now; not if anything stands under its name.

        Raises:
            NoAnswerError: Redis did not answer.
        """
        return bool(
            await self._ask("take", lambda: self._redis.set(lease, mine, nx=True, px=lease_ms))
        )

    async def lease(self, lease: str) -> bytes:
        """Return what stands under a lease, or as much of it as one can have; nothing where nothing does.

        Raises:
            NoAnswerError: Redis did not answer, or something else than a lease stands there.
        """
        return bytes(
            await self._ask("lease", lambda: self._redis.getrange(lease, 0, LEASE_BYTES_MAX))
        )

    async def renew(self, lease: str, mine: bytes, lease_ms: int) -> bool:
        """Hold a lease for longer, and return whether it is still ours.

        Raises:
            NoAnswerError: Redis did not answer.
        """
        return bool(await self._run("renew", _RENEW, lease, mine, lease_ms))

    async def leave(self, lease: str, mine: bytes) -> None:
        """Give a lease back, if it is still ours.

        Raises:
            NoAnswerError: Redis did not answer; it ends by itself.
        """
        await self._run("leave", _LEAVE, lease, mine)

    async def decline(self, lease: str, mine: bytes, kept_ms: int) -> None:
        """Leave behind, in the place of our lease, that nobody is to ask for so long.

        Raises:
            NoAnswerError: Redis did not answer.
        """
        await self._run("decline", _REPLACE, lease, mine, kept_ms, DECLINED)

    async def orders(self, now_ms: int) -> Orders:
        """Return what stands; where there is no epoch, one has begun.

        Raises:
            NoAnswerError: Redis did not answer, or nobody can read what stands there.
        """
        orders = read_orders(await self._told())
        if orders is None:
            await self._ask("orders", lambda: self._redis.hsetnx(self._orders, EPOCH, str(now_ms)))
            orders = read_orders(await self._told())
        if orders is None:
            msg = f"{self._orders} holds no epoch that is a number"
            raise RefusedError(msg)
        return orders

    async def begin_epoch(self, now_ms: int) -> int:
        """Let nothing be said any more of what was kept so far, and return the new epoch.

        Orders that nobody can read are deleted: they stand against everything already.

        Raises:
            NoAnswerError: Redis did not answer, or is full.
        """
        try:
            await self.orders(now_ms)
        except RefusedError:
            await self.delete(self._orders)
            await self.orders(now_ms)
        return int(
            await self._ask("orders", lambda: self._redis.hincrby(self._orders, EPOCH.decode(), 1))
        )

    async def bar(self, word: str, name: str, *, until_ms: int, now_ms: int) -> bool:
        """Put a tombstone over a key and delete its value; return whether there was room for one.

        Raises:
            NoAnswerError: Redis did not answer.
        """
        stood = await self.orders(now_ms)
        if over := stood.expired(now_ms):
            await self._ask("orders", lambda: self._redis.hdel(self._orders, *map(tombstone, over)))
        if word not in stood.tombstones and len(stood.tombstones) - len(over) >= TOMBSTONES_MAX:
            return False
        await self._ask(
            "orders", lambda: self._redis.hset(self._orders, tombstone(word), str(until_ms))
        )
        await self.delete(name)
        return True

    async def names(self, epoch: int, most: int) -> list[str]:
        """Return the names of values of an epoch, at most so many of them, in no order.

        Raises:
            NoAnswerError: Redis did not answer.
        """
        found: list[str] = []
        pattern = f"{_literal(self._family)}{epoch}:*"

        async def scanned() -> None:
            async for name in self._redis.scan_iter(pattern, count=SCANNED):
                if not name.endswith(b":lease"):
                    found.append(name.decode(errors="replace"))
                if len(found) >= most:
                    return

        await self._ask("names", scanned)
        return found

    async def check_policy(self) -> str | None:
        """Return what is to be said loudly of how this Redis treats its memory, or None.

        Raises:
            CacheError: It refuses writes when it is full, as a ledger must; a cache's drops what is used least.
            NoAnswerError: Redis did not answer, or does not tell.
        """
        for told in _each(await self._ask("policy", lambda: self._redis.info("memory"))):
            policy = told.get("maxmemory_policy", "unknown")
            if not int(told.get("maxmemory", 0)):
                return "the cache's Redis has no maxmemory: nothing but time bounds what it holds"
            if policy == "noeviction":
                msg = (
                    "agent.cache.redis_url: this Redis refuses writes when it is full (maxmemory-policy noeviction),"
                    " as the ledger's must; the cache's is another one, with allkeys-lfu"
                )
                raise CacheError(msg)
        return None

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def _told(self) -> Mapping[bytes, bytes]:
        told: Mapping[bytes, bytes] = await self._ask(
            "orders", lambda: self._redis.hgetall(self._orders)
        )
        return told

    async def _run(self, what: str, script: str, lease: str, *words: bytes | int) -> Any:  # noqa: ANN401 - as `_ask`
        return await self._ask(what, lambda: self._scripts[script](keys=[lease], args=list(words)))

    async def _ask(self, what: str, question: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever Redis says
        now_s = time.monotonic()
        if now_s < self._away_until_s:
            AGENT.cache_redis_failures.labels(what, "not_asked").inc()
            msg = "Redis did not answer a moment ago"
            raise NoAnswerError(msg)
        try:
            return await self._client.ask(question)
        except RefusedError:
            AGENT.cache_redis_failures.labels(what, "refused").inc()
            raise
        except NoAnswerError:
            AGENT.cache_redis_failures.labels(what, "no_answer").inc()
            self._away_until_s = time.monotonic() + AWAY_S
            raise


def _each(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what each server says: a cluster's client tells it by server."""
    if all(isinstance(value, Mapping) for value in told.values()):
        return list(told.values())
    return [told]


def _literal(text: str) -> str:
    """Return a pattern that fits a text and nothing else."""
    return "".join(
        f"[{char}]" if char in "*?" else f"\\{char}" if char in "[]\\" else char for char in text
    )
