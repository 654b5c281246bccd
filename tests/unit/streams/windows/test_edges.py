"""The edges of the specification, one by one: each of these has once been an off-by-one somewhere."""

from decimal import Decimal
from typing import Any

import pytest

from streams.windows import Fold
from topics import Aggregate, GapDetected, GapFilled, Heartbeat, Late, Trade, encode

MIN = 60_000
T0 = 1_700_000_000_000 // 3_600_000 * 3_600_000
HORIZON_MS = 600_000


class Log:
    """A log written and folded as it grows."""

    def __init__(self) -> None:
        self.fold = Fold("market", 0, partitions=1, subjects_max=10)
        self.numbers = 0

    def put(self, key: bytes | None, value: bytes) -> list[object]:
        """Fold one record, and return what came of it."""
        before = len(self.fold.outputs)
        self.fold.feed(self.fold.next_offset or 0, T0 + 10**10, key, value)
        return list(self.fold.outputs[before:])

    def beat(self, at: int, source: str = "one", state: str = "open") -> list[Aggregate]:
        beat = Heartbeat(source=source, epoch=0, through_ms=at, state=state)  # type: ignore[arg-type]
        return [o for o in self.put(None, encode(beat)) if isinstance(o, Aggregate)]

    def trade(self, at: int, source: str = "one", sequence: int | None = None) -> list[object]:
        self.numbers += 1
        trade = Trade(
            subject="BTC/USD",
            source=source,
            venue="alpha",
            trade_id=str(sequence or 1_000 + self.numbers),
            event_ms=at,
            received_ms=at,
            price=Decimal(10),
            size=Decimal(1),
            side="buy",
            sequence=sequence or 1_000 + self.numbers,
        )
        return self.put(b"BTC", encode(trade))


def minutes(found: list[Aggregate]) -> list[tuple[int, int, int]]:
    """The one-minute windows: start from T0 in minutes, revision, trades."""
    return [
        ((a.window_start_ms - T0) // MIN, a.revision, a.values.trades)  # type: ignore[union-attr]
        for a in found
        if a.window_ms == MIN
    ]


def test_an_event_at_the_horizon_counts_and_one_before_it_is_late() -> None:
    """Late iff event_ms < W - horizon."""
    log = Log()
    log.beat(T0)
    log.beat(T0 + HORIZON_MS)
    assert log.trade(T0) == []
    (late,) = log.trade(T0 - 1)
    assert isinstance(late, Late)
    assert late.lateness_ms == HORIZON_MS + 1
    assert (log.fold.counters.applied, log.fold.counters.late) == (1, 1)


def test_a_window_ends_at_its_end() -> None:
    """At the heartbeat that brings W to it, not a millisecond before; the next window has the edge's event."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + MIN - 1)
    log.trade(T0 + MIN)
    assert log.beat(T0 + MIN - 1) == []
    assert minutes(log.beat(T0 + MIN)) == [(0, 0, 1)]
    assert minutes(log.beat(T0 + 2 * MIN)) == [(1, 0, 1)]


def test_a_window_that_has_just_ended_is_corrected_at_the_next_tick() -> None:
    """Not at the next heartbeat: at the one that crosses a multiple of ten seconds."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + 1)
    log.beat(T0 + MIN)
    log.trade(T0 + 2)
    assert log.fold.counters.corrected == 1
    assert log.beat(T0 + MIN + 9_999) == []
    assert minutes(log.beat(T0 + MIN + 10_000)) == [(0, 1, 2)]
    assert log.beat(T0 + MIN + 20_000) == []


def test_a_window_first_touched_after_its_end_begins_with_revision_0_at_the_tick() -> None:
    """And goes on with 1."""
    log = Log()
    log.beat(T0)
    log.beat(T0 + MIN)
    log.trade(T0 + 5)
    assert minutes(log.beat(T0 + MIN + 10_000)) == [(0, 0, 1)]
    log.trade(T0 + 6)
    assert minutes(log.beat(T0 + MIN + 20_000)) == [(0, 1, 2)]


def test_within_one_heartbeat_ended_windows_come_before_corrections() -> None:
    """Each by start, subject, size, step."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + 1)
    log.trade(T0 + MIN + 1)
    log.beat(T0 + MIN)
    log.trade(T0 + 2)
    found = log.beat(T0 + 2 * MIN)
    assert minutes(found) == [(1, 0, 1), (0, 1, 2)]


def test_at_the_last_instant_of_the_horizon_a_correction_is_still_published() -> None:
    """Its revision is not forgotten before the tick."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + 1)
    log.beat(T0 + MIN)
    log.beat(T0 + HORIZON_MS)
    log.trade(T0)  # exactly at the horizon
    assert minutes(log.beat(T0 + HORIZON_MS + 10_000)) == [(0, 1, 2)]


def test_a_window_has_its_number_as_long_as_it_can_change() -> None:
    """Up to the tick that brings its end to the horizon, and not one longer."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + 1)
    log.beat(T0 + MIN)
    log.trade(T0 + 2)
    assert minutes(log.beat(T0 + MIN + 10_000)) == [(0, 1, 2)]
    log.beat(T0 + MIN + HORIZON_MS - 10_000)
    log.trade(T0 + MIN - 1)
    found = log.beat(T0 + MIN + HORIZON_MS)
    assert minutes(found) == [(0, 2, 3)]
    assert {w.size.window_ms for w in log.fold.schedule.revisions if w.start_ms == T0} == {5 * MIN}


def test_hopping_windows_hold_an_event_five_times() -> None:
    """A five-minute window by one minute: five of them, and one that tumbles."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + 7 * MIN)
    found = log.beat(T0 + 3_600_000)
    starts = [
        (a.window_start_ms - T0) // MIN
        for a in found
        if a.window_ms == 5 * MIN and a.step_ms == MIN
    ]
    assert starts == [3, 4, 5, 6, 7]
    tumbling = [a for a in found if a.window_ms == a.step_ms == 5 * MIN]
    assert [(a.window_start_ms - T0) // MIN for a in tumbling] == [5]


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "holed"),
    [
        (MIN - 1, MIN - 1, False),
        (MIN - 1, MIN, True),
        (MIN, MIN, True),
        (2 * MIN - 1, 2 * MIN + 5, True),
        (2 * MIN, 2 * MIN + 5, False),
    ],
)
def test_a_gap_touches_the_windows_that_may_miss_something(
    from_ms: int, to_ms: int, *, holed: bool
) -> None:
    """The second minute: what is missing may have either of the gap's times."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + MIN + 1)
    gap = GapDetected(
        gap_id="g",
        subject="BTC/USD",
        source="one",
        venue="alpha",
        from_ms=T0 + from_ms,
        to_ms=T0 + to_ms,
    )
    log.put(b"BTC", encode(gap))
    (minute,) = [a for a in log.beat(T0 + 2 * MIN) if a.window_ms == MIN]
    assert (minute.completeness.state == "holed") == holed


def test_a_filled_gap_makes_the_window_whole_in_its_next_revision() -> None:
    """The mark alone is a change, and it comes behind the trades."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + 1, sequence=1)
    place: dict[str, Any] = {"gap_id": "g", "subject": "BTC/USD", "source": "one", "venue": "alpha"}
    log.trade(T0 + 30_001, sequence=3)
    log.put(b"BTC", encode(GapDetected(**place, from_ms=T0 + 1, to_ms=T0 + 30_001)))
    (first,) = [a for a in log.beat(T0 + MIN) if a.window_ms == MIN]
    assert (first.completeness.state, first.completeness.holed_fraction) == ("holed", 0.5)
    assert first.completeness.holed_venues == ["alpha"]
    log.trade(T0 + 15_000, sequence=2)
    log.put(b"BTC", encode(GapFilled(**place, from_ms=T0 + 1, to_ms=T0 + 30_001)))
    (second,) = [a for a in log.beat(T0 + MIN + 10_000) if a.window_ms == MIN]
    assert (second.revision, second.completeness.state) == (1, "complete")


def test_a_gap_mark_alone_revises_a_window_that_has_ended() -> None:
    """A hole found late is said of the windows it crosses, and of no others."""
    log = Log()
    log.beat(T0)
    log.trade(T0 + 1)
    log.trade(T0 + 3 * MIN)
    log.beat(T0 + 4 * MIN)
    gap = GapDetected(
        gap_id="g",
        subject="BTC/USD",
        source="one",
        venue="alpha",
        from_ms=T0 + 3 * MIN,
        to_ms=T0 + 3 * MIN + 5,
    )
    log.put(b"BTC", encode(gap))
    assert minutes(log.beat(T0 + 4 * MIN + 10_000)) == [(3, 1, 1)]


def test_a_gap_is_forgotten_when_no_window_can_cross_it_any_more() -> None:
    """At the tick that brings W to its end and the retention; and the subject with it, if that is all there is."""
    log = Log()
    log.beat(T0)
    place: dict[str, Any] = {"gap_id": "g", "subject": "BTC/USD", "source": "one", "venue": "alpha"}
    log.put(b"BTC", encode(GapDetected(**place, from_ms=T0, to_ms=T0 + 10_000)))
    keep_ms = 3_600_000 + HORIZON_MS
    log.beat(T0 + keep_ms)
    log.beat(T0 + keep_ms + 9_999)
    assert "g" in log.fold.subjects["BTC/USD"].record.gaps
    log.beat(T0 + keep_ms + 10_000)
    assert log.fold.subjects == {}


def test_a_silent_source_is_named_and_a_closed_one_is_not() -> None:
    """Two sources of one instrument; one falls silent, or ends on purpose."""
    for state, missing in (("open", ["two"]), ("closed", [])):
        log = Log()
        log.beat(T0)
        log.beat(T0, "two")
        log.trade(T0 + 1)
        log.trade(T0 + 2, "two")
        log.beat(T0 + 3, "two", state)
        (minute,) = [a for a in log.beat(T0 + 2 * MIN) if a.window_ms == MIN]
        assert minute.completeness.missing_sources == missing
        assert minute.completeness.state == ("unverifiable" if missing else "complete")


def test_the_first_windows_say_that_they_may_be_partial() -> None:
    """Those that began before any source spoke."""
    log = Log()
    log.beat(T0 + 30_000)
    log.trade(T0 + 40_000)
    log.trade(T0 + MIN)
    found = [a for a in log.beat(T0 + 2 * MIN) if a.window_ms == MIN]
    assert [a.reason for a in found] == ["replay_start", "closed"]


def test_a_subject_is_forgotten_with_its_last_block_and_its_history() -> None:
    """Blocks after the largest window and the horizon have passed, at a tick, not before; then its history."""
    log = Log()
    log.beat(T0)
    log.trade(T0)
    keep_ms = 3_600_000 + HORIZON_MS
    log.beat(T0 + keep_ms)
    log.beat(T0 + keep_ms + MIN - 10_000)
    assert len(list(log.fold.subjects["BTC/USD"].blocks)) == 1
    log.beat(T0 + keep_ms + MIN)
    assert not log.fold.subjects["BTC/USD"].blocks
    until_ms = 3_600_000 + 288 * 3_600_000  # the hourly windows' is the longest
    log.beat(T0 + until_ms - 1)
    assert "BTC/USD" in log.fold.subjects
    log.beat(T0 + until_ms)
    assert log.fold.subjects == {}
    assert len(log.fold.schedule) == 0
    assert log.fold.schedule.revisions == {}
