"""What models cost: the budgets as their owner tells them, and whom it was spent on. PURE. Nano-dollars.

A budget is capped by UTC days; its owner tells what its ledger holds settled and reserved of this one, and of this
hour. What is told of a day that is over says nothing of the present one.
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
WHOLE_MAX = 2**53 - 1
"""No ledger counts higher: what is told to be more is not believed."""
NEARLY_PERMILLE = 800
"""Of a cap, from which it is nearly spent;"""
NEARLY_MS = HOUR_MS
"""and so it is if it will be reached this soon."""


def money_of(view: Answers, now_ms: int) -> Money:
    """Return what was spent, and on what. What is told by name is of the analyses the view keeps."""
    analyst = view.analyst
    found = budgets(view, now_ms)
    booked = sum(_pace(status) or 0 for status in _told(view) if not _is_over(status, now_ms))
    return Money(
        budgets=tuple(found),
        spent_nano_usd=analyst.spent.all.cost_nano_usd,
        since_ms=next((kept.at_ms for kept in analyst.analyses), now_ms),
        burn_nano_usd_per_h=max(booked, _burn(analyst.analyses, now_ms)),
        by={name: _spent(sums) for name, sums in analyst.spent.by.items()},
    )


def budgets(view: Answers, now_ms: int) -> list[Budget]:
    """Return each budget as it was told last.

    Its pace is what its ledger booked in this hour, failed calls and those under way with it. The analyses of the
    last hour carry it over the turn of an hour; of several budgets nobody knows whose they are.
    """
    told = _told(view)
    burn = _burn(view.analyst.analyses, now_ms)
    return [
        _budget(status, max(pace, burn if len(told) == 1 else 0), now_ms)
        if (pace := _pace(status)) is not None
        else _budget(status, burn, now_ms)
        for status in told
    ]


def _burn(analyses: Newest[Analysis], now_ms: int) -> int:
    """Return what is spent in an hour as in the last one, or since the first analysis if that is less long ago."""
    first_ms = next((kept.at_ms for kept in analyses), now_ms)
    spent = 0
    for kept in analyses.newest_first():
        if kept.at_ms <= now_ms - HOUR_MS:
            break
        spent += kept.item.cost_nano_usd
    return spent * HOUR_MS // min(HOUR_MS, max(BURN_MS_MIN, now_ms - first_ms))


def _pace(status: Status) -> int | None:
    """Return what is spent in an hour as in the ledger's present one; None if its owner does not tell of that one."""
    used, read_ms = _whole(status, "hour_nano_usd"), _read_ms(status)
    if used is None or read_ms // HOUR_MS < status.at_ms // HOUR_MS:
        return None
    return used * HOUR_MS // max(BURN_MS_MIN, read_ms % HOUR_MS)


def _read_ms(status: Status) -> int:
    """Return when the ledger said it: while it is away its owner tells what it said before."""
    read_ms = _whole(status, "read_ms")
    return status.at_ms if read_ms is None else min(read_ms, status.at_ms)


def _told(view: Answers) -> list[Status]:
    """Return what each budget's owners told last, by its name."""
    newest: dict[str, Status] = {}
    for status in view.told("agent", "budget"):
        known = newest.get(status.part)
        if known is None or (status.at_ms, status.instance) > (known.at_ms, known.instance):
            newest[status.part] = status
    return [status for _, status in sorted(newest.items())]


def _is_over(status: Status, now_ms: int) -> bool:
    """Return whether what was told holds no more: nobody told it anew in time, or its day has ended since."""
    return status.expires_ms <= now_ms or status.at_ms // DAY_MS < now_ms // DAY_MS


def _budget(status: Status, burn: int, now_ms: int) -> Budget:
    day = status.at_ms // DAY_MS
    spent, reserved = _whole(status, "settled_nano_usd"), _whole(status, "reserved_nano_usd")
    if _read_ms(status) // DAY_MS < day:
        spent = reserved = None  # of a day that is over: this one's nobody knows
    cap, over = _whole(status, "cap_nano_usd"), _is_over(status, now_ms)
    to_cap_ms, nearly = None, False
    if cap is not None and spent is not None and not over:
        used = spent + (reserved or 0)
        to_cap_ms = _to_cap_ms(cap - used, burn, (day + 1) * DAY_MS - status.at_ms)
        is_soon = to_cap_ms is not None and to_cap_ms <= NEARLY_MS
        nearly = is_soon or used * 1000 >= cap * NEARLY_PERMILLE
    return Budget(
        scope=status.part.partition("/")[2],
        state=status.state,
        words=status.words,
        spent_nano_usd=spent,
        reserved_nano_usd=reserved,
        cap_nano_usd=cap,
        window_end_ms=(day + 1) * DAY_MS,
        to_cap_ms=to_cap_ms,
        since_ms=status.since_ms,
        told_ms=status.at_ms,
        stale=over,
        is_nearly_spent=nearly,
    )


def _to_cap_ms(left: int, burn: int, rest_ms: int) -> int | None:
    """Return how long what is left lasts; None: longer than the window."""
    if left <= 0:
        return 0
    lasts_ms = left * HOUR_MS // burn if burn else rest_ms
    return lasts_ms if lasts_ms < rest_ms else None


def _whole(status: Status, name: str) -> int | None:
    """Return a measure as a whole number; None if it is not told, or is more than a ledger counts exactly."""
    found = status.measures.get(name)
    return int(found) if found is not None and 0 <= found <= WHOLE_MAX else None


def _spent(sums: dict[str, Sum]) -> tuple[Spent, ...]:
    """Return the dearest first; of many names those that cost least are told together."""
    ordered = sorted(sums.items(), key=lambda i: (-i[1].cost_nano_usd, -i[1].analyses, i[0]))
    shown, rest = ordered[:NAMES_MAX], [one for _, one in ordered[NAMES_MAX:]]
    if rest:
        together = Sum(*(sum(column) for column in zip(*map(astuple, rest), strict=True)))
        shown.append((OTHERS, together))
    return tuple(Spent(name=name, **asdict(one)) for name, one in shown)
