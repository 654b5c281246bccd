"""What is wrong with the log, the money, the model and the telling. PURE: see `findings.py`."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from .answers import Answers
from .money import NEARLY_PERMILLE, budgets
from .shown import Budget, Finding
from .words import plain, span

RECENT_MS = 300_000
LETTERS_RECENT_MAX = 10
"""Dead letters in five minutes that are one source's everyday rubbish."""
CUT_MS = 3_600_000
"""For which a cut is told."""
_MEANWHILE = "; rules answer meanwhile"
"""The end of what an open breaker says of itself, which the finding says first."""
NAMED_MAX = 3
"""Feeds, receivers and such that are named; the others are counted."""


def cuts(view: Answers) -> Iterator[Finding]:
    """Records that nobody has read."""
    if view.cut_ms is not None and view.newest_at_ms - view.cut_ms <= CUT_MS:
        yield finding(
            "degraded",
            "cut",
            f"{view.counts.evicted:,} records were deleted before this view had read them",
            "what is shown may lack them; raise the retention of the topics, or give this process more room",
            view.cut_ms,
        )


def letters(view: Answers, now_ms: int) -> Iterator[Finding]:
    """Dead letters that come fast."""
    reasons: Counter[tuple[str, str]] = Counter()
    first_ms = now_ms
    for kept in view.kept_letters.newest_first():
        if kept.at_ms <= now_ms - RECENT_MS:
            break
        reasons[kept.item.stage, kept.item.reason] += 1
        first_ms = kept.at_ms
    if reasons.total() > LETTERS_RECENT_MAX:
        (stage, reason), _ = max(reasons.items(), key=lambda item: (item[1], item[0]))
        yield finding(
            "degraded",
            "letter",
            f"Dead letters are rising: {reasons.total():,} in five minutes, most of them"
            f" {plain(reason)} at {plain(stage)}",
            "look at one of them, mend the cause, then redrive",
            first_ms,
        )


def money(view: Answers, now_ms: int) -> Iterator[Finding]:
    """Budgets that are closed, spent or nearly so."""
    for budget in budgets(view, now_ms):
        if budget.stale:
            continue
        name, words = f"budget/{budget.scope}", plain(budget.words)
        told = f" ({words})" if words else ""
        if budget.state in ("closed", "spent"):
            yield finding(
                "degraded",
                name,
                f"The budget {plain(budget.scope)} is {budget.state}, and rules answer{told}",
                "see `tapereader budget`; it opens by itself with its next window or once its ledger answers",
                budget.since_ms,
            )
        elif budget.is_nearly_spent:
            yield finding(
                "degraded",
                name,
                f"{nearly(budget)}{told}",
                "raise the cap, or let rules answer when it is reached",
            )


def nearly(budget: Budget) -> str:
    """Return how near its cap a budget is: by what is spent of it, or by the pace alone."""
    scope = plain(budget.scope)
    soon = "" if budget.to_cap_ms is None else span(budget.to_cap_ms)
    used = (budget.spent_nano_usd or 0) + (budget.reserved_nano_usd or 0)
    if soon and used * 1_000 < (budget.cap_nano_usd or 0) * NEARLY_PERMILLE:
        return f"At this pace the budget {scope} is spent in {soon}"
    return f"The budget {scope} is nearly spent" + (f", at this pace in {soon}" if soon else "")


def breakers(view: Answers, now_ms: int) -> Iterator[Finding]:
    """Models that are not asked."""
    for status in view.parts("agent", "breaker", now_ms):
        if status.state in ("open", "forced_open"):
            model = plain(status.part.partition("/")[2])
            why = plain(status.words).removesuffix(_MEANWHILE)
            yield finding(
                "degraded",
                status.part,
                f"The breaker of {model} is open, and rules answer ({why})",
                "it closes by itself when the provider answers again"
                if status.state == "open"
                else "somebody forced it: set it to auto to let it close",
                status.since_ms,
            )


def untold(view: Answers, now_ms: int) -> Iterator[Finding]:
    """Receivers that did not take what they were told."""
    receivers = set()
    first_ms = now_ms
    for kept in view.kept_notifications.newest_first():
        if kept.at_ms <= now_ms - CUT_MS:
            break
        if kept.item.outcome == "undeliverable":
            receivers.add(kept.item.receiver)
            first_ms = kept.at_ms
    if receivers:
        yield finding(
            "degraded",
            "told",
            f"Alerts could not be told to {named(sorted(receivers))}",
            "look at the log of notify and at the receiver's address",
            first_ms,
        )


def named(names: Iterable[str]) -> str:
    """Return the first few names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - NAMED_MAX:,} more" if len(found) > NAMED_MAX else ""
    return ", ".join(found[:NAMED_MAX]) + more


def finding(
    state: Literal["degraded", "broken"],
    what: str,
    words: str,
    action: str,
    since_ms: int | None = None,
) -> Finding:
    """Return a finding."""
    return Finding(state=state, what=what, words=words, action=action, since_ms=since_ms)
