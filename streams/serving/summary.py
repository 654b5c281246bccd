"""The pipeline in one sentence: all well, or what is wrong, since when, and what to do. PURE."""

from .alert_book import ALERTS_MAX
from .answers import Answers
from .findings import findings_of
from .shown import Finding, Summary
from .words import clock, plain

HEADLINE_CHARS_MAX = 120


def summary_of(view: Answers, now_ms: int, event_now_ms: int) -> Summary:
    """Return the summary at a time."""
    findings = findings_of(view, now_ms, event_now_ms)
    asking = [s for s in view.alerts(now_ms, firing=True, most=ALERTS_MAX) if s.asks]
    alerts = ""
    if asking:
        worst = plain(asking[0].alert.headline, HEADLINE_CHARS_MAX)
        count = "One alert asks" if len(asking) == 1 else f"{len(asking):,} alerts ask"
        alerts = f" {count} for somebody: {worst}."
    if not findings:
        return Summary(
            state="well",
            sentence=f"All is well.{alerts}",
            since_ms=None,
            action="",
            findings=(),
            now_ms=now_ms,
        )
    worst_found = findings[0]
    return Summary(
        state=worst_found.state,
        sentence=_told(worst_found, len(findings) - 1) + alerts,
        since_ms=worst_found.since_ms,
        action=worst_found.action,
        findings=tuple(findings),
        now_ms=now_ms,
    )


def _told(finding: Finding, more: int) -> str:
    since = "" if finding.since_ms is None else f", since {clock(finding.since_ms)}"
    action = finding.action[:1].upper() + finding.action[1:]
    others = f" {more} more to see to." if more else ""
    return f"{finding.words}{since}. {action}.{others}"
