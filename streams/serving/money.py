"""What models cost: the budgets as their owner tells them, and whom it was spent on. PURE. Nano-dollars.

A budget is capped by UTC days; its owner tells what is settled and reserved in this one.
"""

from msgspec.structs import asdict, astuple

from topics import Analysis, Status

from .answers import Answers
from .newest import Newest
from .shown import Budget, Money, Spent
from .spending import Sum

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NAMES_MAX = 100
"""Of one sort, the dearest; the others are told together."""
OTHERS = "others"
BURN_MS_MIN = 600_000
"""A burn is told of at least this long: of less, one dear analysis would look like a fire."""
NEARLY_PERMILLE = 800
"""Of a cap, from which it is nearly spent;"""
NEARLY_MS = HOUR_MS
"""and so it is if it will be reached this soon."""


def money_of(view: Answers, now_ms: int) -> Money:
    """Return what was spent, and on what. What is told by name is of the analyses the view keeps."""
    analyst = view.analyst
    burn = _burn(analyst.analyses, now_ms)
    return Money(
        budgets=tuple(budgets_of(view, burn, now_ms)),
        spent_nano_usd=analyst.spent.all.cost_nano_usd,
        since_ms=next((kept.at_ms for kept in analyst.analyses), now_ms),
        burn_nano_usd_per_h=burn,
        by={name: _spent(sums) for name, sums in analyst.spent.by.items()},
    )


def budgets(view: Answers, now_ms: int) -> list[Budget]:
    """Return the budgets alone."""
    return budgets_of(view, _burn(view.analyst.analyses, now_ms), now_ms)


def _burn(analyses: Newest[Analysis], now_ms: int) -> int:
    """Return what is spent in an hour as in the last one, or since the first analysis if that is less long ago."""
    first_ms = next((kept.at_ms for kept in analyses), now_ms)
    spent = 0
    for kept in analyses.newest_first():
        if kept.at_ms <= now_ms - HOUR_MS:
            break
        spent += kept.item.cost_nano_usd
    return spent * HOUR_MS // min(HOUR_MS, max(BURN_MS_MIN, now_ms - first_ms))


def budgets_of(view: Answers, burn: int, now_ms: int) -> list[Budget]:
    """Return each budget as it was told last. ``burn`` is in nano-dollars an hour."""
    newest: dict[str, Status] = {}
    for status in view.told("agent", "budget"):
        known = newest.get(status.part)
        if known is None or (status.at_ms, status.instance) > (known.at_ms, known.instance):
            newest[status.part] = status
    return [_budget(status, burn, now_ms) for _, status in sorted(newest.items())]


def _budget(status: Status, burn: int, now_ms: int) -> Budget:
    spent, reserved = _whole(status, "settled_nano_usd"), _whole(status, "reserved_nano_usd")
    cap = _whole(status, "cap_nano_usd")
    end_ms = (now_ms // DAY_MS + 1) * DAY_MS
    used = (spent or 0) + (reserved or 0)
    to_cap_ms = None if cap is None else _to_cap_ms(cap - used, burn, end_ms - now_ms)
    nearly = cap is not None and (
        used * 1000 >= cap * NEARLY_PERMILLE or (to_cap_ms is not None and to_cap_ms <= NEARLY_MS)
    )
    return Budget(
        scope=status.part.partition("/")[2],
        state=status.state,
        words=status.words,
        spent_nano_usd=spent,
        reserved_nano_usd=reserved,
        cap_nano_usd=cap,
        window_end_ms=end_ms,
        to_cap_ms=to_cap_ms,
        since_ms=status.since_ms,
        told_ms=status.at_ms,
        stale=status.expires_ms <= now_ms,
        is_nearly_spent=nearly,
    )


def _to_cap_ms(left: int, burn: int, rest_ms: int) -> int | None:
    """Return how long what is left lasts; None: longer than the window."""
    if left <= 0:
        return 0
    lasts_ms = left * HOUR_MS // burn if burn else rest_ms
    return lasts_ms if lasts_ms < rest_ms else None


def _whole(status: Status, name: str) -> int | None:
    found = status.measures.get(name)
    return None if found is None else int(found)


def _spent(sums: dict[str, Sum]) -> tuple[Spent, ...]:
    """Return the dearest first; of many names those that cost least are told together."""
    ordered = sorted(sums.items(), key=lambda i: (-i[1].cost_nano_usd, -i[1].analyses, i[0]))
    shown, rest = ordered[:NAMES_MAX], [one for _, one in ordered[NAMES_MAX:]]
    if rest:
        together = Sum(*(sum(column) for column in zip(*map(astuple, rest), strict=True)))
        shown.append((OTHERS, together))
    return tuple(Spent(name=name, **asdict(one)) for name, one in shown)
