"""What a polling source may promise, and how it tells what it is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.coverage import GROW_MS, TARGETS_MAX, Coverage
from topics import GapDetected, GapFilled, GapMark, GapPermanent

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


def test_what_has_come_of_a_gap_is_no_part_of_what_is_lost_of_it() -> None:
    asked = coverage("a")
    told, _ = asked.advance(T0 + 60_000)
    assert asked.covered("a", T0 + 20_000) == []
    lost = asked.lost("a", T0 + 30_000, "never was")
    assert {(type(m), m.from_ms, m.to_ms) for m in lost} == {
        (GapPermanent, T0 + 20_000, T0 + 30_000)
    }
    ended = asked.covered("a", T0 + 60_000)
    assert [(type(m), m.gap_id) for m in ended] == [(GapFilled, m.gap_id) for m in told]
    assert not {m.gap_id for m in lost} & {m.gap_id for m in told}


def test_a_loss_to_the_end_of_a_gap_ends_it() -> None:
    asked = coverage("a")
    told, _ = asked.advance(T0 + 60_000)
    asked.covered("a", T0 + 20_000)
    marks = asked.lost("a", T0 + 60_000, "never was")
    assert {(type(m), m.from_ms, m.to_ms) for m in marks} == {
        (GapPermanent, T0 + 20_000, T0 + 60_000),
        (GapFilled, T0, T0 + 60_000),
    }
    assert {m.gap_id for m in marks if isinstance(m, GapFilled)} == {m.gap_id for m in told}


def test_a_time_in_which_nothing_can_have_happened_is_promised_and_is_in_no_gap() -> None:
    asked = coverage("a")
    assert asked.clear("a", T0 + 50_000) == []
    assert asked.advance(T0 + 55_000) == ([], T0 + 50_000 - LATENESS_MS)
    marks, _ = asked.advance(T0 + 50_000 + HOLD_MS + 1)
    assert {m.from_ms for m in marks} == {T0}
    assert {type(m) for m in asked.clear("a", T0 + 90_000)} == {GapFilled}


def test_what_is_only_the_latest_ends_a_gap_for_good() -> None:
    asked = coverage("a")
    told, _ = asked.advance(T0 + 60_000)
    assert asked.covered("a", T0 + 59_999, lost="gone") == []
    ended = asked.covered("a", T0 + 61_000, lost="gone")
    assert [(type(m), m.gap_id, m.to_ms) for m in ended] == [
        (GapPermanent, m.gap_id, T0 + 61_000) for m in told
    ]


def test_a_gap_of_before_a_restart_goes_on_and_ends_under_its_id() -> None:
    before = coverage("a")
    told, _ = before.advance(T0 + 60_000)
    asked = coverage()
    asked.follow("a", ("BTC", "ETH"), T0 + 40_000)
    asked.reopen("a", T0, T0 + 60_000)
    again, _ = asked.advance(T0 + 60_000 + GROW_MS)
    assert [m.gap_id for m in again] == [m.gap_id for m in told]
    ended = asked.covered("a", T0 + 60_000 + GROW_MS)
    assert [(type(m), m.gap_id) for m in ended] == [(GapFilled, m.gap_id) for m in told]


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


STEP = st.tuples(
    st.sampled_from(["covered", "clear", "lost", "nothing"]),
    st.integers(1, 90_000),
    st.integers(0, 100_000),
)


class Gaps:
    """What marks say, held against each other."""

    def __init__(self) -> None:
        self.open: dict[str, int] = {}
        self.permanent: list[tuple[int, int]] = []

    def take(self, mark: GapMark) -> None:
        assert mark.from_ms <= mark.to_ms
        if isinstance(mark, GapDetected):
            assert self.open.setdefault(mark.gap_id, mark.from_ms) == mark.from_ms
        elif isinstance(mark, GapFilled):
            assert self.open.pop(mark.gap_id) == mark.from_ms
        else:
            self.open.pop(mark.gap_id, None)
            self.permanent.append((mark.from_ms, mark.to_ms))
        assert len(self.open) <= 1


def done(asked: Coverage, what: str, to_ms: int) -> list[GapMark]:
    match what:
        case "covered":
            return asked.covered("a", to_ms)
        case "clear":
            return asked.clear("a", to_ms)
        case "lost":
            return asked.lost("a", to_ms, "gone")
        case _:
            return []


@given(st.lists(STEP, max_size=60))
def test_every_gap_ends_once_and_losses_are_what_was_lost(
    steps: list[tuple[str, int, int]],
) -> None:
    """Whatever happens: ends have beginnings, permanent marks are the very spans that were given up, promises rise."""
    asked, now_ms, promised = Coverage("feeds", "rss", hold_ms=HOLD_MS, lateness_ms=0), T0, 0
    asked.follow("a", ("BTC",), T0)
    gaps, given_up = Gaps(), []
    for what, step_ms, behind_ms in steps:
        now_ms += step_ms
        to_ms, before_ms = max(T0, now_ms - behind_ms), asked.covered_ms("a")
        marks = done(asked, what, to_ms)
        if what == "lost" and to_ms > before_ms:
            given_up.append((before_ms, to_ms))
        told, through_ms = asked.advance(now_ms)
        for mark in [*marks, *told]:
            gaps.take(mark)
        assert through_ms is None or through_ms > promised
        promised = through_ms or promised
    assert gaps.permanent == given_up
