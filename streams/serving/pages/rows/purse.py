"""Money in a few lines: what was spent, under which cap, and when that is reached. PURE."""

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Bar,
    Instant,
    Line,
    Now,
    Piece,
    Tone,
    Until,
    Words,
    dollars,
)
from streams.serving.shown import Budget, Money
from streams.serving.view import View

BUDGETS_MAX = 4
"""On the overview; the page of costs has them all."""


def purse_of(view: View, now: Now) -> tuple[Line, ...]:
    """Return what was spent, the cap, and the time until it is reached."""
    return purse(view.money(now.ms))


def purse(money: Money) -> tuple[Line, ...]:
    """Return each budget as lines; without any what analyses cost all the same."""
    if not money.budgets:
        without: Line = (
            Words("No budget is told: no agent asks a model, or none runs.", tone="quiet"),
        )
        return (spent(money), without)
    lines: list[Line] = []
    for budget in money.budgets[:BUDGETS_MAX]:
        lines += budget_lines(budget)
    if (more := len(money.budgets) - BUDGETS_MAX) > 0:
        lines.append((Words(f"and {more} more budgets", href=links.COST),))
    burn = (dollars(money.burn_nano_usd_per_h), Words("an hour at the present rate", tone="quiet"))
    return (*lines, burn)


def spent(money: Money) -> Line:
    """Return in a line what analyses cost, and since when."""
    if not any(money.by.values()):
        return (Words("Nothing spent: no analysis yet."),)
    return (
        dollars(money.spent_nano_usd),
        Words("spent on analyses since"),
        Instant(money.since_ms),
    )


def budget_lines(budget: Budget) -> list[Line]:
    """Return a budget in two lines: spent of its cap; the share as a bar and a number, and when the cap is reached."""
    spent: Line = (Words(budget.scope, tone="strong"), _dollars(budget.spent_nano_usd))
    if budget.cap_nano_usd is not None:
        spent = (*spent, Words("of"), dollars(budget.cap_nano_usd))
    share = budget_share(budget)
    if share is None:
        return [spent, _outlook(budget)]
    return [spent, (Bar(share, tightness(budget)), Words(f"{share:.0%}"), *_outlook(budget))]


def tightness(budget: Budget) -> Tone:
    """Return how the spent share of a cap is drawn, as the view judges it."""
    if budget.state != "open" or budget.to_cap_ms == 0:
        return "bad"
    return "doubt" if budget.is_nearly_spent else ""


def budget_share(budget: Budget) -> float | None:
    """Return the part of a cap that is spent or reserved; None where it is not told."""
    if not budget.cap_nano_usd or budget.spent_nano_usd is None:
        return None
    return (budget.spent_nano_usd + (budget.reserved_nano_usd or 0)) / budget.cap_nano_usd


def _dollars(nano_usd: int | None) -> Piece:
    return Words("spent: not told", tone="quiet") if nano_usd is None else dollars(nano_usd)


def _outlook(budget: Budget) -> Line:
    if budget.stale:
        return (Words("not told since", tone="doubt"), Age(budget.told_ms))
    if budget.to_cap_ms is None:
        return (Words("cap not reached in this window", tone="quiet"),)
    if budget.to_cap_ms == 0:
        return (Words("cap reached: rules answer", tone="bad"),)
    return (
        Words("cap at this rate", tone="doubt"),
        Until(budget.told_ms + budget.to_cap_ms),
    )
