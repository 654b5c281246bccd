"""A lane on a fake Claude and a real Redis, whose journal is a list: what is sent, and what another process makes of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from agents.account.books import Books
from agents.account.call import Call
from agents.account.ledger import Ledger
from agents.account.pricing import Tariff
from agents.account.shown import Spend
from agents.account.terms import Terms
from agents.ask.batch import LIFE_MS, Request, digest_of
from agents.ask.batches import ClaudeBatches
from agents.evaluation.asked import Asked
from agents.evaluation.questions import Decided, Item, items_of
from deploy.evaluate.batch_watch import BatchWatch, Patience
from deploy.evaluate.lane import Lane
from tests.strategies.aggregates import calm, market
from tests.unit.agents.candidates import candidate_of
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import url_of
from topics import Intent, Result

MODEL = "claude-haiku-5-5"
TARIFF = Tariff("anthropic", MODEL, batch=True)
QUICK = Patience(poll_s=0.02, poll_s_max=0.1, wait_s=30.0, create_s=5.0, listed_s=0.1)
LEASE_MS = LIFE_MS


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


def questions(number: int) -> list[Item]:
    """Return as many questions, of an asset each."""
    fallen = [
        candidate_of([*calm(12, f"A{n}/USDT"), market(f"A{n}/USDT", 12, last=96.0, low=95.5)])
        for n in range(number)
    ]
    return items_of([Decided(one, 0) for one in fallen], MODEL, context_tokens_max=8_000)


class Office(Struct, kw_only=True):
    """All that a process has of a lane, and what outlives it: ledger, journal, provider."""

    wire: Wire
    ledger: Ledger
    written: list[Intent | Result]
    later_ms: int = 0
    """How far its clock is ahead."""
    stop: asyncio.Event
    sends: int = 0

    def clock(self) -> int:
        """Return its wall clock."""
        return now_ms() + self.later_ms

    async def write(self, entry: Intent | Result) -> None:
        """Keep an entry."""
        self.written.append(entry)

    async def open(self) -> None:
        """Do nothing: the books are open."""

    def books(self) -> Books:
        """Return the books of a new process."""
        return Books(self.ledger, self.write, now_ms=self.clock)

    @asynccontextmanager
    async def lane(self, patience: Patience = QUICK) -> AsyncIterator[Lane]:
        """Give the lane of a new process."""
        api = ClaudeBatches(base_url=url_of(self.wire), api_key="k", model_id=MODEL)
        watch = BatchWatch(api, patience, stop=self.stop, told=lambda _: None, now_ms=self.clock)
        try:
            yield Lane(
                api,
                self.books(),
                TARIFF,
                watch=watch,
                patience=patience,
                told=lambda _: None,
                opened=self.open,
            )
        finally:
            await api.close()

    def calls(self, items: Sequence[Item]) -> list[tuple[Call, Request]]:
        """Return new attempts at questions."""
        self.sends += 1
        return [self._call(item, digest_of(one.key for one in items)) for item in items]

    def _call(self, item: Item, digest: str) -> tuple[Call, Request]:
        attempt_id = f"{item.key[:32]}/{self.sends}"
        call = Call(
            attempt_id=attempt_id,
            item_key=item.key,
            asset=item.decided[0].candidate.asset,
            product="deep_dive",
            priority="state",
            provider="anthropic",
            model=MODEL,
            tariff=TARIFF,
            prompt_version=item.prompt.version,
            schema_version=item.prompt.schema.version,
            input_tokens_max=item.size_bytes + 1_000,
            output_tokens_max=1_500,
            lease_ms=LEASE_MS,
            batch=digest,
        )
        return call, Request(prompt=item.prompt, attempt_id=attempt_id, output_tokens_max=1_500)

    async def others(self, own: frozenset[str]) -> list[str]:
        """Return nobody."""
        del own
        return []

    async def send(self, items: Sequence[Item], patience: Patience = QUICK) -> list[Result]:
        """Send questions as a new process."""
        async with self.lane(patience) as lane:
            return await lane.send(lambda: self.calls(items), self.others)

    def asked(self, items: Sequence[Item]) -> Asked:
        """Return what the journal says."""
        asked = Asked(self.ledger.scope, "anthropic", MODEL, items[0].prompt.version)
        for entry in self.written:
            asked.take(entry)
        return asked

    async def batches(self) -> list[dict[str, object]]:
        """Return what the provider lists."""
        listed = await self.wire.send("GET", "/v1/messages/batches?limit=100")
        found: list[dict[str, object]] = listed.body["data"]
        return found

    async def spend(self) -> Spend:
        """Return the day's account."""
        return await self.ledger.spend(self.clock())

    async def billed(self) -> int:
        """Return what the provider asks for, in nano-dollars."""
        bill = await self.wire.bill()
        return sum(total["cost_nano_usd"] for total in bill["totals"].values())


@asynccontextmanager
async def office(wire: Wire, url: str, prefix: str, cap: int = 10**12) -> AsyncIterator[Office]:
    """Give an office with a cap for the day and open books."""
    terms = Terms(caps={"day/all/nano_usd": cap}, floor_permille=0)
    ledger = Ledger(url, prefix=prefix, scope="evaluate", terms=terms, call_s=10.0)
    await ledger.rebuild((), now_ms())
    try:
        yield Office(wire=wire, ledger=ledger, written=[], stop=asyncio.Event())
    finally:
        await ledger.close()
