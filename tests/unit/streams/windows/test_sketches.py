"""The sketches: within their promise, and the same whatever the order and the parts."""

import random
from math import floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.windows import sketches
from streams.windows.seen import digest_of
from streams.windows.sketches import (
    HASHES_MAX,
    QUANTILE_ACCURACY,
    SIZE_MAX,
    SIZE_MIN,
    distinct,
    keep_least,
    quantiles,
    size_buckets,
    size_key,
)

SIZES = st.lists(st.floats(SIZE_MIN, SIZE_MAX), min_size=1, max_size=200)


def counted(sizes: list[float]) -> dict[int, int]:
    buckets: dict[int, int] = {}
    for size in sizes:
        buckets[size_key(size)] = buckets.get(size_key(size), 0) + 1
    return buckets


def bound(bucket: int) -> float:
    """Return the size between two buckets, as near as a double is."""
    return float(((1 + QUANTILE_ACCURACY) / (1 - QUANTILE_ACCURACY)) ** bucket)


@given(sizes=SIZES, quantile=st.floats(0, 1))
@example(sizes=[1.0, 100.0], quantile=1.0)
@example(sizes=[1.0, 10.0, 100.0], quantile=0.5)
def test_a_quantile_is_within_its_accuracy(sizes: list[float], quantile: float) -> None:
    """Of the size that has its rank, from 0."""
    (found,) = quantiles([counted(sizes)], [quantile])
    ranked = sorted(sizes)[floor(quantile * (len(sizes) - 1))]
    assert found == pytest.approx(ranked, rel=QUANTILE_ACCURACY * (1 + 1e-9))


@given(sizes=SIZES, data=st.data())
def test_quantiles_know_no_order(sizes: list[float], data: st.DataObject) -> None:
    """A bucket's count is all there is."""
    shuffled = data.draw(st.permutations(sizes))
    assert quantiles([counted(sizes)], (0, 0.5, 1)) == quantiles([counted(shuffled)], (0, 0.5, 1))


def test_sizes_beyond_the_bounds_count_as_the_nearest() -> None:
    """So that the buckets are bounded."""
    assert size_key(SIZE_MIN / 1e6) == size_key(SIZE_MIN)
    assert size_key(SIZE_MAX * 1e6) == size_key(SIZE_MAX)
    assert size_key(SIZE_MAX) - size_key(SIZE_MIN) < 3_200


def test_few_are_counted_exactly() -> None:
    """One by one up to the bound."""
    assert distinct(set()) == 0
    hashes = {digest_of(str(n)) for n in range(HASHES_MAX - 1)}
    assert distinct(hashes) == HASHES_MAX - 1


@pytest.mark.parametrize("number", [HASHES_MAX, 10_000, 100_000])
def test_many_are_estimated(number: int) -> None:
    """Within three standard errors, 1.6 % each; these hashes are what they are, so it holds for ever."""
    assert distinct({digest_of(str(n)) for n in range(number)}) == pytest.approx(number, rel=0.05)


def test_an_estimate_knows_no_order_and_no_parts() -> None:
    """Kept as it goes, in any order, in blocks that are united later, it is that of all at once."""
    everything = [digest_of(str(n)) for n in range(30_000)]
    whole = distinct(set(everything))
    random.Random(1).shuffle(everything)
    blocks: list[set[int]] = [set() for _ in range(7)]
    for at, one in enumerate(everything):
        blocks[at % 7].add(one)
        keep_least(blocks[at % 7])
    assert max(map(len, blocks)) <= 2 * HASHES_MAX
    assert distinct(set().union(*blocks)) == whole


def test_what_is_kept_are_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a bound small enough to see."""
    monkeypatch.setattr(sketches, "HASHES_MAX", 3)
    hashes = {9, 1, 7, 3, 5}
    keep_least(hashes, 4)
    assert hashes == {1, 3, 5}
    keep_least(hashes, 3)
    assert hashes == {1, 3, 5}


@given(
    sizes=st.lists(
        st.floats(1e-15, 1e18)
        | st.integers(-30, 40).map(lambda n: 2.0**n)
        | st.integers(-900, 1_700).map(bound),
        min_size=1,
        max_size=50,
    )
)
def test_buckets_of_many_are_those_of_each(sizes: list[float]) -> None:
    """Next to a bound too, where two logarithms may disagree."""
    assert size_buckets(np.array(sizes)).tolist() == [size_key(size) for size in sizes]


@pytest.mark.parametrize("towards", [-np.inf, np.inf])
def test_a_logarithm_may_err_in_the_last_place(
    monkeypatch: pytest.MonkeyPatch, towards: float
) -> None:
    """As on a machine where numpy's is not the one of `math`: the buckets are the same."""
    sizes = [bound(bucket) for bucket in range(-900, 1_700, 7)]
    log2 = np.log2
    monkeypatch.setattr(np, "log2", lambda found: np.nextafter(log2(found), towards))
    assert size_buckets(np.array(sizes)).tolist() == [size_key(size) for size in sizes]
