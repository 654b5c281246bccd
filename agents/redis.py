"""Redis by its address: one server, the master that Sentinels name, or a cluster; asked in time or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ClusterError, RedisClusterException, RedisError, ResponseError

from topics import PipelineError

CONNECTIONS_MAX = 16
"""A question takes a fraction of a millisecond: more would only wait in the server instead of here."""
_SENTINEL, _CLUSTER = "redis+sentinel", "redis+cluster"
_FORMS = (
    "an address of Redis is redis://[USER:PASSWORD@]HOST:PORT/NUMBER, rediss:// or unix://, or"
    " redis+sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]/NAME{};"
    " a password's / # ? @ are written %2F %23 %3F %40"
)
_CLUSTER_FORM = ", or redis+cluster://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]"


class NoAnswerError(PipelineError):
    """Redis did not answer in time. It may have done what it was asked."""


class RefusedError(NoAnswerError):
    """Redis answered that it will not: it is full, or something else stands under that key."""


class Client:
    """Asks one Redis, whatever it is made of."""

    def __init__(
        self, url: str, *, call_s: float, decode_responses: bool = True, clusters: bool = False
    ) -> None:
        """Connect when first asked. ``clusters``: whether the questions to come can be asked of a cluster.

        Raises:
            ValueError: The URL is not one of Redis, or names no server, no Sentinel or no master. No part of it
                is shown: a password with a slash in it would be taken for a port, and told.
        """
        self._call_s = call_s
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._open: set[asyncio.Future[Any]] = set()
        self._sentinels: list[Redis] = []
        options: dict[str, Any] = {
            "socket_timeout": call_s,
            "socket_connect_timeout": call_s,
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": decode_responses,
        }
        try:
            self._is_cluster = clusters and urlsplit(url).scheme == _CLUSTER
            self.redis = _connect(
                url, call_s, options, self._sentinels, is_cluster=self._is_cluster
            )
        except ValueError:
            raise ValueError(_FORMS.format(_CLUSTER_FORM if clusters else "")) from None

    async def ask(self, question: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever Redis says
        """Return Redis' answer, in time or not at all; connecting and waiting for a connection count.

        The client may take its time to clean up after a question that is given up, as long again as it
        waits for an answer: that goes on without us.

        Raises:
            NoAnswerError: There was no answer in time, or a refusal.
        """
        asked = asyncio.ensure_future(self._asked(question))
        self._open.add(asked)
        asked.add_done_callback(self._end)
        try:
            await asyncio.wait({asked}, timeout=self._call_s)
        finally:
            asked.cancel()
        try:
            if asked.done():
                return asked.result()
        except (ClusterError, RedisClusterException, OSError) as error:
            raise NoAnswerError(str(error) or "no answer") from None
        except ResponseError as error:
            raise RefusedError(str(error) or "refused") from None
        except RedisError as error:
            raise NoAnswerError(str(error) or "no answer") from None
        msg = f"no answer within {self._call_s:g} s"
        raise NoAnswerError(msg)

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(*self._open, return_exceptions=True)
        await self.redis.aclose()
        if not self._is_cluster:  # which closes what it has for each of its servers
            await self.redis.connection_pool.aclose()
        for sentinel in self._sentinels:
            await sentinel.aclose()

    async def _asked(self, question: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as `ask`
        async with (
            self._room
        ):  # a Sentinel's pool, and a cluster's, would refuse instead of waiting
            return await question()

    def _end(self, asked: "asyncio.Future[Any]") -> None:
        self._open.discard(asked)
        if not asked.cancelled():
            asked.exception()  # told to whoever still waited


def _connect(
    url: str, call_s: float, options: dict[str, Any], sentinels: list[Redis], *, is_cluster: bool
) -> Redis:
    """Return a client that tries once; the clients it asks for the master are added to ``sentinels``."""
    parts = urlsplit(url)
    if parts.scheme == _SENTINEL:
        return _master(parts, options, sentinels)
    if is_cluster:
        return _cluster(parts, options)
    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS_MAX, timeout=call_s, **options
    )
    return Redis.from_pool(pool)


def _master(parts: SplitResult, options: dict[str, Any], sentinels: list[Redis]) -> Redis:
    """Return a client of whichever server the Sentinels call the master."""
    name, hosts = parts.path.strip("/"), _hosts(parts)
    if not name:
        raise ValueError(_FORMS)
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        hosts,
        sentinel_kwargs={key: options[key] for key in ("socket_timeout", "socket_connect_timeout")},
        **options,
        **_login(parts),
    )
    sentinels += sentinel.sentinels
    client: Redis = sentinel.master_for(name)
    return client


def _cluster(parts: SplitResult, options: dict[str, Any]) -> Redis:
    """Return a client that finds a cluster by any of its servers; it takes the same commands.

    A server that is gone takes its own keys with it, not everybody's. One more try finds who has them now.
    """
    if parts.path.strip("/"):
        raise ValueError(_FORMS)
    its_own: dict[str, Any] = {
        "startup_nodes": [ClusterNode(host, port) for host, port in _hosts(parts)],
        "require_full_coverage": False,
        "max_connections": CONNECTIONS_MAX,
        "retry": Retry(NoBackoff(), 1),
    }
    return cast("Redis", RedisCluster(**{**options, **its_own, **_login(parts)}))


def _hosts(parts: SplitResult) -> list[tuple[str, int]]:
    _, _, places = parts.netloc.rpartition("@")
    hosts = [place.rpartition(":") for place in places.split(",") if place]
    if not hosts or not all(host and port.isdigit() for host, _, port in hosts):
        raise ValueError(_FORMS)
    return [(host, int(port)) for host, _, port in hosts]


def _login(parts: SplitResult) -> dict[str, str]:
    return {
        key: unquote(value)
        for key, value in (("username", parts.username), ("password", parts.password))
        if value
    }
