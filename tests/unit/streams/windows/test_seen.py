"""The memory of seen events: exact while it reaches, and honest where it does not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.windows import seen
from streams.windows.seen import DIGESTS_MAX, INTERVALS_MAX, SPAN_MS, Digests, Intervals, Verdict


@given(st.lists(st.integers(0, 150), max_size=200))
def test_intervals_are_a_set(numbers: list[int]) -> None:
    """Below the bound: a number is a duplicate exactly if it came before."""
    intervals, known = Intervals(), set[int]()
    for number in numbers:
        expected = Verdict.DUPLICATE if number in known else Verdict.NEW
        if intervals.floor < 0:
            assert intervals.add(number) is expected
        known.add(number)
    pairs = list(zip(intervals.firsts, intervals.lasts, strict=True))
    assert all(first <= last for first, last in pairs)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(pairs))
    if intervals.floor < 0:
        assert {n for first, last in pairs for n in range(first, last + 1)} == known


def test_beyond_the_bound_the_lowest_interval_is_forgotten_and_said_to_be() -> None:
    """What lies there is unsure from then on, never called a duplicate."""
    intervals = Intervals()
    for number in range(0, 2 * INTERVALS_MAX, 2):
        assert intervals.add(number) is Verdict.NEW
    assert intervals.floor == -1
    assert intervals.add(2 * INTERVALS_MAX) is Verdict.NEW
    assert len(intervals.firsts) == INTERVALS_MAX
    assert intervals.floor == 0
    assert intervals.add(0) is Verdict.UNSURE
    assert intervals.add(2) is Verdict.DUPLICATE


def test_digests_are_remembered_until_their_span_is_forgotten() -> None:
    """At the edge of the span, not a millisecond earlier."""
    digests = Digests()
    assert digests.add("x", SPAN_MS) is Verdict.NEW
    assert digests.add("x", SPAN_MS) is Verdict.DUPLICATE
    digests.forget_before(2 * SPAN_MS - 1)
    assert digests.add("x", SPAN_MS) is Verdict.DUPLICATE
    digests.forget_before(2 * SPAN_MS)
    assert digests.add("x", SPAN_MS) is Verdict.UNSURE
    assert digests.size == 0


@pytest.mark.no_cover
def test_at_the_bound_the_oldest_span_goes() -> None:
    """One million digests a partition; then the oldest ten seconds are unsure."""
    digests = Digests()
    for number in range(DIGESTS_MAX):
        digests.add(str(number), number % 4 * SPAN_MS)
    assert digests.size == DIGESTS_MAX
    assert digests.add("one more", 3 * SPAN_MS) is Verdict.NEW
    assert digests.size <= DIGESTS_MAX
    assert digests.floor_ms == SPAN_MS
    assert digests.add("0", 0) is Verdict.UNSURE
    assert digests.add("1", SPAN_MS) is Verdict.DUPLICATE


Chunks = dict[int, list[tuple[int, int]]]


def checkpoint(memory: Digests, chunks: Chunks, number: int) -> None:
    """Write what a checkpoint writes."""
    if chunk := memory.take_chunk(number):
        chunks[number] = chunk
    for dead in memory.take_dead_chunks():
        del chunks[dead]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 5 * SPAN_MS), st.sampled_from("---cf")),
        max_size=60,
    )
)
def test_chunks_give_back_what_was_known(steps: list[tuple[int, int, str]]) -> None:
    """A memory rebuilt from its chunks judges as the one that never stopped."""
    whole, chunks = Digests(), Chunks()
    for at, (name, event_ms, then) in enumerate(steps):
        whole.add(str(name), event_ms)
        if then == "f":
            whole.forget_before(event_ms)
        elif then == "c":
            checkpoint(whole, chunks, at)
    checkpoint(whole, chunks, len(steps))
    again = Digests(whole.floor_ms)
    for number, chunk in chunks.items():
        again.restore(number, chunk)
    assert again.size == whole.size
    for name, event_ms, _ in steps:
        assert again.add(str(name), event_ms) is whole.add(str(name), event_ms)


def test_of_a_chunk_that_is_partly_forgotten_the_rest_is_taken_back() -> None:
    """Or the bound would be reached sooner after a restart."""
    memory, chunks = Digests(), Chunks()
    for span in range(3):
        memory.add(str(span), span * SPAN_MS)
    checkpoint(memory, chunks, 1)
    memory.forget_before(2 * SPAN_MS)
    checkpoint(memory, chunks, 2)
    again = Digests(memory.floor_ms)
    for number, chunk in chunks.items():
        again.restore(number, chunk)
    assert again.size == memory.size == 1


def test_a_digest_is_what_the_specification_says() -> None:
    """BLAKE2b of 8 bytes, big-endian; the number is by the `b2sum -l 64` of coreutils."""
    assert f"{seen.digest_of('alpha/BTC/USD/1'):016x}" == "e3a1613fed7f8de2"
