"""A seeded market of windows and alerts that never ends: what an agent is given while it is harmed."""

import asyncio
import random
import time

from aiokafka import AIOKafkaProducer

from tests.strategies.aggregates import BASE_MS, FIVE_MS, MINUTE_MS, market, social, volume
from topics import Aggregate, Alert, encode, partition_of
from topics.broker import BrokerSettings
from topics.outbox import OutRecord, send

ASSETS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK", "AVAX", "ATOM", "UNI")
TICK_S = 0.4
"""Of the wall, for a minute of the market."""
FALLS = 0.35
"""Of all minutes: each asks for a deep dive."""
ALERT_TICKS, REFUSED_TICKS, WIDE_TICKS = 5, 15, 5
"""An alert, a record that nobody can read, and windows that are only folded come once in so many ticks."""


class Market:
    """One seed's windows, tick by tick. How many there are is a matter of time, what they say is not."""

    def __init__(self, broker: BrokerSettings, seed: str, *, tick_s: float = TICK_S) -> None:
        self._broker, self._rnd, self._tick_s = broker, random.Random(f"market {seed}"), tick_s
        self._minute = 0

    async def play(self, over: asyncio.Event) -> None:
        """Write at its pace until it is over. A broker that is away is waited for."""
        options = self._broker.client_options()
        async with AIOKafkaProducer(**options, acks="all", enable_idempotence=True) as producer:
            due_s = time.monotonic()
            while not over.is_set():
                await send(producer, self.tick())
                due_s = max(due_s + self._tick_s, time.monotonic())
                await asyncio.sleep(due_s - time.monotonic())

    def tick(self) -> list[OutRecord]:
        """Return what comes with the next minute."""
        minute, self._minute = self._minute, self._minute + 1
        made = [self._aggregate(self._market(asset, minute)) for asset in ASSETS]
        if minute % WIDE_TICKS == 0:
            made += self._wide(minute // WIDE_TICKS)
        if minute % ALERT_TICKS == 0:
            made.append(self._alert(minute))
        if minute % REFUSED_TICKS == 0:
            made.append(self._record("aggregates", self._rnd.choice(ASSETS), b"\xff no window"))
        return made

    def _market(self, asset: str, minute: int) -> Aggregate:
        falls = self._rnd.random() < FALLS
        last = 100.0 - self._rnd.choice((4.0, 5.0, 7.0)) if falls else 100.0
        return market(f"{asset}/USDT", minute, last=last, volume=self._rnd.uniform(8.0, 12.0))

    def _wide(self, number: int) -> list[OutRecord]:
        made: list[Aggregate] = []
        for asset in ASSETS:
            made += [
                market(f"{asset}/USDT", number, window_ms=FIVE_MS),
                volume(asset, number),
                social(asset, number),
                market(f"{asset}/USDT", number, revision=1, last=99.9),
            ]
        return [self._aggregate(one) for one in made]

    def _alert(self, minute: int) -> OutRecord:
        asset, at_ms = self._rnd.choice(ASSETS), BASE_MS + (minute + 1) * MINUTE_MS
        alert = Alert(
            alert_id=f"price.drop/{asset}/USDT/{at_ms}",
            rule="price.drop",
            asset=asset,
            subject=f"{asset}/USDT",
            state="firing",
            severity="critical",
            since_ms=at_ms,
            as_of_ms=at_ms,
            headline="it falls",
        )
        return self._record("alerts", asset, encode(alert), key=f"price.drop/{asset}")

    def _aggregate(self, aggregate: Aggregate) -> OutRecord:
        return self._record("aggregates", aggregate.asset, encode(aggregate))

    def _record(self, name: str, asset: str, value: bytes, key: str | None = None) -> OutRecord:
        partition = partition_of(asset, self._broker.partitions)
        return OutRecord(self._broker.topic(name), partition, (key or asset).encode(), value)
