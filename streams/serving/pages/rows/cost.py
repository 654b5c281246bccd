"""Money: what was spent, under which cap, until when it lasts, and on what. PURE."""

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Bar,
    Column,
    Instant,
    Line,
    Mark,
    Now,
    Row,
    Rows,
    Until,
    Words,
    capped,
    counted,
    dollars,
)
from streams.serving.shown import Budget, Money, Spent
from streams.serving.view import View

from .purse import budget_share, tightness
from .purse import spent as spent_line

BUDGETS_MAX, NAMES_MAX = 20, 15
NEARLY = 0.8
"""Of a cap: from here most of it is spent; below, a word that said so would contradict the number beside it."""

BUDGET_COLUMNS = (
    Column("State", plain=True),
    Column("Budget", main=True),
    Column("Spent", numeric=True),
    Column("Reserved", numeric=True),
    Column("Cap", numeric=True),
    Column("Used"),
    Column("Window ends"),
    Column("Cap reached"),
)
SPENT_COLUMNS = (
    Column("Name", main=True),
    Column("Cost", numeric=True),
    Column("Share"),
    Column("Analyses", numeric=True),
    Column("Tokens in", numeric=True),
    Column("Tokens out", numeric=True),
)
SORTS = (
    ("model", "By model"),
    ("prompt", "By prompt"),
    ("origin", "By origin"),
    ("product", "By product"),
)
"""Of `Money.by` beside the asset, with headings."""
_ORIGINS = {
    "model": "model asked",
    "model_other_provider": "model asked, at another provider",
    "model_cheaper": "a cheaper model asked",
    "cache": "said before, still valid",
    "cache_stale": "said before, no longer fresh",
    "rules": "rules, free",
}
_PRODUCTS = {"state": "state narrative", "deep_dive": "deep dive"}
NO_BUDGET = "No budget is told: no agent asks a model, or none runs. Rules are free."
NOTHING_SPENT = "No analysis yet."


def lead_of(view: View, now: Now) -> Line:
    """Return in a line what was spent, since when, and how fast."""
    return lead(view.money(now.ms))


def lead(money: Money) -> Line:
    """Return in a line what was spent, since when, and how fast."""
    if not any(money.by.values()):
        return spent_line(money)
    return (
        *spent_line(money),
        Words("·", tone="quiet"),
        dollars(money.burn_nano_usd_per_h),
        Words("an hour at the present rate"),
    )


def budgets_of(view: View, now: Now) -> Rows:
    """Return the budgets."""
    return budgets(view.money(now.ms))


def budgets(money: Money) -> Rows:
    """Return the budgets as rows."""
    rows = [_budget(budget) for budget in money.budgets[:BUDGETS_MAX]]
    return capped(rows, BUDGETS_MAX, NO_BUDGET, total=len(money.budgets))


def _budget(budget: Budget) -> Row:
    share = budget_share(budget)
    used: Line = (Words("not told", tone="quiet"),)
    if share is not None:
        used = (Bar(share, tightness(budget)), Words(f"{share:.0%}"))
    ends: Line = ()
    if budget.window_end_ms is not None:
        ends = (Instant(budget.window_end_ms), Until(budget.window_end_ms))
    return Row(
        budget.scope,
        (
            (_state(budget),),
            (Words(budget.scope, tone="strong"), *_why(budget)),
            _money(budget.spent_nano_usd),
            _money(budget.reserved_nano_usd),
            _money(budget.cap_nano_usd),
            used,
            ends,
            _reached(budget),
        ),
        tone="quiet" if budget.stale else "",
    )


def _why(budget: Budget) -> Line:
    """Return why a budget is not open; what its owner says of one that is stands in the columns beside."""
    if budget.state == "open" and not budget.stale:
        return ()
    return (Words(budget.words, tone="quiet"),)


def _state(budget: Budget) -> Mark:
    if budget.stale:
        return Mark("warning", "Not heard from")
    if budget.state == "spent":
        return Mark("critical", "Spent")
    if budget.state != "open":
        return Mark("warning", budget.state.replace("_", " ").capitalize())
    if budget.is_nearly_spent:
        share = budget_share(budget) or 0.0
        return Mark("notice", "Nearly spent" if share >= NEARLY else "On pace to its cap")
    return Mark("well", "Open")


def _money(nano_usd: int | None) -> Line:
    return (Words("not told", tone="quiet"),) if nano_usd is None else (dollars(nano_usd),)


def _reached(budget: Budget) -> Line:
    if budget.stale:
        return (Words("last told", tone="quiet"), Age(budget.told_ms))
    if budget.to_cap_ms is None:
        return (Words("not in this window", tone="quiet"),)
    if budget.to_cap_ms == 0:
        return (Words("reached: rules answer", tone="bad"),)
    return (Until(budget.told_ms + budget.to_cap_ms),)


def spent_of(view: View, now: Now, sort: str) -> Rows:
    """Return what was spent by one sort of name."""
    return spent(view.money(now.ms).by.get(sort, ()), sort)


def spent(found: tuple[Spent, ...], sort: str) -> Rows:
    """Return what was spent on each name, the dearest first, with its share of all."""
    total = sum(one.cost_nano_usd for one in found)
    rows = [
        Row(
            one.name,
            (
                (_name(one.name, sort),),
                (dollars(one.cost_nano_usd),),
                _share(one.cost_nano_usd, total),
                (counted(one.analyses),),
                (counted(one.input_tokens),),
                (counted(one.output_tokens),),
            ),
        )
        for one in found[:NAMES_MAX]
    ]
    return capped(rows, NAMES_MAX, NOTHING_SPENT, total=len(found))


def _share(part: int, total: int) -> Line:
    if not total:
        return (Words("free", tone="quiet"),)
    return (Bar(part / total), Words(f"{part / total:.0%}"))


def _name(name: str, sort: str) -> Words:
    if sort == "asset":
        return Words(name, href=links.asset(name), tone="strong")
    if sort == "origin":
        return Words(_ORIGINS.get(name, name))
    return Words(_PRODUCTS.get(name, name) if sort == "product" else name)
