"""What may be committed is the least offset that is not finished, whatever the order of finishing."""

from hypothesis import given
from hypothesis import strategies as st

from topics.offsets import Offsets


@st.composite
def logs(draw: st.DrawFn) -> tuple[int, list[int], list[int], int]:
    """Return where reading begins, the offsets of records with gaps between, an order, and the position."""
    first = draw(st.integers(0, 5))
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 5]), max_size=25))
    records, at = [], first + draw(st.integers(0, 2))
    for step in steps:
        records.append(at)
        at += step
    return first, records, draw(st.permutations(records)), at


@given(logs(), st.data())
def test_the_committable_offset_is_the_least_unfinished(
    log: tuple[int, list[int], list[int], int], data: st.DataObject
) -> None:
    """Reading and finishing in any interleaving; offsets that carry no record hold nothing up."""
    first, records, order, _ = log
    offsets, unread, finished = Offsets(first), list(records), set[int]()
    finishing = list(order)
    while unread or finishing:
        ready = [o for o in finishing if o not in unread]
        if unread and (not ready or data.draw(st.booleans())):
            offsets.read(unread.pop(0))
        else:
            offset = ready[0]
            finishing.remove(offset)
            finished.add(offset)
            offsets.finish(offset)
        been_read = [o for o in records if o not in unread]
        pending = [o for o in been_read if o not in finished]
        reached = been_read[-1] + 1 if been_read else first
        assert offsets.committable == min(pending, default=reached)
        assert offsets.unfinished == len(pending)


@given(logs())
def test_finishing_twice_is_once(log: tuple[int, list[int], list[int], int]) -> None:
    """And finishing what is long committed is nothing."""
    first, records, order, _ = log
    offsets = Offsets(first)
    for offset in records:
        offsets.read(offset)
    for offset in order + order + list(range(first)):
        offsets.finish(offset)
    assert offsets.unfinished == 0
    assert offsets.committable == (records[-1] + 1 if records else first)


@given(logs())
def test_the_end_of_a_transaction_is_passed(log: tuple[int, list[int], list[int], int]) -> None:
    """A position behind the last record finishes what lies between, and nothing that was read."""
    first, records, order, position = log
    offsets = Offsets(first)
    for offset in records:
        offsets.read(offset)
    offsets.pass_to(position)
    assert offsets.unfinished == len(records)
    for offset in order:
        offsets.finish(offset)
    assert offsets.committable == position
    offsets.pass_to(first)
    assert offsets.committable == position


def test_what_is_committed_is_not_committed_again() -> None:
    """At first even an unmoved offset is worth a commit: a new group's beginning is kept."""
    offsets = Offsets(4)
    moved = [offsets.has_moved]
    offsets.commit(4)
    moved.append(offsets.has_moved)
    offsets.read(4)
    moved.append(offsets.has_moved)
    offsets.finish(4)
    moved.append(offsets.has_moved)
    offsets.commit(5)
    offsets.commit(4)
    assert [*moved, offsets.has_moved] == [True, False, False, True, False]
