"""The work of every measurement: trades of many assets by a seed, and what windows over them must say. PURE."""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import NamedTuple

from msgspec import Struct

from topics import Heartbeat, encode, partition_of

START_MS = 1_699_999_200_000
"""A whole hour: the first event's time."""
BEAT_MS = 250
"""Between two heartbeats, as the collectors of markets send them."""
LATENESS_MS = 2_000
"""How far behind the newest event a promise stays, as theirs does."""
LATE_SHARE, LATE_MS_MAX = 0.01, 5_000
"""So many events are older than their neighbours, by 1 ms to this; half of those come after the promise."""
SKEW = 0.9
"""The asset of rank r has the weight 1 / r^SKEW."""
MINUTE_MS = 60_000
SOURCE, VENUE, QUOTE = "bench-spot", "bench", "USDT"
_GRID_PER_SIZE = 10_000
"""Sizes have four digits, the grid eight."""


class Work(Struct, frozen=True, kw_only=True):
    """What is to be folded. Two works that are equal have the same records, to the byte."""

    events: int = 1_000_000
    seed: int = 1
    assets: int = 200
    partitions: int = 4
    minutes: int = 10
    """Of event time, over which the events are spread evenly."""
    sequences: bool = True
    """Whether the venue numbers its trades without holes, as Binance does."""

    @property
    def span_ms(self) -> int:
        """The event time it covers."""
        return self.minutes * MINUTE_MS


class TapeRecord(NamedTuple):
    """One record of `raw.market`."""

    partition: int
    key: bytes | None
    value: bytes


class Expected(Struct):
    """What the windows of one asset and minute must say."""

    trades: int = 0
    size_grid: int = 0
    """Sum of sizes in units of 1e-8: exact."""


class Tape:
    """A venue that prints trades: the same ones for the same work, at the times it is told."""

    def __init__(self, work: Work) -> None:
        """Begin with nothing printed."""
        self.work = work
        self.expected: dict[tuple[str, int], Expected] = {}
        """By subject and start of the minute, of everything printed so far."""
        self._random = Random(work.seed)  # noqa: S311 - so that a run can be repeated
        self._names = [f"A{rank:03d}" for rank in range(1, work.assets + 1)]
        self._subjects = [f"{name}/{QUOTE}" for name in self._names]
        self._partitions = [partition_of(name, work.partitions) for name in self._names]
        self._keys = [name.encode() for name in self._names]
        self._heads = [
            f'{{"type":"trade","subject":"{subject}","source":"{SOURCE}","venue":"{VENUE}",'
            for subject in self._subjects
        ]
        ranks = range(1, work.assets + 1)
        self._cumulated = list(accumulate(rank**-SKEW for rank in ranks))
        self._numbers = [1_000_000 * rank for rank in ranks]
        self._cents = [10_000 + self._random.randrange(9_000_000) for _ in ranks]

    def trade(self, now_ms: int) -> TapeRecord:
        """Return the next trade, received at this time and mostly made then."""
        random = self._random.random
        at = bisect(self._cumulated, random() * self._cumulated[-1])
        made_ms = now_ms
        if random() < LATE_SHARE:
            made_ms -= 1 + int(random() * LATE_MS_MAX)
        number = self._numbers[at] = self._numbers[at] + 1
        cents = self._cents[at] = max(100, self._cents[at] + int(random() * 21) - 10)
        size = 1 + int(random() ** 4 * 200_000)
        side = "buy" if random() < 0.5 else "sell"  # noqa: PLR2004 - a coin
        self._expect(self._subjects[at], made_ms, size)
        # Written out, because encoding the contract takes three times as long; a test holds the two together.
        value = (
            f'{self._heads[at]}"trade_id":"{number}","event_ms":{made_ms},"received_ms":{now_ms}'
            f',"price":{cents // 100}.{cents % 100:02},"size":{size // 10_000}.{size % 10_000:04}'
            f',"side":"{side}"'
        )
        value += f',"sequence":{number}}}' if self.work.sequences else "}"
        return TapeRecord(self._partitions[at], self._keys[at], value.encode())

    def beat(self, through_ms: int) -> list[TapeRecord]:
        """Return the source's promise, for every partition."""
        value = encode(Heartbeat(source=SOURCE, epoch=1, through_ms=through_ms))
        return [TapeRecord(partition, None, value) for partition in range(self.work.partitions)]

    def _expect(self, subject: str, made_ms: int, size: int) -> None:
        minute = (subject, made_ms // MINUTE_MS * MINUTE_MS)
        expected = self.expected.get(minute)
        if expected is None:
            expected = self.expected[minute] = Expected()
        expected.trades += 1
        expected.size_grid += size * _GRID_PER_SIZE


def backlog(tape: Tape) -> Iterator[TapeRecord]:
    """Yield the whole work in the order it is written: the last promise is its end, and closes every minute."""
    work = tape.work
    beat_ms = START_MS + BEAT_MS
    for number in range(work.events):
        now_ms = START_MS + number * work.span_ms // work.events
        while beat_ms <= now_ms:
            yield from tape.beat(beat_ms - LATENESS_MS)
            beat_ms += BEAT_MS
        yield tape.trade(now_ms)
    end_ms = START_MS + work.span_ms
    while beat_ms < end_ms:
        yield from tape.beat(beat_ms - LATENESS_MS)
        beat_ms += BEAT_MS
    yield from tape.beat(end_ms)
