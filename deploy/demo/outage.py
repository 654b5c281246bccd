"""The planted outage of the simulated model: whether it showed, whether rules answered, how soon it was over. PURE.

All times are seconds since the simulated model's first request, as the outage itself is planted.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

RECOVERY_S = 5.0
"""After the model heals it must be asked, and answer, within this: no open time of the demo's breaker is longer
than two seconds, and an answer takes less than one."""
BY_BREAKER = "breaker_open"
"""The reason of an answer by rules because the breaker lets no call through."""


class Answered(Struct, frozen=True):
    """One analysis, as far as the outage is concerned."""

    produced_ms: int
    by_model: bool
    reason: str


class Outage(Struct, frozen=True, kw_only=True):
    """What was seen of it. None: it was not seen."""

    begins_s: int
    ends_s: int
    rules_answers: int
    """Because the breaker was open."""
    rules_first_s: float | None
    rules_last_s: float | None
    recovery_s: float | None
    """From the end of the outage to the model's next answer."""


def outage(planted_s: tuple[int, int], began_ms: int | None, answers: Sequence[Answered]) -> Outage:
    """Return what the answers show of an outage planted so long after the model's first request at ``began_ms``."""
    begins_s, ends_s = planted_s
    since_s = (
        []
        if began_ms is None
        else sorted(((a.produced_ms - began_ms) / 1000, a.by_model, a.reason) for a in answers)
    )
    by_rules = [
        at_s
        for at_s, by_model, reason in since_s
        if at_s >= begins_s and not by_model and reason == BY_BREAKER
    ]
    again_s = next((at_s for at_s, by_model, _ in since_s if by_model and at_s >= ends_s), None)
    return Outage(
        begins_s=begins_s,
        ends_s=ends_s,
        rules_answers=len(by_rules),
        rules_first_s=by_rules[0] if by_rules else None,
        rules_last_s=by_rules[-1] if by_rules else None,
        recovery_s=None if again_s is None else round(again_s - ends_s, 3),
    )


def unanswered(seen: Outage) -> str | None:
    """Return in words that rules did not answer for an open breaker while the outage lasted, or None."""
    first_s = seen.rules_first_s
    if first_s is not None and first_s < seen.ends_s:
        return None
    return "the model's outage: no answer by rules because of the open breaker"


def unrecovered(seen: Outage) -> str | None:
    """Return in words that the model was not asked again in time, or None."""
    if seen.recovery_s is None:
        return "the model's recovery: it never answered again"
    if seen.recovery_s >= RECOVERY_S:
        return (
            f"the model's recovery: it answered again {seen.recovery_s:.1f} s after it healed,"
            f" not within {RECOVERY_S:g} s"
        )
    return None


def words(told: dict[str, Any]) -> str:
    """Return an outage as the report has it in a line for people."""
    planted = f"the model's outage, planted from {told['begins_s']} to {told['ends_s']} s after its first request"
    if told["rules_first_s"] is None:
        return f"{planted}: not seen"
    rules = (
        f"rules answered {told['rules_answers']:,} times because the breaker was open,"
        f" from {told['rules_first_s']:.1f} to {told['rules_last_s']:.1f} s"
    )
    if told["recovery_s"] is None:
        return f"{planted}: {rules}; the model has not answered since"
    return (
        f"{planted}: {rules}; the model answered again {told['recovery_s']:.1f} s after it healed"
    )
