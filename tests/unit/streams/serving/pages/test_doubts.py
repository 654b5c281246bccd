"""What is doubtful about a row of windows is drawn wherever it is, and joined where there is much of it."""

from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.charts.doubts import STRETCHES_MAX, stretches
from streams.serving.records import Point

from .points import MINUTE_MS, point

KINDS = ("whole", "holed", "silent", "none")


def row(kinds: list[str]) -> list[Point]:
    made = []
    for i, kind in enumerate(kinds):
        at_ms = i * MINUTE_MS
        if kind == "holed":
            made.append(point(at_ms, state="holed"))
        elif kind == "silent":
            made.append(point(at_ms, missing_sources=("a",)))
        elif kind == "whole":
            made.append(point(at_ms))
    return made


@given(st.lists(st.sampled_from(KINDS), max_size=200))
def test_every_doubtful_minute_is_in_a_stretch_and_a_sound_one_in_none_of_few(
    kinds: list[str],
) -> None:
    points = row(kinds)
    found = stretches(points, from_ms=0, to_ms=len(kinds) * MINUTE_MS)
    first = min((p.start_ms for p in points), default=0) // MINUTE_MS
    last = max((p.start_ms for p in points), default=0) // MINUTE_MS
    for i, kind in enumerate(kinds):
        inside = any(s.from_ms <= i * MINUTE_MS < s.to_ms for s in found)
        if kind in {"holed", "silent"} or (kind == "none" and first < i < last):
            assert inside
        elif len(found) < STRETCHES_MAX:
            assert not inside


@given(st.lists(st.sampled_from(KINDS), max_size=400))
def test_there_are_never_more_stretches_than_are_drawn(kinds: list[str]) -> None:
    assert len(stretches(row(kinds), from_ms=0, to_ms=10**9)) <= STRETCHES_MAX


def test_a_stretch_is_cut_to_the_span_that_is_shown() -> None:
    points = [point(i * MINUTE_MS, state="holed") for i in range(10)]
    (found,) = stretches(points, from_ms=90_000, to_ms=200_000)
    assert (found.from_ms, found.to_ms, found.what) == (90_000, 200_000, "holed")


def test_before_the_first_window_and_behind_the_last_nothing_is_claimed() -> None:
    assert stretches([point(5 * MINUTE_MS)], from_ms=0, to_ms=20 * MINUTE_MS) == []
