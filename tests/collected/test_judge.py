"""The judge of the table sees a sum that does not add up, a gap that is invented, and a hole that is missed."""

import pytest

from topics import GapDetected, GapFilled, GapMark, GapPermanent, Post

from .judge import Found, judge
from .scene import Expected, Hole

HOLE = Hole("BTC", 150, "filled")


def post(received_ms: int) -> Post:
    return Post(
        subject="BTC",
        source="s",
        platform="p",
        post_id=str(received_ms),
        author="0" * 32,
        text="t",
        language="en",
        tone=0,
        tone_version="v",
        engagement=0,
        simhash="0" * 16,
        event_ms=received_ms,
        received_ms=received_ms,
    )


def mark(kind: type[GapMark], gap_id: str = "g", from_ms: int = 100, to_ms: int = 200) -> GapMark:
    fields = {"gap_id": gap_id, "subject": "BTC", "source": "s", "venue": "v"}
    why = {"reason": "gone"} if kind is GapPermanent else {}
    return kind(**fields, **why, from_ms=from_ms, to_ms=to_ms)  # type: ignore[arg-type]


def test_a_sum_that_adds_up_is_all_right() -> None:
    found = Found([(post(1_000), 1_010), (post(2_000), 2_030)], [], 1)
    verdict = judge(Expected(events=5, passed=1, twice=1), found)
    assert (verdict.wrong, verdict.sent, verdict.refused) == ((), 2, 1)
    assert (verdict.p50_ms, verdict.p95_ms) == (30, 30)


@pytest.mark.parametrize("events", [2, 4])
def test_one_event_too_many_or_too_few_is_seen(events: int) -> None:
    found = Found([(post(1), 2), (post(2), 3)], [], 1)
    assert judge(Expected(events=events), found).wrong == ("the sum does not add up",)


def test_a_hole_whose_gap_is_told_grows_and_is_filled_is_exact() -> None:
    marks = [mark(GapDetected, to_ms=120), mark(GapDetected), mark(GapFilled)]
    verdict = judge(Expected(holes=[HOLE]), Found([], marks, 0))
    assert (verdict.wrong, verdict.found, verdict.filled) == ((), 1, 1)


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([], "missed"),
        ([mark(GapDetected)], "ended 0 times"),
        ([mark(GapDetected), mark(GapFilled), mark(GapFilled)], "ended 2 times"),
        ([mark(GapFilled), mark(GapDetected)], "after its end"),
        ([mark(GapPermanent)], "missed"),
        ([mark(GapFilled, to_ms=140)], "missed"),
        ([mark(GapFilled), mark(GapFilled, "other")], "invented"),
    ],
)
def test_marks_that_are_not_exact_are_seen(marks: list[GapMark], said: str) -> None:
    wrong = judge(Expected(holes=[HOLE]), Found([], marks, 0)).wrong
    assert any(said in what for what in wrong), wrong
