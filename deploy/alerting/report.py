"""What rules would have said of a range, as it is told: PURE."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from streams.alerts.machine import Counts
from topics import Alert
from topics.envelope import rfc3339

ALERTS_MAX = 100_000
"""Transitions that are kept; more are counted."""
_NAMED_MAX = 4
"""Logs that a note names."""
_LATE_MS = 60_000
"""A log whose first record is later than the range's beginning by more than this begins later than was asked for."""


class Trial:
    """What came of a range."""

    def __init__(self, from_ms: int | None) -> None:
        """Begin with nothing read. ``from_ms``: what is before was read to warm up."""
        self.from_ms = from_ms
        self.alerts: list[Alert] = []
        self.beyond = 0
        """Transitions that were not kept."""
        self.records = self.unreadable = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        """Log times of the first and the last record."""
        self.cut: list[str] = []
        """Logs of which the beginning has been deleted."""
        self.counts = Counts()

    def add(self, alerts: Iterable[Alert]) -> None:
        """Take transitions in their order."""
        for alert in alerts:
            if len(self.alerts) < ALERTS_MAX:
                self.alerts.append(alert)
            else:
                self.beyond += 1

    def read(self, records: int, first_ms: int | None, last_ms: int | None) -> None:
        """Note that so many records were read."""
        self.records += records
        times = [at for at in (self.first_ms, first_ms) if at is not None]
        self.first_ms = min(times, default=None)
        times = [at for at in (self.last_ms, last_ms) if at is not None]
        self.last_ms = max(times, default=None)

    def counted(self, counts: Counts) -> None:
        """Add what a partition's rules counted."""
        self.counts = self.counts.plus(counts)

    @property
    def shown(self) -> list[Alert]:
        """The transitions of the range, by event time."""
        mine = [a for a in self.alerts if self.from_ms is None or a.as_of_ms >= self.from_ms]
        return sorted(mine, key=lambda a: (a.as_of_ms, a.rule, a.subject, a.transition))

    @property
    def standing(self) -> list[Alert]:
        """What had fired before the range and still did where it begins."""
        last: dict[str, Alert] = {}
        for alert in self.alerts:
            if self.from_ms is not None and alert.as_of_ms < self.from_ms:
                last[alert.alert_id] = alert
        return [alert for alert in last.values() if alert.state == "firing"]

    def warnings(self) -> Iterator[str]:
        """Yield what makes the answer less than was asked for."""
        if not self.records:
            yield "the range is empty: nothing was read"
            return
        if self.cut:
            others = " and others" if len(self.cut) > _NAMED_MAX else ""
            names = ", ".join(self.cut[:_NAMED_MAX]) + others
            yield (
                f"the range is cut: {names} begin where retention has left them; first windows may be partial,"
                " and scores have no history there"
            )
        begun_late = self.from_ms and self.first_ms and self.first_ms > self.from_ms + _LATE_MS
        if begun_late and self.first_ms is not None:
            yield f"the log begins at {rfc3339(self.first_ms)}, later than --from"
        if self.unreadable:
            yield f"{self.unreadable} aggregates were unreadable and left out"
        if self.beyond:
            yield f"{self.beyond} more transitions are counted and not kept"
        if self.counts.refused:
            yield f"{self.counts.refused} windows were of subjects beyond streams.alerts.instances_max"

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        for alert in self.standing:
            yield f"standing since {rfc3339(alert.since_ms)}  {_named(alert)}: {alert.headline}"
        shown = self.shown
        for alert in shown:
            yield _line(alert)
        for rule, states in sorted(_by_rule(shown).items()):
            told = ", ".join(f"{states[name]} {name}" for name in sorted(states))
            yield f"{rule}: {told}"
        if not shown:
            yield "no rule fired"
        reached = "" if self.last_ms is None else f", log time to {rfc3339(self.last_ms)}"
        yield f"{self.records} records read{reached}; {self.counts.judged} judgements"
        for warning in self.warnings():
            yield f"note: {warning}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "records": self.records,
            "first_log_ms": self.first_ms,
            "last_log_ms": self.last_ms,
            "warnings": list(self.warnings()),
            "counts": msgspec.to_builtins(self.counts),
            "standing": [msgspec.to_builtins(alert) for alert in self.standing],
            "transitions": [msgspec.to_builtins(alert) for alert in self.shown],
        }


def _line(alert: Alert) -> str:
    marks = " (degraded)" if alert.degraded else ""
    why = f"  [{alert.reason}]" if alert.reason not in {"holds", "no_longer_holds"} else ""
    return f"{rfc3339(alert.as_of_ms)}  {_word(alert):<9}  {_named(alert)}: {alert.headline}{marks}{why}"


def _word(alert: Alert) -> str:
    if alert.kind == "data_gap":
        return "data_gap" if alert.state == "firing" else "gap over"
    return alert.state


def _named(alert: Alert) -> str:
    return f"{alert.rule} {alert.subject}"


def _by_rule(alerts: Iterable[Alert]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for alert in alerts:
        found.setdefault(alert.rule, Counter())[_word(alert)] += 1
    return found
