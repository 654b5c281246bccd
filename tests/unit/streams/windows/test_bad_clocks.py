"""One source with a bad clock: the market neither closes because of it nor waits for it for ever."""

from decimal import Decimal

import pytest

from streams.windows import Fold, Output
from streams.windows.checks import AHEAD_MS_MAX, PROMISE_AHEAD_MS_MAX
from streams.windows.kinds import KIND_RULES
from tests.audited import assert_audited, recomputed_at
from topics import KINDS, Aggregate, DeadLetter, Heartbeat, Kind, Late, Trade, encode

MIN, HOUR, DAY = 60_000, 3_600_000, 86_400_000
T0 = 1_700_000_000_000 // HOUR * HOUR
BEAT_MS, LATENESS_MS = 5_000, 2_000
IDLE_MS = KIND_RULES["market"].source_idle_ms
MINUTES = 12
Timed = tuple[int, bytes | None, bytes]
"""When it was logged, key, value."""


def spoken(source: str, *, ahead_ms: int = 0, from_ms: int = 0) -> list[Timed]:
    """What a source says over twelve minutes: a trade and a promise each five seconds, by a clock that is wrong
    from a time on."""
    said: list[Timed] = []
    for at in range(0, MINUTES * MIN, BEAT_MS):
        now = T0 + at
        told = now + (ahead_ms if at >= from_ms else 0)
        trade = Trade(
            subject="BTC/USD",
            source=source,
            venue=source,
            trade_id=str(at),
            event_ms=told - 1_000,
            received_ms=now,
            price=Decimal(10),
            size=Decimal(1),
            side="buy",
            sequence=at // BEAT_MS,
        )
        beat = Heartbeat(source=source, epoch=1, through_ms=told - LATENESS_MS)
        said += [(now, None, encode(beat)), (now, b"BTC", encode(trade))]
    return said


def folded(*sources: list[Timed]) -> list[tuple[int, Output]]:
    """Each output with the log's time at which it was made; the audit says the same."""
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    log = sorted((r for source in sources for r in source), key=lambda r: r[0])
    made: list[tuple[int, Output]] = []
    for offset, (logged_ms, key, value) in enumerate(log):
        before = len(fold.outputs)
        fold.feed(offset, logged_ms, key, value)
        made += [(logged_ms, output) for output in fold.outputs[before:]]
    assert_audited(fold.outputs, recomputed_at("market", log))
    assert fold.counters.total() == len(log)
    return made


def windows(made: list[tuple[int, Output]]) -> list[tuple[int, Aggregate]]:
    return [(at, output) for at, output in made if isinstance(output, Aggregate)]


def delays(made: list[tuple[int, Output]]) -> set[int]:
    """How long after their ends one-minute windows were first published."""
    return {
        at - output.window_start_ms - MIN
        for at, output in windows(made)
        if output.window_ms == MIN and not output.revision and output.reason == "closed"
    }


def test_two_good_clocks_close_every_minute_in_time() -> None:
    """What the others are held against."""
    made = folded(spoken("good"), spoken("other"))
    assert delays(made) == {BEAT_MS}
    whole = [output for _, output in windows(made) if output.window_start_ms >= T0]
    assert {output.completeness.state for output in whole} == {"complete"}


@pytest.mark.parametrize("ahead_ms", [AHEAD_MS_MAX + LATENESS_MS + 1, HOUR, DAY, 365 * DAY])
def test_a_clock_far_ahead_is_refused_and_changes_nothing(ahead_ms: int) -> None:
    """Its promises and its trades are dead letters; every window is what it is without that source, to the byte."""
    made = folded(spoken("good"), spoken("wrong", ahead_ms=ahead_ms))
    letters = [output for _, output in made if isinstance(output, DeadLetter)]
    assert {letter.reason for letter in letters} == {"absurd_time"}
    assert len(letters) == len(spoken("wrong"))
    alone = folded(spoken("good"))
    assert [(at, encode(output)) for at, output in windows(made)] == [
        (at, encode(output)) for at, output in windows(alone)
    ]


@pytest.mark.parametrize("behind_ms", [HOUR, DAY, 5 * 365 * DAY])
def test_a_clock_far_behind_is_left_out_and_changes_nothing(behind_ms: int) -> None:
    """Its trades are late; every window is what it is without that source, to the byte and in time."""
    made = folded(spoken("good"), spoken("wrong", ahead_ms=-behind_ms))
    assert not any(isinstance(output, DeadLetter) for _, output in made)
    late = [output for _, output in made if isinstance(output, Late)]
    assert len(late) == len(spoken("wrong")) // 2
    alone = folded(spoken("good"))
    assert [(at, encode(output)) for at, output in windows(made)] == [
        (at, encode(output)) for at, output in windows(alone)
    ]


@pytest.mark.parametrize("back_ms", [MIN, 5 * MIN, HOUR, DAY])
def test_a_clock_that_goes_back_holds_time_for_the_idle_span_and_no_longer(back_ms: int) -> None:
    """From then on its promises are old ones; windows close without it, and name it."""
    made = folded(spoken("good"), spoken("wrong", ahead_ms=-back_ms, from_ms=4 * MIN))
    assert max(delays(made)) <= IDLE_MS + 2 * BEAT_MS
    last = [output for at, output in windows(made) if at > T0 + 6 * MIN and output.window_ms == MIN]
    assert {output.window_start_ms for output in last} >= {
        T0 + minute * MIN for minute in range(6, MINUTES - 1)
    }
    named = [output for output in last if output.window_start_ms >= T0 + 5 * MIN]
    if back_ms > (MINUTES - 4) * MIN:
        assert all(output.completeness.missing_sources == ["wrong"] for output in named)
    assert max(at for at, _ in windows(made)) >= T0 + (MINUTES - 1) * MIN


def test_a_clock_that_lags_by_less_than_the_idle_span_is_waited_for() -> None:
    """Every window comes later by that much, and is complete; a beat more, and nobody waits."""
    made = folded(spoken("good"), spoken("slow", ahead_ms=BEAT_MS - IDLE_MS))
    assert delays(made) == {IDLE_MS}
    whole = [output for _, output in windows(made) if output.window_start_ms >= T0]
    assert {output.completeness.state for output in whole} == {"complete"}
    made = folded(spoken("good"), spoken("slow", ahead_ms=-IDLE_MS))
    assert delays(made) == {BEAT_MS}
    assert all(
        output.completeness.missing_sources == ["slow"]
        for _, output in windows(made)
        if output.window_start_ms >= T0 and output.window_ms == MIN and not output.revision
    )


def test_a_clock_somewhat_ahead_is_refused_its_promises_and_ends_no_window_early() -> None:
    """Beyond the idle span and within what an event may be: its trades count, and every window is what it is
    without those promises, to the byte and in time."""
    ahead = spoken("ahead", ahead_ms=45_000)
    made = folded(spoken("good"), ahead)
    letters = [output for _, output in made if isinstance(output, DeadLetter)]
    assert {letter.reason for letter in letters} == {"absurd_time"}
    assert [letter.value for letter in letters] == [value for _, key, value in ahead if key is None]
    assert delays(made) == {BEAT_MS}
    silent = folded(spoken("good"), [record for record in ahead if record[1] is not None])
    assert [(at, encode(output)) for at, output in windows(made)] == [
        (at, encode(output)) for at, output in windows(silent)
    ]
    whole = [output for _, output in windows(made) if output.window_start_ms >= T0 + MIN]
    assert all(output.values.venue_volume.keys() == {"good", "ahead"} for output in whole)  # type: ignore[union-attr]


def test_a_clock_as_far_ahead_as_it_may_be_leaves_nobody_out() -> None:
    """Windows come when the one behind has promised them, and are complete."""
    made = folded(spoken("good"), spoken("ahead", ahead_ms=PROMISE_AHEAD_MS_MAX + LATENESS_MS))
    assert {type(output) for _, output in made} == {Aggregate}
    assert delays(made) == {BEAT_MS}
    whole = [output for _, output in windows(made) if output.window_start_ms >= T0 + MIN]
    assert {output.completeness.state for output in whole} == {"complete"}


@pytest.mark.parametrize("kind", KINDS)
def test_no_promise_that_is_believed_can_leave_out_a_right_clock(kind: Kind) -> None:
    """The bound is well within every kind's idle span: a third of it at most."""
    assert KIND_RULES[kind].source_idle_ms >= 3 * PROMISE_AHEAD_MS_MAX


def test_a_promise_at_the_edge_counts() -> None:
    """Ten seconds ahead of the log are not too far; a millisecond more is."""
    for ahead_ms, beats in ((10_000, 1), (10_001, 0)):
        fold = Fold("market", 0, partitions=1, subjects_max=10)
        beat = Heartbeat(source="a", epoch=0, through_ms=T0 + ahead_ms)
        fold.feed(0, T0, None, encode(beat))
        assert fold.counters.heartbeats == beats
        assert len(recomputed_at("market", [(T0, None, encode(beat))])) == 1 - beats
