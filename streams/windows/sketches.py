"""What is estimated rather than summed: sizes by quantile, authors by count. Neither depends on any order."""

from collections.abc import Mapping, Sequence
from itertools import chain
from math import ceil, log2
from typing import Any

import numpy as np

QUANTILE_ACCURACY = 0.01
"""Relative, of every quantile (DDSketch: Masson, Rim and Lee 2019)."""
SIZE_MIN, SIZE_MAX = 1e-12, 1e15
"""Sizes beyond count as the nearest of these."""
HASHES_MAX = 4_096
"""Hashes kept; below it a count is exact, above it the standard error is 1 / sqrt(4094) = 1.6 %."""

_RATIO = 2 * QUANTILE_ACCURACY / (1 - QUANTILE_ACCURACY)
_BUCKETS_PER_OCTAVE = 1 / log2(1 + _RATIO)
_HASHES = 2**64
_NEAR = 1e-6
"""Of a bucket: far more than the last place of a logarithm, far less than there is between sizes that differ."""
_Array = np.ndarray[Any, np.dtype[Any]]


def size_key(size: float) -> int:
    """Return the bucket of a size: each holds sizes up to 1 + 2a / (1 - a) times the last one's, a the accuracy."""
    return ceil(log2(min(max(size, SIZE_MIN), SIZE_MAX)) * _BUCKETS_PER_OCTAVE)


def size_buckets(sizes: _Array) -> _Array:
    """Return the bucket of each size, the same as `size_key` says.

    The logarithms of numpy and of `math` may differ in the last place. That matters next to a bound of two
    buckets alone, and what is there is asked of `size_key`.
    """
    at = np.log2(np.clip(sizes, SIZE_MIN, SIZE_MAX)) * _BUCKETS_PER_OCTAVE
    buckets: _Array = np.ceil(at).astype(np.int64)
    for near in np.flatnonzero(np.abs(at - np.rint(at)) < _NEAR).tolist():
        buckets[near] = size_key(float(sizes[near]))
    return buckets


def quantiles(blocks: Sequence[Mapping[int, int]], wanted: Sequence[float]) -> list[float]:
    """Return values at quantiles of the sizes that blocks have counted by bucket; there is at least one.

    The value at q is that of the bucket which holds the size of rank q x (n - 1), from 0.
    """
    many = sum(map(len, blocks))
    buckets = np.fromiter(chain.from_iterable(blocks), np.int64, many)
    counts = np.fromiter(chain.from_iterable(block.values() for block in blocks), np.int64, many)
    least = int(buckets.min())
    # Counted as doubles, which hold every number of trades there can be.
    reached = np.cumsum(np.bincount(buckets - least, weights=counts))
    last = float(reached[-1]) - 1
    at = np.searchsorted(reached, [q * last for q in wanted], side="right").tolist()
    return [2 ** ((least + i) / _BUCKETS_PER_OCTAVE) * 2 / (2 + _RATIO) for i in at]


def keep_least(hashes: set[int], most: int = 2 * HASHES_MAX) -> None:
    """Of more hashes than ``most`` keep the least `HASHES_MAX`; it is done now and then, for it takes a while."""
    if len(hashes) > most:
        hashes.difference_update(sorted(hashes)[HASHES_MAX:])


def distinct(hashes: set[int]) -> int:
    """Return how many different hashes of 64 bits there were, by the least of them.

    By k minimum values (Bar-Yossef et al. 2002): exact while there are fewer than are kept.
    """
    keep_least(hashes, HASHES_MAX)
    if len(hashes) < HASHES_MAX:
        return len(hashes)
    return (HASHES_MAX - 1) * _HASHES // max(1, *hashes)
