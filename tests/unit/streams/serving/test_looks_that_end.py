"""A look that comes to nothing ends in its time, is told as what it is, and leaves no connection open."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.serving import lookup as module
from streams.serving.found import Missing
from streams.serving.lookup import Lookup
from streams.serving.shown import Place
from streams.serving.view import View
from topics.broker import BrokerSettings


class Client:
    """The connections of a consumer."""

    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


class Away:
    """A consumer whose broker is away: it ends as aiokafka's does then, as if whoever closes it were cancelled."""

    def __init__(self, *, refuses: bool) -> None:
        self._client, self._refuses = Client(), refuses
        self.may_end = asyncio.Event()

    async def start(self) -> None:
        if self._refuses:
            raise KafkaConnectionError

    def assign(self, places: list[Any]) -> None:
        pass

    async def beginning_offsets(self, _places: list[Any]) -> dict[Any, int]:
        await asyncio.sleep(60)
        return {}

    async def stop(self) -> None:
        await self.may_end.wait()
        raise asyncio.CancelledError


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_look_ends_in_its_time_whatever_its_consumer_does(
    monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    consumer = Away(refuses=refuses)
    monkeypatch.setattr(module, "consumer_class", lambda _broker: lambda **_options: consumer)
    monkeypatch.setattr(module, "CLOSE_S", 0.05)
    lookup = Lookup(BrokerSettings(), View(), look_s=0.02)
    async with asyncio.timeout(5.0):
        found = await lookup.record(Place("late", 0, 0))
    assert isinstance(found, Missing)
    assert found.why == "unreachable"
    consumer.may_end.set()
    async with asyncio.timeout(5.0):
        while not consumer._client.closed:
            await asyncio.sleep(0.01)
    await lookup.close()
