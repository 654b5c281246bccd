"""The provider's bill against the journal, line by line, to the nano-dollar. PURE."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any

import msgspec
from msgspec import Struct

from topics import Intent, PipelineError, Result

from .pricing import NANO
from .terms import EXACT_MAX

KEYS = ("attempt_id", "request_id")
COSTS = ("cost_nano_usd", "cost_usd")
KEY_CHARS_MAX = 200
"""Of an id: it is shown, as it is."""
TOLD_CHARS_MAX = 80
"""Of a refused amount."""


class BillError(PipelineError):
    """A bill that cannot be read; the message says which line and why."""


class BillLine(Struct, frozen=True):
    """What the provider asks for one call."""

    key: str
    """An attempt's id or a request's."""
    nano_usd: int


class Difference(Struct, frozen=True, kw_only=True):
    """A call the two sides do not agree on."""

    key: str
    billed_nano_usd: int
    booked_nano_usd: int
    state: str
    """settled, charged_unknown, released; in_flight without a result, unknown without an intent."""

    @property
    def missing_nano_usd(self) -> int:
        """By how much the books are below the bill; less than nothing where they hold more."""
        return self.billed_nano_usd - self.booked_nano_usd


class Reconciled(Struct, frozen=True, kw_only=True):
    """What came of the comparison."""

    lines: int
    billed_nano_usd: int
    booked_nano_usd: int
    """For the calls on the bill."""
    differences: Sequence[Difference]

    @property
    def covered(self) -> bool:
        """Whether the books hold at least what is on the bill, for each call."""
        return all(d.missing_nano_usd <= 0 for d in self.differences)


def read_bill(text: str, *, is_json: bool) -> list[BillLine]:
    """Return a bill's lines: CSV with a header, or JSON, an array of objects.

    Each has ``attempt_id`` or ``request_id``, and ``cost_nano_usd`` or ``cost_usd``; other columns are nobody's.

    Raises:
        BillError: It is neither or has no line, or a line lacks one, or an id is none or a cost no amount.
    """
    try:
        rows = msgspec.json.decode(text, type=list[dict[str, Any]]) if is_json else _csv_rows(text)
    except (msgspec.DecodeError, RecursionError, csv.Error) as error:
        msg = f"the bill cannot be read: {error}"
        raise BillError(msg) from None
    if not rows:
        msg = "the bill has no line; a CSV begins with a header"
        raise BillError(msg)
    return [_line(number, row) for number, row in enumerate(rows, 1)]


def reconciled(bill: Iterable[BillLine], entries: Iterable[Intent | Result]) -> Reconciled:
    """Compare. Several lines of one call are one sum, whichever of its ids each names.

    An intent without a result counts as charged in full.
    """
    booked, attempt_of = _booked(entries)
    billed: dict[str, int] = {}
    lines = 0
    for line in bill:
        lines += 1
        key = attempt_of.get(line.key, line.key)
        billed[key] = billed.get(key, 0) + line.nano_usd
    found = [
        Difference(
            key=key,
            billed_nano_usd=amount,
            booked_nano_usd=booked.get(key, (0, ""))[0],
            state=booked.get(key, (0, "unknown"))[1],
        )
        for key, amount in billed.items()
    ]
    return Reconciled(
        lines=lines,
        billed_nano_usd=sum(billed.values()),
        booked_nano_usd=sum(d.booked_nano_usd for d in found),
        differences=[d for d in found if d.missing_nano_usd],
    )


def _booked(
    entries: Iterable[Intent | Result],
) -> tuple[Mapping[str, tuple[int, str]], Mapping[str, str]]:
    """Return what each attempt is booked with, and the attempts by request id; of results, the first counts."""
    intents: dict[str, Intent] = {}
    results: dict[str, Result] = {}
    for entry in entries:
        if isinstance(entry, Intent):
            intents.setdefault(entry.attempt_id, entry)
        else:
            results.setdefault(entry.attempt_id, entry)
    booked: dict[str, tuple[int, str]] = {}
    attempt_of: dict[str, str] = {}
    for attempt_id in {**intents, **results}:
        result = results.get(attempt_id)
        if result is None:
            booked[attempt_id] = (intents[attempt_id].reserved_nano_usd, "in_flight")
            continue
        reserved = intents[attempt_id].reserved_nano_usd if attempt_id in intents else 0
        charged = result.known == "charged_unknown"
        amount = max(result.cost_nano_usd, reserved) if charged else result.cost_nano_usd
        booked[attempt_id] = (amount, result.known)
        if result.request_id is not None:
            attempt_of.setdefault(result.request_id, attempt_id)
    return booked, attempt_of


def _csv_rows(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text), strict=True))


def _line(number: int, row: Mapping[str, Any]) -> BillLine:
    keys = [str(row[name]) for name in KEYS if row.get(name)]
    costs = [(name, row[name]) for name in COSTS if row.get(name) not in (None, "")]
    if not keys or not costs:
        msg = f"line {number} of the bill lacks one of {', '.join(KEYS)}, or one of {', '.join(COSTS)}"
        raise BillError(msg)
    if len(keys[0]) > KEY_CHARS_MAX or not keys[0].isprintable():
        msg = f"line {number} of the bill: {keys[0][:TOLD_CHARS_MAX]!r} is no id"
        raise BillError(msg)
    name, told = costs[0]
    nano_usd = _nano_usd(str(told), NANO if name == "cost_usd" else Decimal(1))
    if nano_usd is None:
        msg = f"line {number} of the bill: {name} = {str(told)[:TOLD_CHARS_MAX]!r} is no amount"
        raise BillError(msg)
    return BillLine(keys[0], nano_usd)


def _nano_usd(told: str, unit: Decimal) -> int | None:
    """Return an amount rounded up, or None if it is none, or more than the books can hold."""
    try:
        amount = Decimal(told) * unit
        held = 0 <= amount <= EXACT_MAX
    except ArithmeticError:  # a NaN cannot be compared
        return None
    return int(amount.to_integral_value(ROUND_CEILING)) if held else None
