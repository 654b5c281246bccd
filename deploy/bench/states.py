"""Which states a market of many assets is told in: its windows put through context and gate. PURE.

The market is synthetic (`market`): it says how many states such a one has, not how many a real one has.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import log2

from msgspec import Struct

from agents.decide.context import Context, Labels
from agents.decide.gate import ASKED_MS, Gate
from agents.settings import GateSettings
from topics.analysis import Product

from .market import ASSETS, DAY_MIN, Market


class Told(Struct, frozen=True):
    """What the gate wanted said of an asset."""

    asset: str
    as_of_ms: int
    product: Product
    reason: str
    """The first."""
    labels: Labels


def states(
    seed: int,
    *,
    days: int = 2,
    warm_days: int = 1,
    assets: int = ASSETS,
    settings: GateSettings | None = None,
) -> Iterator[Told]:
    """Yield what the gate wants said, in order, of ``days`` after ``warm_days`` of which only the memory counts."""
    settings = settings or GateSettings()
    context, gate = Context(int(settings.baseline_s * 1000)), Gate(settings)
    market = Market(seed, assets)
    for number in range((warm_days + days) * DAY_MIN):
        for aggregate in market.minute(number):
            of_asset = context.of(aggregate.asset)
            if of_asset is None or not of_asset.take(aggregate):
                continue
            if ASKED_MS.get(aggregate.kind) != aggregate.window_ms:
                continue
            verdict = gate.consider(aggregate, of_asset)
            if verdict is not None and number >= warm_days * DAY_MIN:
                yield Told(
                    aggregate.asset,
                    aggregate.window_end_ms,
                    verdict.product,
                    verdict.reasons[0],
                    verdict.labels,
                )


class Variety(Struct, frozen=True):
    """How many different states were told, and how often each."""

    told: int
    distinct: int
    top_share: float
    entropy_bits: float


def variety_of(labels: Iterable[Labels]) -> Variety:
    """Return how many different states there are among these, how common the commonest is, and their entropy."""
    counts = Counter(labels)
    told = counts.total()
    shares = [count / told for count in counts.values()]
    entropy = -sum(share * log2(share) for share in shares)
    return Variety(told, len(counts), max(shares, default=0.0), entropy)
