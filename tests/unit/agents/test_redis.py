"""Redis by its address: what is one, and that an answer comes in time or not at all."""

import asyncio
import time

import pytest
from redis.exceptions import ClusterDownError, OutOfMemoryError, RedisClusterException

from agents.redis import Client, NoAnswerError, RefusedError

FORMS = (
    "redis://h",
    "redis://u:p%2F@h:1/3",
    "rediss://h:1",
    "unix:///run/redis.sock",
    "redis+sentinel://u:p%2F@h:1,i:2/m",
    "redis+cluster://u:p%2F@h:1,i:2",
    "redis+cluster://[::1]:1",
)
WRONG = (
    "redis+cluster://",
    "redis+cluster://h",
    "redis+cluster://h:1/m",
    "redis+cluster://:hush/1@h:1",
    "redis+cluster://u:hush@[::1:1",
    "redis+sentinel://:hush@h:1",
    "hush",
)


@pytest.mark.parametrize("url", FORMS)
async def test_an_address_is_one_in_each_of_its_forms(url: str) -> None:
    """A server, one behind Sentinels, a cluster; nothing is asked yet."""
    await Client(url, call_s=0.1, clusters=True).close()


@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_is_none_is_refused_unseen(url: str) -> None:
    """There may be a password in it; the forms there are say what is meant."""
    with pytest.raises(ValueError, match=r"redis\+cluster://\[USER:PASSWORD@\]HOST:PORT") as caught:
        Client(url, call_s=0.1, clusters=True)
    assert "hush" not in str(caught.value)


def test_a_cluster_is_none_for_who_cannot_ask_one() -> None:
    """Nor is it offered."""
    with pytest.raises(ValueError, match="an address of Redis is") as caught:
        Client("redis+cluster://h:1", call_s=0.1)
    assert "cluster" not in str(caught.value)


async def test_a_client_that_cleans_up_slowly_holds_nobody() -> None:
    """A question is given up in time; what its client still has to do ends before the connection is closed."""
    clean = asyncio.Event()

    async def asked() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(2.0)
            clean.set()

    client = Client("redis://127.0.0.1:1/0", call_s=0.1)
    began_s = time.monotonic()
    with pytest.raises(NoAnswerError, match=r"no answer within 0\.1 s"):
        await client.ask(asked)
    assert time.monotonic() - began_s < 1.5
    assert not clean.is_set()
    await client.close()
    assert clean.is_set()


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (OutOfMemoryError("full"), True),
        (ClusterDownError("half of it is gone"), False),
        (RedisClusterException("no server is left"), False),
        (OSError("no route"), False),
    ],
)
async def test_a_refusal_is_an_answer(error: Exception, refused: bool) -> None:
    """Whoever is told no may ask something else at once; whoever is told nothing need not."""

    async def asked() -> None:
        raise error

    client = Client("redis://127.0.0.1:1/0", call_s=5.0)
    with pytest.raises(NoAnswerError, match=str(error)) as caught:
        await client.ask(asked)
    assert isinstance(caught.value, RefusedError) == refused
    await client.close()
