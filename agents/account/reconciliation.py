"""The provider's bill against the journal, line by line, to the nano-dollar. PURE."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import Struct

from topics import Intent, PipelineError, Result

from .pricing import NANO

KEYS = ("attempt_id", "request_id")
COSTS = ("cost_nano_usd", "cost_usd")


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
        BillError: It is neither, or a line lacks one, or a cost is no amount.
    """
    try:
        rows = msgspec.json.decode(text, type=list[dict[str, Any]]) if is_json else _csv_rows(text)
    except (msgspec.DecodeError, csv.Error) as error:
        msg = f"the bill cannot be read: {error}"
        raise BillError(msg) from None
    return [_line(number, row) for number, row in enumerate(rows, 1)]


def reconciled(bill: Iterable[BillLine], entries: Iterable[Intent | Result]) -> Reconciled:
    """Compare. Several lines of one call are one sum; an intent without a result counts as charged in full."""
    billed: dict[str, int] = {}
    lines = 0
    for line in bill:
        lines += 1
        billed[line.key] = billed.get(line.key, 0) + line.nano_usd
    booked = _booked(entries)
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


def _booked(entries: Iterable[Intent | Result]) -> Mapping[str, tuple[int, str]]:
    """Return what each call is booked with, by attempt id and by request id; of results, the first counts."""
    intents: dict[str, Intent] = {}
    results: dict[str, Result] = {}
    for entry in entries:
        if isinstance(entry, Intent):
            intents.setdefault(entry.attempt_id, entry)
        else:
            results.setdefault(entry.attempt_id, entry)
    booked: dict[str, tuple[int, str]] = {}
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
            booked[result.request_id] = booked[attempt_id]
    return booked


def _csv_rows(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text), strict=True))


def _line(number: int, row: Mapping[str, Any]) -> BillLine:
    keys = [str(row[name]) for name in KEYS if row.get(name)]
    costs = [(name, row[name]) for name in COSTS if row.get(name) not in (None, "")]
    if not keys or not costs:
        msg = f"line {number} of the bill lacks one of {', '.join(KEYS)}, or one of {', '.join(COSTS)}"
        raise BillError(msg)
    name, told = costs[0]
    try:
        amount = Decimal(str(told)) * (NANO if name == "cost_usd" else 1)
        nano_usd = int(amount.to_integral_value(ROUND_CEILING))
    except (InvalidOperation, ValueError, OverflowError):
        nano_usd = -1
    if nano_usd < 0:
        msg = f"line {number} of the bill: {name} = {told!r} is no amount"
        raise BillError(msg)
    return BillLine(keys[0], nano_usd)
