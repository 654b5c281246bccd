"""What became of each planted incident: what was said, which alerts fired and cleared, who was told how soon. PURE.

Incidents and alerts are matched by asset and time alone, so that every rule that fired is told of.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

from msgspec import Struct, to_builtins

from streams.collectors.synthetic import Incident
from topics import Alert, Notification

MINUTE_MS = 60_000
TOLD = ("sent", "gathered", "digest")
"""Outcomes of a notification that somebody got."""
ALERTS_MAX = 3
"""Of one incident, in the line for people."""


class Said(Struct, frozen=True, kw_only=True):
    """The first analysis that names an incident."""

    analysis_id: str
    headline: str
    origin: str
    as_of_ms: int
    after_s: float
    """Market seconds from the incident's begin to the end of the newest window it rests on."""


class Paged(Struct, frozen=True, kw_only=True):
    """One message to one receiver about a step of an alert."""

    receiver: str
    step: str
    outcome: str
    after_aggregate_ms: int | None
    """Wall milliseconds from the log time of the newest window behind the alert; None: that window was not seen."""


class Fired(Struct, frozen=True, kw_only=True):
    """One alert."""

    alert_id: str
    rule: str
    severity: str
    headline: str
    fired_ms: int
    after_s: float
    """Market seconds from the incident's begin."""
    state: str
    """The last one seen."""
    ended_ms: int | None
    """Market time at which it was cleared or retracted; None: it fires still."""
    paged: list[Paged]


class Story(Struct, frozen=True, kw_only=True):
    """One incident, from what was planted to who was told."""

    incident: str
    asset: str
    planted: str
    from_ms: int
    to_ms: int
    noticed: bool
    said: Said | None
    alerts: list[Fired]


class Step(Struct, frozen=True):
    """One record of an alert, and when it was logged."""

    alert: Alert
    logged_ms: int


class Seen(Struct, frozen=True, kw_only=True):
    """What there is to tell of."""

    steps: Sequence[Step]
    notifications: Sequence[Notification]
    logged_ms: Mapping[str, int]
    """When aggregates were logged, by id."""

    @property
    def waiting(self) -> set[str]:
        """Ids of alerts that fired and of which nothing is known to have become."""
        told = {one.alert_id for one in self.notifications if one.step == "firing"}
        return {step.alert.alert_id for step in self.steps} - told


def story(incident: Incident, said: Said | None, seen: Seen, size_ms: int = MINUTE_MS) -> Story:
    """Return what became of an incident that shows in windows of a size."""
    alerts: dict[str, list[Step]] = {}
    for step in seen.steps:
        if step.alert.kind == "market" and _is_of(step.alert, incident, size_ms):
            alerts.setdefault(step.alert.alert_id, []).append(step)
    return Story(
        incident=incident.kind,
        asset=incident.asset,
        planted=incident.words,
        from_ms=incident.from_ms,
        to_ms=incident.to_ms,
        noticed=said is not None,
        said=said,
        alerts=[_fired(incident, steps, seen) for steps in alerts.values()],
    )


def untold(stories: Iterable[Story]) -> list[str]:
    """Return in words which incidents no alert fired for, and which alerts nobody was told of."""
    wrong = []
    for one in stories:
        if not one.alerts:
            wrong.append(f"{one.incident} of {one.asset}: no alert fired")
        wrong += [
            f"{one.incident} of {one.asset}: {alert.rule} fired and nobody was told"
            for alert in one.alerts
            if alert.severity in ("warning", "critical")
            and not any(page.step == "firing" and page.outcome in TOLD for page in alert.paged)
        ]
    return wrong


def lines(stories: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for people for each story, as the report has it."""
    return [_line(one) for one in stories]


def as_json(stories: Iterable[Story]) -> list[dict[str, Any]]:
    """Return stories as JSON's own types."""
    return [to_builtins(one) for one in stories]


def told_soon(seen: Seen) -> dict[str, int]:
    """Return how long, in milliseconds, a first message about an alert took from the alert's log time on."""
    took = sorted(
        max(0, one.at_ms - one.logged_ms)
        for one in seen.notifications
        if one.step == "firing" and one.outcome == "sent"
    )
    cuts = quantiles(took, n=20) if len(took) > 1 else [float(sum(took))] * 19
    return {"p50": round(cuts[9]), "p95": round(cuts[18]), "n": len(took)}


def _is_of(alert: Alert, incident: Incident, size_ms: int) -> bool:
    fired_ms = alert.since_ms if alert.fired_ms is None else alert.fired_ms
    return (
        alert.asset == incident.asset
        and incident.from_ms < fired_ms <= incident.to_ms + 2 * size_ms
    )


def _fired(incident: Incident, steps: Sequence[Step], seen: Seen) -> Fired:
    first, last = steps[0].alert, steps[-1].alert
    fired_ms = first.since_ms if first.fired_ms is None else first.fired_ms
    return Fired(
        alert_id=first.alert_id,
        rule=first.rule,
        severity=last.severity,
        headline=first.headline,
        fired_ms=fired_ms,
        after_s=(fired_ms - incident.from_ms) / 1000,
        state=last.state,
        ended_ms=None if last.state == "firing" else last.as_of_ms,
        paged=[
            Paged(
                receiver=one.receiver,
                step=one.step,
                outcome=one.outcome,
                after_aggregate_ms=_after_ms(one, steps, seen.logged_ms),
            )
            for one in seen.notifications
            if one.alert_id == first.alert_id
        ],
    )


def _after_ms(one: Notification, steps: Sequence[Step], logged_ms: Mapping[str, int]) -> int | None:
    """Return how long after the newest window behind a step its message was taken."""
    step = next((s for s in steps if s.alert.state == one.step), None)
    if step is None:
        return None
    windows = [logged_ms[found] for found in step.alert.aggregate_ids if found in logged_ms]
    return max(0, one.at_ms - max(windows)) if windows else None


def _line(one: Mapping[str, Any]) -> str:
    at = f"{one['incident'].replace('_', ' ')} of {one['asset']} at {_minute(one['from_ms'])}"
    said = one["said"]
    if said is None:
        parts = ["not noticed"]
    else:
        parts = [f'noticed after {said["after_s"]:.0f} s: "{said["headline"]}" ({said["origin"]})']
    alerts = one["alerts"]
    parts += [_alert(alert) for alert in alerts[:ALERTS_MAX]] or ["no alert"]
    if len(alerts) > ALERTS_MAX:
        parts.append(f"and {len(alerts) - ALERTS_MAX} more alerts")
    return f"{at}: {'; '.join(parts)}"


def _alert(alert: Mapping[str, Any]) -> str:
    words = f"{alert['rule']} ({alert['severity']}) fired {_minute(alert['fired_ms'])}"
    if alert["ended_ms"] is None:
        words += ", fires still"
    else:
        words += f", {alert['state']} {_minute(alert['ended_ms'])}"
    pages = [
        page for page in alert["paged"] if page["step"] == "firing" and page["outcome"] in TOLD
    ]
    if not pages:
        return f"{words}, nobody was told"
    after_ms = pages[0]["after_aggregate_ms"]
    return f"{words}, told" if after_ms is None else f"{words}, told {after_ms} ms after its window"


def _minute(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%H:%M}Z"
