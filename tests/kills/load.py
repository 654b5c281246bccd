"""Many subjects with a past, and a steady stream of their trades."""

import random
import threading
import time
from decimal import Decimal

from confluent_kafka import Producer

from topics import KINDS, Heartbeat, Trade, encode, partition_of, raw_topic
from topics.broker import BrokerSettings

ENTRIES_A_SUBJECT = 230
"""Live state entries after `PAST_MIN`: 71 blocks, 158 windows of history, the subject itself."""
PAST_MIN = 76
PANES_A_MINUTE = 6
TRADES_A_PANE = 13
"""Of each subject's past."""
VENUES = ("binance", "bitfinex", "bitstamp", "bybit", "coinbase", "gemini", "kraken", "okx")
SIZE_DECADES = (-2.0, 2.0)
"""Sizes are spread evenly over their logarithm, as those of a liquid instrument nearly are."""
FIRST_ID = 4_100_000_000
"""Exchanges have counted for years."""
START_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000
TICK_S = 0.05


class Load:
    """Writes as a collector does, from a thread of its own."""

    def __init__(self, broker: BrokerSettings, subjects: int, seed: int) -> None:
        self._broker, self._rnd = broker, random.Random(seed)
        self._assets = [f"C{n:04}" for n in range(subjects)]
        self._topic = broker.topic(raw_topic("market"))
        self._sequences: dict[tuple[str, str], int] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self.now_ms = START_MS
        self.written = 0
        self._producer = Producer(
            {"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "linger.ms": 5}
        )

    def past(self) -> None:
        """Write minute after minute of every subject as fast as it goes, and return when all is acknowledged."""
        pane_ms = 60_000 // PANES_A_MINUTE
        for _ in range(PAST_MIN * PANES_A_MINUTE):
            for asset in self._assets:
                for number in range(TRADES_A_PANE):
                    self._trade(asset, self.now_ms + number * pane_ms // TRADES_A_PANE)
                self._producer.poll(0)
            self.now_ms += pane_ms
            self._beat()
        self._producer.flush(60)

    def begin(self, events_s: int) -> None:
        """Go on at this pace, event time as fast as the wall's, until `end`."""
        self._thread = threading.Thread(target=self._play, args=(events_s,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Write no more."""
        self._over.set()
        if self._thread:
            self._thread.join()
        self._producer.flush(60)

    def _play(self, events_s: int) -> None:
        began_s, first_ms, written, beats = time.monotonic(), self.now_ms, 0, 0
        while not self._over.is_set():
            passed_s = time.monotonic() - began_s
            self.now_ms = first_ms + int(passed_s * 1000)
            while written < passed_s * events_s:
                self._trade(self._rnd.choice(self._assets), self.now_ms)
                written += 1
            if passed_s > beats:
                self._beat()
                beats += 1
            self._producer.poll(0)
            time.sleep(TICK_S)

    def _trade(self, asset: str, at_ms: int) -> None:
        venue = self._rnd.choice(VENUES)
        number = self._sequences[asset, venue] = self._sequences.get((asset, venue), 0) + 1
        trade = Trade(
            subject=f"{asset}/USDT",
            source="alpha",
            venue=venue,
            trade_id=str(FIRST_ID + number),
            event_ms=at_ms,
            received_ms=at_ms,
            price=Decimal(self._rnd.randrange(10_000, 11_000)) / 100,
            size=Decimal(f"{10 ** self._rnd.uniform(*SIZE_DECADES):.5f}"),
            side="buy" if number % 2 else "sell",
            sequence=number,
        )
        place = partition_of(asset, self._broker.partitions)
        self._write(self._topic, place, asset.encode(), encode(trade))

    def _beat(self) -> None:
        value = encode(Heartbeat(source="alpha", epoch=0, through_ms=self.now_ms - 200))
        for kind in KINDS:
            for partition in range(self._broker.partitions):
                self._write(self._broker.topic(raw_topic(kind)), partition, None, value)

    def _write(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        self.written += 1
        try:
            self._producer.produce(topic, value, key, partition)
        except BufferError:
            self._producer.poll(1)
            self._producer.produce(topic, value, key, partition)
