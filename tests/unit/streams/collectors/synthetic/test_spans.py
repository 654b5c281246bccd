"""What goes on at an instant, against a search over all spans."""

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.synthetic.spans import FOREVER_MS, Span, Spans

TIMES = st.integers(0, 60)


@given(st.lists(st.tuples(TIMES, TIMES)), TIMES)
def test_all_that_goes_on_is_found_until_it_changes(
    ends: list[tuple[int, int]], at_ms: int
) -> None:
    """Begin included, end not; nothing changes before the instant that is told."""
    known = [Span(min(pair), max(pair), number) for number, pair in enumerate(ends)]
    spans = Spans(known)

    def going_on(time_ms: int) -> tuple[int, ...]:
        return tuple(span.thing for span in known if span.from_ms <= time_ms < span.to_ms)

    things, until_ms = spans.at(at_ms)
    assert things == going_on(at_ms)
    assert until_ms > at_ms
    assert all(going_on(time_ms) == things for time_ms in range(at_ms, min(until_ms, 62)))


def test_where_nothing_is_nothing_changes() -> None:
    """For ever."""
    assert Spans[int]([]).at(5) == ((), FOREVER_MS)
