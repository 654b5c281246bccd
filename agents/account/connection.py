"""The ledger's Redis: its scripts, run by one server or by the master that Sentinels name, in time or not at all."""

import asyncio
from collections.abc import Awaitable
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from topics import PipelineError

CALL_S = 0.5
"""For a whole question, connecting and waiting for a connection included."""
CONNECTIONS_MAX = 16
"""A script takes a fraction of a millisecond: more would only wait in the server instead of here."""
_SENTINEL = "redis+sentinel"
_FORMS = (
    "an address of Redis is redis://[USER:PASSWORD@]HOST:PORT/NUMBER, rediss:// or unix://, or"
    " redis+sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/NAME; a password's / # ? @ are written %2F %23 %3F %40"
)
_FULL = "allow-oom"
_FLAGS = {
    "reserve": "",
    **dict.fromkeys(("confirm", "close", "sweep", "heed", "set"), _FULL),
    **dict.fromkeys(("rebuild_begin", "rebuild_load", "rebuild_end"), _FULL),
    **dict.fromkeys(("show", "find"), "no-writes"),
}
"""A Redis that is full takes no reservation, and everything that ends one."""


class LedgerError(PipelineError):
    """The ledger did not answer: nothing may be sent."""


class Connection:
    """Runs the scripts of one scope."""

    def __init__(self, url: str, base: str, call_s: float) -> None:
        """Connect when first asked. Every key begins with ``base``.

        Raises:
            ValueError: The URL is not one of Redis, or names no Sentinel or no master. No part of it is shown:
                a password with a slash in it would be taken for a port, and told.
        """
        self._base, self._call_s = base, call_s
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._open: set[asyncio.Future[Any]] = set()
        self._sentinels: list[Redis] = []
        try:
            self._redis = _connect(url, call_s, self._sentinels)
        except ValueError:
            raise ValueError(_FORMS) from None
        self._scripts = {name: self._redis.register_script(_script(name)) for name in _FLAGS}

    async def run(self, name: str, *words: str | int) -> Any:  # noqa: ANN401 - whatever the script says
        """Run a script and return what it says.

        Raises:
            LedgerError: There was no answer in time, or a refusal. The script may have run.
        """
        return await self.answer(self._asked(name, words))

    async def answer(self, asked: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever Redis says
        """Return Redis' answer, in time or not at all.

        The client may take its time to clean up after a question that is given up, as long again as it
        waits for an answer: that goes on without us.

        Raises:
            LedgerError: There was no answer in time, or a refusal.
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

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._redis.aclose()
        await self._redis.connection_pool.aclose()
        for sentinel in self._sentinels:
            await sentinel.aclose()

    async def _asked(self, name: str, words: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - as `run`
        async with self._room:  # a Sentinel's pool would refuse instead of waiting
            return await self._scripts[name](keys=[self._base], args=list(words))

    def _end(self, question: "asyncio.Future[Any]") -> None:
        self._open.discard(question)
        if not question.cancelled():
            question.exception()  # told to whoever still waited


def _connect(url: str, call_s: float, sentinels: list[Redis]) -> Redis:
    """Return a client that tries once; the clients it asks for the master are added to ``sentinels``."""
    options: dict[str, Any] = {
        "socket_timeout": call_s,
        "socket_connect_timeout": call_s,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
    }
    if urlsplit(url).scheme == _SENTINEL:
        return _master(url, options, sentinels)
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS_MAX, timeout=call_s, **options
    )
    return Redis.from_pool(pool)


def _master(url: str, options: dict[str, Any], sentinels: list[Redis]) -> Redis:
    """Return a client of whichever server the Sentinels call the master."""
    parts = urlsplit(url)
    name = parts.path.strip("/")
    _, _, places = parts.netloc.rpartition("@")
    hosts = [place.rpartition(":") for place in places.split(",") if place]
    if not name or not hosts or not all(host and port.isdigit() for host, _, port in hosts):
        raise ValueError(_FORMS)
    login = {
        key: unquote(value)
        for key, value in (("username", parts.username), ("password", parts.password))
        if value
    }
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [(host, int(port)) for host, _, port in hosts],
        sentinel_kwargs={key: options[key] for key in ("socket_timeout", "socket_connect_timeout")},
        **options,
        **login,
    )
    sentinels += sentinel.sentinels
    client: Redis = sentinel.master_for(name)
    return client


@cache
def _script(name: str) -> str:
    """Return a script as Redis takes it: what it may do, what all begin with, its own steps."""
    folder = files("agents.account").joinpath("scripts")
    texts = [folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in ("books", name)]
    flags = f" flags={_FLAGS[name]}" if _FLAGS[name] else ""
    return "\n".join([f"#!lua{flags}", *texts])
