"""What servers and processes hold after a run, as the judge's records."""

from collections.abc import Iterable, Sequence
from typing import Any

from aiokafka.structs import ConsumerRecord

from agents.account.ledger import Ledger
from agents.account.shown import Shown
from topics import BY_NAME
from topics.deadletter import from_record
from topics.journal import Intent

from .evidence import Account, Billed, Place, Row, Sample


def rows_of(parts: Iterable[Sequence[ConsumerRecord]]) -> list[Row]:
    """Return a topic's records."""
    return [Row(r.partition, r.offset, r.timestamp, r.value or b"") for part in parts for r in part]


def letters_of(parts: Iterable[Sequence[ConsumerRecord]]) -> list[Place]:
    """Return where the aggregates stand that the dead letters hold."""
    letters = [from_record(r.key, r.value, r.headers, 0) for part in parts for r in part]
    return [
        Place(letter.partition or 0, letter.offset or 0)
        for letter in letters
        if letter.topic == "aggregates"
    ]


def billed(entries: Iterable[dict[str, Any]]) -> list[Billed]:
    """Return the fake's bill."""
    return [
        Billed(
            attempt_id=entry["user_id"] or "",
            cost_nano_usd=entry["cost_nano_usd"],
            charged=entry["charged"],
            fault=entry["fault"],
        )
        for entry in entries
    ]


def sample_of(shown: Shown) -> Sample | None:
    """Return the account nearest to its cap; None where nothing has a cap."""
    capped = [
        (line.settled + line.reserved + line.charged, line.cap, line)
        for line in shown.lines
        if line.cap is not None
    ]
    if not capped:
        return None
    used, cap, line = max(capped, key=lambda found: found[0] / max(1, found[1]))
    return Sample(
        account=f"{line.window}/{line.account}/{line.unit}",
        used=used,
        cap=cap,
        overrun=sum(line.overrun for line in shown.lines),
    )


async def account_of(ledger: Ledger, journal: Iterable[Row]) -> dict[str, Account]:
    """Return what the ledger has of every attempt that the journal names."""
    decode, found = BY_NAME["journal"].decoder().decode, {}
    for row in journal:
        entry = decode(row.value)
        if isinstance(entry, Intent) and (told := await ledger.find(entry.attempt_id)) is not None:
            state, reserved, used = told
            found[entry.attempt_id] = Account(
                state=state, reserved_nano_usd=reserved, used_nano_usd=used
            )
    return found
