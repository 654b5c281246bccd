"""The collect role's leases, in Redis: one name a lease, and one beside it that counts its epochs."""

from typing import Any

from agents.redis import Client, NoAnswerError
from streams.collectors.lease import LeaseError
from topics import SettingsError

CALL_S = 0.5
"""For one question: several must have room in a lease."""

_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return false end
local epoch = redis.call('INCR', KEYS[2])
if epoch < tonumber(ARGV[3]) then
  epoch = tonumber(ARGV[3])
  redis.call('SET', KEYS[2], string.format('%d', epoch))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return epoch
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_LEAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class RedisLeases:
    """Leases of one pipeline's collectors."""

    def __init__(self, url: str, *, prefix: str) -> None:
        """Connect when first asked. ``prefix`` is the pipeline's.

        Raises:
            SettingsError: The URL is not one of Redis; no part of it is shown.
        """
        try:
            self._client = Client(url, call_s=CALL_S, clusters=True)
        except ValueError as error:
            msg = f"collect.lease.redis_url: {error}"
            raise SettingsError(msg) from None
        self._prefix = prefix
        redis = self._client.redis
        self._take, self._renew, self._leave = map(redis.register_script, (_TAKE, _RENEW, _LEAVE))

    async def take(self, name: str, token: str, length_s: float, *, epoch_min: int) -> int | None:
        """Take a lease, or hold on to ours; return its epoch, or None if it is another's."""
        epoch = await self._ask(self._take, name, token, _ms(length_s), epoch_min)
        return None if epoch is None else int(epoch)

    async def renew(self, name: str, token: str, length_s: float) -> bool:
        """Hold a lease for longer, and return whether it is still ours."""
        return bool(await self._ask(self._renew, name, token, _ms(length_s)))

    async def leave(self, name: str, token: str) -> None:
        """Give a lease back, if it is ours."""
        await self._ask(self._leave, name, token)

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()

    async def _ask(self, script: Any, name: str, *words: str | int) -> Any:  # noqa: ANN401 - whatever Redis says
        # The braces put both into one slot of a cluster.
        lease = f"{self._prefix}{{collect:{name}}}:lease"
        epoch = f"{self._prefix}{{collect:{name}}}:epoch"
        try:
            return await self._client.ask(lambda: script(keys=[lease, epoch], args=list(words)))
        except NoAnswerError as error:
            msg = f"Redis: {error}"
            raise LeaseError(msg) from None


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
