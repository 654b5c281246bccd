"""A market of many assets made of nothing but a seed, put through context and gate: which states it is told in. PURE.

Each asset has its own size and changes between three regimes (calm, trending, turbulent). Returns of ten seconds are
Student's t with a common part; the logarithm of the volume, the tone and the number of posts are autoregressive; a
feed fails now and then. It is synthetic: it says how many states such a market has, not how many a real one has.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import log, log2

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.decide.context import Context, Labels
from agents.decide.gate import Gate
from agents.decide.partition import ASKED_MS
from agents.settings import GateSettings
from streams.windows.history import HISTORY_MAX, HISTORY_MIN, NORMAL
from topics import (
    Aggregate,
    Completeness,
    DevelopmentValues,
    Kind,
    MarketValues,
    Score,
    SocialValues,
)
from topics.aggregate import Values, aggregate_id
from topics.analysis import Product

ASSETS = 50
DAY_MIN = 1_440
BEGIN_MS = 1_800_000_000_000 // 86_400_000 * 86_400_000
MINUTE_MS = 60_000
PANES = 6
"""Of ten seconds, in a minute."""

FREEDOM = 4.0
"""Of Student's t: a few times a day a minute moves ten times as usual."""
SWING = np.array([0.0004, 0.0007, 0.0022])
"""By regime, what a minute of an asset of middle size usually moves."""
DRIFT = np.array([0.0, 0.00012, 0.0])
"""By regime, what it moves on average, up or down."""
STAYS = np.array([1 - 1 / 360, 1 - 1 / 180, 1 - 1 / 60])
"""By regime, the chance that the next minute is in it: six hours, three, and one on average."""
NEXT = np.array([[0.0, 0.7, 0.3], [0.7, 0.0, 0.3], [0.6, 0.4, 0.0]])
"""Where it goes when it leaves."""
COMMON = 0.4
"""The part of the variance that all assets share."""
VOLUME_AR, VOLUME_NOISE = 0.9, 0.25
POSTS_AR, POSTS_NOISE = 0.85, 0.35
TONE_AR, TONE_NOISE = 0.9, 0.09
FAILS, MENDS = 1 / 3_000, 1 / 4
"""The chances that a minute's feed begins to fail, and that it stops."""
SCORED: dict[int, tuple[str, ...]] = {
    1: ("volume", "log_return"),
    5: ("volume", "realised_volatility"),
    60: (),
}
"""By minutes, what is scored of a market window: what the words of a state rest on, and no more, to be quick."""

Floats = NDArray[np.float64]


class Told(Struct, frozen=True):
    """What the gate wanted said of an asset."""

    asset: str
    as_of_ms: int
    product: Product
    reason: str
    """The first."""
    labels: Labels


class _Past:
    """The values of one measure in the windows before, of all assets."""

    def __init__(self, assets: int) -> None:
        self._rows: Floats = np.empty((assets, 0))

    def scored(self, values: Floats) -> tuple[Floats, Floats] | None:
        """Return the robust score of each asset's value and what is usual, or None while too little is known."""
        rows = self._rows
        self._rows = np.column_stack([rows[:, -(HISTORY_MAX - 1) :], values])
        if rows.shape[1] < HISTORY_MIN:
            return None
        usual = np.median(rows, axis=1)
        spread = NORMAL * np.median(np.abs(rows - usual[:, None]), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spread > 0, (values - usual) / spread, np.nan), usual


class _Scores:
    """Which values of a family of windows are scored, and their past."""

    def __init__(self, assets: int, names: Iterable[str]) -> None:
        self._pasts = {name: _Past(assets) for name in names}

    def of(self, **values: Floats) -> list[dict[str, Score]]:
        """Return each asset's scores."""
        count = len(next(iter(values.values())))
        scores: list[dict[str, Score]] = [{} for _ in range(count)]
        for name, past in self._pasts.items():
            if (found := past.scored(values[name])) is None:
                continue
            for one, z, usual in zip(scores, *found, strict=True):
                if not np.isnan(z):
                    one[name] = Score(z=float(z), median=float(usual))
        return scores


class Market:
    """The market of a seed, minute by minute."""

    def __init__(self, seed: int, assets: int = ASSETS) -> None:
        """Begin with every asset calm, at its own price, size and number of posts."""
        self._random = rng = np.random.default_rng(seed)
        self.names = [f"A{number:03d}" for number in range(assets)]
        self._size = np.exp(rng.normal(0.0, 0.35, assets))
        self._base = np.exp(rng.normal(8.0, 1.5, assets))
        self._talk = np.exp(rng.normal(2.0, 1.2, assets))
        self._work = np.exp(rng.normal(1.5, 1.3, assets))
        self._price = np.exp(rng.normal(2.0, 2.0, assets))
        self._regime = np.zeros(assets, dtype=np.int64)
        self._way = np.ones(assets)
        self._volume, self._posts, self._tone = (np.zeros(assets) for _ in range(3))
        self._failing = np.zeros(assets, dtype=bool)
        self._minutes: list[_Minute] = []
        self._market = {size: _Scores(assets, names) for size, names in SCORED.items()}
        self._social = _Scores(assets, ("posts", "tone_mean"))
        self._development = _Scores(assets, ("events",))

    def minute(self, number: int) -> Iterator[Aggregate]:
        """Yield the windows that end with a minute, in the order in which they are published."""
        self._minutes = [*self._minutes[-59:], self._trade()]
        for size in (60, 5, 1):
            if (number + 1) % size == 0:
                yield from self._windows(number + 1, size)
        if (number + 1) % 5 == 0:
            yield from self._talked(number + 1)
        if (number + 1) % 60 == 10:  # noqa: PLR2004 - development is ten minutes late
            yield from self._worked(number + 1 - 10)

    def _trade(self) -> "_Minute":
        """Move every asset by a minute."""
        rng, count = self._random, len(self.names)
        leaves = rng.random(count) >= STAYS[self._regime]
        goes = (rng.random(count)[:, None] > np.cumsum(NEXT[self._regime], axis=1)).sum(axis=1)
        self._regime = np.where(leaves, goes, self._regime)
        self._way = np.where(leaves, rng.choice((-1.0, 1.0), count), self._way)
        starts, mends = rng.random(count) < FAILS, rng.random(count) < MENDS
        self._failing = np.where(self._failing, ~mends, starts)
        common = rng.standard_t(FREEDOM, PANES)[None, :] * COMMON**0.5
        own = rng.standard_t(FREEDOM, (count, PANES)) * (1 - COMMON) ** 0.5
        swing = SWING[self._regime] * self._size / (PANES * FREEDOM / (FREEDOM - 2)) ** 0.5
        moves = (common + own) * swing[:, None]
        moves += (DRIFT[self._regime] * self._way)[:, None] / PANES
        pushed = np.abs(moves.sum(axis=1)) / (SWING[0] * self._size)
        noise = rng.normal(0.0, VOLUME_NOISE, count)
        self._volume = VOLUME_AR * self._volume + noise + 0.02 * np.minimum(pushed, 20.0)
        volume = self._base * np.exp(self._volume)
        volume = np.where(self._failing, 0.3 * volume, volume)
        minute = _Minute(self._price, moves, volume, self._failing)
        self._price = self._price * np.exp(moves.sum(axis=1))
        return minute

    def _windows(self, end: int, size: int) -> Iterator[Aggregate]:
        minutes = self._minutes[-size:]
        moves = np.concatenate([minute.moves for minute in minutes], axis=1)
        first, volume = minutes[0].price, np.sum([minute.volume for minute in minutes], axis=0)
        path = first[:, None] * np.exp(np.cumsum(moves, axis=1))
        high, low = np.maximum(first, path.max(axis=1)), np.minimum(first, path.min(axis=1))
        swings = np.sqrt((moves**2).sum(axis=1))
        failing = np.mean([minute.failing for minute in minutes], axis=0)
        scores = self._market[size].of(
            volume=volume, log_return=moves.sum(axis=1), realised_volatility=swings
        )
        for at, name in enumerate(self.names):
            values = _market_values(
                (first[at], high[at], low[at], path[at, -1]), float(volume[at]), float(swings[at])
            )
            yield _window(
                values,
                "market",
                f"{name}/USDT",
                end=end,
                size=size,
                scores=scores[at],
                holed=float(failing[at]),
            )

    def _talked(self, end: int) -> Iterator[Aggregate]:
        rng, count = self._random, len(self.names)
        self._posts = POSTS_AR * self._posts + rng.normal(0.0, POSTS_NOISE, count)
        self._tone = TONE_AR * self._tone + rng.normal(0.0, TONE_NOISE, count)
        lively = np.where(self._regime == 2, 1.8, 1.0)  # noqa: PLR2004 - the turbulent one
        posts = rng.poisson(self._talk * np.exp(self._posts) * lively).astype(float)
        tone = np.clip(self._tone + rng.normal(0.0, 0.4, count) / np.sqrt(posts + 1), -1.0, 1.0)
        tone = np.where(posts > 0, tone, 0.0)
        scores = self._social.of(posts=posts, tone_mean=tone)
        for at, name in enumerate(self.names):
            values = SocialValues(
                posts=int(posts[at]),
                bot_posts=0,
                engagement=0,
                tone_mean=float(tone[at]),
                tone_stdev=0.4,
            )
            yield _window(values, "social", name, end=end, size=5, scores=scores[at])

    def _worked(self, end: int) -> Iterator[Aggregate]:
        by_day = 0.6 + 0.8 * np.sin(np.pi * (end % DAY_MIN) / DAY_MIN)
        events = self._random.poisson(self._work * by_day).astype(float)
        scores = self._development.of(events=events)
        for at, name in enumerate(self.names):
            count = int(events[at])
            values = DevelopmentValues(
                events=count, commits=count, pull_requests=0, releases=0, issues=0, bot_events=0
            )
            yield _window(values, "development", name, end=end, size=60, scores=scores[at])


class _Minute(Struct, frozen=True):
    """What happened in a minute, by asset."""

    price: Floats
    """At its begin."""
    moves: Floats
    """Log returns by pane."""
    volume: Floats
    failing: NDArray[np.bool_]


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


def _market_values(
    prices: tuple[np.float64, np.float64, np.float64, np.float64], volume: float, swing: float
) -> MarketValues:
    first, high, low, last = (float(price) for price in prices)
    return MarketValues(
        trades=100,
        open=first,
        high=high,
        low=low,
        close=last,
        vwap=first,
        volume=volume,
        quote_volume=volume * first,
        taker_buy_volume=volume / 2,
        taker_buy_ratio=0.5,
        signed_volume=0.0,
        log_return=log(last / first),
        realised_variance=swing**2,
        largest_trade=volume / 20,
        venue_volume={"binance": volume},
        venue_close={"binance": last},
        realised_volatility=swing,
    )


def _window(
    values: Values,
    kind: Kind,
    subject: str,
    *,
    end: int,
    size: int,
    scores: dict[str, Score],
    holed: float = 0.0,
) -> Aggregate:
    start_ms, size_ms = BEGIN_MS + (end - size) * MINUTE_MS, size * MINUTE_MS
    whole = Completeness(state="complete")
    return Aggregate(
        aggregate_id=aggregate_id(
            kind, subject, window_ms=size_ms, step_ms=size_ms, start_ms=start_ms, revision=0
        ),
        asset=subject.partition("/")[0],
        subject=subject,
        window_start_ms=start_ms,
        window_ms=size_ms,
        step_ms=size_ms,
        revision=0,
        reason="closed",
        completeness=Completeness(state="holed", holed_fraction=holed) if holed else whole,
        values=values,
        scores=scores,
        history_n=min(HISTORY_MAX, end // size),
    )
