"""All alerts: those that fire, and those that are over. PURE."""

from streams.serving.pages.pieces import (
    Age,
    Button,
    Column,
    Instant,
    Line,
    Now,
    Row,
    Rows,
    Words,
    capped,
)
from streams.serving.shown import AlertShown
from streams.serving.view import View

from .telling import alert_link, alert_state, asset_link, degraded, rank, voice

FIRING_MAX, OVER_MAX = 50, 50

FIRING_COLUMNS = (
    Column("Severity", plain=True),
    Column("Asset", plain=True),
    Column("Alert", main=True),
    Column("Since"),
    Column("Seen by"),
    Column("Muted"),
    Column("Told"),
    Column("Act", plain=True, end=True),
)
OVER_COLUMNS = (
    Column("State", plain=True),
    Column("Asset", plain=True),
    Column("Alert", main=True),
    Column("Fired"),
    Column("Ended"),
    Column("Told"),
)
NOTHING_FIRES = (
    "No alert fires. Rules are judged with every window; what fires is here within half a second."
)
NOTHING_OVER = "No alert has ended in the time this view reaches back to."
TAKEN = {"sent", "gathered", "digest"}
"""Outcomes of notifications that reached a receiver."""


def firing_of(view: View, now: Now) -> Rows:
    """Return the alerts that fire, those that ask for somebody first."""
    return firing([shown for shown in view.alerts(now.ms, firing=True) if shown.fires])


def firing(alerts: list[AlertShown]) -> Rows:
    """Return alerts that fire as rows: unseen ones first, then the most severe, then the newest."""
    worst = sorted(
        alerts,
        key=lambda s: (not s.asks, rank(s.alert.severity), -s.alert.since_ms, s.alert.alert_id),
    )
    rows = [
        Row(
            shown.alert.alert_id,
            (
                (alert_state(shown), *degraded(shown)),
                (asset_link(shown.alert.asset),),
                headline(shown),
                (Instant(shown.alert.since_ms), Age(shown.alert.since_ms, clock="market")),
                seen_by(shown),
                muted(shown),
                told(shown),
                (_button(shown),) if shown.acknowledged is None else (),
            ),
        )
        for shown in worst[:FIRING_MAX]
    ]
    return capped(rows, FIRING_MAX, NOTHING_FIRES, total=len(worst))


def over_of(view: View, now: Now) -> Rows:
    """Return the alerts that fire no more."""
    return over([shown for shown in view.alerts(now.ms) if not shown.fires])


def over(alerts: list[AlertShown]) -> Rows:
    """Return alerts that are over as rows, the one that ended last first."""
    newest = sorted(alerts, key=lambda s: (-s.at_ms, s.alert.alert_id))
    rows = [
        Row(
            shown.alert.alert_id,
            (
                (alert_state(shown), *degraded(shown)),
                (asset_link(shown.alert.asset),),
                headline(shown),
                (Instant(shown.alert.since_ms),),
                (Instant(shown.alert.as_of_ms), Age(shown.alert.as_of_ms, clock="market")),
                told(shown),
            ),
            tone="quiet",
        )
        for shown in newest[:OVER_MAX]
    ]
    return capped(rows, OVER_MAX, NOTHING_OVER, total=len(newest))


def headline(shown: AlertShown) -> Line:
    """Return what an alert says, that rules say it, and which."""
    return (alert_link(shown), voice("rules"), Words(shown.alert.rule, tone="quiet"))


def seen_by(shown: AlertShown) -> Line:
    """Return who has acknowledged an alert."""
    act = shown.acknowledged
    if act is None:
        return (Words("nobody yet", tone="" if shown.asks else "quiet"),)
    return (Words(act.actor, hint=act.reason), Age(act.at_ms))


def muted(shown: AlertShown) -> Line:
    """Return until when an alert is muted, and by whom."""
    act = shown.muted
    if act is None:
        return (Words("no", tone="quiet"),)
    until: Line = () if act.expires_ms is None else (Words("until"), Instant(act.expires_ms))
    return (*until, Words(f"by {act.actor}", hint=act.reason, tone="quiet"))


def told(shown: AlertShown) -> Line:
    """Return how many receivers were told, and whether one could not be."""
    taken = {n.receiver for n in shown.notifications if n.outcome in TAKEN}
    lost = {n.receiver for n in shown.notifications if n.outcome == "undeliverable"} - taken
    if not taken and not lost:
        return (Words("nobody", tone="quiet"),)
    line: Line = ()
    if taken:
        line = (Words(_names(taken), hint=", ".join(sorted(taken))),)
    if lost:
        line = (*line, Words(f"not {_names(lost)}", tone="bad"))
    return line


def _names(receivers: set[str]) -> str:
    first, *others = sorted(receivers)
    return first if not others else f"{first} and {len(others)} more"


def _button(shown: AlertShown) -> Button:
    return Button(
        "Acknowledge",
        "acknowledge",
        shown.alert.alert_id,
        "Somebody has seen it; it goes on firing until the data clear it",
    )
