"""The development source: acts in invented repositories, from some hours before the start: PURE.

What happened before the start arrives at once at the start, as from a collector that polls and fills back.
"""

from collections.abc import Iterator
from hashlib import sha256
from heapq import merge
from random import Random
from typing import Literal

from streams.collectors.lateness import LATENESS_MS
from topics import RepositoryEvent

from .assets import ASSETS, FORGE, Asset
from .chance import Rate, arrivals, chance
from .rhythm import hour_of
from .run import Run
from .spans import Span, Spans
from .timed import Made, Timed, in_order

_HOUR_MS = 3_600_000
_MINUTES = 60

HISTORY_MS = 6 * _HOUR_MS
"""How long before the start the acts begin."""
LIVELY_MS = 6 * _HOUR_MS
"""How long before an exodus the asset is lively."""
LIVELY_PER_HOUR, LEFT_PER_HOUR = 40.0, 2.0
SWING = 0.35
"""How far the hour of the day moves the number of acts."""
BOT_SHARE = 0.1
AUTHORS = 25
"""Of each asset."""
DELAY_MS_MIN, DELAY_MS_MAX = 5_000, 570_000
"""From the act to its arrival."""

_Act = Literal["commit", "pull_request", "issue", "comment", "release"]
_ACTS: tuple[tuple[_Act, int], ...] = (
    ("commit", 48),
    ("pull_request", 20),
    ("issue", 15),
    ("comment", 16),
    ("release", 1),
)
"""Each with its weight."""
_REPOSITORIES = ("node", "wallet", "docs")


def development(run: Run) -> Iterator[Timed]:
    """Yield the acts of a run in the order they arrive, with promises, the first at the history's begin."""
    acts = merge(*(_acts(run, asset) for asset in ASSETS), key=lambda act: act.event_ms)
    made = (Made(act.event_ms, [Timed(act.received_ms, act)]) for act in acts)
    since_ms = run.start_ms - HISTORY_MS
    return in_order(made, run, lateness_ms=LATENESS_MS["development"], since_ms=since_ms)


def _acts(run: Run, asset: Asset) -> Iterator[RepositoryEvent]:
    exoduses = [i for i in run.incidents if i.asset == asset.name and i.kind == "developer_exodus"]
    lively = (Span(i.from_ms - LIVELY_MS, i.from_ms, LIVELY_PER_HOUR) for i in exoduses)
    left = (Span(i.from_ms, i.to_ms, LEFT_PER_HOUR) for i in exoduses)
    unusual = Spans([*lively, *left])

    def rate(time_ms: int) -> Rate:
        active, until_ms = unusual.at(time_ms)
        factor, hour_ends_ms = hour_of(time_ms, swing=SWING)
        per_hour = min(active, default=asset.acts_per_hour * factor)
        return Rate(per_hour / _MINUTES, min(until_ms, hour_ends_ms))

    dice = chance(run.seed, "development", asset.name)
    times = chance(run.seed, "development", asset.name, "times")
    history_ms = run.start_ms - HISTORY_MS
    for number, at_ms in enumerate(arrivals(times, rate, history_ms, run.end_ms)):
        yield _act(run, asset, f"{run.start_ms}-{number}", at_ms, dice)


def _act(run: Run, asset: Asset, number: str, at_ms: int, dice: Random) -> RepositoryEvent:
    kinds, weights = zip(*_ACTS, strict=True)
    bot = dice.random() < BOT_SHARE
    author = "bot" if bot else f"author-{dice.randrange(AUTHORS)}"
    owner = f"{asset.name.lower()}-sim"
    return RepositoryEvent(
        subject=asset.name,
        source=FORGE,
        repository=f"{owner}/{dice.choice(_REPOSITORIES)}",
        event_id=f"{owner}-{number}",
        event_ms=at_ms,
        received_ms=max(run.start_ms, at_ms + dice.randint(DELAY_MS_MIN, DELAY_MS_MAX)),
        act=dice.choices(kinds, weights)[0],
        author=sha256(f"{FORGE}/{owner}/{author}".encode()).hexdigest()[:16],
        bot=bot,
    )
