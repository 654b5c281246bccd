"""Partitions put together by the log's time: nothing lost, nothing doubled, nothing early."""

import math
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from deploy.replay.merge import HELD_MAX, Merge, Pace
from topics.record import OutRecord

Logs = list[list[OutRecord]]


def log(partition: int, times: list[int]) -> list[OutRecord]:
    return [
        OutRecord("raw", partition, None, str(number).encode(), [], at)
        for number, at in enumerate(times)
    ]


logs: st.SearchStrategy[Logs] = st.lists(
    st.lists(st.integers(0, 50), max_size=12), min_size=1, max_size=5
).map(lambda times: [log(number, part) for number, part in enumerate(times)])
"""Times that go back too, as of a producer whose clock does."""


def reached(records: list[OutRecord]) -> list[int]:
    """The time of each record: the latest of those up to it."""
    return list(accumulate((r.timestamp_ms or 0 for r in records), max))


@given(logs, st.data())
def test_whatever_comes_when_each_log_is_given_out_once_in_its_order(
    made: Logs, data: st.DataObject
) -> None:
    """Fed in any cuts, and only where it is hungry; what is given out of all is in order of time."""
    merge: Merge[int, OutRecord] = Merge({p: len(records) for p, records in enumerate(made)})
    fed, out, until = [0] * len(made), list[OutRecord](), 0
    while not merge.is_done:
        hungry = merge.hungry()
        for place in data.draw(st.sets(st.sampled_from(hungry), min_size=1)) if hungry else ():
            size = data.draw(st.integers(1, len(made[place])))
            merge.feed(place, made[place][fed[place] : fed[place] + size])
            fed[place] = min(len(made[place]), fed[place] + size)
        until += data.draw(st.integers(1, 20)) if fed == list(map(len, made)) else 0
        given_out = list(merge.take(until))
        assert all((record.timestamp_ms or 0) <= until for record in given_out)
        out += given_out
    assert [[r for r in out if r.partition == p] for p in range(len(made))] == made
    times = {p: iter(reached(records)) for p, records in enumerate(made)}
    order = [next(times[record.partition]) for record in out]
    assert order == sorted(order)


def test_nothing_is_given_out_while_an_earlier_record_may_come() -> None:
    """Else a slow partition would be put behind the others."""
    merge: Merge[str, OutRecord] = Merge({"a": 1, "b": 2})
    merge.feed("a", log(0, [5]))
    assert list(merge.take(math.inf)) == []
    merge.feed("b", log(1, [3, 9])[:1])
    assert merge.first_ms == 3
    assert [record.timestamp_ms for record in merge.take(math.inf)] == [3]
    merge.feed("b", log(1, [3, 9])[1:])
    assert [record.timestamp_ms for record in merge.take(math.inf)] == [5, 9]
    assert merge.hungry() == []


def test_a_partition_that_is_far_ahead_is_not_fed() -> None:
    """Memory is bounded by records that wait, whatever the logs hold."""
    merge: Merge[str, OutRecord] = Merge({"late": 1, "early": 10 * HELD_MAX})
    fed = 0
    while "early" in merge.hungry():
        merge.feed("early", log(0, list(range(100))))
        fed += 100
    assert fed <= HELD_MAX
    assert merge.hungry() == ["late"]


def test_nothing_at_all_is_done() -> None:
    """No partition, or none with a record in its range."""
    assert Merge[int, OutRecord]({}).is_done
    assert Merge[int, OutRecord]({0: 0, 1: 0}).is_done


@given(st.floats(0.1, 1000), st.integers(0, 10**6), st.floats(0, 3600))
def test_a_record_is_due_when_its_time_has_come(
    speed: float, first_ms: int, after_s: float
) -> None:
    """From the first record on, at so many seconds of the log a second of wall time."""
    pace = Pace(speed)
    assert pace.until_ms(None, 100.0) == -math.inf
    assert pace.until_ms(first_ms, 100.0) == first_ms
    due = pace.until_ms(first_ms + 7_000, 100.0 + after_s)
    assert math.isclose(due, first_ms + after_s * 1000 * speed, rel_tol=1e-9, abs_tol=1e-3)


def test_without_a_speed_everything_is_due() -> None:
    """As fast as it goes."""
    assert Pace(None).until_ms(None, 0.0) == math.inf
