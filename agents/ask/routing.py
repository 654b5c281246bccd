"""Which model is asked next: the primary while it can be, else another, the same model before a cheaper one. PURE.

====  ======================================================  ========================
rung  who                                                     origin of its answer
====  ======================================================  ========================
0     the primary                                             ``model``
1     the primary's model elsewhere                           ``model_other_provider``
2...  each other model, in the order of preference            ``model_cheaper``
====  ======================================================  ========================

The primary is stuck to, since prompt caches are a provider's own: a turn for each would lose them all. Within a rung the
one with the fewest calls in flight is asked, of several the one that is preferred. Below the last rung rules answer.
"""

from collections.abc import Container, Sequence

from msgspec import Struct

from topics.analysis import Origin

COOL_S_MAX = 30.0
"""Who is told to wait longer is asked again after this: what was said may hold no more."""


class Standing(Struct, frozen=True, kw_only=True):
    """How one model stands at a moment."""

    provider: str
    name: str
    shut: bool = False
    """A breaker lets no call through to it."""
    cools_until_s: float = float("-inf")
    """It asked for silence until then, or its pace is used up."""
    outstanding: int = 0
    """Calls in flight."""
    full: bool = False
    """No more calls may be in flight."""


def can_be_asked(standing: Standing, now_s: float) -> bool:
    """Return whether a model may be asked at a moment."""
    return not standing.shut and now_s >= standing.cools_until_s and not standing.full


def route(models: Sequence[Standing], now_s: float, *, tried: Container[int] = ()) -> int | None:
    """Return which model to ask, by its place among them; None where none can be. The first is the primary.

    ``tried`` are the places of those that failed the same candidate. They are asked again only where no other can be.
    """
    free = [at for at, standing in enumerate(models) if can_be_asked(standing, now_s)]
    fresh = [at for at in free if at not in tried]
    return min(fresh or free, key=lambda at: _preference(models, at), default=None)


def origin_of(asked: tuple[str, str], primary: tuple[str, str]) -> Origin:
    """Return the origin of an answer, of the provider and name of the model that gave it and of the primary."""
    if asked == primary:
        return "model"
    return "model_other_provider" if asked[1] == primary[1] else "model_cheaper"


def _preference(models: Sequence[Standing], at: int) -> tuple[int, int, int]:
    names = [standing.name for standing in models]
    rung = 0 if at == 0 else 1 + names.index(names[at])
    return rung, models[at].outstanding, at
