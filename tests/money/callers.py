"""Many callers of one process that spend one budget: ``python -m tests.money.callers '{...}'``.

Each makes calls one after another through the books, the way the analyst does, until its number is made or the budget
is spent. On its output, one line of JSON: what became of them.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from agents.account.books import Books, Reserved, Sendable
from agents.account.call import Call, Denied, Told
from agents.account.connection import LedgerError
from agents.account.ledger import Ledger
from agents.account.terms import Terms
from tests.unit.agents.fake_claude.wire import HEADERS, asking
from topics import PipelineError, Usage

from .journal import FileJournal

MODEL = "claude-haiku-5-5"
OUTPUT_TOKENS_MAX = 300
INPUT_TOKENS_MAX = 1_500
TEND_S = 0.2
CALL_S = 4.0


class Crew(Struct, frozen=True, kw_only=True):
    """What a process is told to do."""

    name: str
    redis_url: str
    prefix: str
    model_url: str
    journal: str
    callers: int
    calls: int
    cap_nano_usd: int
    lease_ms: int
    skew_ms: int = 0
    call_s: float = CALL_S
    patience: int = 0
    """How often a caller asks again that was told the budget is spent: others may yet give back."""
    pause_s: float = 0.0
    """Between a caller's calls."""
    last_s: float = 25.0
    """After this no caller begins another call."""

    def terms(self) -> Terms:
        """Return what it holds itself to."""
        return Terms(
            caps={"day/all/nano_usd": self.cap_nano_usd},
            floor_permille=0,
            lease_ms=self.lease_ms,
        )


class Office:
    """The callers and what they share."""

    def __init__(self, crew: Crew, session: aiohttp.ClientSession) -> None:
        self.crew, self._session = crew, session
        self.outcomes: Counter[str] = Counter()
        self._journal = FileJournal(Path(crew.journal), crew.name)
        self._until_s = time.monotonic() + crew.last_s
        ledger = Ledger(
            crew.redis_url, prefix=crew.prefix, scope="money", terms=crew.terms(), call_s=2.0
        )
        self.books = Books(ledger, self._journal.write, now_ms=self.now_ms)

    def now_ms(self) -> int:
        """Return this process's clock, as wrong as it was told."""
        return time.time_ns() // 1_000_000 + self.crew.skew_ms

    async def run(self) -> None:
        """Let all callers work to their end, and the ledger hear of every end."""
        tending = asyncio.create_task(self._tend())
        await asyncio.gather(*(self._work(number) for number in range(self.crew.callers)))
        while self.books.untold and time.monotonic() < self._until_s:
            await asyncio.sleep(TEND_S)
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        self.outcomes["untold"] = self.books.untold
        self.outcomes["overruns"] = self.books.overruns
        await self.books.ledger.close()
        self._journal.close()

    async def _tend(self) -> None:
        while True:
            with suppress(PipelineError):
                if not (await self.books.ledger.show(self.now_ms())).open:
                    self.outcomes[await self._rebuild()] += 1
                await self.books.tend()
            await asyncio.sleep(TEND_S)

    async def _rebuild(self) -> str:
        with suppress(LedgerError):
            return await self.books.ledger.rebuild(self._journal.read(), self.now_ms())
        return "not_rebuilt"

    async def _work(self, number: int) -> None:
        spent = 0
        for turn in range(self.crew.calls):
            retry = 0
            while time.monotonic() < self._until_s:
                outcome = await self._call(f"{self.crew.name}/{number}/{turn}/{retry}")
                self.outcomes[outcome] += 1
                if outcome == "budget_spent" and (spent := spent + 1) > self.crew.patience:
                    return
                if outcome in ("answered", "lost"):
                    await asyncio.sleep(self.crew.pause_s)
                    break
                retry += 1
                await asyncio.sleep(0.1 + 0.02 * (number % 10))

    async def _call(self, attempt_id: str) -> str:
        call = Call(
            attempt_id=attempt_id,
            item_key="0" * 64,
            asset="BTC",
            product="deep_dive",
            priority="deep_dive",
            provider="anthropic",
            model=MODEL,
            prompt_version="p",
            schema_version="s",
            input_tokens_max=INPUT_TOKENS_MAX,
            output_tokens_max=OUTPUT_TOKENS_MAX,
        )
        async with self.books.attempt(call) as reserved:
            if not isinstance(reserved, Reserved):
                return reserved.reason
            sendable = await reserved.confirm()
            if isinstance(sendable, Denied):
                return sendable.reason
            return await self._send(attempt_id, sendable)

    async def _send(self, attempt_id: str, sendable: Sendable) -> str:
        began_ms = self.now_ms()
        usage = None
        with suppress(aiohttp.ClientError, TimeoutError, ValueError, KeyError):
            async with asyncio.timeout(self.crew.call_s):
                usage = await self._ask(attempt_id)
        if usage is None:
            await sendable.charge("connection")
            return "lost"
        await sendable.settle(
            Told(outcome="answered", usage=usage, started_ms=began_ms, ended_ms=self.now_ms())
        )
        return "answered"

    async def _ask(self, attempt_id: str) -> Usage:
        body = asking(
            f"How was it, {attempt_id}?" + " so" * (len(attempt_id) * 7 % 90),
            model=MODEL,
            max_tokens=OUTPUT_TOKENS_MAX,
            metadata={"user_id": attempt_id},
        )
        async with self._session.post("/v1/messages", json=body, headers=HEADERS) as response:
            response.raise_for_status()
            return used(json.loads(await response.read())["usage"])


def used(told: dict[str, Any]) -> Usage:
    """Return a usage as the fake's messages and its bill tell it."""
    return Usage(
        input_tokens=told["input_tokens"],
        cache_creation_input_tokens=told["cache_creation_input_tokens"],
        cache_creation_1h_input_tokens=told["cache_creation"]["ephemeral_1h_input_tokens"],
        cache_read_input_tokens=told["cache_read_input_tokens"],
        output_tokens=told["output_tokens"],
    )


async def _main(crew: Crew) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(crew.model_url, connector=connector) as session:
        office = Office(crew, session)
        await office.run()
    sys.stdout.write(json.dumps(office.outcomes) + "\n")


if __name__ == "__main__":
    asyncio.run(_main(msgspec.json.decode(sys.argv[1], type=Crew)))
