"""Every trade is heard once, and every hole known: by number, by snapshot, or by time."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.collectors.continuity import Continuity
from streams.collectors.market.following import BACK_MS, IDS_MAX, RANGES_MAX
from streams.collectors.market.tape import HOLES_MAX, RESTARTED, Heard
from streams.collectors.market.venues import Filled
from streams.collectors.port import Lost
from topics import GapDetected, GapFilled, GapMark, GapPermanent, Trade

from .trading import HOLD_S, ends, tape, trade, trades


def ids(heard: Heard) -> list[str]:
    return [seen.trade_id for seen in heard.out if isinstance(seen, Trade)]


def marks(heard: Heard) -> list[str]:
    return [type(seen).__name__ for seen in heard.out if not isinstance(seen, Trade)]


def found(*numbers: int, numbered: bool = True, whole: bool = True) -> Filled:
    return Filled(
        trades=trades(numbers, numbered=numbered), whole=whole, reason="" if whole else "why"
    )


def test_what_comes_twice_is_heard_once() -> None:
    heard = tape().take(trades([5, 6, 6, 5, 7]))
    assert ids(heard) == ["5", "6", "7"]
    assert heard.duplicates == 2


FRAMES = st.lists(
    st.one_of(
        st.lists(st.integers(0, 30), min_size=1, max_size=4),
        st.integers(0, 2).map(lambda ahead: [ahead]),
        st.sampled_from(["broke", "heard_again"]),
    ),
    max_size=40,
)


@given(FRAMES, st.booleans())
# The next one, and behind it one that fills a hole.
@example(frames=[[0, 2], [2, 0]], numbered=True)
def test_the_short_way_says_what_the_long_way_says(frames: list[Any], numbered: bool) -> None:
    short, long = tape(numbered=numbered), tape(numbered=numbered)
    for at, frame in enumerate(frames):
        if isinstance(frame, str):
            for one in (short, long):
                one.broke(["BTC/USD"], at) if frame == "broke" else one.heard_again(["BTC/USD"])
            continue
        taken = trades([at + number for number in frame], numbered=numbered)
        followed = short.follow(taken)
        rest, whole = short.take(taken[followed:]), long.take(taken)
        said = taken[:followed] + rest.out
        if (
            numbered
        ):  # the long way puts the whole frame in order, the short one what it leaves of it
            assert sorted(map(repr, said)) == sorted(map(repr, whole.out))
        else:
            assert said == whole.out
        assert (rest.holes, rest.duplicates, rest.strange) == (
            whole.holes,
            whole.duplicates,
            whole.strange,
        )
    assert short.open_holes() == long.open_holes()


def test_the_next_trades_take_the_short_way() -> None:
    one = tape()
    assert one.follow(trades([5])) == 0  # nothing is known before the first
    one.take(trades([5]))
    assert one.follow(trades([6, 7, 9])) == 2
    one.broke(["BTC/USD"], 0.0)
    assert one.follow(trades([8])) == 0


def test_a_hole_in_the_numbers_is_to_be_filled_and_taken_once() -> None:
    one = tape()
    (hole,) = one.take(trades([5, 9])).holes
    assert ends(hole) == ("5", "9")
    assert ids(one.take(trades([7]))) == ["7"]
    heard = one.filled(hole, found(6, 7, 8))
    assert ids(heard) == ["6", "8"]
    assert not marks(heard)
    assert not one.open_holes()


def test_what_does_not_come_is_lost_by_its_numbers_and_taken_if_it_comes_after_all() -> None:
    one = tape()
    (hole,) = one.take(trades([5, 12])).holes
    heard = one.filled(hole, found(6, 9, whole=False))
    lost = [seen for seen in heard.out if isinstance(seen, Lost)]
    assert [(gone.first_missing, gone.last_missing, gone.reason) for gone in lost] == [
        (7, 8, "why"),
        (10, 11, "why"),
    ]
    late = one.take(trades([10, 10]))
    assert (ids(late), late.duplicates) == (["10"], 1)


def test_a_snapshot_newest_first_is_put_in_order() -> None:
    assert ids(tape().take(trades([7, 6, 5]), snapshot=True)) == ["5", "6", "7"]
    unnumbered = tape(numbered=False)
    assert ids(unnumbered.take(trades([7, 6, 5], numbered=False))) == ["5", "6", "7"]


@pytest.mark.parametrize("numbered", [True, False])
def test_a_snapshot_that_reaches_back_closes_a_break_without_a_word(*, numbered: bool) -> None:
    one = tape(numbered=numbered)
    one.take(trades([5, 6], numbered=numbered))
    one.broke(["BTC/USD"], 0.0)
    one.heard_again(["BTC/USD"])
    heard = one.take(trades([6, 7, 8], numbered=numbered), snapshot=True)
    assert (ids(heard), marks(heard), heard.holes) == (["7", "8"], [], [])
    assert not one.unproven(["BTC/USD"])
    assert not one.overdue(1e9, None)


def test_an_old_frame_again_is_no_snapshot() -> None:
    """What was last heard before the break, sent again behind it, proves nothing."""
    one = tape(numbered=False)
    one.take(trades([5, 6], numbered=False))
    one.broke(["BTC/USD"], 0.0)
    one.heard_again(["BTC/USD"])
    assert one.take(trades([5, 6], numbered=False)).duplicates == 2
    heard = one.take(trades([9], numbered=False))
    assert [ends(hole) for hole in heard.holes] == [("6", "9")]


@pytest.mark.parametrize(("whole", "end"), [(True, "GapFilled"), (False, "GapPermanent")])
def test_a_break_without_numbers_is_a_hole_by_time(*, whole: bool, end: str) -> None:
    one = tape(numbered=False)
    one.take(trades([5], numbered=False))
    one.broke(["BTC/USD"], 0.0)
    one.heard_again(["BTC/USD"])
    heard = one.take(trades([9], numbered=False))
    (gap,) = [seen for seen in heard.out if isinstance(seen, GapDetected)]
    assert (gap.to_ms - gap.from_ms, gap.ids_missing) == (4, None)
    (hole,) = heard.holes
    filled = one.filled(hole, found(7, numbered=False, whole=whole))
    assert (ids(filled), marks(filled)) == (["7"], [end])


@pytest.mark.parametrize("numbered", [True, False])
def test_a_break_that_shows_nothing_is_told_when_the_hold_is_over_and_grows_while_it_lasts(
    *, numbered: bool
) -> None:
    one = tape(numbered=numbered)
    one.take(trades([5], numbered=numbered))
    one.broke(["BTC/USD"], 0.0)
    assert one.unproven(["BTC/USD"])
    at_ms = trade(5).event_ms
    assert not one.overdue(HOLD_S - 0.1, at_ms + 100)
    told = [
        one.overdue(at_s, at_ms + late)
        for at_s, late in ((HOLD_S, 100), (HOLD_S + 1, 200), (2 * HOLD_S, 300))
    ]
    assert [[mark.to_ms - at_ms for mark in some] for some in told] == [[100], [], [300]]
    assert not one.unproven(["BTC/USD"])
    one.heard_again(["BTC/USD"])
    heard = one.take(trades([9], numbered=numbered))
    if numbered:  # the numbers say the rest
        assert marks(heard) == ["GapFilled"]
    else:
        assert marks(heard) == ["GapDetected"]
        assert marks(one.filled(heard.holes[0], found(whole=True))) == ["GapFilled"]
    names = {seen.gap_id for seen in heard.out if not isinstance(seen, Trade | Lost)}
    assert names == {told[0][0].gap_id}


def test_a_venue_that_counts_anew_is_not_taken_for_one_that_repeats_itself() -> None:
    """At the bound: later than a repetition could be."""
    one = tape()
    one.take(trades([5, 6]))
    assert one.take([trade(5, ms=6 + BACK_MS)]).duplicates == 1
    assert one.take([trade(5, ms=7 + BACK_MS)]).strange == 1


def test_ids_are_remembered_within_their_bound() -> None:
    one = tape(numbered=False)
    one.take(trades(range(IDS_MAX), numbered=False))
    assert one.take(trades([0], numbered=False)).duplicates == 1
    one.take(trades([IDS_MAX], numbered=False))
    assert one.take(trades([0], numbered=False)).duplicates == 0


def test_holes_of_an_instrument_beyond_the_bound_are_given_up_oldest_first() -> None:
    one, numbers = tape(), range(0, 2 * RANGES_MAX + 3, 2)
    heard = one.take(trades(numbers))
    (lost,) = [seen for seen in heard.out if isinstance(seen, Lost)]
    assert (lost.first_missing, lost.last_missing) == (1, 1)


def test_holes_of_a_source_beyond_the_bound_are_given_up_at_once() -> None:
    one = tape(numbered=False)
    for number in range(HOLES_MAX + 1):
        one.take(trades([number], numbered=False))
        one.broke(["BTC/USD"], 0.0)
        one.heard_again(["BTC/USD"])
    assert len(one.open_holes()) == HOLES_MAX
    heard = one.take(trades([HOLES_MAX + 1], numbered=False))
    assert marks(heard) == ["GapDetected", "GapPermanent"]


def test_a_restart_knows_what_was_sent_and_what_is_open() -> None:
    """The hole that was told and not filled is asked for again; so is what is missed meanwhile."""
    gap = GapDetected(
        gap_id="venue/BTC/USD/6",
        subject="BTC/USD",
        source="live",
        venue="venue",
        from_ms=1,
        to_ms=2,
        ids_missing=2,
        first_missing=6,
    )
    one = tape()
    resumed = one.resume([*trades([4, 5, 8]), gap, *trades([6])], 0.0)
    assert [ends(hole) for hole in resumed.holes] == [("5", "8")]
    assert not resumed.out
    one.heard_again(["BTC/USD"])
    heard = one.take(trades([8, 11]))
    assert (heard.duplicates, ids(heard), len(heard.holes)) == (1, ["11"], 1)
    assert ids(one.filled(resumed.holes[0], found(6, 7))) == ["7"]


def test_a_restart_ends_what_it_cannot_fill() -> None:
    """A hole by time, and one by numbers of whose trades nothing is in the log any more."""
    by_time = GapDetected(
        gap_id="t", subject="BTC/USD", source="live", venue="venue", from_ms=1, to_ms=2
    )
    by_number = GapDetected(
        gap_id="n",
        subject="BTC/USD",
        source="live",
        venue="venue",
        from_ms=1,
        to_ms=2,
        ids_missing=3,
        first_missing=1,
    )
    ended = GapFilled(
        gap_id="e", subject="BTC/USD", source="live", venue="venue", from_ms=1, to_ms=2
    )
    one = tape()
    out = one.resume([by_time, by_number, ended, *trades([50, 51])], 0.0).out
    permanent = [seen for seen in out if isinstance(seen, GapPermanent)]
    lost = [seen for seen in out if isinstance(seen, Lost)]
    assert [(mark.gap_id, mark.reason) for mark in permanent] == [("t", RESTARTED)]
    assert [(gone.first_missing, gone.last_missing) for gone in lost] == [(1, 3)]


def test_a_restart_asks_for_nothing_that_was_given_up() -> None:
    gap: dict[str, Any] = {
        "gap_id": "venue/BTC/USD/6",
        "subject": "BTC/USD",
        "source": "live",
        "venue": "venue",
        "from_ms": 1,
        "to_ms": 2,
    }
    told = GapDetected(**gap, ids_missing=2, first_missing=6)
    gone = GapPermanent(**gap, reason="why")
    resumed = tape().resume([*trades([5, 8]), told, gone], 0.0)
    assert (resumed.holes, resumed.out) == ([], [])


_step = st.one_of(
    st.tuples(st.just("live"), st.integers(1, 4)),
    st.tuples(st.just("miss"), st.integers(1, 4)),
    st.tuples(st.just("again"), st.integers(1, 6)),
    st.tuples(st.just("break"), st.just(0)),
    st.tuples(st.just("fill"), st.integers(0, 100)),
)


class _Story:
    """A tape, and behind it what the runner makes of it."""

    def __init__(self) -> None:
        self.tape, self.continuity = tape(), Continuity()
        self.number, self.at_s = 0, 0.0
        self.yielded: list[int | None] = []
        self.told: list[GapMark] = []

    def do(self, kind: str, amount: int) -> None:
        self.at_s += 1
        begin = self.number
        if kind in ("live", "miss"):
            self.number += amount
        match kind:
            case "live":
                self.take(self.tape.take(trades(range(begin, self.number))))
            case "again":
                self.take(self.tape.take(trades(range(max(0, begin - amount), begin))))
            case "break":
                self.tape.broke(["BTC/USD"], self.at_s)
                self.tape.heard_again(["BTC/USD"])
            case "fill":
                self.fill(amount)

    def take(self, heard: Heard) -> None:
        for seen in heard.out:
            if isinstance(seen, Trade):
                self.yielded.append(seen.sequence)
                self.told += self.continuity.observe(seen)
            else:
                self.told += self.continuity.lose(seen) if isinstance(seen, Lost) else [seen]

    def fill(self, share: int) -> None:
        for hole in self.tape.open_holes()[:1]:
            missing = range((hole.after.sequence or 0) + 1, hole.before.sequence or 0)
            have = [n for n in missing if n * 37 % 100 >= share]
            self.take(self.tape.filled(hole, found(*have, whole=len(have) == len(missing))))


@given(st.lists(_step, max_size=40))
def test_whatever_happens_each_number_is_yielded_once_and_each_hole_ends_once(
    steps: list[tuple[str, int]],
) -> None:
    """Behind the tape, by the marks that the runner makes: detected = filled + permanent."""
    story = _Story()
    for kind, amount in steps:
        story.do(kind, amount)
    story.take(story.tape.take(trades([story.number])))
    while story.tape.open_holes():
        story.fill(50)
    assert len(story.yielded) == len(set(story.yielded))
    begun, ended = _names(story.told)
    assert begun == ended


def test_a_restart_does_not_take_late_trades_at_the_beginning_of_the_log_for_a_hole() -> None:
    """What was filled late stands before what was on time: the numbers between them are in an older log."""
    resumed = tape().resume(trades([5, 6, 900, 901, 902]), 0.0)
    assert (resumed.holes, resumed.out) == ([], [])


def _names(told: list[GapMark]) -> tuple[list[str], list[str]]:
    begun = sorted(mark.gap_id for mark in told if isinstance(mark, GapDetected))
    return begun, sorted(mark.gap_id for mark in told if not isinstance(mark, GapDetected))
