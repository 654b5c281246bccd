"""The bill against the ledger, to the nano-dollar, and the invariant while it is worked on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from msgspec import Struct

from agents.account.connection import LedgerError
from agents.account.ledger import Ledger
from agents.account.pricing import cost_nano_usd
from agents.account.shown import Shown
from tests.unit.agents.fake_claude.wire import Wire
from topics import Intent, Result

from .callers import MODEL, used
from .journal import entries

WATCH_S = 0.02


class Verdict(Struct):
    """What was compared."""

    billed: int
    """Calls on the bill."""
    bill_nano_usd: int
    booked_nano_usd: int
    """Settled and charged."""
    settled: int
    """Attempts on the bill whose cost is known, to the nano-dollar."""
    charged: int
    """And those charged in full."""


def holds(shown: Shown) -> None:
    """Check the invariant in every account and window."""
    for line in shown.lines:
        assert min(line.settled, line.reserved, line.charged) >= 0, line
        assert line.overrun == 0, line
        if line.cap is not None:
            assert line.settled + line.reserved + line.charged <= line.cap, line


@asynccontextmanager
async def watched(ledger: Ledger, now_ms: Callable[[], int]) -> AsyncIterator[list[int]]:
    """Check the invariant all the time of a block; give how often it was seen to hold."""
    seen = [0]

    async def watch() -> None:
        while True:
            with suppress(LedgerError):
                holds(await ledger.show(now_ms()))
                seen[0] += 1
            await asyncio.sleep(WATCH_S)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def judge(ledger: Ledger, fake: Wire, folder: Path, now_ms: int) -> Verdict:
    """Compare every call on the bill with what the ledger says of it, and the sums."""
    bill = (await fake.bill())["entries"]
    intended = {e.attempt_id: e for e in entries(folder) if isinstance(e, Intent)}
    settled = charged = total = 0
    for entry in bill:
        attempt_id, cost = entry["user_id"], cost_nano_usd("anthropic", MODEL, used(entry["usage"]))
        total += cost
        assert attempt_id in intended, "sent without an intent"
        assert cost <= intended[attempt_id].reserved_nano_usd
        found = await ledger.find(attempt_id)
        assert found is not None, f"{attempt_id} is on the bill and not in the books"
        state, _, booked = found
        if state == "settled":
            assert booked == cost, attempt_id
            settled += 1
        else:
            assert state == "charged", (attempt_id, state)
            assert booked >= cost
            charged += 1
    sent = [entry["user_id"] for entry in bill]
    assert len(sent) == len(set(sent)), "an attempt was sent twice"
    results = {e.attempt_id: e for e in entries(folder) if isinstance(e, Result)}
    released = {e.attempt_id for e in results.values() if e.known == "released"}
    assert not released & set(sent), "released, and on the bill"
    shown = await ledger.show(now_ms)
    holds(shown)
    spend = shown.spend
    assert spend.reserved == 0
    assert spend.settled + spend.charged >= total
    return Verdict(len(bill), total, spend.settled + spend.charged, settled, charged)
