"""The numbers an analysis may use, out of an asset's context, and how each is printed. PURE."""

from math import exp

from msgspec import Struct

from topics import (
    Aggregate,
    DataQuality,
    DevelopmentValues,
    Fact,
    MarketValues,
    SocialValues,
    VolumeValues,
)

from .context import AssetContext, Series

SHORT_HISTORY = 10
"""Windows below which a baseline is called short."""
FACTS_MAX = 40
"""Of one analysis; beyond it the larger windows are left out."""
SMALLEST_PLAIN, LARGEST_PLAIN = 1e-4, 1e9
"""Between them a number is printed without an exponent."""

_LABELS = {
    "return": "price change",
    "range": "high above low",
    "close": "last price",
    "volume": "volume",
    "volume_ratio": "volume against usual",
    "taker_buy_ratio": "share bought by takers",
    "trades": "trades",
    "flow": "reported volume",
    "level": "turnover of 24 hours",
    "posts": "posts",
    "posts_ratio": "posts against usual",
    "tone": "tone of posts",
    "events": "development events",
    "commits": "commits",
}


class _Measure(Struct):
    metric: str
    value: float
    unit: str
    baseline_of: str | None = None
    quote: str | None = None


def facts_of(context: AssetContext) -> tuple[Fact, ...]:
    """Return the facts of every latest window, the smallest windows first within each kind."""
    found: list[Fact] = []
    for family in sorted(context.series, key=lambda f: (f[0], f[2], f[3], f[1])):
        series = context.series[family]
        _, subject, window_ms, step_ms = family
        if step_ms != window_ms:
            continue  # a hopping window says what the tumbling one of its size says
        for measure in _measures(series):
            usual = series.baseline(measure.baseline_of) if measure.baseline_of else None
            found.append(
                Fact(
                    metric=measure.metric,
                    value=measure.value,
                    unit=measure.unit,
                    quote=measure.quote,
                    window_ms=window_ms,
                    baseline=None if usual is None else usual.median,
                    sample_size=0 if usual is None else usual.n,
                    subject=subject,
                    aggregate_id=series.latest.aggregate_id,
                    revision=series.latest.revision,
                )
            )
    return tuple(found[:FACTS_MAX])


def quality_of(context: AssetContext) -> DataQuality:
    """Return what the reader must know of the data: the worst completeness, silent sources, short history."""
    latest = [series.latest for series in context.series.values()]
    states = {aggregate.completeness.state for aggregate in latest}
    worst = next((s for s in ("holed", "unverifiable") if s in states), "complete")
    silent = sorted({s for a in latest for s in a.completeness.missing_sources})
    longest = max((len(series.before) for series in context.series.values()), default=0)
    return DataQuality(
        completeness=worst,  # type: ignore[arg-type]  # one of the three above
        stale_feeds=silent,
        short_history=longest < SHORT_HISTORY,
        words=_quality_words(latest, silent, longest),
    )


def slot_of(fact: Fact) -> str:
    """Return the name by which a text refers to a fact: metric, window, and quote where there is one."""
    quote = f"_{fact.quote.lower()}" if fact.quote else ""
    return f"{fact.metric}_{_span(fact.window_ms)}{quote}"


def label_of(fact: Fact) -> str:
    """Return what a fact is, in words."""
    return f"{_LABELS.get(fact.metric, fact.metric)} over {_span(fact.window_ms)} ({fact.subject})"


def printed(fact: Fact) -> str:
    """Return a fact's value as texts show it, with its unit."""
    match fact.unit:
        case "%":
            return f"{fact.value:+.2f}%" if fact.metric == "return" else f"{fact.value:.1f}%"
        case "x":
            return f"{fact.value:.1f}x"
        case "count":
            return f"{fact.value:,.0f}"
        case "tone":
            return f"{fact.value:+.2f}"
        case _:
            return f"{_significant(fact.value)} {fact.unit}"


def find(facts: tuple[Fact, ...], metric: str, window_ms: int) -> Fact | None:
    """Return the first fact of that metric and window."""
    return next((f for f in facts if f.metric == metric and f.window_ms == window_ms), None)


def _measures(series: Series) -> list[_Measure]:
    aggregate = series.latest
    match aggregate.values:
        case MarketValues() as market:
            return _market(market, aggregate, series)
        case VolumeValues() as volume:
            return [_Measure("flow", volume.flow, aggregate.asset, "flow")] + (
                []
                if volume.level is None
                else [_Measure("level", volume.level, aggregate.asset, "level")]
            )
        case SocialValues() as social:
            usual = series.baseline("posts")
            ratio = (
                [_Measure("posts_ratio", social.posts / usual.median, "x")]
                if usual is not None and usual.median > 0
                else []
            )
            posts = _Measure("posts", float(social.posts), "count", "posts")
            return [posts, *ratio, _Measure("tone", social.tone_mean, "tone", "tone")]
        case DevelopmentValues() as development:
            return [
                _Measure("events", float(development.events), "count", "events"),
                _Measure("commits", float(development.commits), "count"),
            ]


def _market(market: MarketValues, aggregate: Aggregate, series: Series) -> list[_Measure]:
    quote = aggregate.subject.partition("/")[2].partition(":")[0]
    usual = series.baseline("volume")
    found = [
        _Measure("return", 100 * (exp(market.log_return) - 1), "%", quote=quote),
        _Measure("close", market.close, quote, quote=quote),
        _Measure("range", 100 * (market.high / market.low - 1), "%", quote=quote),
        _Measure("volume", market.volume, aggregate.asset, "volume", quote),
    ]
    if usual is not None and usual.median > 0:
        found.append(_Measure("volume_ratio", market.volume / usual.median, "x", quote=quote))
    if market.taker_buy_ratio is not None:
        ratio = _Measure("taker_buy_ratio", 100 * market.taker_buy_ratio, "%", quote=quote)
        found.append(ratio)
    return found


def _quality_words(latest: list[Aggregate], silent: list[str], longest: int) -> str:
    words = []
    holed = sorted({v for a in latest for v in a.completeness.holed_venues})
    if holed:
        words.append(f"trades are missing from {', '.join(holed)}")
    if silent:
        words.append(f"no word from {', '.join(silent)}")
    if longest < SHORT_HISTORY:
        words.append(f"only {longest} earlier windows to compare with")
    return "; ".join(words)


def _span(window_ms: int) -> str:
    minutes = window_ms // 60_000
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _significant(value: float) -> str:
    """Return a number with six significant digits: thousands grouped, small ones without an exponent."""
    if not SMALLEST_PLAIN <= abs(value) < LARGEST_PLAIN and value != 0:
        return f"{value:.5e}"
    whole_digits = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    text = f"{value:,.{max(0, 6 - whole_digits) if whole_digits else 8}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
