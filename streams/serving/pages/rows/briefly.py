"""Alerts, analyses and gaps in a row each, for the pages of what they are about. PURE."""

from collections.abc import Sequence

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Amount,
    Column,
    Instant,
    Line,
    Mark,
    Row,
    Rows,
    Voice,
    Words,
    capped,
    severity,
)
from streams.serving.shown import AlertShown, AnalysisShown, GapShown
from streams.serving.words import span

ALERTS_SHOWN_MAX, ANALYSES_SHOWN_MAX, GAPS_SHOWN_MAX = 12, 12, 8

ALERT_COLUMNS = (
    Column("Severity"),
    Column("Alert", main=True),
    Column("State"),
    Column("Since"),
    Column("Seen by"),
)
ANALYSIS_COLUMNS = (
    Column("As of"),
    Column("Severity"),
    Column("Analysis", main=True),
    Column("Whose words"),
    Column("Standing"),
)
GAP_COLUMNS = (
    Column("From"),
    Column("To"),
    Column("Feed", main=True),
    Column("State"),
    Column("Missing", numeric=True),
    Column("Events around it"),
)


def alert_rows(found: Sequence[AlertShown], empty: str) -> Rows:
    """Return alerts in the order they come in."""
    return capped([_alert(shown) for shown in found], ALERTS_SHOWN_MAX, empty)


def analysis_rows(found: Sequence[AnalysisShown], empty: str) -> Rows:
    """Return analyses in the order they come in."""
    return capped([_analysis(shown) for shown in found], ANALYSES_SHOWN_MAX, empty)


def gap_rows(found: Sequence[GapShown], empty: str) -> Rows:
    """Return gaps in the order they come in."""
    return capped([_gap(gap) for gap in found], GAPS_SHOWN_MAX, empty)


def whose(shown: AnalysisShown) -> Voice:
    """Return whose words an analysis is in, in our own."""
    analysis = shown.analysis
    if analysis.origin == "rules":
        return Voice("rules", "rules")
    word = {
        "model": "model",
        "model_other_provider": "model, other provider",
        "model_cheaper": "cheaper model",
        "cache": "model, said before",
        "cache_stale": "model, said long before",
    }.get(analysis.origin, "model")
    if analysis.simulated:
        return Voice("simulated", f"simulated {word}", hint="No real model was asked.")
    return Voice("model", word, hint=analysis.model or "")


def _alert(shown: AlertShown) -> Row:
    alert = shown.alert
    until: Line = ()
    if alert.state != "firing":
        until = (Words("to", tone="quiet"), Instant(alert.as_of_ms))
    degraded: Line = (Words("degraded: data were missing", tone="doubt"),) if alert.degraded else ()
    return Row(
        key=alert.alert_id,
        cells=(
            (severity(alert.severity),),
            (Words(alert.headline, href=links.alert(alert.alert_id)), *degraded),
            (Words(alert.state, tone="strong" if alert.state == "firing" else "quiet"),),
            (Instant(alert.since_ms), *until),
            _seen_by(shown),
        ),
        tone="" if alert.state == "firing" else "quiet",
    )


def _seen_by(shown: AlertShown) -> Line:
    if shown.acknowledged is not None:
        return (Words(shown.acknowledged.actor, hint=shown.acknowledged.reason),)
    if shown.muted is not None:
        return (Words("muted", tone="quiet", hint=shown.muted.reason),)
    return (Words("nobody", tone="bad" if shown.asks else "quiet"),)


def _analysis(shown: AnalysisShown) -> Row:
    analysis = shown.analysis
    standing: Line = (Words(shown.standing),)
    if shown.replaced_by is not None:
        standing = (Words(f"{shown.standing} by", tone="quiet"), Words("another", href=links.analysis(shown.replaced_by), hint=shown.replaced_by))  # fmt: skip
    return Row(
        key=analysis.analysis_id,
        cells=(
            (Instant(analysis.as_of_ms),),
            (severity(analysis.severity),),
            (Words(analysis.headline, href=links.analysis(analysis.analysis_id)),),
            (whose(shown),),
            standing,
        ),
        tone="" if shown.standing == "current" else "quiet",
    )


def _gap(gap: GapShown) -> Row:
    mark = {
        "open": Mark("warning", "open"),
        "filled": Mark("well", "filled"),
        "permanent": Mark("notice", "permanent"),
    }[gap.state]
    missing = f"{gap.ids_missing:,}" if gap.ids_missing is not None else span(gap.to_ms - gap.from_ms)  # fmt: skip
    return Row(
        key=gap.gap_id,
        cells=(
            (Instant(gap.from_ms),),
            (Instant(gap.to_ms),),
            (Words(f"{gap.venue} {gap.subject}", hint=gap.reason),),
            (mark,),
            (Amount(missing, "events" if gap.ids_missing is not None else ""),),
            (Words("raw", href=links.raw(gap.kind, gap.subject, gap.from_ms, gap.to_ms)),),
        ),
    )
