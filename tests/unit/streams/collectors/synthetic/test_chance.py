"""Dice of their own for each purpose, and arrivals at a rate."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.synthetic.chance import Rate, arrivals, chance

MINUTE_MS = 60_000


def test_words_are_dice() -> None:
    """The same words give the same numbers, other words others."""
    assert [chance(1, "a").random() for _ in range(2)] == [chance("1", "a").random()] * 2
    assert len({chance(1, "a").random(), chance(1, "b").random(), chance(2, "a").random()}) == 3


@given(st.integers(0, 1_000), st.lists(st.integers(1, 600_000), max_size=8), st.floats(0, 1_000))
def test_arrivals_are_in_order_and_within_the_span(
    seed: int, steps: list[int], per_minute: float
) -> None:
    """Whatever the rate does, and however often it changes."""
    edges = [sum(steps[: n + 1]) for n in range(len(steps))]

    def rate(at_ms: int) -> Rate:
        later = [edge for edge in edges if edge > at_ms]
        return Rate(per_minute * (1 + len(later) % 2), min(later, default=2**53))

    times = list(arrivals(chance(seed), rate, 1_000, 61_000))
    assert all(1_000 <= at < 61_000 for at in times)
    assert all(before <= after for before, after in pairwise(times))


def test_a_rate_is_kept_and_its_change_too() -> None:
    """600 a minute, then 60, then none: within five standard deviations of a Poisson count."""

    def rate(at_ms: int) -> Rate:
        hour = at_ms // (60 * MINUTE_MS)
        return Rate((600.0, 60.0, 0.0)[hour], (hour + 1) * 60 * MINUTE_MS)

    times = list(arrivals(chance("rates"), rate, 0, 180 * MINUTE_MS))
    counts = [sum(at // (60 * MINUTE_MS) == hour for at in times) for hour in range(3)]
    for count, expected in zip(counts, (36_000, 3_600, 0), strict=True):
        assert abs(count - expected) <= 5 * expected**0.5
