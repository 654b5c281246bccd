"""What came of a step, put into the instance and into an alert to be published. PURE."""

from msgspec.structs import replace

from topics import Alert, asset_of
from topics.aggregate import aggregate_id
from topics.alert import AlertKind, alert_id
from topics.envelope import rfc3339
from topics.units import Severity

from .headline import HEADLINE_MAX, headline_of
from .instance import Cells, Gap, Instance, Raised, Step, as_of, subject_of
from .judging import MISSING_MAX, change_of, seen_of
from .rules import Condition, Rule
from .settings import SPAN_MS

GAP_SEVERITY: Severity = "warning"
"""At most, of a data gap: nobody is woken up for what is not known."""
_CALM: tuple[Severity, ...] = ("info", "notice")
_SPAN_OF = {span_ms: span for span, span_ms in SPAN_MS.items()}


def market_alert(rule: Rule, subject: str, one: Instance, told: Step) -> Alert:
    """Put a change of the alert into the instance, and return it."""
    if told.state == "firing":
        one.alert = _fired(rule, subject, one)
    elif one.alert is not None:
        one.alert = replace(one.alert, state=told.state, transition=one.alert.transition + 1)
    raised = one.alert
    assert raised is not None  # noqa: S101 - what clears or is taken back has fired
    cells = raised.evidence if told.state == "retracted" else one.cells
    return Alert(
        alert_id=alert_id(rule.name, subject, raised.since_ms),
        rule=rule.name,
        asset=asset_of(subject),
        subject=subject,
        state=told.state,
        severity=raised.severity,
        since_ms=raised.since_ms,
        as_of_ms=max(raised.since_ms, as_of(rule, one.cells)),
        headline=raised.headline,
        degraded=raised.degraded,
        values=_values(rule, cells),
        aggregate_ids=_ids(rule, subject, cells),
        transition=raised.transition,
        reason=told.reason,
        fired_ms=raised.since_ms,
        missing=_missing(one.cells) if told.state == "firing" else [],
        audience=raised.audience,
        epoch=_epoch(one.cells),
    )


def gap_alert(rule: Rule, subject: str, one: Instance, told: Step, now_ms: int) -> Alert:
    """Put a change of the data gap into the instance, and return it."""
    if told.state == "firing":
        one.gap = _gap(rule, subject, one, told, now_ms)
    elif one.gap is not None:
        one.gap = replace(one.gap, state=told.state, transition=one.gap.transition + 1)
    gap = one.gap
    assert gap is not None  # noqa: S101 - what clears has been raised
    return Alert(
        alert_id=alert_id(rule.name, subject, gap.since_ms, "data_gap"),
        rule=rule.name,
        asset=asset_of(subject),
        subject=subject,
        state=told.state,
        severity=gap.severity,
        since_ms=gap.since_ms,
        as_of_ms=gap.fired_ms if told.state == "firing" else max(gap.fired_ms, now_ms),
        headline=gap.headline,
        aggregate_ids=_ids(rule, subject, one.cells),
        kind="data_gap",
        transition=gap.transition,
        reason=told.reason,
        fired_ms=gap.fired_ms,
        missing=gap.missing,
        audience=gap.audience,
        epoch=_epoch(one.cells),
    )


def orphaned(rule: str, subject: str, one: Instance, reason: str, epoch: int) -> list[Alert]:
    """Return the end of what stands of a rule that is no more, or is another one now."""
    found = []
    for kind, raised in (("market", one.alert), ("data_gap", one.gap)):
        if raised is None or raised.state != "firing":
            continue
        of: AlertKind = "market" if kind == "market" else "data_gap"
        fired_ms = raised.fired_ms if isinstance(raised, Gap) else raised.since_ms
        found.append(
            Alert(
                alert_id=alert_id(rule, subject, raised.since_ms, of),
                rule=rule,
                asset=asset_of(subject),
                subject=subject,
                state="cleared",
                severity=raised.severity,
                since_ms=raised.since_ms,
                as_of_ms=fired_ms,
                headline=raised.headline,
                kind=of,
                transition=raised.transition + 1,
                reason=reason,
                fired_ms=fired_ms,
                audience=raised.audience,
                epoch=epoch,
            )
        )
    return found


def _fired(rule: Rule, subject: str, one: Instance) -> Raised:
    since_ms = as_of(rule, one.cells)
    last = one.alert
    return Raised(
        since_ms=since_ms,
        # Taken back and true again, by revisions of one window, it is the same alert.
        transition=last.transition + 1 if last and last.since_ms == since_ms else 1,
        state="firing",
        severity=rule.severity,
        headline=headline_of(
            rule.headline,
            rule=rule.name,
            severity=rule.severity,
            subject=subject,
            seen=[seen_of(c, cell) for c, cell in zip(rule.conditions, one.cells, strict=True)],
        ),
        audience=list(rule.audience),
        degraded=any(cell.degraded for cell in one.cells if cell and cell.verdict == "holds"),
        evidence=list(one.cells),
    )


def _gap(rule: Rule, subject: str, one: Instance, told: Step, now_ms: int) -> Gap:
    since_ms = as_of(rule, one.cells) if one.unknown_ms is None else one.unknown_ms
    last, missing = one.gap, _missing(one.cells)
    kinds = ", ".join(sorted(rule.kinds))
    what = f"its {kinds} data have holes" if told.reason == "holed" else f"no {kinds} data come"
    names = f" ({', '.join(missing[:3])})" if missing and told.reason == "holed" else ""
    words = (
        f"{rule.name} cannot be judged for {subject} since {rfc3339(since_ms)[:19]}Z: {what}{names}"
    )
    return Gap(
        since_ms=since_ms,
        fired_ms=now_ms,
        transition=last.transition + 1 if last and last.since_ms == since_ms else 1,
        state="firing",
        severity=rule.severity if rule.severity in _CALM else GAP_SEVERITY,
        headline=words[:HEADLINE_MAX],
        audience=list(rule.audience),
        missing=missing,
    )


def _missing(cells: Cells) -> list[str]:
    return sorted({name for cell in cells if cell for name in cell.missing})[:MISSING_MAX]


def _epoch(cells: Cells) -> int:
    return max((cell.epoch for cell in cells if cell), default=0)


def _values(rule: Rule, cells: Cells) -> dict[str, float]:
    values: dict[str, float] = {}
    for condition, cell in zip(rule.conditions, cells, strict=True):
        if cell is None:
            continue
        name = _value_name(condition)
        if cell.value is not None:
            values.setdefault(name, cell.value)
        if cell.z is not None:
            values.setdefault(f"{name}.z", cell.z)
        if condition.of == "change" and (change := change_of(cell.value, cell.base)) is not None:
            values.setdefault(f"{name}.change", change)
    return values


def _value_name(condition: Condition) -> str:
    return f"{condition.kind}.{condition.metric}.{_SPAN_OF[condition.size.window_ms]}"


def _ids(rule: Rule, subject: str, cells: Cells) -> list[str]:
    found = [
        aggregate_id(
            condition.kind,
            subject_of(condition, subject),
            window_ms=condition.size.window_ms,
            step_ms=condition.size.step_ms,
            start_ms=cell.start_ms,
            revision=cell.revision,
            epoch=cell.epoch,
        )
        for condition, cell in zip(rule.conditions, cells, strict=True)
        if cell is not None
    ]
    return list(dict.fromkeys(found))
