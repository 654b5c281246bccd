"""Arrivals in their order, and promises that hold."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.port import Refused, Through
from streams.collectors.synthetic.timed import Made, Timed, in_order

from .folding import run_for

RUN = run_for(hours=0.01)
LATENESS_MS = 5_000
SPAN_MS = RUN.end_ms - RUN.start_ms


def seen(event_ms: int) -> Refused:
    """Return something to be seen that carries its event time."""
    return Refused(reason="", message="", original=b"", origin="", received_ms=event_ms)


EVENTS = st.lists(st.tuples(st.integers(0, SPAN_MS - 1), st.integers(0, LATENESS_MS)), max_size=40)


def made(events: list[tuple[int, int]]) -> list[Made]:
    return [
        Made(RUN.start_ms + at, [Timed(RUN.start_ms + at + delay, seen(RUN.start_ms + at))])
        for at, delay in sorted(events)
    ]


@given(EVENTS)
def test_everything_arrives_in_order_behind_honest_promises(events: list[tuple[int, int]]) -> None:
    """Nothing is lost, time never goes back, and no event is before a promise that stands before it."""
    timed = list(in_order(made(events), RUN, lateness_ms=LATENESS_MS))
    assert all(before.due_ms <= after.due_ms for before, after in pairwise(timed))
    through_ms, events_ms = 0, []
    for one in timed:
        if isinstance(one.observation, Through):
            assert one.observation.through_ms >= through_ms
            through_ms = one.observation.through_ms
            assert one.observation.through_ms <= RUN.end_ms
        else:
            assert isinstance(one.observation, Refused)
            assert one.observation.received_ms >= through_ms
            events_ms.append(one.observation.received_ms - RUN.start_ms)
    assert sorted(events_ms) == sorted(at for at, _ in events)


@given(EVENTS)
def test_promises_come_each_second_and_end_with_the_run(events: list[tuple[int, int]]) -> None:
    """The first before everything, then one a second whatever happens, the last when all has arrived."""
    timed = list(in_order(made(events), RUN, lateness_ms=LATENESS_MS, since_ms=7))
    promises = [
        (t.due_ms, t.observation.through_ms) for t in timed if isinstance(t.observation, Through)
    ]
    assert timed[0] == Timed(RUN.start_ms, Through(7))
    assert timed[-1].observation == Through(RUN.end_ms)
    steps = promises[1:-1]
    assert steps[: SPAN_MS // 1_000] == [
        (RUN.start_ms + ms, RUN.start_ms + ms - LATENESS_MS) for ms in range(0, SPAN_MS, 1_000)
    ]


def test_one_instants_arrivals_keep_their_order() -> None:
    """What is due at once comes as it was made, and what is due at a promise's instant before it."""
    due_ms = RUN.start_ms + 1_000
    same = [
        Made(RUN.start_ms, [Timed(due_ms, seen(1)), Timed(due_ms, seen(2))]),
        Made(due_ms, [Timed(due_ms, seen(3))]),
    ]
    order = [one.observation for one in in_order(same, RUN, lateness_ms=0) if one.due_ms == due_ms]
    assert order == [seen(1), seen(2), seen(3), Through(due_ms)]
