"""What the facts say before any sentence is made of it: the lead instrument, its regime, which way things point. PURE."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from agents.decide.facts import slots_of
from topics import Fact
from topics.analysis import Direction

from .vocabulary import words_of

MINUTE_MS, FIVE_MS, HOUR_MS = 60_000, 300_000, 3_600_000
WINDOWS_MS = (MINUTE_MS, FIVE_MS, HOUR_MS)
FLAT_PERCENT = {MINUTE_MS: 0.2, FIVE_MS: 0.2, HOUR_MS: 0.5}
"""A price change of at most this much is flat, by window."""
THIN_RATIO, FULL_RATIO, MUCH_RATIO = 0.5, 1.5, 4.0
"""Volume against usual that is called thin, that bears a move out, and that is much."""
TAKERS_BUY, TAKERS_SELL = 60.0, 40.0
"""Percent of the volume bought by takers that points up, and down."""
VOLATILE_Z, VOLATILE_PERCENT = 3.0, 3.0
"""A score of volatility, or where there is none a range within a minute, that is called volatile."""
RANGE_RATIO = 3.0
"""High above low against the net move, from which a market ranges."""

Regime = Literal["volatile", "trending up", "trending down", "quiet", "ranging", "unclear"]

_OF_INSTRUMENT = words_of(
    "return close range volume volume_ratio taker_buy_ratio volatility venue_spread venue_share"
)


class Told(Struct, frozen=True):
    """The facts an analysis speaks of: those of the lead instrument, and those of the asset."""

    slots: Mapping[str, Fact]
    """All facts, by slot."""
    names: Mapping[tuple[str, int], str]
    """The slots of the lead and the asset, by metric and window."""
    lead: str | None
    """The instrument it is about."""
    earlier: tuple["Told", ...] = ()
    """The windows that a reason stands on and that are not the latest, each for itself: none is how things are now."""
    is_earlier: bool = False

    def fact(self, metric: str, window_ms: int) -> Fact | None:
        """Return a fact, or None."""
        name = self.names.get((metric, window_ms))
        return None if name is None else self.slots[name]

    def slot(self, metric: str, window_ms: int, part: str = "") -> str:
        """Return the slot of a fact there is, as a text writes it; ``part`` is `usual`, `z` or `n`."""
        return f"{{{self.names[metric, window_ms]}{'.' if part else ''}{part}}}"

    def value(self, metric: str, window_ms: int) -> float | None:
        """Return a fact's value, or None."""
        fact = self.fact(metric, window_ms)
        return None if fact is None else fact.value

    def most(self, metric: str, window_ms: int, *, sign: int = 1) -> "Told":
        """Return what has the largest value of a metric, or with -1 the least: this, or an earlier window.

        A reason stands on one of them, and this is the one that shows it.
        """
        having = [told for told in (self, *self.earlier) if told.fact(metric, window_ms)]
        return max(
            having, key=lambda told: sign * (told.value(metric, window_ms) or 0.0), default=self
        )


def told_of(facts: Iterable[Fact]) -> Told:
    """Return the facts by what they are of; the first instrument leads."""
    slots = slots_of(facts)
    latest = {name: fact for name, fact in slots.items() if fact.window_end_ms is None}
    before: dict[str, dict[str, Fact]] = {}
    for name, fact in slots.items():
        if fact.window_end_ms is not None:
            before.setdefault(fact.aggregate_id, {})[name] = fact
    earlier = tuple(
        Told(slots, *_names_of(facts_of_window), is_earlier=True)
        for facts_of_window in before.values()
    )
    return Told(slots, *_names_of(latest), earlier=earlier)


def _names_of(slots: Mapping[str, Fact]) -> tuple[dict[tuple[str, int], str], str | None]:
    """Return the slots of the instrument that leads and of the asset, by metric and window, and the instrument."""
    lead = next((f.subject for f in slots.values() if f.metric in _OF_INSTRUMENT), None)
    names: dict[tuple[str, int], str] = {}
    for name, fact in slots.items():
        if fact.metric not in _OF_INSTRUMENT or fact.subject == lead:
            names.setdefault((fact.metric, fact.window_ms), name)
    return names, lead


def direction_of(facts: Iterable[Fact]) -> Direction:
    """Return which way the price went over one and five minutes: mixed where the two disagree."""
    told = told_of(facts)
    signs = {move_sign(told, window_ms) for window_ms in (MINUTE_MS, FIVE_MS)}
    if {1, -1} <= signs:
        return "mixed"
    return "up" if 1 in signs else "down" if -1 in signs else "flat"


def move_sign(told: Told, window_ms: int) -> int:
    """Return which way the price went over a window: 0 where it is flat or unknown."""
    move = told.value("return", window_ms)
    if move is None or abs(move) <= FLAT_PERCENT[window_ms]:
        return 0
    return 1 if move > 0 else -1


def evidence(told: Told) -> dict[str, int]:
    """Return what points up (1) or down (-1), by name. Posts are never among it."""
    found = {
        f"price over {name}": sign
        for name, window_ms in (("1m", MINUTE_MS), ("5m", FIVE_MS), ("1h", HOUR_MS))
        if (sign := move_sign(told, window_ms))
    }
    bought = next(
        (v for w in (FIVE_MS, MINUTE_MS) if (v := told.value("taker_buy_ratio", w)) is not None),
        None,
    )
    if bought is not None and not TAKERS_SELL < bought < TAKERS_BUY:
        found["takers"] = 1 if bought >= TAKERS_BUY else -1
    return found


def agreed(points: Mapping[str, int]) -> int:
    """Return the way in which at least two things point, one of them the price, and nothing against it; else 0."""
    signs = set(points.values())
    if len(points) < 2 or len(signs) != 1 or set(points) == {"takers"}:  # noqa: PLR2004 - two are an agreement
        return 0
    return signs.pop()


def regime_of(told: Told) -> Regime:
    """Return what kind of market it is, by its moves over one minute, five minutes and an hour."""
    if _is_volatile(told):
        return "volatile"
    signs = [move_sign(told, w) for w in WINDOWS_MS if told.fact("return", w) is not None]
    if len(signs) < 2:  # noqa: PLR2004 - one window shows no regime
        return "unclear"
    if len(set(signs) - {0}) == 1 and signs.count(0) <= len(signs) - 2:
        return "trending up" if 1 in signs else "trending down"
    if _is_ranging(told):
        return "ranging"
    if not any(signs) and any(
        (ratio := told.value("volume_ratio", w)) is not None and ratio <= 1 for w in WINDOWS_MS
    ):
        return "quiet"
    return "unclear"


def _is_volatile(told: Told) -> bool:
    scores = [f.z for w in WINDOWS_MS if (f := told.fact("volatility", w)) and f.z is not None]
    if scores:
        return max(scores) >= VOLATILE_Z
    return (told.value("range", MINUTE_MS) or 0.0) >= VOLATILE_PERCENT


def _is_ranging(told: Told) -> bool:
    window_ms = next((w for w in (HOUR_MS, FIVE_MS) if has_net_and_range(told, w)), None)
    if window_ms is None:
        return False
    move, width = told.value("return", window_ms) or 0.0, told.value("range", window_ms) or 0.0
    return width > 2 * FLAT_PERCENT[window_ms] and width >= RANGE_RATIO * abs(move)


def has_net_and_range(told: Told, window_ms: int) -> bool:
    """Return whether both the move and the range of a window are known."""
    return (
        told.value("return", window_ms) is not None and told.value("range", window_ms) is not None
    )
