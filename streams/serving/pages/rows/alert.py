"""One alert: what it rests on, how it came here, who was told, who has seen it, and what was said of it. PURE."""

from msgspec import Struct

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Column,
    Fact,
    Instant,
    Line,
    Mark,
    Now,
    Row,
    Rows,
    Tone,
    Until,
    Words,
    capped,
    counted,
    severity,
)
from streams.serving.shown import AlertShown, AnalysisShown, Transition
from streams.serving.view import View
from streams.serving.words import span
from topics import Control, Notification

from .measured import values, windows
from .telling import alert_state, asset_link, voice, voice_of

ANALYSES_MAX, TRANSITIONS_MAX, TOLD_MAX = 10, 30, 30

ANALYSIS_COLUMNS = (Column("Severity", plain=True), Column("Analysis", main=True), Column("As of"))
TRANSITION_COLUMNS = (
    Column("Logged"),
    Column("State"),
    Column("What it said", main=True),
    Column("As of"),
)
TOLD_COLUMNS = (
    Column("Receiver", main=True),
    Column("Step"),
    Column("Outcome"),
    Column("When"),
    Column("Took"),
    Column("Attempts", numeric=True),
    Column("Why"),
)
_REASONS = {
    "holds": "its conditions hold",
    "no_longer_holds": "its conditions hold no more",
    "revised": "a correction of the data undid it",
    "holed": "data are missing",
    "silent": "a source is silent",
    "data_whole": "the data are whole again",
    "rule_changed": "the rule was changed",
    "rule_removed": "the rule was removed",
    "forgotten": "its subject was not heard of for long",
}
_OUTCOMES: dict[str, tuple[str, Tone]] = {
    "sent": ("sent", "good"),
    "gathered": ("sent with others of its moment", "good"),
    "digest": ("sent in a digest", "good"),
    "muted": ("muted", "quiet"),
    "undeliverable": ("not delivered", "bad"),
}
_STEPS = {
    "firing": "fires",
    "raised": "more severe",
    "cleared": "cleared",
    "retracted": "retracted",
    "analysis": "analysis followed",
    "still_firing": "fires still",
}


class AlertPicture(Struct, frozen=True):
    """All that the page of one alert shows."""

    known: bool
    lead: Line = ()
    facts: tuple[Fact, ...] = ()
    judged: Line = ()
    """When the values are of: those of its end are others than those of its begin."""
    values: Rows = Rows(())
    windows: Rows = Rows(())
    analyses: Rows = Rows(())
    transitions: Rows = Rows(())
    told: Rows = Rows(())
    may_acknowledge: bool = False
    muted_target: str | None = None


UNKNOWN = AlertPicture(
    known=False,
    lead=(
        Words(
            "No alert of this address is known here. It may be older than what this view reaches back to, "
            "or the address may be cut short."
        ),
        Words("All alerts that are known", href=links.ALERTS),
    ),
)


def picture_of(view: View, now: Now, alert_id: str) -> AlertPicture:
    """Return what the page of an alert shows now."""
    shown = view.alert(alert_id, now.ms)
    if shown is None:
        return UNKNOWN
    found = [view.analysis(name) for name in shown.analysis_ids[:ANALYSES_MAX]]
    return picture(shown, [analysis for analysis in found if analysis is not None])


def picture(shown: AlertShown, analyses: list[AnalysisShown]) -> AlertPicture:
    """Return what the page of an alert shows."""
    muted = shown.muted
    return AlertPicture(
        known=True,
        lead=(alert_state(shown), Words(shown.alert.headline, tone="strong"), voice("rules")),
        facts=facts(shown),
        judged=_judged(shown),
        values=values(shown.alert),
        windows=windows(shown.alert),
        analyses=_analyses(analyses),
        transitions=_transitions(shown),
        told=_told(shown.notifications),
        may_acknowledge=shown.fires and shown.acknowledged is None,
        muted_target=None if muted is None else muted.subject,
    )


def targets(alert_id: str) -> tuple[tuple[str, str], ...]:
    """Return what of an alert may be muted, with words: the narrowest first. An id is `rule/subject/since`."""
    rule, _, rest = alert_id.partition("/")
    subject = "/".join(part for part in rest.split("/")[:2] if not part.isdecimal())
    asset = subject.partition("/")[0]
    return (
        (f"rule/{rule}/{subject}", f"this rule for {subject}"),
        (f"rule/{rule}", "this rule for everything"),
        (f"asset/{asset}", f"every rule for {asset}"),
    )


def facts(shown: AlertShown) -> tuple[Fact, ...]:
    """Return the terms of an alert."""
    alert = shown.alert
    why = _REASONS.get(alert.reason, alert.reason)
    missing: tuple[Fact, ...] = ()
    if alert.missing:
        missing = (Fact("Missing data of", (Words(", ".join(alert.missing), tone="doubt"),)),)
    if alert.degraded:
        missing = (*missing, Fact("Degraded", (Words("what was seen proves it all the same"),)))
    return (
        Fact("Asset", (asset_link(alert.asset), Words(alert.subject, tone="quiet"))),
        Fact("Rule", (Words(alert.rule), Words(f"severity {alert.severity}", tone="quiet"))),
        Fact("State", (Words("firing" if shown.fires else alert.state, tone="strong"), Words(why))),
        *missing,
        Fact(
            "Fires since" if shown.fires else "Fired",
            (Instant(alert.since_ms), Age(alert.since_ms, clock="market")),
        ),
        Fact("As of", (Instant(alert.as_of_ms), Age(alert.as_of_ms, clock="market"))),
        Fact("Logged", (Instant(shown.at_ms), Age(shown.at_ms))),
        Fact("Seen by", _act(shown.acknowledged, "nobody yet")),
        Fact("Muted", _act(shown.muted, "no")),
    )


def _judged(shown: AlertShown) -> Line:
    alert = shown.alert
    when = "when it fired, or was told anew" if alert.state == "firing" else "when it was over"
    return (Words("as of"), Instant(alert.as_of_ms), Words(when, tone="quiet"))


def _act(act: Control | None, without: str) -> Line:
    if act is None:
        return (Words(without, tone="quiet"),)
    line: Line = (
        Words(act.actor, tone="strong"),
        Age(act.at_ms),
        Words(f"“{act.reason}”", tone="quiet"),
    )
    return line if act.expires_ms is None else (*line, Words("ends"), Until(act.expires_ms))


def _analyses(found: list[AnalysisShown]) -> Rows:
    rows = [
        Row(
            one.analysis.analysis_id,
            (
                (severity(one.analysis.severity),),
                (
                    Words(one.analysis.headline, href=links.analysis(one.analysis.analysis_id)),
                    voice_of(one.analysis),
                    *(() if one.standing == "current" else (Words(one.standing, tone="doubt"),)),
                ),
                (Instant(one.analysis.as_of_ms), Age(one.analysis.as_of_ms, clock="market")),
            ),
            tone="" if one.standing == "current" else "quiet",
        )
        for one in found
    ]
    return capped(
        rows,
        ANALYSES_MAX,
        "No analysis speaks of it yet. One follows within a minute if an agent runs.",
    )


def _transitions(shown: AlertShown) -> Rows:
    newest = shown.transitions[::-1]
    rows = [_transition(one, i) for i, one in enumerate(newest[:TRANSITIONS_MAX])]
    total = len(newest) + shown.transitions_left_out
    return capped(rows, TRANSITIONS_MAX, "Nothing is known of how it came here.", total=total)


def _transition(one: Transition, place: int) -> Row:
    fires = one.state == "firing"
    mark = severity(one.severity) if fires else Mark("info", one.state.capitalize())
    doubt: Line = (Words("degraded", tone="doubt"),) if one.degraded else ()
    return Row(
        f"{one.at_ms}/{place}",
        (
            (Instant(one.at_ms), Age(one.at_ms)),
            (mark, *((Words("firing"),) if fires else ()), *doubt),
            (Words(one.headline),),
            (Instant(one.as_of_ms),),
        ),
    )


def _told(notifications: tuple[Notification, ...]) -> Rows:
    rows = []
    for one in notifications[:TOLD_MAX]:
        words, tone = _OUTCOMES.get(one.outcome, (one.outcome, ""))
        rows.append(
            Row(
                one.notification_id,
                (
                    (Words(one.receiver),),
                    (Words(_STEPS.get(one.step, one.step)),),
                    (Words(words, tone=tone),),
                    (Instant(one.at_ms), Age(one.at_ms)),
                    (Words(span(one.at_ms - one.logged_ms)),),
                    (counted(one.attempts),),
                    (Words(one.words, tone="quiet"),),
                ),
            )
        )
    return capped(
        rows,
        TOLD_MAX,
        "Nobody was told. The notify role tells receivers that its settings name.",
        total=len(notifications),
    )
