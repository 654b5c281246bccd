"""The numbers an analysis may use, out of an asset's context. PURE."""

import re
from collections.abc import Callable, Container, Iterable
from math import exp
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from topics import (
    Aggregate,
    DevelopmentValues,
    Fact,
    Kind,
    MarketValues,
    SocialValues,
    VolumeValues,
)

from .context import AssetContext, Baseline, Family, Noted
from .editions import cited_in, window_of
from .printing import span
from .worth import by_worth

FACTS_MAX = 60
"""Of one analysis: an instrument's three windows and every other kind; beyond it those worth less are left out."""
STALE_WINDOWS = 3
"""A family whose latest window ends this many of its windows before the newest of all is not up to date."""

_NOT_IN_SLOT = re.compile(r"[^a-z0-9_]")


class Window(Protocol):
    """A window, and those before it."""

    @property
    def latest(self) -> Aggregate:
        """The window."""

    def baseline(self, measure: str) -> Baseline | None:
        """Return what a measure has been in those before; None without any."""


class _Measure(Struct):
    metric: str
    value: float
    unit: str
    baseline_of: str | None = None
    quote: str | None = None
    scored: str | None = None
    """The value of the aggregate whose score it has; by the catalogue's name."""


def facts_of(
    context: AssetContext, lead: str | None = None, shown: Iterable[Noted] = ()
) -> tuple[Fact, ...]:
    """Return the facts of every latest window, the smallest windows first within each kind.

    Before them those of windows that are ``shown`` because a reason stands on them, and are not the latest any more:
    each has its window's end, so that nobody reads it as how things are now.

    ``lead`` is the subject it is about: its facts go before those of others, so that nobody reads another
    instrument's numbers as the reason. An hour of before is left out: what trades again after hours has new minutes
    beside it, and it would be read as the last one.
    """
    found: list[tuple[Kind, Fact]] = []
    for family in sorted(context.series, key=lambda f: (f[2], f[1] != lead, f[0], f[1])):
        kind, _, window_ms, step_ms = family
        if step_ms != window_ms or _is_outrun(context, family):
            continue  # a hopping window says what the tumbling one of its size says
        found += [(kind, fact) for fact in facts_of_window(context.series[family])]
    kept = sorted(_worth_most(found, lead), key=lambda told: told[0])
    return (*earlier_facts(shown), *(fact for _, fact in kept))


def _worth_most(found: list[tuple[Kind, Fact]], lead: str | None) -> list[tuple[Kind, Fact]]:
    """Return the facts that an analysis carries, in the order they come in.

    Which reasons there are does not matter here: what takes a candidate over adds its own, and the facts stay the same.
    """
    if len(found) <= FACTS_MAX:
        return found
    order = by_worth([fact for _, fact in found], lead=lead)
    return [found[at] for at in sorted(order[:FACTS_MAX])]


def earlier_facts(windows: Iterable[Noted]) -> tuple[Fact, ...]:
    """Return the facts of windows that are not the latest any more, each with its window's end."""
    return tuple(
        replace(fact, window_end_ms=window.latest.window_end_ms)
        for window in windows
        for fact in facts_of_window(window)
    )


def are_latest(facts: Iterable[Fact], context: AssetContext, subjects: Container[str]) -> bool:
    """Return whether the facts of these subjects are all of the latest windows of their families, whatever the edition."""
    latest = {window_of(series.latest) for series in context.series.values()}
    return latest.issuperset(cited_in([f.aggregate_id for f in facts if f.subject in subjects]))


def earlier_of(context: AssetContext, shown: Iterable[Noted]) -> tuple[Noted, ...]:
    """Return those of the windows that are not the latest of their families, whatever the edition."""
    latest = {window_of(series.latest) for series in context.series.values()}
    return tuple(window for window in shown if window_of(window.latest) not in latest)


def _is_outrun(context: AssetContext, family: Family) -> bool:
    """Return whether smaller windows of a subject end `STALE_WINDOWS` of a larger one's after its latest."""
    kind, subject, window_ms, _ = family
    ends_ms = (
        series.latest.window_end_ms
        for (a_kind, a_subject, size_ms, _), series in context.series.items()
        if (a_kind, a_subject) == (kind, subject) and size_ms < window_ms
    )
    end_ms = context.series[family].latest.window_end_ms
    return max(ends_ms, default=end_ms) - end_ms >= STALE_WINDOWS * window_ms


def facts_of_window(window: Window) -> list[Fact]:
    """Return the facts of one window."""
    return [_fact(measure, window) for measure in _measures(window)]


def _fact(measure: _Measure, series: Window) -> Fact:
    usual = usual_of(series, measure.baseline_of, measure.scored)
    score = series.latest.scores.get(measure.scored) if measure.scored else None
    return Fact(
        metric=measure.metric,
        value=measure.value,
        unit=measure.unit,
        quote=measure.quote,
        window_ms=series.latest.window_ms,
        baseline=None if usual is None else usual.median,
        z=None if score is None else score.z,
        sample_size=0 if usual is None else usual.n,
        subject=series.latest.subject,
        aggregate_id=series.latest.aggregate_id,
        revision=series.latest.revision,
    )


def usual_of(series: Window, baseline_of: str | None, scored: str | None) -> Baseline | None:
    """Return what has been usual, in the unit of the fact: by the window's own score, else over the windows that were seen.

    The score of a window rests on up to 288 before it, whoever reads; the windows seen are at most 30.
    """
    latest = series.latest
    if scored is not None and (score := latest.scores.get(scored)) is not None:
        return Baseline(_IN_UNIT.get(scored, float)(score.median), latest.history_n)
    return series.baseline(baseline_of) if baseline_of else None


def _percent_of(log_return: float) -> float:
    return 100 * (exp(log_return) - 1)


def _percent(fraction: float) -> float:
    return 100 * fraction


_IN_UNIT: dict[str, Callable[[float], float]] = {
    "log_return": _percent_of,
    "taker_buy_ratio": _percent,
    "realised_volatility": _percent,
}
"""How a scored value becomes the fact it is told as, where that has another unit."""


def slots_of(facts: Iterable[Fact]) -> dict[str, Fact]:
    """Return the facts by the names a text refers to them by: metric, window, and quote where there is one.

    Behind that `_earlier` of a window that is not the latest. Where two would share a name (BTC/USDT and
    BTC/USDT:USDT, or two earlier minutes), the later ones are numbered at the end.
    """
    slots: dict[str, Fact] = {}
    for fact in facts:
        quote = f"_{_NOT_IN_SLOT.sub('_', fact.quote.lower())}" if fact.quote else ""
        earlier = "" if fact.window_end_ms is None else "_earlier"
        name = plain = f"{fact.metric}_{span(fact.window_ms)}{quote}{earlier}"
        number = 1
        while name in slots:
            number += 1
            name = f"{plain}_{number}"
        slots[name] = fact
    return slots


def find(facts: tuple[Fact, ...], metric: str, window_ms: int) -> Fact | None:
    """Return the first fact of that metric and window, of the latest ones."""
    latest = (f for f in facts if f.window_end_ms is None)
    return next((f for f in latest if f.metric == metric and f.window_ms == window_ms), None)


def _measures(series: Window) -> list[_Measure]:
    aggregate = series.latest
    match aggregate.values:
        case MarketValues() as market:
            return _market(market, aggregate, series)
        case VolumeValues() as volume:
            flow = _Measure("flow", volume.flow, aggregate.asset, "flow", scored="flow")
            if volume.level is None:
                return [flow]
            level = _Measure("level", volume.level, aggregate.asset, "level", scored="level")
            return [flow, level]
        case SocialValues() as social:
            usual = usual_of(series, "posts", "posts")
            ratio = (
                [_Measure("posts_ratio", social.posts / usual.median, "x")]
                if usual is not None and usual.median > 0
                else []
            )
            posts = _Measure("posts", float(social.posts), "count", "posts", scored="posts")
            tone = _Measure("tone", social.tone_mean, "tone", "tone", scored="tone_mean")
            return [posts, *ratio, tone]
        case DevelopmentValues() as development:
            return [
                _Measure("events", float(development.events), "count", "events", scored="events"),
                _Measure("commits", float(development.commits), "count", scored="commits"),
            ]


def _market(market: MarketValues, aggregate: Aggregate, series: Window) -> list[_Measure]:
    quote = aggregate.subject.partition("/")[2].partition(":")[0]
    usual = usual_of(series, "volume", "volume")
    found = [
        _Measure("return", _percent_of(market.log_return), "%", quote=quote, scored="log_return"),
        _Measure("close", market.close, quote, quote=quote),
        _Measure("range", 100 * (market.high / market.low - 1), "%", quote=quote),
        _Measure("volume", market.volume, aggregate.asset, "volume", quote, "volume"),
    ]
    if usual is not None and usual.median > 0:
        found.append(_Measure("volume_ratio", market.volume / usual.median, "x", quote=quote))
    if (bought := market.taker_buy_ratio) is not None:
        name = "taker_buy_ratio"
        found.append(_Measure(name, 100 * bought, "%", quote=quote, scored=name))
    if (volatility := 100 * market.realised_volatility) > 0:
        scored = "realised_volatility"
        found.append(_Measure("volatility", volatility, "%", quote=quote, scored=scored))
    return found + _venues(market, quote)


def _venues(market: MarketValues, quote: str) -> list[_Measure]:
    """Return how far venues are apart, and how much of the volume one of them has; nothing with one venue."""
    found = []
    if market.venue_spread is not None:
        found.append(_Measure("venue_spread", 1e4 * market.venue_spread, "bps", quote=quote))
    if len(market.venue_share) > 1:
        largest = 100 * max(market.venue_share.values())
        found.append(_Measure("venue_share", largest, "%", quote=quote))
    return found
