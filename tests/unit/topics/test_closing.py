"""Who is cancelled while a consumer closes is cancelled, though aiokafka takes the cancellation for its own."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from topics.closing import close_consumer, close_within

CLOSES_S = 0.05


class Client:
    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


class Deaf:
    """Closes as aiokafka's does: what it waits for is cancelled by itself, and so is who cancels it meanwhile."""

    def __init__(self, error: Exception | None = None, closes_s: float = CLOSES_S) -> None:
        self._client, self._error, self._closes_s = Client(), error, closes_s
        self.stopped = False

    async def stop(self) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(self._closes_s)
        self.stopped = True
        if self._error is not None:
            raise self._error


def consumer(fake: Deaf) -> AIOKafkaConsumer:
    return cast("AIOKafkaConsumer", cast("Any", fake))


async def test_a_cancellation_while_a_consumer_closes_is_not_lost() -> None:
    for close in (close_consumer, lambda one: close_within(one, 5.0)):
        fake = Deaf()
        closing = asyncio.create_task(close(consumer(fake)))
        await asyncio.sleep(CLOSES_S / 5)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await asyncio.sleep(2 * CLOSES_S)
        assert fake.stopped


async def test_an_error_of_closing_is_told_or_of_no_interest_and_connections_are_closed() -> None:
    fake = Deaf(KafkaError("gone"))
    with pytest.raises(KafkaError):
        await close_consumer(consumer(fake))
    assert fake._client.closed == 1
    fake = Deaf(KafkaError("gone"))
    await close_within(consumer(fake), 5.0)
    assert fake._client.closed == 1


async def test_closing_within_a_time_waits_no_longer() -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await close_within(consumer(Deaf(closes_s=3.0)), 0.05)
    assert loop.time() - began_s < 2.5
