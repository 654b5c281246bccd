"""What a budget is made of: windows, accounts, caps and their names. PURE.

A cap is named by window, account and unit: `day/all/nano_usd`, `minute/class/state/tokens`,
`hour/model/anthropic/claude-haiku-5-5/nano_usd`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

from msgspec import Struct

from agents.settings import BudgetSettings, LimitSettings, PacingSettings
from topics import PipelineError
from topics.journal import Priority

from .pacing import Amounts, Rates

Window = Literal["day", "hour", "minute"]
Unit = Literal["nano_usd", "tokens"]

SIZE_MS: dict[Window, int] = {"day": 86_400_000, "hour": 3_600_000, "minute": 60_000}
"""Windows are whole UTC days, hours and minutes: they begin at multiples of their size from the epoch. The longest is
first, and named first where several refuse: it refuses longest."""
UNITS: tuple[Unit, ...] = get_args(Unit)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""From the most urgent to the least; the first alone may use the floor."""
NANO = 10**9
EXACT_MAX = 2**53 - 1
"""Redis' Lua counts in doubles, which are exact up to here: nine million dollars in nano-dollars."""


LEASE_MS_MAX = 36 * 3_600_000
"""Of one attempt: the ledger's scripts know it for two days (ATTEMPT_KEEP_MS), and it is to have ended by then."""


class CapError(PipelineError):
    """A cap that cannot be kept; the message says which and why."""


class Ask(Struct, frozen=True, kw_only=True):
    """What an attempt wants to set aside: the most it can cost, and the most tokens it can use."""

    attempt_id: str
    model: str
    """Provider and model, joined by a slash."""
    priority: Priority
    nano_usd: int
    input_tokens: int
    output_tokens: int
    lease_ms: int | None = None
    """Its own, up to `LEASE_MS_MAX`; None: that of the terms."""

    @property
    def tokens(self) -> int:
        """Of input and output together, as token budgets count them."""
        return self.input_tokens + self.output_tokens

    @property
    def accounts(self) -> tuple[str, str, str]:
        """The accounts it is booked in, in each window."""
        return ("all", f"model/{self.model}", f"class/{self.priority}")


class Terms(Struct, frozen=True, kw_only=True):
    """What one worker holds an attempt to. Caps an operator has set in the ledger go before these."""

    caps: Mapping[str, int]
    floor_permille: int = 200
    """Of each cap that all classes share; only alerts may use it."""
    lease_ms: int = 120_000
    """From the reservation; what is not reported by then is charged in full."""
    open_max: int = 10_000
    """Attempts without an outcome, of all workers; beyond it none is reserved."""
    clock_ms_max: int = 2_000
    """Between a worker's clock and the ledger's; beyond it, nobody knows which window it is."""
    rates: Mapping[str, Rates] = {}
    """By model; another is not paced."""

    def __post_init__(self) -> None:
        """Refuse what could not be counted exactly.

        Raises:
            CapError: A cap's name or amount.
        """
        for name, amount in self.caps.items():
            check_cap(name, amount)


def terms_of(budget: BudgetSettings, pacing: PacingSettings, models: Iterable[str]) -> Terms:
    """Return what settings hold an attempt to. ``models`` are those to be paced, as provider/model.

    Raises:
        CapError: A model is not named as provider/model.
    """
    caps = dict(_caps("all", budget))
    for model, limits in budget.models.items():
        caps |= _caps(f"model/{model}", limits)
    for priority, limits in budget.classes.items():
        caps |= _caps(f"class/{priority}", limits)
    rates = Rates(
        Amounts(
            pacing.requests_per_minute or 0,
            pacing.input_tokens_per_minute or 0,
            pacing.output_tokens_per_minute or 0,
        ),
        max(1, round(pacing.burst * 1000)),
    )
    return Terms(
        caps=caps,
        floor_permille=round(budget.alert_floor * 1000),
        lease_ms=round(budget.lease_s * 1000),
        open_max=budget.open_max,
        rates=dict.fromkeys(models, rates),
    )


def _caps(account: str, limits: LimitSettings) -> Iterator[tuple[str, int]]:
    for window in SIZE_MS:
        usd, tokens = getattr(limits, f"usd_per_{window}"), getattr(limits, f"tokens_per_{window}")
        if usd is not None:
            yield f"{window}/{account}/nano_usd", round(usd * NANO)
        if tokens is not None:
            yield f"{window}/{account}/tokens", tokens


def check_cap(name: str, amount: int) -> None:
    """Refuse a cap that nobody could keep.

    Raises:
        CapError: It is named wrongly, below nothing or beyond what Redis counts exactly.
    """
    window, _, rest = name.partition("/")
    account, _, unit = rest.rpartition("/")
    group, _, member = account.partition("/")
    named = account == "all" or (
        member.count("/") == 1 if group == "model" else group == "class" and member in PRIORITIES
    )
    if window not in SIZE_MS or unit not in UNITS or not named:
        msg = f"{name!r} is no cap; one is day/all/nano_usd, minute/class/state/tokens, hour/model/PROVIDER/MODEL/nano_usd"
        raise CapError(msg)
    if not 0 <= amount <= EXACT_MAX:
        msg = f"{name} = {amount}: from 0 to {EXACT_MAX} (2^53 - 1) is counted exactly"
        raise CapError(msg)


def names_of(ask: Ask) -> Iterator[tuple[Window, str, Unit]]:
    """Yield window, account and unit of every cap that can refuse an attempt, the longest window first."""
    for window in SIZE_MS:
        for account in ask.accounts:
            for unit in UNITS:
                yield window, account, unit


def usable(cap: int, account: str, priority: Priority, floor_permille: int) -> int:
    """Return how much of a cap a class may use: all but the floor, unless it is the first or the cap is a class's own.

    The floor is rounded up, in two steps that stay below 2^53.
    """
    if priority == PRIORITIES[0] or account.startswith("class/"):
        return cap
    thousands, rest = divmod(cap, 1000)
    return cap - thousands * floor_permille - -(-rest * floor_permille // 1000)


def forecast_ms(used: int, cap: int, window: Window, now_ms: int) -> int | None:
    """Return in how many milliseconds a cap is reached if a window goes on as it began; None if it is not, within it.

    0 when it is reached. The rate is what was used since the window began, over that time.
    """
    size_ms = SIZE_MS[window]
    elapsed_ms = now_ms % size_ms
    if used >= cap:
        return 0
    if used <= 0:
        return None
    left_ms = (cap - used) * max(1, elapsed_ms) // used
    return left_ms if elapsed_ms + left_ms < size_ms else None
