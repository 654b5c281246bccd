"""What models cost: the budgets as their owner tells them, and whom it was spent on. PURE. Nano-dollars."""

from collections.abc import Callable

from topics import Analysis, Status

from .answers import Answers
from .shown import Budget, Money, Spent

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NAMES_MAX = 100
"""Of one sort, the dearest; the others are told together."""
OTHERS = "others"
_BY: dict[str, Callable[[Analysis], str]] = {
    "asset": lambda a: a.asset,
    "model": lambda a: a.model or "rules",
    "prompt": lambda a: a.prompt_version or "none",
    "origin": lambda a: a.origin,
    "product": lambda a: a.product,
}


def money_of(view: Answers, now_ms: int) -> Money:
    """Return what was spent, and on what. What is told by name is of the analyses the view keeps."""
    kept = list(view.analyst.analyses)
    burn = sum(k.item.cost_nano_usd for k in kept if now_ms - HOUR_MS < k.at_ms <= now_ms)
    analyses = [k.item for k in kept]
    return Money(
        budgets=tuple(_budgets(view, burn, now_ms)),
        spent_nano_usd=sum(a.cost_nano_usd for a in analyses),
        since_ms=min((k.at_ms for k in kept), default=now_ms),
        burn_nano_usd_per_h=burn,
        by={name: _spent(analyses, of) for name, of in _BY.items()},
    )


def _budgets(view: Answers, burn: int, now_ms: int) -> list[Budget]:
    newest: dict[str, Status] = {}
    for status in view.told("agent", "budget"):
        known = newest.get(status.part)
        if known is None or status.at_ms > known.at_ms:
            newest[status.part] = status
    return [_budget(status, burn, now_ms) for _, status in sorted(newest.items())]


def _budget(status: Status, burn: int, now_ms: int) -> Budget:
    spent = _whole(status, "settled_nano_usd")
    reserved = _whole(status, "reserved_nano_usd")
    cap = _whole(status, "cap_nano_usd")
    end_ms = (status.at_ms // DAY_MS + 1) * DAY_MS
    to_cap_ms = None
    if cap is not None and spent is not None:
        left = cap - spent - (reserved or 0)
        if left <= 0:
            to_cap_ms = 0
        elif burn and left * HOUR_MS // burn < end_ms - now_ms:
            to_cap_ms = left * HOUR_MS // burn
    return Budget(
        scope=status.part.partition("/")[2],
        state=status.state,
        words=status.words,
        spent_nano_usd=spent,
        reserved_nano_usd=reserved,
        cap_nano_usd=cap,
        window_end_ms=end_ms,
        to_cap_ms=to_cap_ms,
        told_ms=status.at_ms,
        stale=status.expires_ms <= now_ms,
    )


def _whole(status: Status, name: str) -> int | None:
    found = status.measures.get(name)
    return None if found is None else int(found)


def _spent(analyses: list[Analysis], of: Callable[[Analysis], str]) -> tuple[Spent, ...]:
    sums: dict[str, list[int]] = {}
    for a in analyses:
        row = sums.setdefault(of(a), [0, 0, 0, 0])
        told = (a.cost_nano_usd, 1, a.input_tokens, a.output_tokens)
        row[:] = [had + more for had, more in zip(row, told, strict=True)]
    ordered = sorted(sums.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    rest = [row for _, row in ordered[NAMES_MAX:]]
    shown = ordered[:NAMES_MAX]
    if rest:
        shown.append((OTHERS, [sum(column) for column in zip(*rest, strict=True)]))
    return tuple(
        Spent(name=name, cost_nano_usd=c, analyses=n, input_tokens=i, output_tokens=o)
        for name, (c, n, i, o) in shown
    )
