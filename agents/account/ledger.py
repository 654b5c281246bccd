"""The spend of one budget scope, kept in Redis: reserved before a call, settled after it.

This is the ledger's first form: one cap per UTC day. settled + reserved <= cap after every step, because a
reservation and its check are one script. What was never settled stays charged in full.
"""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

CALL_S = 0.5
"""For a whole question, connecting and waiting for a connection included."""
_KEEP_S = 8 * 86_400

_RESERVE = """
local amount, cap = tonumber(ARGV[2]), tonumber(ARGV[3])
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then return {known == 'settled' and 0 or 1, 0} end
local used = tonumber(redis.call('HGET', KEYS[1], 'settled') or '0')
           + tonumber(redis.call('HGET', KEYS[1], 'reserved') or '0')
if used + amount > cap then return {0, used} end
redis.call('HINCRBY', KEYS[1], 'reserved', amount)
redis.call('HSET', KEYS[2], ARGV[1], amount)
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return {1, used + amount}
"""
_SETTLE = """
local reserved = redis.call('HGET', KEYS[2], ARGV[1])
if not reserved or reserved == 'settled' then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], 'settled')
redis.call('HINCRBY', KEYS[1], 'reserved', -tonumber(reserved))
redis.call('HINCRBY', KEYS[1], 'settled', ARGV[2])
return 1
"""


class Spend(Struct, frozen=True):
    """Nano-dollars of one day."""

    settled: int
    reserved: int


class LedgerError(Exception):
    """The ledger did not answer: nothing may be sent."""


class Ledger:
    """One scope's account."""

    def __init__(
        self, url: str, *, prefix: str, scope: str, cap_nano_usd: int, call_s: float = CALL_S
    ) -> None:
        """Connect on the first call. ``prefix`` is the pipeline's."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=16,
            timeout=call_s,
            socket_timeout=call_s,
            socket_connect_timeout=call_s,
            retry=Retry(NoBackoff(), 0),
        )
        self.cap_nano_usd = cap_nano_usd
        self._call_s = call_s
        self._open: set[asyncio.Future[Any]] = set()
        self._redis = Redis.from_pool(pool)
        self._prefix = f"{prefix}budget:{{{scope}}}"
        self._reserve = self._redis.register_script(_RESERVE)
        self._settle = self._redis.register_script(_SETTLE)

    async def reserve(self, attempt_id: str, amount_nano_usd: int, now_ms: int) -> bool:
        """Set an amount aside for a call, and return whether the cap allows it.

        Idempotent by attempt: what is reserved is not reserved again, and a settled attempt never.

        Raises:
            LedgerError: Redis did not answer.
        """
        args: list[str | int] = [attempt_id, amount_nano_usd, self.cap_nano_usd, _KEEP_S]
        answer = await self._answer(self._reserve(keys=self._keys(now_ms), args=args))
        return bool(answer[0])

    async def settle(self, attempt_id: str, cost_nano_usd: int, now_ms: int) -> None:
        """Replace a reservation by what the call cost. ``now_ms`` is the time it was reserved at.

        Raises:
            LedgerError: Redis did not answer; the reservation stays charged.
        """
        await self._answer(self._settle(keys=self._keys(now_ms), args=[attempt_id, cost_nano_usd]))

    async def spend(self, now_ms: int) -> Spend:
        """Return the day's account.

        Raises:
            LedgerError: Redis did not answer.
        """
        account = self._keys(now_ms)[0]
        settled, reserved = await self._answer(self._redis.hmget(account, ["settled", "reserved"]))
        return Spend(int(settled or 0), int(reserved or 0))

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()

    def _keys(self, now_ms: int) -> list[str]:
        day = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%d")
        return [f"{self._prefix}:{day}", f"{self._prefix}:{day}:attempts"]

    async def _answer(self, asked: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever Redis says
        """Return Redis' answer, in time or not at all.

        The client may take its time to clean up after a question that is given up, as long again as it
        waits for an answer: that goes on without us.
        """
        question = asyncio.ensure_future(asked)
        self._open.add(question)
        question.add_done_callback(self._end)
        try:
            await asyncio.wait({question}, timeout=self._call_s)
        finally:
            question.cancel()
        try:
            if question.done():
                return question.result()
        except (RedisError, OSError) as error:
            raise LedgerError(str(error) or "no answer") from None
        msg = f"no answer within {self._call_s:g} s"
        raise LedgerError(msg)

    def _end(self, question: "asyncio.Future[Any]") -> None:
        self._open.discard(question)
        if not question.cancelled():
            question.exception()  # told to whoever still waited
