"""Which aggregates are compared field by field, where not all are: some of each stratum, the same in every run."""

from collections.abc import Iterator
from hashlib import blake2b
from heapq import heappush, heappushpop

from .pairing import Pair

STRATA = ("revised", "incomplete", "hopping", "after a pause", "random")


def strata_of(pair: Pair) -> Iterator[str]:
    """Yield the strata an aggregate is in."""
    body = pair.expected.body or {}
    if body["revision"]:
        yield "revised"
    if body["completeness"]["state"] != "complete":
        yield "incomplete"
    if body["window_ms"] != body["step_ms"]:
        yield "hopping"
    if pair.found.after_pause:
        yield "after a pause"
    yield "random"


class Sample:
    """Of each stratum the aggregates whose ids have the least digests: no clock and no dice."""

    def __init__(self, size: int) -> None:
        """``size`` is of one stratum."""
        self._size = size
        self._held: dict[str, list[tuple[int, str, Pair]]] = {name: [] for name in STRATA}

    def offer(self, pair: Pair) -> None:
        """Take an aggregate, if it is one of those."""
        if not self._size:
            return
        for stratum in strata_of(pair):
            name = pair.expected.name
            draw = -int.from_bytes(blake2b(f"{stratum} {name}".encode(), digest_size=8).digest())
            held = self._held[stratum]
            if len(held) < self._size:
                heappush(held, (draw, name, pair))
            else:
                heappushpop(held, (draw, name, pair))

    def pairs(self) -> dict[str, Pair]:
        """Return the aggregates of all strata by id, each once."""
        return {name: pair for held in self._held.values() for _, name, pair in held}

    def sizes(self) -> dict[str, int]:
        """Return how many are held, by stratum."""
        return {stratum: len(held) for stratum, held in self._held.items()}
