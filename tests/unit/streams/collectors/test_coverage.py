"""What a polling source may promise, and how it tells what it is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.coverage import GROW_MS, TARGETS_MAX, Coverage
from topics import GapDetected, GapFilled, GapPermanent

HOLD_MS, LATENESS_MS = 10_000, 1_000
T0 = 1_700_000_000_000


def coverage(*targets: str) -> Coverage:
    made = Coverage("feeds", "rss", hold_ms=HOLD_MS, lateness_ms=LATENESS_MS)
    for target in targets:
        made.follow(target, ("BTC", "ETH"), T0)
    return made


def test_the_least_covered_target_says_what_is_promised() -> None:
    asked = coverage("a", "b")
    asked.covered("a", T0 + 5_000)
    assert asked.advance(T0 + 5_000) == ([], T0 - LATENESS_MS)
    asked.covered("b", T0 + 4_000)
    assert asked.advance(T0 + 5_000) == ([], T0 + 4_000 - LATENESS_MS)
    assert asked.advance(T0 + 5_000) == ([], None)


def test_one_that_fails_for_long_is_a_gap_and_holds_nobody_back() -> None:
    asked = coverage("a", "b")
    asked.covered("a", T0 + HOLD_MS + 1)
    marks, through_ms = asked.advance(T0 + HOLD_MS + 1)
    assert through_ms == T0 + HOLD_MS + 1 - LATENESS_MS
    assert [(type(m), m.subject, m.from_ms, m.to_ms) for m in marks] == [
        (GapDetected, "BTC", T0, T0 + HOLD_MS + 1),
        (GapDetected, "ETH", T0, T0 + HOLD_MS + 1),
    ]
    asked.covered("a", T0 + HOLD_MS + 1 + GROW_MS)
    again, _ = asked.advance(T0 + HOLD_MS + 1 + GROW_MS)
    assert [m.gap_id for m in again] == [m.gap_id for m in marks]
    assert {m.to_ms for m in again} == {T0 + HOLD_MS + 1 + GROW_MS}
    ended = asked.covered("b", T0 + HOLD_MS + 1 + GROW_MS)
    assert [(type(m), m.gap_id) for m in ended] == [(GapFilled, m.gap_id) for m in marks]


def test_what_will_never_come_is_permanent_and_the_rest_goes_on() -> None:
    asked = coverage("a")
    marks, _ = asked.advance(T0 + HOLD_MS + 1)
    lost = asked.lost("a", T0 + 8_000, "the feed keeps 20 entries")
    assert [(type(m), m.gap_id) for m in lost] == [(GapPermanent, m.gap_id) for m in marks]
    assert {(m.from_ms, m.to_ms) for m in lost} == {(T0, T0 + 8_000)}
    assert asked.covered_ms("a") == T0 + 8_000
    assert asked.lost("a", T0 + 8_000, "again") == []
    assert asked.covered("a", T0 + 12_000) == []


def test_a_loss_nobody_had_told_of_has_its_own_mark() -> None:
    asked = coverage("a")
    lost = asked.lost("a", T0 + 5_000, "gone")
    assert [(m.from_ms, m.to_ms) for m in lost] == [(T0, T0 + 5_000)] * 2


def test_targets_are_bounded() -> None:
    asked = Coverage("feeds", "rss", hold_ms=1, lateness_ms=0)
    for number in range(TARGETS_MAX):
        asked.follow(str(number), ("BTC",), T0)
    with pytest.raises(ValueError, match="at most 10000"):
        asked.follow("one more", ("BTC",), T0)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9_000), st.booleans()), max_size=60)
)
def test_a_promise_is_kept_or_the_gap_told(steps: list[tuple[str, int, bool]]) -> None:
    """Nothing promised is uncovered unless an open gap or a loss says so; promises rise; each gap has one end."""
    asked, now_ms = coverage("a", "b", "c"), T0
    open_gaps: dict[str, int] = {}
    promised = 0
    for target, step_ms, works in steps:
        now_ms += step_ms
        marks = asked.covered(target, now_ms) if works else []
        told, through_ms = asked.advance(now_ms)
        for mark in [*marks, *told]:
            if isinstance(mark, GapDetected):
                open_gaps[mark.gap_id] = mark.from_ms
            else:
                assert open_gaps.pop(mark.gap_id) == mark.from_ms
        if through_ms is not None:
            assert through_ms > promised
            promised = through_ms
        for name in "abc":
            told_of = any(f"/{name}/" in gap_id for gap_id in open_gaps)
            assert told_of or asked.covered_ms(name) >= promised
