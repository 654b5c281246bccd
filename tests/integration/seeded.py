"""A log of all four kinds, the same for one seed: in order, out of order, twice, too late, missing, and broken."""

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

from tests.strategies.logs import START_MS
from topics import (
    KINDS,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    Post,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    VolumeLevel,
    encode,
    partition_of,
    raw_topic,
)
from topics.record import OutRecord
from topics.settings import BrokerSettings

Act = Literal["commit", "pull_request", "issue", "release"]
OTHERS: tuple[Kind, ...] = ("volume", "social", "development")
ASSETS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE")
MIN = 60_000


class SeededLog:
    """Minutes of a market, one after another. Log time is event time, moved by a constant."""

    def __init__(self, broker: BrokerSettings, seed: int, *, shift_ms: int) -> None:
        self._broker, self.shift_ms = broker, shift_ms
        self._random = random.Random(seed)
        self._number = 0

    def logged_ms(self, minute: int) -> int:
        """Return the log time at which a minute begins."""
        return START_MS + minute * MIN + self.shift_ms

    def minutes(self, minutes: range) -> list[OutRecord]:
        """Return the records of some minutes, heartbeats at the end of each."""
        return [record for minute in minutes for record in self._minute(minute)]

    def _minute(self, minute: int) -> Iterator[OutRecord]:
        rnd, now = self._random, START_MS + minute * MIN
        for step in range(24):
            at, asset = now + step * 2_500, rnd.choice(ASSETS)
            self._number += 1
            old = rnd.choice((0, 0, 0, 0, 90_000, 700_000)) if minute > 12 else 0
            value = encode(self._trade(asset, at - old))
            copies = rnd.choice((1, 1, 1, 2))
            yield from [self._record("market", asset, at, value)] * copies
            kind: Kind = rnd.choice(OTHERS)
            yield self._record(kind, asset, at, encode(self._other(kind, asset, at)))
        for mark in self._marks(minute, rnd.choice(ASSETS), now):
            yield self._record(
                "market", mark.subject.partition("/")[0], now + MIN - 1, encode(mark)
            )
        yield from self._broken(now + MIN - 1)
        for kind in KINDS:
            for source in ("alpha", "gamma") if kind == "market" else ("beta",):
                beat = encode(Heartbeat(source=source, epoch=0, through_ms=now + MIN))
                for partition in range(self._broker.partitions):
                    yield self._at(kind, partition, None, beat, now + MIN - 1)

    def _record(self, kind: Kind, asset: str, at: int, value: bytes | None) -> OutRecord:
        place = partition_of(asset, self._broker.partitions)
        return self._at(kind, place, asset.encode(), value, at)

    def _at(
        self, kind: Kind, place: int, key: bytes | None, value: bytes | None, at: int, **more: Any
    ) -> OutRecord:
        topic = self._broker.topic(raw_topic(kind))
        return OutRecord(topic, place, key, value, timestamp_ms=at + self.shift_ms, **more)

    def _broken(self, at: int) -> Iterator[OutRecord]:
        """Nobody's JSON, another's partition, nothing at all, and headers nobody asked for."""
        rnd = self._random
        kind, place = rnd.choice(KINDS), rnd.randrange(self._broker.partitions)
        yield self._at(kind, place, b"BTC", b"{broken", at, headers=[("a", b"\x00"), ("a", b"")])
        yield self._at(kind, place, b"NO-SUCH", b'{"type":"trade.v9"}', at)
        yield self._at(kind, place, None, None, at)
        yield self._at("market", place, b"BTC", encode(self._trade("ETH", at)), at)

    def _trade(self, asset: str, at: int) -> Trade:
        rnd = self._random
        alpha = rnd.random() < 0.8
        venue = "alpha" if alpha else "gamma"
        return Trade(
            subject=f"{asset}/{'USDT' if alpha else 'USD'}",
            source=venue,
            venue=venue,
            trade_id=str(self._number),
            event_ms=at,
            received_ms=at,
            price=Decimal(rnd.randrange(1, 10**6)) / 100,
            size=Decimal(rnd.randrange(1, 10**6)) / 1000,
            side=rnd.choice(("buy", "sell")),
            sequence=self._number if alpha else None,
        )

    def _marks(
        self, minute: int, asset: str, now: int
    ) -> list[GapDetected | GapFilled | GapPermanent]:
        gap: dict[str, Any] = {
            "gap_id": f"alpha/{asset}/USDT/{minute}",
            "subject": f"{asset}/USDT",
            "source": "alpha",
            "venue": "alpha",
            "from_ms": now + 10_000,
            "to_ms": now + 20_000,
        }
        if minute % 7 == 3:
            return [GapDetected(**gap, ids_missing=3), GapFilled(**gap)]
        if minute % 7 == 5:
            return [GapDetected(**gap), GapPermanent(**gap, reason="not to be had")]
        return []

    def _other(self, kind: str, asset: str, at: int) -> Any:
        rnd, number = self._random, str(self._number)
        common: dict[str, Any] = {"subject": asset, "source": "beta", "event_ms": at}
        common["received_ms"] = at
        if kind == "volume":
            volume = Decimal(rnd.randrange(10**6)) / 10
            place: dict[str, Any] = {"venue": rnd.choice(("beta", "delta")), "span_ms": MIN}
            made = rnd.choice((VolumeFlow, VolumeLevel))
            return made(**common, **place, instrument=f"{asset}-{number}", volume=volume)
        if kind == "social":
            return Post(
                **common,
                text="words",
                language="en",
                tone=rnd.uniform(-1, 1),
                tone_version="t1",
                author=f"{rnd.randrange(50):016x}",
                simhash=f"{rnd.randrange(2**64):016x}",
                platform="forum",
                post_id=number,
                engagement=rnd.randrange(100),
            )
        acts: tuple[Act, ...] = ("commit", "pull_request", "issue", "release")
        return RepositoryEvent(
            **common,
            author=f"{rnd.randrange(9):016x}",
            repository="a/b",
            event_id=number,
            act=rnd.choice(acts),
        )
