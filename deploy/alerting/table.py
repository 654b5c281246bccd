"""What rules said of planted incidents, and what they said without one: counted, in a table. PURE."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from streams.collectors.synthetic.incidents import Incident
from topics import Alert, asset_of

from .invented import Invented

LATE_MS = 15 * 60_000
"""How long after its end an incident may still show: a window of five minutes holds it, and the price comes back."""
SLOW_MS = 70 * 60_000
"""Where the windows are of hours."""


class Told(Struct, frozen=True, kw_only=True):
    """One alert from its first state to its last."""

    fired: Alert
    ended: Alert | None
    """None: it still fires."""


class Noticed(Struct, frozen=True, kw_only=True):
    """One incident and the alerts on its asset while it could show."""

    incident: Incident
    told: list[Told]


def alerts_told(alerts: Iterable[Alert]) -> list[Told]:
    """Return each alert of a log of transitions, by when it fired."""
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.alert_id, []).append(alert)
    return [
        Told(fired=states[0], ended=None if states[-1].state == "firing" else states[-1])
        for states in found.values()
    ]


def noticed(run: Invented) -> tuple[list[Noticed], list[Told]]:
    """Return every incident with the market alerts it explains, and those that none explains."""
    told = [one for one in alerts_told(run.alerts) if one.fired.kind == "market"]
    explained: set[str] = set()
    found = []
    for incident in run.incidents:
        mine = [one for one in told if _explains(incident, one.fired)]
        explained |= {one.fired.alert_id for one in mine}
        found.append(Noticed(incident=incident, told=mine))
    return found, [one for one in told if one.fired.alert_id not in explained]


def _explains(incident: Incident, alert: Alert) -> bool:
    late_ms = SLOW_MS if incident.kind == "developer_exodus" else LATE_MS
    on_time = incident.from_ms < alert.since_ms <= incident.to_ms + late_ms
    return asset_of(alert.subject) == incident.asset and on_time


def lines_of(runs: Iterable[Invented]) -> Iterator[str]:
    """Yield the table: a line an incident, then a line an alert without one, then the sums."""
    count, seen, false, gaps, aggregates = 0, 0, 0, 0, 0
    for run in runs:
        incidents, strays = noticed(run)
        yield f"seed {run.seed}: {len(incidents)} incidents, {run.aggregates} aggregates"
        for one in incidents:
            yield f"  {_minutes(run, one.incident.from_ms)} {one.incident.kind} {one.incident.asset}: {_words(run, one.told)}"
        for told in strays:
            yield f"  {_minutes(run, told.fired.since_ms)} nothing planted: {told.fired.rule} {told.fired.subject}: {told.fired.headline}"
        count += len(incidents)
        seen += sum(bool(one.told) for one in incidents)
        false += len(strays)
        gaps += sum(a.kind == "data_gap" and a.state == "firing" for a in run.alerts)
        aggregates += run.aggregates
    yield (
        f"{seen} of {count} incidents noticed; {false} alerts without one;"
        f" {gaps} data gaps; {aggregates} aggregates"
    )


def _words(run: Invented, told: list[Told]) -> str:
    if not told:
        return "not noticed"
    return ", ".join(
        f"{one.fired.rule} {one.fired.subject} {_minutes(run, one.fired.since_ms)}"
        f" to {'the end' if one.ended is None else _minutes(run, one.ended.as_of_ms)}"
        for one in told
    )


def _minutes(run: Invented, at_ms: int) -> str:
    minutes = (at_ms - run.start_ms) / 60_000
    return f"{minutes:+.0f} min"
