"""What is different between two analyses of an asset, in lines for people. PURE.

A line says what was and what is, in words and printed numbers only.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from agents.decide.printing import label_of, printed
from topics import Analysis, DataQuality, Fact, Severity
from topics.analysis import Direction

MOVED_MAX = 5
"""Facts of which it is told how they moved."""
NAMES_MAX = 5
"""Reasons or feeds that are named in a line; of more their number is said."""
SMALL = {"%": 1.0, "x": 1.0, "bps": 10.0, "count": 10.0, "tone": 0.5}
"""By unit, the size below which twice as much is not much: a move is measured against the value, or this."""


def changed_since(last: Analysis | None, analysis: Analysis) -> list[str]:
    """Return what is different since the last analysis of the asset; nothing without one.

    Direction, severity, reasons, the facts that moved most, the data: at most a dozen lines in this order.
    """
    if last is None:
        return []
    return changed_in(
        last,
        direction=analysis.observed_direction,
        severity=analysis.severity,
        reasons=analysis.trigger.reasons,
        facts=analysis.facts,
        quality=analysis.data_quality,
        moved=lambda old, new: f"{label_of(new)} was {printed(old)}, is {printed(new)}",
    )


def changed_in(
    last: Analysis,
    *,
    direction: Direction,
    severity: Severity,
    reasons: Sequence[str],
    facts: Iterable[Fact],
    quality: DataQuality,
    moved: Callable[[Fact, Fact], str],
) -> list[str]:
    """Return what is different from an analysis now, in its order; ``moved`` says a fact as it was and is."""
    was = last.trigger.reasons
    return [
        *_turned("direction", last.observed_direction, direction),
        *_turned("severity", last.severity, severity),
        *_named("new reason", [reason for reason in reasons if reason not in was]),
        *_named("reason gone", [reason for reason in was if reason not in reasons]),
        *(moved(old, new) for old, new in moved_most(last.facts, facts)),
        *_data(last.data_quality, quality),
    ]


def compared(analysis: Analysis, last: Analysis | None) -> Analysis:
    """Return an analysis with what is different since the last one of its asset, and which that was."""
    return replace(
        analysis,
        changed=changed_since(last, analysis),
        compared_with=None if last is None else last.analysis_id,
    )


def moved_most(before: Iterable[Fact], after: Iterable[Fact]) -> list[tuple[Fact, Fact]]:
    """Return the facts that are printed otherwise, each as it was and is: those that moved most, most first.

    A move is measured against the larger value. What is in one of the two only has not moved.
    """
    known = {_key(fact): fact for fact in before}
    moved = [
        (known[_key(fact)], fact)
        for fact in after
        if _key(fact) in known and printed(known[_key(fact)]) != printed(fact)
    ]
    return sorted(moved, key=lambda pair: -_size(*pair))[:MOVED_MAX]


def _key(fact: Fact) -> tuple[str, int, str, str | None, int | None]:
    return fact.metric, fact.window_ms, fact.subject, fact.quote, fact.window_end_ms


def _size(old: Fact, new: Fact) -> float:
    scale = max(abs(old.value), abs(new.value), SMALL.get(new.unit, 0.0))
    return abs(new.value / scale - old.value / scale) if scale else 0.0


def _turned(what: str, was: str, now: str) -> list[str]:
    return [] if was == now else [f"{what} was {was}, is {now}"]


def _named(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - NAMES_MAX} more" if len(names) > NAMES_MAX else ""
    return [f"{what}: {', '.join(names[:NAMES_MAX])}{more}"]


def _data(was: DataQuality, now: DataQuality) -> list[str]:
    history = {True: "short", False: "long enough"}
    return [
        *_turned("data", was.completeness, now.completeness),
        *_named("feeds gone stale", [f for f in now.stale_feeds if f not in was.stale_feeds]),
        *_named("feeds back", [f for f in was.stale_feeds if f not in now.stale_feeds]),
        *_turned("history", history[was.short_history], history[now.short_history]),
    ]
