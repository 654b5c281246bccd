"""The pipeline in one sentence: all well, or what is wrong, since when, and what to do. PURE."""

from .answers import Answers
from .findings import findings_of
from .shown import Finding, State, Summary
from .words import clock


def summary_of(view: Answers, now_ms: int, event_now_ms: int) -> Summary:
    """Return the summary at a time."""
    findings = sorted(findings_of(view, now_ms, event_now_ms), key=_weight)
    if not findings:
        return Summary(
            state="well",
            sentence="All well.",
            since_ms=None,
            action="",
            findings=(),
            now_ms=now_ms,
        )
    worst = findings[0]
    state: State = worst.state
    since = "" if worst.since_ms is None else f" since {clock(worst.since_ms)}"
    more = f" And {len(findings) - 1} more." if len(findings) > 1 else ""
    return Summary(
        state=state,
        sentence=f"{worst.words}{since}: {worst.action}.{more}",
        since_ms=worst.since_ms,
        action=worst.action,
        findings=tuple(findings),
        now_ms=now_ms,
    )


def _weight(finding: Finding) -> tuple[bool, str]:
    return finding.state != "broken", finding.what
