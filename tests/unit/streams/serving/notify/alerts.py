"""Alerts, analyses and notices for tests of what tells people about them."""

from typing import Any

from streams.serving.notify.notice import Entry, Notice, Place, entry_of, of_alert
from topics import Alert, Analysis, DataQuality, Trigger
from topics.alert import alert_id

NOW_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


def alert(
    rule: str = "price_fall", subject: str = "BTC/USD", *, since_ms: int = NOW_MS, **fields: Any
) -> Alert:
    """Return an alert that fires."""
    made: dict[str, Any] = {
        "alert_id": alert_id(rule, subject, since_ms, fields.get("kind", "market")),
        "rule": rule,
        "asset": subject.partition("/")[0],
        "subject": subject,
        "state": "firing",
        "severity": "warning",
        "since_ms": since_ms,
        "as_of_ms": since_ms,
        "headline": f"{subject} fell by 5.2 % in 5 min",
    }
    return Alert(**made | fields)


def analysis(alert_id: str | None, **fields: Any) -> Analysis:
    """Return an analysis of an alert."""
    made: dict[str, Any] = {
        "analysis_id": f"deep_dive/BTC/{NOW_MS}/0",
        "asset": "BTC",
        "product": "deep_dive",
        "as_of_ms": NOW_MS,
        "produced_ms": NOW_MS,
        "valid_until_ms": NOW_MS + HOUR_MS,
        "trigger": Trigger(reasons=["alert"], alert_id=alert_id),
        "headline": "Bitcoin falls on heavy selling",
        "text": "Sellers were in the majority on every venue.",
        "severity": "warning",
        "confidence": "medium",
        "confidence_basis": "three venues agree",
        "observed_direction": "down",
        "facts": [],
        "data_quality": DataQuality(completeness="complete"),
        "origin": "model",
        "origin_reason": "asked",
    }
    return Analysis(**made | fields)


def notice(
    made: Alert | None = None,
    *,
    at_ms: int = NOW_MS,
    offset: int = 0,
    value: bytes = b"",
    **fields: Any,
) -> Notice:
    """Return the notice of an alert's record."""
    place = Place("alerts", 0, offset)
    return of_alert(made or alert(**fields), logged_ms=at_ms, place=place, value=value)


def entry(made: Alert | None = None, *, at_ms: int = NOW_MS, **fields: Any) -> Entry:
    """Return a notice on its way to a receiver."""
    return entry_of(notice(made, at_ms=at_ms, **fields), "phone")
