"""What a fact is worth to who reads the asset: which go first where not all can be told. PURE.

====  ==================================================================================================
rank  facts
====  ==================================================================================================
0     of the windows that the reasons stand on
1     that somebody names: what contradicts what, what is told as changed
2     that are unusual against the asset's own past, the most unusual first
3     one of each kind, of the leading instrument where it has one
4     the other windows of the leading instrument, the less usual first
5     the rest, the less usual first
====  ==================================================================================================

Within a rank the order they come in holds: smaller windows first, the leading instrument before the others.
"""

from collections.abc import Collection, Iterable, Sequence
from math import log2

from topics import Fact

UNUSUAL = 3.0
"""From here on something is worth a sentence."""
WINDOWS_MIN = 2
"""Earlier windows below which nothing is called unusual without a score."""
SMALLEST = {"posts": 20.0, "events": 10.0, "commits": 10.0}
"""Counts below which, now and usually, a multiple means nothing."""
PER_DOUBLING = 1.5
NOTHING_LEFT = 1 / 64
"""What a fall to nothing counts as, of the median."""

_SCORED = frozenset(("return", "taker_buy_ratio", "volatility", "tone"))
"""What only a score can call unusual."""
_COMPARED = frozenset(("volume", "flow", "level", "posts", "events", "commits"))
_BASE = {"volume_ratio": "volume", "posts_ratio": "posts"}
"""What a ratio says again: it is as unusual as that."""

_MINUTE, _POSTS, _HOUR = ("market", 60_000), ("social", 300_000), ("development", 3_600_000)
_GROUNDS = {
    "price_drop": (_MINUTE,),
    "price_jump": (_MINUTE,),
    "volume_spike": (_MINUTE,),
    "volume_without_move": (_MINUTE,),
    "social_spike": (_POSTS,),
    "development_drop": (_HOUR,),
}
"""Kind and size of the windows that a reason of the gate stands on; any other may stand on each of them."""
_ANY = (_MINUTE, _POSTS, _HOUR)


def unusual(fact: Fact) -> float:
    """Return how unusual a fact is against its own past; 0 where nothing can be said.

    It is the size of its robust score (distance from the median in scaled median absolute deviations). Without one, for
    lack of history or of variation, a rough stand-in on the same scale: 3 for four times or a quarter of the median, 1.5
    more for each doubling or halving.
    """
    if fact.metric not in _SCORED | _COMPARED:
        return 0.0
    if fact.z is not None:
        return abs(fact.z)
    return _by_ratio(fact) if fact.metric in _COMPARED else 0.0


def by_worth(
    facts: Sequence[Fact],
    *,
    lead: str | None,
    reasons: Iterable[str] | None = None,
    named: Collection[int] = (),
) -> list[int]:
    """Return the places of facts in the order of what they are worth.

    ``lead`` is the subject the analysis is about, ``named`` are places of facts that something else speaks of. Without
    ``reasons`` every window that one could stand on counts as such.
    """
    grounds = {
        ground
        for reason in (("",) if reasons is None else reasons)
        for ground in _GROUNDS.get(reason, _ANY)
    }
    sizes = _sizes_of(facts)
    first = _first_of_kinds(facts, lead)

    def rank(at: int) -> tuple[int, float]:
        if _is_ground(facts[at], grounds, lead):
            return 0, 0.0
        if at in named:
            return 1, 0.0
        if sizes[at] >= UNUSUAL:
            return 2, -sizes[at]
        if at in first:
            return 3, 0.0
        return (4 if facts[at].subject == lead else 5), -sizes[at]

    return sorted(range(len(facts)), key=rank)


def _is_ground(fact: Fact, grounds: Collection[tuple[str, int]], lead: str | None) -> bool:
    """Return whether a reason may stand on a fact's window: one that is not the latest is shown for no other cause."""
    if fact.window_end_ms is not None:
        return True
    kind = _kind_of(fact)
    return (kind, fact.window_ms) in grounds and (kind != "market" or fact.subject == lead)


def _first_of_kinds(facts: Sequence[Fact], lead: str | None) -> set[int]:
    """Return the place of the first fact of each kind: of the lead, where that has one."""
    first: dict[str, int] = {}
    for at, fact in enumerate(facts):
        known = first.setdefault(_kind_of(fact), at)
        if fact.subject == lead and facts[known].subject != lead:
            first[_kind_of(fact)] = at
    return set(first.values())


def _sizes_of(facts: Sequence[Fact]) -> list[float]:
    """Return how unusual each fact is, a ratio as much as what it is the ratio of."""
    known = {(fact.aggregate_id, fact.metric): unusual(fact) for fact in facts}
    return [
        known.get((fact.aggregate_id, _BASE.get(fact.metric, fact.metric)), 0.0) for fact in facts
    ]


def _kind_of(fact: Fact) -> str:
    return fact.aggregate_id.partition("/")[0]


def _by_ratio(fact: Fact) -> float:
    usual = fact.baseline
    if usual is None or usual <= 0 or fact.sample_size < WINDOWS_MIN:
        return 0.0
    if max(fact.value, usual) < SMALLEST.get(fact.metric, 0.0):
        return 0.0
    return PER_DOUBLING * abs(log2(max(fact.value / usual, NOTHING_LEFT)))
