"""What is not as it should be. PURE."""

from collections.abc import Iterator

from .answers import Answers
from .shown import Finding
from .words import span


def findings_of(view: Answers, now_ms: int, event_now_ms: int) -> Iterator[Finding]:
    """Give what is wrong at a time."""
    yield from _roles(view, now_ms)


def _roles(view: Answers, now_ms: int) -> Iterator[Finding]:
    for role in sorted({role for role, _, part in view.statuses if part == "role"}):
        if view.part(role, "role", now_ms) is None and (last := view.last_told(role, "role")):
            yield Finding(
                state="broken",
                what=f"role/{role}",
                words=f"{role} has not been heard from for {span(now_ms - last.at_ms)}",
                action=f"start it again: tapereader {role}",
                since_ms=last.at_ms,
            )
