"""How numbers and what they are appear in texts. PURE."""

from math import floor, log10

from topics import Fact

SMALLEST_PLAIN, LARGEST_PLAIN = 1e-4, 1e9
"""Between them a number is printed without an exponent."""
LARGEST_RATIO = 1e6
"""A ratio or percentage from here on has an exponent."""

_LABELS = {
    "return": "price change",
    "range": "high above low",
    "close": "last price",
    "volume": "volume",
    "volume_ratio": "volume against usual",
    "taker_buy_ratio": "share bought by takers",
    "volatility": "realised volatility",
    "venue_spread": "spread of last prices over venues",
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
_PERCENT_FORMS = {"return": "+z.2f", "volatility": ".2f"}


def label_of(fact: Fact) -> str:
    """Return what a fact is, in words; of a window that is not the latest, up to when."""
    window = span(fact.window_ms)
    if fact.window_end_ms is not None:
        window = f"the {window} to {clock(fact.window_end_ms)}"
    return f"{_LABELS.get(fact.metric, fact.metric)} over {window} ({fact.subject})"


def printed(fact: Fact) -> str:
    """Return a fact's value as texts show it, with its unit."""
    match fact.unit:
        case "%":
            return f"{_rate(fact.value, _PERCENT_FORMS.get(fact.metric, '.1f'))}%"
        case "x" | "bps":
            return f"{_rate(fact.value, '.1f')}{'x' if fact.unit == 'x' else ' bps'}"
        case "count":
            return f"{fact.value:,.0f}"
        case "tone":
            return f"{fact.value:+z.2f}"
        case _:
            return f"{_significant(fact.value)} {fact.unit}"


def clock(event_ms: int) -> str:
    """Return a time of day, to the minute."""
    minutes = event_ms // 60_000 % 1_440
    return f"{minutes // 60:02d}:{minutes % 60:02d} UTC"


def span(window_ms: int) -> str:
    """Return a length of time in its largest whole unit: 90 s is 90s, not 1m."""
    for unit, unit_ms in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if window_ms % unit_ms == 0:
            return f"{window_ms // unit_ms}{unit}"
    return f"{window_ms}ms"


def _rate(value: float, form: str) -> str:
    if abs(value) < LARGEST_RATIO:
        return f"{value:{form}}"
    return f"{value:{'+' if form[0] == '+' else ''}.2e}"


def _significant(value: float) -> str:
    """Return a number with six significant digits: thousands grouped, small ones without an exponent."""
    if value == 0:
        return "0"
    if not SMALLEST_PLAIN <= abs(value) < LARGEST_PLAIN:
        return f"{value:.5e}"
    text = f"{value:,.{max(0, 5 - floor(log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
