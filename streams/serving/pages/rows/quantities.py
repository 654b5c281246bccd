"""Every value of a window in its unit: what it is called, and how it is written. PURE."""

import re
from collections.abc import Mapping
from math import isfinite

from msgspec import Struct

from streams.serving.words import number, plain, span
from topics import Fact, Kind
from topics.metrics import METRICS, Metric
from topics.units import ASSET_PATTERN

CATALOGUE: Mapping[tuple[str, str], Metric] = {(m.kind, m.name): m for m in METRICS}
NONE = "none"
"""Written where a window has no such value: an empty cell would look like a mistake of ours."""
DIGITS = 6
"""Significant digits of a value on a page; the record itself is a click away."""
PERCENT_MAX = 100_000
"""A larger percentage is written as a factor."""

_TICKER = re.compile(ASSET_PATTERN)
_LABELS: Mapping[tuple[str, str], str] = {
    ("market", "close"): "last price",
    ("market", "open"): "first price",
    ("market", "high"): "highest price",
    ("market", "low"): "lowest price",
    ("market", "vwap"): "average price by volume",
    ("market", "volume"): "volume",
    ("market", "quote_volume"): "turnover",
    ("market", "taker_buy_volume"): "bought by takers",
    ("market", "taker_buy_ratio"): "share bought by takers",
    ("market", "signed_volume"): "bought less sold by takers",
    ("market", "log_return"): "return, first to last (log)",
    ("market", "trade_size_p50"): "median trade",
    ("market", "trade_size_p90"): "trade size, 90 of 100 below",
    ("market", "trade_size_p99"): "trade size, 99 of 100 below",
    ("market", "venue_spread"): "venues apart",
    ("market", "venue_volume"): "volume",
    ("market", "venue_close"): "last price",
    ("market", "venue_share"): "share of the volume",
    ("volume", "flow"): "reported volume",
    ("volume", "flow_samples"): "candles reported",
    ("volume", "level"): "turnover of 24 hours",
    ("volume", "level_venues"): "venues in the turnover",
    ("volume", "concentration"): "concentration on venues",
    ("volume", "flow_change"): "volume against the span before",
    ("volume", "level_change"): "turnover against the span before",
    ("social", "bot_posts"): "posts by bots",
    ("social", "engagement"): "likes, reposts and replies",
    ("social", "tone_mean"): "tone",
    ("social", "tone_stdev"): "spread of the tone",
    ("social", "distinct_posts"): "different texts",
    ("social", "unique_authors"): "authors",
    ("development", "events"): "development events",
    ("development", "bot_events"): "events by bots",
    ("development", "unique_authors"): "authors",
}
_COUNTED: Mapping[tuple[str, str], str] = {
    ("market", "trades"): "trades",
    ("volume", "flow_samples"): "candles",
    ("social", "posts"): "posts",
    ("social", "bot_posts"): "posts",
    ("social", "engagement"): "acts",
    ("social", "distinct_posts"): "texts",
    ("social", "unique_authors"): "authors",
    ("development", "events"): "events",
    ("development", "commits"): "commits",
    ("development", "pull_requests"): "pull requests",
    ("development", "releases"): "releases",
    ("development", "issues"): "issues",
    ("development", "bot_events"): "events",
    ("development", "unique_authors"): "authors",
}
_PERCENT = frozenset(
    {
        "taker_buy_ratio",
        "log_return",
        "realised_volatility",
        "venue_share",
        "venue_spread",
        "flow_change",
        "level_change",
    }
)
_SIGNED = frozenset(
    {"log_return", "flow_change", "level_change", "tone_mean", "signed_volume", "tone"}
)
_BARE: Mapping[str, str] = {
    "tone_mean": "from -1 to 1",
    "tone_stdev": "of a tone from -1 to 1",
    "concentration": "from 0 to 1",
    "realised_variance": "squared log return",
}
_ROUGH = frozenset({"from -1 to 1", "of a tone from -1 to 1", "from 0 to 1"})
"""Units of which nobody wants more than two decimals; the record has them all."""
_FACTS: Mapping[str, str] = {
    "return": "price change",
    "range": "highest above lowest",
    "close": "last price",
    "volume": "volume",
    "volume_ratio": "volume against usual",
    "taker_buy_ratio": "share bought by takers",
    "volatility": "realised volatility",
    "venue_spread": "venues apart",
    "venue_share": "largest share of one venue",
    "trades": "trades",
    "flow": "reported volume",
    "level": "turnover of 24 hours",
    "posts": "posts",
    "posts_ratio": "posts against usual",
    "tone": "tone of posts",
    "events": "development events",
    "commits": "commits",
}


_FACT_UNITS: Mapping[str, tuple[str, str]] = {
    "x": (",.3g", " times usual"),
    "bps": (",.3g", " basis points"),
    "count": (",.0f", ""),
    "tone": ("+.2f", " (from -1 to 1)"),
}
"""The units of facts that are no ticker: how a number is written, and what stands behind it."""


class Measure(Struct, frozen=True, kw_only=True):
    """What one value of a kind's windows is, of one subject."""

    kind: Kind
    name: str
    label: str
    unit: str
    """As it stands behind the number: `USDT`, `posts`, `%`; empty of a bare number that says nothing more."""
    factor: float = 1.0
    """What the record's number is multiplied by: 100 of what is written in per cent."""
    signed: bool = False
    formula: str = ""
    scored: bool = False

    @property
    def title(self) -> str:
        """What it is with its unit: the head of a column or a chart."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def text(self, value: float | None) -> str:
        """Return a value with its unit."""
        if value is None:
            return NONE
        return _unit(self.digits(value), self.unit)

    def digits(self, value: float | None) -> str:
        """Return a value without its unit, for a column whose head has it."""
        if value is None or not isfinite(value):
            return NONE
        shown = value * self.factor
        if (self.unit == "%" and abs(shown) < PERCENT_MAX) or self.unit in _ROUGH:
            text = f"{shown:,.2f}"
        else:
            text = number(shown, DIGITS)
        if not text.strip("-0.,"):
            return text.lstrip("-")  # what rounds to nothing has no sign
        return f"+{text}" if self.signed and shown > 0 else text


def sides(subject: str) -> tuple[str, str]:
    """Return base and quote of a subject; the quote is empty where it has none.

    A subject is text from a topic: what is no ticker is called by what it is instead.
    """
    base, _, rest = subject.partition("/")
    quote = rest.partition(":")[0]
    return _ticker(base, "units"), _ticker(quote, "quote") if rest else ""


def measure(kind: Kind, name: str, subject: str) -> Measure:
    """Return what a value of a kind's windows is; of one that this version does not know, its own name."""
    known = CATALOGUE.get((kind, name))
    label = _LABELS.get((kind, name), plain(name, 64).replace("_", " "))
    return Measure(
        kind=kind,
        name=name,
        label=label,
        unit=_unit_of(kind, name, subject, known),
        factor=100.0 if name in _PERCENT else 1.0,
        signed=name in _SIGNED,
        formula=known.formula if known else "",
        scored=bool(known and known.scored),
    )


def fact_label(fact: Fact) -> str:
    """Return what a fact is, and over how long."""
    return f"{_FACTS.get(fact.metric) or plain(fact.metric, 64).replace('_', ' ')} over {window_words(fact.window_ms)}"


def fact_text(fact: Fact, value: float | None) -> str:
    """Return a value in a fact's unit: its own, or what is usual."""
    if value is None:
        return NONE
    if fact.unit == "%":
        return f"{value:+,.2f} %" if fact.metric == "return" else f"{value:,.2f} %"
    if fact.unit in _FACT_UNITS:
        form, words = _FACT_UNITS[fact.unit]
        return f"{value:{form}}{words}"
    return _unit(number(value, DIGITS), plain(fact.unit, 32))


def z_text(z: float | None) -> str:
    """Return how unusual a value is, in words that need no statistics."""
    if z is None or not isfinite(z):
        return "not scored"
    far = abs(z)
    words = "usual" if far < 2 else "unusual" if far < 4 else "very unusual"  # noqa: PLR2004 - named in the words
    return f"{z:+.1f} ({words})"


def window_words(window_ms: int) -> str:
    """Return a window's length: `1 min`, `5 min`, `1 h`."""
    for unit, unit_ms in (("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if window_ms % unit_ms == 0:
            return f"{window_ms // unit_ms} {unit}"
    return span(window_ms)


def _unit_of(kind: Kind, name: str, subject: str, known: Metric | None) -> str:
    if name in _PERCENT:
        return "%"
    if name in _BARE:
        return _BARE[name]
    unit = known.unit.partition(",")[0] if known else ""
    base, quote = sides(subject)
    match unit:
        case "base" | "asset":
            return base
        case "quote":
            return quote or "quote"
        case "count":
            return _COUNTED.get((kind, name), "")
        case _:
            return ""


def _ticker(text: str, otherwise: str) -> str:
    return text if _TICKER.fullmatch(text) else otherwise


def _unit(digits: str, unit: str) -> str:
    return f"{digits} {unit}" if unit and digits != NONE else digits
