"""The cap under everything that can go wrong: five hundred callers in four processes, a real Redis, a bill over HTTP.

After every step settled + reserved + charged <= cap; what the ledger knows of a call is what the bill says, and what
nobody knows is charged with no less.
"""

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis import Redis

from agents.account.connection import LedgerError
from agents.account.ledger import Ledger
from agents.account.pricing import reservation_nano_usd
from tests.servers import RedisServer
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, url_of

from .callers import INPUT_TOKENS_MAX, MODEL, OUTPUT_TOKENS_MAX, Crew
from .journal import FileJournal
from .judge import Verdict, judge, watched
from .sentinel import SentinelServer

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent
RESERVATION = reservation_nano_usd(
    "anthropic", MODEL, input_tokens=INPUT_TOKENS_MAX, output_tokens_max=OUTPUT_TOKENS_MAX
)
PATIENCE_S = 90.0
LEASE_MS = 1_500


def clock_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


class Bench:
    """A Redis, a fake and a journal, and the processes at work on them."""

    def __init__(self, redis_url: str, prefix: str, fake: Wire, folder: Path, cap: int) -> None:
        self.fake, self.folder = fake, folder
        self.crew = Crew(
            name="",
            redis_url=redis_url,
            prefix=prefix,
            model_url=url_of(fake),
            journal=str(folder),
            callers=125,
            calls=2,
            cap_nano_usd=cap,
            lease_ms=30_000,
        )
        self.ledger = Ledger(
            redis_url, prefix=prefix, scope="money", terms=self.crew.terms(), call_s=2.0
        )
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str, **changes: Any) -> None:
        """Start a process of callers."""
        crew = msgspec.structs.replace(self.crew, name=name, **changes)
        self.processes[name] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.money.callers", msgspec.json.encode(crew).decode()),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )

    async def ended(self) -> Counter[str]:
        """Return what became of all calls, once every process has ended."""
        outcomes: Counter[str] = Counter()
        async with asyncio.timeout(PATIENCE_S):
            for process in self.processes.values():
                out, _ = await process.communicate()
                if process.returncode == 0:
                    outcomes.update(json.loads(out))
        return outcomes

    async def billed(self, number: int, name: str = "") -> None:
        """Return once so many calls more, of one process or all, are on the bill."""
        last = None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                bill = (await self.fake.bill())["entries"]
                found = sum(entry["user_id"].startswith(name) for entry in bill)
                last = found if last is None else last
                if found >= last + number:
                    return
                await asyncio.sleep(0.05)

    async def opened(self) -> None:
        """Return once one of the processes has opened the books again."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(LedgerError):
                    if (await self.ledger.show(clock_ms())).open:
                        return
                await asyncio.sleep(0.05)

    async def spend_it_all(self) -> None:
        """Lower the cap to what is used and little more, so that it is soon spent."""
        spend = (await self.ledger.show(clock_ms())).spend
        used = spend.settled + spend.reserved + spend.charged
        await self.ledger.set_cap("day/all/nano_usd", used + 40 * RESERVATION)

    async def rebuilt(self) -> None:
        """Open the books by the journal, if they are closed."""
        journal = FileJournal(self.folder, "judge")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if await self.ledger.rebuild(journal.read(), clock_ms()) != "held":
                        break
                except LedgerError:
                    await asyncio.sleep(0.1)
        journal.close()

    async def verdict(self) -> Verdict:
        """End what was left open, and compare."""
        await self.rebuilt()
        async with asyncio.timeout(PATIENCE_S):
            while (await self.ledger.show(clock_ms())).open_attempts:
                await self.ledger.sweep(clock_ms())
                await asyncio.sleep(0.1)
        return await judge(self.ledger, self.fake, self.folder, clock_ms())

    async def close(self) -> None:
        """End every process."""
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()
                await process.communicate()
        await self.ledger.close()


Open = Callable[..., Any]


@asynccontextmanager
async def bench(
    redis_url: str, prefix: str, folder: Path, *, reservations: int, latency_ms: int = 100
) -> AsyncIterator[Bench]:
    """Give a bench whose day's cap holds so many reservations."""
    folder = folder / "journal"
    folder.mkdir()
    async with (
        fake_claude(latency_ms=latency_ms, jitter_ms=latency_ms // 2) as fake,
        AsyncExitStack() as stack,
    ):
        made = Bench(redis_url, prefix, fake, folder, reservations * RESERVATION + RESERVATION // 2)
        stack.push_async_callback(made.close)
        yield made


def midnight_is_far() -> None:
    """A day that ends in the middle of a test has two caps."""
    left_s = 86_400 - time.time() % 86_400
    if left_s < PATIENCE_S:
        time.sleep(left_s + 1)


async def test_five_hundred_callers_never_pass_the_cap(
    start_redis: Callable[..., RedisServer], topic_prefix: str, tmp_path: Path
) -> None:
    """Four processes spend one budget to its end; ledger and bill agree to the nano-dollar."""
    midnight_is_far()
    async with bench(start_redis().url, topic_prefix, tmp_path, reservations=30) as at:
        await at.rebuilt()
        async with watched(at.ledger, clock_ms) as seen:
            for number in range(4):
                await at.start(f"crew{number}", patience=3, call_s=30.0, last_s=50.0)
            outcomes = await at.ended()
        verdict = await at.verdict()
    assert outcomes["budget_spent"] > 380
    assert outcomes["untold"] == outcomes["overruns"] == outcomes["lost"] == 0
    assert (
        verdict.settled == verdict.billed == outcomes["answered"] > 30
    )  # it was spent, not only kept
    assert verdict.booked_nano_usd == verdict.bill_nano_usd
    assert seen[0] > 10


async def test_callers_that_die_or_sleep_beyond_their_lease_are_charged(
    start_redis: Callable[..., RedisServer], topic_prefix: str, tmp_path: Path
) -> None:
    """SIGKILL and SIGSTOP in the middle of calls: what nobody settles is charged in full, and stays so."""
    midnight_is_far()
    # Answers take longer than the sleepers and the dead are left to live.
    async with bench(
        start_redis().url, topic_prefix, tmp_path, reservations=2_000, latency_ms=500
    ) as at:
        at.crew = msgspec.structs.replace(at.crew, callers=40, lease_ms=LEASE_MS)
        await at.rebuilt()
        async with watched(at.ledger, clock_ms) as seen:
            for name in ("late", "well", "dead", "asleep"):
                skew_ms = 3_000 if name == "late" else 0
                last_s = 3.0 if name == "late" else 25.0
                calls = 2 if name == "well" else 8
                await at.start(name, calls=calls, skew_ms=skew_ms, last_s=last_s)
            await asyncio.gather(*(at.billed(10, name) for name in ("dead", "asleep", "well")))
            at.processes["dead"].kill()
            at.processes["asleep"].send_signal(signal.SIGSTOP)
            await asyncio.sleep(LEASE_MS / 1000 + 0.5)
            await at.ledger.sweep(clock_ms())
            at.processes["asleep"].send_signal(signal.SIGCONT)
            outcomes = await at.ended()
        verdict = await at.verdict()
        sent = {entry["user_id"].split("/")[0] for entry in (await at.fake.bill())["entries"]}
    assert sent == {"dead", "asleep", "well"}  # whose clock is three seconds off sends nothing
    assert outcomes["ledger_closed"] > 0
    assert verdict.charged > 0 < verdict.settled
    assert verdict.booked_nano_usd > verdict.bill_nano_usd
    assert seen[0] > 10


async def test_a_redis_that_forgets_closes_the_budget_until_the_journal_is_read(
    start_redis: Callable[..., RedisServer], topic_prefix: str, tmp_path: Path
) -> None:
    """Restarted, emptied, killed and full, under load: the cap holds over all of it, and the books are the bill's."""
    midnight_is_far()
    redis = start_redis()
    async with bench(redis.url, topic_prefix, tmp_path, reservations=10_000) as at:
        at.crew = msgspec.structs.replace(
            at.crew, callers=30, calls=1_000, lease_ms=6_000, pause_s=0.5, last_s=40.0
        )
        await at.rebuilt()
        async with watched(at.ledger, clock_ms) as seen:
            for number in range(3):
                await at.start(f"crew{number}")
            await at.billed(40)
            redis.restart()
            await at.opened()
            await at.billed(20)
            with Redis.from_url(redis.url) as client:
                client.flushall()
            await at.opened()
            await at.billed(20)
            redis.kill()
            redis.start()
            await at.opened()
            with Redis.from_url(redis.url) as client:
                client.config_set("maxmemory", "1")
                client.flushall()
                await at.opened()
                client.config_set("maxmemory", "0")
            await at.billed(20)
            await at.spend_it_all()
            outcomes = await at.ended()
        verdict = await at.verdict()
        with Redis.from_url(redis.url) as client:
            client.flushall()
        again = await at.verdict()  # from the journal alone
    assert outcomes["rebuilt"] >= 4
    assert outcomes["budget_spent"] > 0
    assert outcomes["untold"] == outcomes["overruns"] == 0
    assert verdict.settled > 100
    assert again.bill_nano_usd == verdict.bill_nano_usd <= again.booked_nano_usd
    assert seen[0] > 10


async def test_a_failover_forgets_and_the_cap_holds(
    start_redis: Callable[..., RedisServer],
    start_sentinel: Callable[[RedisServer, RedisServer], SentinelServer],
    topic_prefix: str,
    tmp_path: Path,
) -> None:
    """A replica that knew less takes over: its books are closed, rebuilt from the journal, and spent to the same cap."""
    midnight_is_far()
    master = start_redis()
    replica = start_redis({"replicaof": f"127.0.0.1 {master.port}"})
    sentinel = start_sentinel(master, replica)
    async with bench(sentinel.url, topic_prefix, tmp_path, reservations=10_000) as at:
        at.crew = msgspec.structs.replace(
            at.crew, callers=30, calls=1_000, lease_ms=6_000, pause_s=0.5, last_s=40.0
        )
        await at.rebuilt()
        async with watched(at.ledger, clock_ms) as seen:
            for number in range(2):
                await at.start(f"crew{number}")
            await at.billed(20)
            replica.pause()  # from here on it learns nothing
            await at.billed(40)
            forgotten = (await at.ledger.show(clock_ms())).spend
            master.kill()
            replica.resume()
            await at.opened()
            await at.billed(20)
            await at.spend_it_all()
            outcomes = await at.ended()
        verdict = await at.verdict()
    assert outcomes["rebuilt"] >= 1
    assert outcomes["budget_spent"] > 0
    assert verdict.booked_nano_usd >= forgotten.settled
    assert verdict.settled > 60
    assert seen[0] > 10
