"""The numbers an analysis may use, out of an asset's context, and how each is printed. PURE."""

import re
from collections.abc import Iterable
from math import exp, floor, log10

from msgspec import Struct

from topics import (
    Aggregate,
    DataQuality,
    DevelopmentValues,
    Fact,
    Kind,
    MarketValues,
    SocialValues,
    VolumeValues,
)

from .context import AssetContext, Series

SHORT_HISTORY = 10
"""Windows below which a baseline is called short."""
FACTS_MAX = 40
"""Of one analysis; beyond it the larger windows are left out."""
WORDS_MAX = 400
"""Characters of what is said of the data: the contract's bound of an analysis' basis."""
NAMES_MAX = 5
"""Venues or sources that are named; of more their number is said."""
SMALLEST_PLAIN, LARGEST_PLAIN = 1e-4, 1e9
"""Between them a number is printed without an exponent."""

_NOT_IN_SLOT = re.compile(r"[^a-z0-9_]")

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


def facts_of(context: AssetContext, lead: str | None = None) -> tuple[Fact, ...]:
    """Return the facts of every latest window, the smallest windows first within each kind.

    ``lead`` is the subject it is about: its facts go before those of others, so that nobody reads another
    instrument's numbers as the reason.
    """
    found: list[tuple[Kind, Fact]] = []
    for family in sorted(context.series, key=lambda f: (f[2], f[1] != lead, f[0], f[1])):
        kind, subject, window_ms, step_ms = family
        if step_ms != window_ms:
            continue  # a hopping window says what the tumbling one of its size says
        series = context.series[family]
        found += [(kind, _fact(measure, series, subject)) for measure in _measures(series)]
    kept = sorted(found[:FACTS_MAX], key=lambda told: told[0])
    return tuple(fact for _, fact in kept)


def _fact(measure: _Measure, series: Series, subject: str) -> Fact:
    usual = series.baseline(measure.baseline_of) if measure.baseline_of else None
    return Fact(
        metric=measure.metric,
        value=measure.value,
        unit=measure.unit,
        quote=measure.quote,
        window_ms=series.latest.window_ms,
        baseline=None if usual is None else usual.median,
        sample_size=0 if usual is None else usual.n,
        subject=subject,
        aggregate_id=series.latest.aggregate_id,
        revision=series.latest.revision,
    )


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


def slots_of(facts: Iterable[Fact]) -> dict[str, Fact]:
    """Return the facts by the names a text refers to them by: metric, window, and quote where there is one.

    Where two would share a name (BTC/USDT and BTC/USDT:USDT), the later ones are numbered.
    """
    slots: dict[str, Fact] = {}
    for fact in facts:
        quote = f"_{_NOT_IN_SLOT.sub('_', fact.quote.lower())}" if fact.quote else ""
        name = plain = f"{fact.metric}_{_span(fact.window_ms)}{quote}"
        number = 1
        while name in slots:
            number += 1
            name = f"{plain}_{number}"
        slots[name] = fact
    return slots


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
        words.append(f"data are missing from {_names(holed)}")
    if silent:
        words.append(f"no word from {_names(silent)}")
    if longest < SHORT_HISTORY:
        words.append(f"only {longest} earlier windows to compare with")
    return "; ".join(words)[:WORDS_MAX]


def _names(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return ", ".join(names[:NAMES_MAX]) + more


def _span(window_ms: int) -> str:
    for unit, unit_ms in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if window_ms % unit_ms == 0:
            return f"{window_ms // unit_ms}{unit}"
    return f"{window_ms}ms"


def _significant(value: float) -> str:
    """Return a number with six significant digits: thousands grouped, small ones without an exponent."""
    if value == 0:
        return "0"
    if not SMALLEST_PLAIN <= abs(value) < LARGEST_PLAIN:
        return f"{value:.5e}"
    text = f"{value:,.{max(0, 5 - floor(log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
