"""Seeded chance, and arrivals by chance: PURE, the same words give the same numbers."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

_MINUTE_MS = 60_000


class Rate(NamedTuple):
    """How often something happens, until it changes."""

    per_minute: float
    until_ms: int
    """Later than the instant it was asked for."""


def chance(*words: str | int) -> Random:
    """Return dice of their own for these words: throwing one pair never moves another."""
    return Random("/".join(map(str, words)))  # noqa: S311 - invented markets need no secrets


def arrivals(
    dice: Random, rate_at: Callable[[int], Rate], from_ms: int, to_ms: int
) -> Iterator[int]:
    """Yield the times, in order, of a Poisson process in [from_ms, to_ms) whose rate changes by steps.

    Waiting has no memory, so at each change the wait begins anew with the new rate.
    """
    at_ms = float(from_ms)
    while at_ms < to_ms:
        rate = rate_at(int(at_ms))
        until_ms = min(rate.until_ms, to_ms)
        wait_ms = dice.expovariate(1.0) * _MINUTE_MS / max(rate.per_minute, 1e-9)
        if at_ms + wait_ms >= until_ms:
            at_ms = float(until_ms)
            continue
        at_ms += wait_ms
        yield int(at_ms)
