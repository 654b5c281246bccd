"""Windows for tests: one by one with plain words, or whole logs of them at random."""

from math import log

import msgspec
from hypothesis import strategies as st

from topics import (
    Aggregate,
    Completeness,
    DevelopmentValues,
    Kind,
    MarketValues,
    SocialValues,
    VolumeValues,
)
from topics.aggregate import Values, aggregate_id

BASE_MS = 1_800_000_000_000
"""The start of an hour in 2027."""
MINUTE_MS, FIVE_MS, HOUR_MS = 60_000, 300_000, 3_600_000


def window(
    values: Values,
    subject: str,
    *,
    kind: Kind,
    number: int = 0,
    window_ms: int = MINUTE_MS,
    step_ms: int | None = None,
    revision: int = 0,
    completeness: Completeness | None = None,
    base_ms: int = BASE_MS,
) -> Aggregate:
    """Return the ``number``-th window of a subject since ``base_ms``."""
    step = window_ms if step_ms is None else step_ms
    start_ms = base_ms + number * step
    return Aggregate(
        aggregate_id=aggregate_id(
            kind, subject, window_ms=window_ms, step_ms=step, start_ms=start_ms, revision=revision
        ),
        asset=subject.partition("/")[0],
        subject=subject,
        window_start_ms=start_ms,
        window_ms=window_ms,
        step_ms=step,
        revision=revision,
        reason="corrected" if revision else "closed",
        completeness=completeness or Completeness(state="complete"),
        values=values,
    )


def holed(*venues: str) -> Completeness:
    """Return the completeness of a window with a known gap."""
    return Completeness(
        state="holed", holed_fraction=0.5, holed_venues=list(venues or ("binance",))
    )


def silent(*sources: str) -> Completeness:
    """Return the completeness of a window whose sources had not reached its end."""
    return Completeness(state="unverifiable", missing_sources=list(sources))


def market_values(
    *,
    first: float = 100.0,
    last: float | None = None,
    high: float | None = None,
    low: float | None = None,
    volume: float = 10.0,
) -> MarketValues:
    """Return a window's trades: the prices given, the others the least that fits."""
    close = first if last is None else last
    return MarketValues(
        trades=50,
        open=first,
        high=max(first, close) if high is None else high,
        low=min(first, close) if low is None else low,
        close=close,
        vwap=first,
        volume=volume,
        quote_volume=volume * first,
        taker_buy_volume=volume / 2,
        taker_buy_ratio=0.5,
        signed_volume=0.0,
        log_return=log(close / first),
        realised_variance=0.0,
        largest_trade=1.0,
        venue_volume={"binance": volume},
        venue_close={"binance": close},
    )


def market(
    subject: str = "BTC/USDT",
    number: int = 0,
    *,
    window_ms: int = MINUTE_MS,
    step_ms: int | None = None,
    revision: int = 0,
    completeness: Completeness | None = None,
    base_ms: int = BASE_MS,
    first: float = 100.0,
    last: float | None = None,
    high: float | None = None,
    low: float | None = None,
    volume: float = 10.0,
) -> Aggregate:
    """Return an instrument's window; its trades are those of ``market_values``."""
    return window(
        market_values(first=first, last=last, high=high, low=low, volume=volume),
        subject,
        kind="market",
        number=number,
        window_ms=window_ms,
        step_ms=step_ms,
        revision=revision,
        completeness=completeness,
        base_ms=base_ms,
    )


def social(
    asset: str = "BTC",
    number: int = 0,
    *,
    posts: int = 10,
    tone: float = 0.1,
    window_ms: int = FIVE_MS,
    revision: int = 0,
    completeness: Completeness | None = None,
) -> Aggregate:
    """Return an asset's window of posts."""
    values = SocialValues(posts=posts, bot_posts=0, engagement=0, tone_mean=tone, tone_stdev=0.2)
    return window(
        values,
        asset,
        kind="social",
        number=number,
        window_ms=window_ms,
        revision=revision,
        completeness=completeness,
    )


def development(
    asset: str = "BTC",
    number: int = 0,
    *,
    events: int = 40,
    revision: int = 0,
    completeness: Completeness | None = None,
) -> Aggregate:
    """Return an asset's hour of development."""
    values = DevelopmentValues(
        events=events, commits=events // 2, pull_requests=0, releases=0, issues=0, bot_events=0
    )
    return window(
        values,
        asset,
        kind="development",
        number=number,
        window_ms=HOUR_MS,
        revision=revision,
        completeness=completeness,
    )


def volume(
    asset: str = "BTC",
    number: int = 0,
    *,
    flow: float = 5.0,
    level: float | None = 900.0,
    window_ms: int = FIVE_MS,
    revision: int = 0,
) -> Aggregate:
    """Return an asset's window of reported turnover."""
    venues = [] if level is None else ["binance"]
    values = VolumeValues(
        flow=flow, flow_samples=1, level=level, level_venues=venues, concentration=None
    )
    return window(
        values, asset, kind="volume", number=number, window_ms=window_ms, revision=revision
    )


def calm(count: int, subject: str = "BTC/USDT", *, volume: float = 10.0) -> list[Aggregate]:
    """Return the first minutes of an instrument, all alike."""
    return [market(subject, number, volume=volume) for number in range(count)]


INSTRUMENTS = ("BTC/USDT", "BTC/USD", "BTC/USDT:USDT", "ETH/USDT")
_WHOLE = Completeness(state="complete")
_STATES = st.sampled_from([_WHOLE, _WHOLE, _WHOLE, holed(), silent("binance")])
_PRICES = st.sampled_from([94.0, 97.0, 99.7, 99.9, 100.0, 100.1, 100.3, 103.0, 106.0])
_VOLUMES = st.sampled_from([0.0, 1.0, 5.0, 10.0, 20.0, 60.0, 200.0])
_POSTS = st.sampled_from([0, 4, 10, 20, 50, 500])
_EVENTS = st.sampled_from([0, 5, 10, 40])


@st.composite
def _one(draw: st.DrawFn, numbers: dict[tuple[str, int], int]) -> Aggregate:
    """Return some window: the next of its family mostly, else a later, an earlier or a corrected one."""
    kind = draw(st.sampled_from(["market", "market", "market", "social", "development", "volume"]))
    subject = draw(st.sampled_from(INSTRUMENTS if kind == "market" else ("BTC", "ETH")))
    sizes = [MINUTE_MS, MINUTE_MS, FIVE_MS] if kind == "market" else [FIVE_MS]
    size_ms = HOUR_MS if kind == "development" else draw(st.sampled_from(sizes))
    move = draw(st.sampled_from([1, 1, 1, 1, 2, 0, -1]))
    last = numbers.get((kind + subject, size_ms), 0)
    number = max(0, last + move)
    numbers[kind + subject, size_ms] = max(last, number)
    revision = draw(st.sampled_from([0, 0, 1])) if move < 1 else 0
    state = draw(_STATES)
    match kind:
        case "market":
            last_price = draw(_PRICES)
            low = 94.0 if draw(st.integers(0, 5)) == 0 else 99.0
            return market(
                subject,
                number,
                window_ms=size_ms,
                revision=revision,
                completeness=state,
                last=last_price,
                low=min(low, last_price),
                volume=draw(_VOLUMES),
            )
        case "social":
            return social(
                subject, number, posts=draw(_POSTS), revision=revision, completeness=state
            )
        case "development":
            return development(
                subject, number, events=draw(_EVENTS), revision=revision, completeness=state
            )
        case _:
            return volume(subject, number, flow=draw(_VOLUMES), revision=revision)


@st.composite
def histories(draw: st.DrawFn, max_size: int = 60) -> list[Aggregate]:
    """Return a partition's log: a few subjects, moves and calm, gaps, corrections, late windows."""
    numbers: dict[tuple[str, int], int] = {}
    return [draw(_one(numbers)) for _ in range(draw(st.integers(0, max_size)))]


def corrected(aggregate: Aggregate, revision: int, *, volume: float) -> Aggregate:
    """Return a later revision of a market window, with another volume."""
    return msgspec.structs.replace(
        aggregate,
        revision=revision,
        reason="corrected",
        values=market_values(volume=volume),
        aggregate_id=aggregate_id(
            aggregate.kind,
            aggregate.subject,
            window_ms=aggregate.window_ms,
            step_ms=aggregate.step_ms,
            start_ms=aggregate.window_start_ms,
            revision=revision,
        ),
    )
