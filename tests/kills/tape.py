"""A seeded market that never ends: what a worker is given while it is harmed.

Trades with sequence numbers and without, corrections, late ones, duplicates, gaps that are filled or stay, two
sources of which one is silent at times, reported volume, posts, repository events, and records nobody can read.
"""

import random
from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from topics import (
    KINDS,
    GapDetected,
    GapFilled,
    Heartbeat,
    Post,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    VolumeLevel,
    encode,
    partition_of,
    raw_topic,
)
from topics.broker import BrokerSettings
from topics.outbox import OutRecord

SPEED = 60
"""Event seconds for each second of the wall: a minute's windows close each second."""
TICK_S = 0.1
TRADES = 10
"""A tick."""
START_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000 + 20 * 60_000
ASSETS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE")
UNREADABLE = [("unreadable", b"1")]
"""The header of a record that must be a dead letter; the worker does not look at headers."""

_MIN = 60_000
_HOUR = 60 * _MIN


class Tape:
    """One seed's records, tick by tick."""

    def __init__(self, broker: BrokerSettings, seed: str) -> None:
        self._broker, self._rnd = broker, random.Random(seed)
        self._now_ms, self._number = START_MS, 0
        self._sequences: dict[str, int] = {}
        self._sent: deque[OutRecord] = deque(maxlen=60)
        self._gaps: deque[GapDetected] = deque()
        self._silent_until_ms, self._epoch = 0, 0

    def tick(self) -> list[OutRecord]:
        """Return what comes in the next tenth of a second."""
        span_ms = int(TICK_S * SPEED * 1000)
        self._now_ms += span_ms
        made = [self._trade(span_ms) for _ in range(TRADES)]
        made += [self._other(kind) for kind in ("volume", "social") if self._rnd.random() < 0.7]
        made += [self._other("development")] if self._rnd.random() < 0.3 else []
        made += self._marks()
        self._sent.extend(made)
        made += [self._rnd.choice(self._sent) for _ in range(self._rnd.choice((0, 0, 1, 2)))]
        made += self._unreadable()
        self._rnd.shuffle(made)
        return made + list(self._beats())

    def close(self) -> list[OutRecord]:
        """Return the last promises: every window ends, and what is corrected is published."""
        return [
            self._raw(kind, p, None, Heartbeat(source=s, epoch=self._epoch, through_ms=through_ms))
            for through_ms in (self._now_ms + 2 * _HOUR, self._now_ms + 2 * _HOUR + _MIN)
            for kind in KINDS
            for p in range(self._broker.partitions)
            for s in ("alpha", "beta")
        ]

    def _raw(self, kind: Any, partition: int, key: bytes | None, event: Any) -> OutRecord:
        return OutRecord(self._broker.topic(raw_topic(kind)), partition, key, encode(event))

    def _at(self, kind: Any, asset: str, event: Any) -> OutRecord:
        return self._raw(kind, partition_of(asset, self._broker.partitions), asset.encode(), event)

    def _trade(self, span_ms: int) -> OutRecord:
        rnd = self._rnd
        asset, venue = rnd.choice(ASSETS), rnd.choice(("alpha", "beta"))
        behind_ms = rnd.choices((0, 2 * _MIN, 7 * _MIN, 12 * _MIN), (90, 6, 2, 2))[0]
        self._number += 1
        sequence = None
        if venue == "alpha":  # a venue that numbers its trades
            sequence = self._sequences[asset] = self._sequences.get(asset, 0) + 1
        at_ms = max(START_MS - _HOUR, self._now_ms - rnd.randrange(span_ms) - behind_ms)
        trade = Trade(
            subject=f"{asset}/USDT",
            source=venue,
            venue=venue,
            trade_id=str(self._number),
            event_ms=at_ms,
            received_ms=at_ms,
            price=Decimal(rnd.randrange(1, 10**6)) / 100,
            size=Decimal(rnd.randrange(1, 10**6)) / 1000,
            side=rnd.choice(("buy", "sell")),
            sequence=sequence,
        )
        return self._at("market", asset, trade)

    def _other(self, kind: str) -> OutRecord:
        rnd, asset = self._rnd, self._rnd.choice(ASSETS)
        self._number += 1
        at_ms = self._now_ms - rnd.choice((0, 0, 0, 20 * _MIN, 70 * _MIN))
        told: dict[str, Any] = {
            "subject": asset,
            "source": rnd.choice(("alpha", "beta")),
            "event_ms": at_ms,
            "received_ms": at_ms,
        }
        if kind == "volume":
            make: type[VolumeFlow | VolumeLevel] = rnd.choice((VolumeFlow, VolumeLevel))
            place: dict[str, Any] = {"venue": told["source"], "instrument": f"{asset}USD"}
            volume = Decimal(rnd.randrange(10**6)) / 10
            return self._at(kind, asset, make(**told, **place, span_ms=_MIN, volume=volume))
        author = f"{rnd.randrange(40):016x}"
        if kind == "social":
            text: dict[str, Any] = {
                "platform": "forum",
                "post_id": str(self._number),
                "text": "words",
                "language": "en",
                "tone": rnd.uniform(-1, 1),
                "tone_version": "t1",
                "simhash": f"{rnd.randrange(9):04x}" + "0" * 12,
            }
            post = Post(**told, **text, author=author, engagement=rnd.randrange(100))
            return self._at(kind, asset, post)
        act: dict[str, Any] = {"repository": "a/b", "event_id": str(self._number)}
        did: Any = rnd.choice(("commit", "pull_request", "release", "issue", "star"))
        return self._at(kind, asset, RepositoryEvent(**told, **act, author=author, act=did))

    def _marks(self) -> list[OutRecord]:
        rnd, asset = self._rnd, self._rnd.choice(ASSETS)
        if rnd.random() < 0.02:
            self._number += 1
            from_ms = self._now_ms - rnd.randrange(3 * _MIN)
            hole = GapDetected(
                gap_id=f"g{self._number}",
                subject=f"{asset}/USDT",
                source="alpha",
                venue="alpha",
                from_ms=from_ms,
                to_ms=from_ms + rnd.randrange(1, 90_000),
            )
            self._gaps.append(hole)
            return [self._at("market", asset, hole)]
        if self._gaps and rnd.random() < 0.015:
            hole = self._gaps.popleft()
            same = {name: getattr(hole, name) for name in GapFilled.__struct_fields__}
            asset = hole.subject.partition("/")[0]
            return [self._at("market", asset, GapFilled(**same))]
        return []

    def _unreadable(self) -> list[OutRecord]:
        if self._rnd.random() > 0.1:
            return []
        topic, partitions = self._broker.topic(raw_topic("market")), self._broker.partitions
        home = partition_of("BTC", partitions)
        good = self._trade(1_000).value or b""
        partition, value = self._rnd.choice(
            [
                (self._rnd.randrange(partitions), b"{broken"),
                (home, b'{"type":"trade.v9"}'),
                (home, good.replace(b'"side":"', b'"side":"un')),
            ]
        )
        return [OutRecord(topic, partition, b"BTC", value, UNREADABLE)]

    def _beats(self) -> Iterator[OutRecord]:
        rnd = self._rnd
        if rnd.random() < 0.01:  # beta is silent for longer than a source may be
            self._silent_until_ms = self._now_ms + 90_000
        self._epoch += rnd.random() < 0.003
        for source, lag_ms in (("alpha", 1_500), ("beta", 4_000)):
            if rnd.random() < 0.4 or (source == "beta" and self._now_ms < self._silent_until_ms):
                continue
            beat = Heartbeat(source=source, epoch=self._epoch, through_ms=self._now_ms - lag_ms)
            for kind in KINDS:
                for partition in range(self._broker.partitions):
                    yield self._raw(kind, partition, None, beat)
