"""Market alerts: a declared rule that holds, no longer holds, or never held; and data too incomplete to tell."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import AssetId, Count, EpochMs, Name, Severity, Subject, Word

AlertKind = Literal["market", "data_gap"]


class Alert(Struct, frozen=True, kw_only=True, tag_field="type", tag="alert"):
    """The latest state of one rule for one subject. Of one id, the greatest epoch, then transition, counts."""

    alert_id: Annotated[
        str,
        Meta(max_length=200, description="rule/subject/since_ms, and /data_gap behind it of such"),
    ]
    rule: Name
    asset: AssetId
    subject: Subject
    state: Literal["firing", "cleared", "retracted"]
    """Retracted: a revision of the data undid it."""
    severity: Severity
    since_ms: EpochMs
    """End of the window that made it fire; of a data gap, since when the rule could not be judged."""
    as_of_ms: EpochMs
    """End of the window behind this state."""
    headline: Annotated[str, Meta(min_length=1, max_length=200)]
    degraded: bool = False
    """Data were missing; what was seen proves the rule all the same."""
    values: dict[str, float] = {}
    """By `kind.metric.window` (`market.log_return.5m`), with `.z` or `.change` behind it of a score or change."""
    aggregate_ids: list[str] = []
    """The windows behind this state, in the order of the rule's conditions."""
    kind: AlertKind = "market"
    """Data gap: the rule cannot be judged, as data have been missing for longer than it bears."""
    transition: Count = 1
    """1 for the first state of this id, 2 for the next one: with the id it tells the records of one alert apart."""
    reason: Word = "holds"
    """Why this state: holds, no_longer_holds, revised; holed, silent, data_whole; rule_changed, rule_removed, forgotten."""
    fired_ms: EpochMs | None = None
    """As `as_of_ms` was when it fired."""
    missing: list[str] = []
    """Of degraded and data gaps: sources and venues whose data are missing, as far as they are known."""
    audience: list[Name] = []
    """Receivers the rule names; none: whoever receives alerts of its severity."""
    epoch: Count = 0
    """Of the windows behind it."""


def alert_id(rule: str, subject: str, since_ms: int, kind: AlertKind = "market") -> str:
    """Return the id of an alert: a function of what it is about, one word of ASCII."""
    made = f"{rule}/{subject}/{since_ms}"
    return made if kind == "market" else f"{made}/{kind}"


def alert_key(alert: Alert) -> str:
    """Return the key of an alert's records. A gap's is another, or it would take the alert's place in the log."""
    key = f"{alert.rule}/{alert.subject}"
    return key if alert.kind == "market" else f"{key}/{alert.kind}"


def transition_id(alert: Alert) -> str:
    """Return the id of one record of an alert, for whoever must act on each once."""
    made = f"{alert.alert_id}/{alert.transition}"
    return f"{made}/e{alert.epoch}" if alert.epoch else made
