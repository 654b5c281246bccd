"""Many records at once: what `Fold.feed` does to each of a slice, done to its trades a subject at a time.

Blocks do not depend on the order of what they take, and between two correction ticks no heartbeat ends a
window. So the trades between two ticks, a run, are taken together where nothing about them asks for more: each
is sound and in time, its subject and venue are known, and its number is the next one. All others are taken one
by one, as their order in the log may matter.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import cast

from topics import ContractError, Heartbeat
from topics.record import LogRecord

from .checks import EVENT_MS_MIN, check_heartbeat
from .columns import Columns, Lane, lanes_of
from .fold import Fold
from .intake import RecordIn, TradeIn
from .kinds import CORRECTION_TICK_MS

MANY = 64
"""Trades of a run, below which they are taken one by one: it costs less."""
PIECE = 256
"""Records parsed, and read, before they are looked at again: so few that the processor still holds them nearby."""


def feed_slice(fold: Fold, records: Iterable[LogRecord]) -> None:
    """Fold records that follow each other in the log; those folded before are passed over.

    Raises:
        ValueError: An offset is missing.
    """
    waiting, run = iter(records), Run(fold)
    while piece := list(islice(waiting, PIECE)):
        next_offset = fold.next_offset
        if next_offset is not None and piece[0].offset < next_offset:
            piece = [record for record in piece if record.offset >= next_offset]
        if piece:
            run.take(piece)
    run.end()


class Run:
    """The trades since the last tick that are not folded yet."""

    def __init__(self, fold: Fold) -> None:
        """Begin empty."""
        self._fold = fold
        self._columns = Columns()
        self._trades: list[TradeIn] = []
        """Of these the fields are not taken yet."""
        self._records: list[LogRecord] = []
        self._watermarks: list[tuple[int, int | None]] = []
        """Watermarks, each with the number of trades before the next one."""

    def take(self, records: Sequence[LogRecord]) -> None:
        """Take the next records of the log."""
        fold, read = self._fold, None
        if fold.kind == "market" and records[-1].offset - records[0].offset < len(records):
            read = fold.reader.decode_all([record.value or b"" for record in records])
        if read is None:
            self.end()
            for record in records:
                fold.feed(
                    record.offset,
                    record.timestamp,
                    record.key,
                    record.value or b"",
                    record.headers,
                )
            return
        fold.go_on(records[0].offset, len(records))
        others = [at for at, event in enumerate(read) if type(event) is not TradeIn]
        taken = 0
        for at in others:
            self._wait(read[taken:at], records[taken:at])
            self.pass_by(read[at], records[at])
            taken = at + 1
        self._wait(read[taken:], records[taken:])
        self._let_go()

    def _wait(self, trades: Sequence[RecordIn], records: Sequence[LogRecord]) -> None:
        """Keep trades that follow each other until there are more."""
        if trades:
            self._trades += trades  # type: ignore[arg-type]  # the caller looked
            self._records += records
            self._watermarks.append((len(self._records), self._fold.clock.watermark_ms))

    def _let_go(self) -> None:
        """Take the fields of the trades that wait."""
        if self._trades:
            records = self._records[-len(self._trades) :]
            self._columns.add(self._trades, [record.key for record in records])
            self._trades = []

    def pass_by(self, other: RecordIn, record: LogRecord) -> None:
        """Take a record that is no trade. All but a heartbeat within a tick ends the run."""
        fold = self._fold
        if isinstance(other, Heartbeat) and self._is_quiet(other, record.timestamp):
            fold.counters.heartbeats += 1
            fold.clock.beat(other)
            return
        self.end()
        fold.take(other, record, fold.clock.watermark_ms)

    def _is_quiet(self, heartbeat: Heartbeat, timestamp_ms: int) -> bool:
        """Return whether a heartbeat is well and brings the watermark across no tick."""
        clock = self._fold.clock
        try:
            check_heartbeat(heartbeat, timestamp_ms)
        except ContractError:
            return False
        if heartbeat.source not in clock.sources or clock.watermark_ms is None:
            return False
        reached_ms = clock.reached_by(heartbeat) or 0
        return reached_ms // CORRECTION_TICK_MS == clock.watermark_ms // CORRECTION_TICK_MS

    def end(self) -> None:
        """Fold the trades."""
        self._let_go()
        lanes = self._lanes() if len(self._records) >= MANY else None
        if lanes is None:
            self._take_in_order()
        else:
            for number, lane in enumerate(lanes):
                self._take_lane(number, lane)
        self._columns, self._records, self._watermarks = Columns(), [], []

    def _take_lane(self, number: int, lane: Lane) -> None:
        subject = self._fold.subjects[lane.subject]
        if lane.number is not None and subject.numbers(lane.venue).ends_before(lane.number):
            self._fold.count_lane(subject, lane)
            return
        for at, code in enumerate(self._columns.lane):
            if code == number:
                self._fold.count(subject, lane.venue, self._read(at))

    def _take_in_order(self) -> None:
        begin = 0
        for end, watermark_ms in self._watermarks:
            for at in range(begin, end):
                self._fold.take(self._read(at), self._records[at], watermark_ms)
            begin = end

    def _read(self, at: int) -> TradeIn:
        """Return a trade, which was let go when its fields were taken."""
        return cast("TradeIn", self._fold.reader.decode(self._records[at].value or b""))

    def _lanes(self) -> list[Lane] | None:
        """Return the trades by lane, or None where one of them needs more than to be counted."""
        fold = self._fold
        watermark_ms = fold.clock.watermark_ms
        from_ms = EVENT_MS_MIN
        if watermark_ms is not None:
            from_ms = max(from_ms, watermark_ms - fold.rules.horizon_ms)
        lanes = lanes_of(self._columns, from_ms=from_ms, pane_ms=fold.rules.pane_ms)
        if lanes is None or not all(map(self._knows, lanes)):
            return None
        keys = [fold.subjects[lane.subject].key for lane in lanes]
        is_routed = [keys[number] for number in self._columns.lane] == self._columns.key
        return lanes if is_routed else None

    def _knows(self, lane: Lane) -> bool:
        subject = self._fold.subjects.get(lane.subject)
        return subject is not None and subject.knows(lane.source, lane.venue)
