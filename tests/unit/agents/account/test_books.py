"""One call through the books: no step can be left out, and every way out of it is accounted for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from redis import Redis

from agents.account.books import Books, Reserved, Sendable
from agents.account.budget import Answer, Use
from agents.account.call import Call, Denied, Settled, Told
from agents.account.ledger import Ledger
from agents.account.pricing import PRICE_VERSION, cost_nano_usd
from agents.account.shown import Spend
from agents.account.terms import Ask
from tests.servers import SharedRedis
from topics import Intent, Result, Usage

from .steps import NOON_MS
from .test_ledger import day

pytestmark = pytest.mark.integration

MODEL = "claude-haiku-5-5"
MOST = 1_000 * 200 + 100 * 500
"""Of the call below, in nano-dollars: all input written to the cache for an hour, all output used."""
USED = Usage(input_tokens=10, cache_creation_input_tokens=4, output_tokens=20, thinking_tokens=5)
COST = cost_nano_usd("anthropic", MODEL, USED)


def call(number: int = 1, **changes: object) -> Call:
    """Return a call that costs at most `MOST`."""
    made: dict[str, object] = {
        "attempt_id": f"a{number}",
        "item_key": "0" * 64,
        "asset": "BTC",
        "product": "deep_dive",
        "priority": "alert",
        "provider": "anthropic",
        "model": MODEL,
        "prompt_version": "p",
        "schema_version": "s",
        "input_tokens_max": 1_000,
        "output_tokens_max": 100,
    }
    return Call(**(made | changes))  # type: ignore[arg-type]


def told(outcome: str = "answered", usage: Usage = USED) -> Told:
    """Return what came back."""
    return Told(
        outcome=outcome, usage=usage, started_ms=NOON_MS, ended_ms=NOON_MS + 5, request_id="req_1"
    )


class Desk:
    """Books whose journal is a list, and whatever spoils it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.now_ms = ledger, NOON_MS
        self.written: list[Intent | Result] = []
        self.before: Callable[[], object] = lambda: None
        self.books = Books(ledger, self.write, now_ms=lambda: self.now_ms)

    async def write(self, entry: Intent | Result) -> None:
        """Keep an entry."""
        made = self.before()
        if asyncio.iscoroutine(made):
            await made
        self.written.append(entry)

    async def spend(self) -> Spend:
        """Return the day's account."""
        return await self.ledger.spend(NOON_MS)

    def known(self) -> list[str]:
        """Return what the journal says, in order."""
        return [e.known if isinstance(e, Result) else "intent" for e in self.written]


@pytest.fixture
async def desk(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Desk]:
    """Open books for three calls."""
    ledger = Ledger(
        redis_server.url, prefix=topic_prefix, scope="test", terms=day(3 * MOST), call_s=5.0
    )
    await ledger.rebuild((), NOON_MS)
    yield Desk(ledger)
    await ledger.close()


async def sendable(reserved: Reserved | Denied) -> Sendable:
    """Return what may be sent."""
    assert isinstance(reserved, Reserved)
    confirmed = await reserved.confirm()
    assert isinstance(confirmed, Sendable)
    return confirmed


async def test_a_call_is_reserved_intended_confirmed_and_settled(desk: Desk) -> None:
    """In that order; the intent says all a rebuild needs, and the result what it cost."""
    async with desk.books.attempt(call()) as reserved:
        assert await desk.spend() == Spend(settled=0, reserved=MOST)
        assert desk.written == []
        ready = await sendable(reserved)
        assert ready.reserved_nano_usd == MOST
        assert await ready.settle(told()) == Settled(COST, told=True)
    intent, result = desk.written
    assert isinstance(intent, Intent)
    assert isinstance(result, Result)
    assert (intent.reserved_nano_usd, intent.reserved_tokens) == (MOST, 1_100)
    assert (intent.price_version, intent.at_ms, intent.priority) == (
        PRICE_VERSION,
        NOON_MS,
        "alert",
    )
    assert (result.known, result.cost_nano_usd, result.usage) == ("settled", COST, USED)
    assert await desk.spend() == Spend(settled=COST, reserved=0)


async def test_a_block_that_ends_early_is_accounted_for(desk: Desk) -> None:
    """Before it may be sent it is released, without a word in the journal if there was none; after, charged."""
    async with desk.books.attempt(call(1)):
        pass
    assert (desk.known(), await desk.spend()) == ([], Spend(0, 0))
    with suppress(RuntimeError):
        async with desk.books.attempt(call(2)) as reserved:
            await sendable(reserved)
            raise RuntimeError
    assert desk.known() == ["intent", "charged_unknown"]
    assert await desk.spend() == Spend(0, 0, MOST)
    async with desk.books.attempt(call(3)) as reserved:
        await (await sendable(reserved)).release("breaker_open")
    assert desk.known()[2:] == ["intent", "released"]
    assert await desk.spend() == Spend(0, 0, MOST)


async def test_a_call_that_is_cancelled_is_charged(desk: Desk) -> None:
    """Nobody knows what it cost; the cancellation goes on."""
    began = asyncio.Event()

    async def sending() -> None:
        async with desk.books.attempt(call()) as reserved:
            await sendable(reserved)
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(sending())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert desk.known() == ["intent", "charged_unknown"]
    assert await desk.spend() == Spend(0, 0, MOST)


async def test_an_intent_that_cannot_be_written_sends_nothing(desk: Desk) -> None:
    """The reservation is released; the journal's error goes on."""

    def refuse() -> None:
        desk.before = lambda: None
        raise OSError

    desk.before = refuse
    with pytest.raises(OSError):  # noqa: PT011 - as it was raised
        async with desk.books.attempt(call()) as reserved:
            await sendable(reserved)
    assert await desk.spend() == Spend(0, 0)
    assert desk.known() == ["released"]


async def test_what_the_ledger_does_not_know_is_not_sent(desk: Desk) -> None:
    """It was emptied between reservation and confirmation, or the lease ran out while the intent was written."""

    async def forget() -> None:
        desk.before = lambda: None
        await desk.ledger.release("a1", NOON_MS)

    desk.before = forget
    async with desk.books.attempt(call(1)) as reserved:
        assert isinstance(reserved, Reserved)
        assert await reserved.confirm() == Denied("not_confirmed", "released")

    def sleep() -> None:
        desk.before = lambda: None
        desk.now_ms += desk.ledger.terms.lease_ms

    desk.before = sleep
    async with desk.books.attempt(call(2)) as reserved:
        assert isinstance(reserved, Reserved)
        assert await reserved.confirm() == Denied("not_confirmed", "charged")
    assert await desk.spend() == Spend(0, 0, MOST)


async def test_each_refusal_has_its_word(desk: Desk) -> None:
    """Spent, paced, unpriced; the books closed, or away."""
    async with desk.books.attempt(call(1, model="claude-nobody-1")) as denied:
        assert isinstance(denied, Denied)
        assert denied.reason == "price_unknown"
    await desk.ledger.heed(f"anthropic/{MODEL}", NOON_MS, retry_after_ms=700)
    async with desk.books.attempt(call(1)) as denied:
        assert denied == Denied("paced", retry_ms=700)
    desk.now_ms += 700
    async with desk.books.attempt(call(1, output_tokens_max=2_000)) as denied:
        assert denied == Denied("budget_spent", "cap day/all/nano_usd")
    closed = Ledger("redis://127.0.0.1:1/0", prefix="x.", scope="s", terms=day())
    async with Books(closed, desk.write, now_ms=lambda: NOON_MS).attempt(call(1)) as denied:
        assert isinstance(denied, Denied)
        assert denied.reason == "ledger_down"
    await closed.close()
    assert desk.written == []


async def test_an_end_the_ledger_has_not_heard_of_is_told_later(
    redis_server: SharedRedis, desk: Desk, topic_prefix: str
) -> None:
    """Its books were closed when the answer came; once they are rebuilt the cost is settled, not charged."""
    async with desk.books.attempt(call()) as reserved:
        ready = await sendable(reserved)
        other = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=day(3 * MOST))
        with Redis.from_url(redis_server.url) as client:
            client.delete(*client.scan_iter(match=f"{topic_prefix}*"))
        assert await ready.settle(told()) == Settled(COST, told=False)
    assert desk.books.untold == 1
    assert await other.rebuild(desk.written[:1], NOON_MS) == "rebuilt"
    assert await other.spend(NOON_MS) == Spend(0, MOST)
    assert await desk.books.tend() == 0
    assert desk.books.untold == 0
    assert await other.spend(NOON_MS) == Spend(COST, 0)
    await other.close()


async def cancelled_in(desk: Desk, act: Callable[[Sendable], Awaitable[object]]) -> None:
    """Let an attempt be cancelled while its end is written."""
    writing, go = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        writing.set()
        await go.wait()

    async def calling() -> None:
        async with desk.books.attempt(call()) as reserved:
            ready = await sendable(reserved)
            desk.before = slowly
            await act(ready)

    task = asyncio.create_task(calling())
    await writing.wait()
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_cancelled_while_a_cost_is_booked_has_it_booked(desk: Desk) -> None:
    """What it cost is known: it is not charged in full when the lease is over."""
    await cancelled_in(desk, lambda ready: ready.settle(told()))
    assert desk.known() == ["intent", "settled"]
    assert await desk.spend() == Spend(settled=COST, reserved=0)


async def test_an_end_that_nobody_acknowledges_holds_who_is_cancelled_for_a_bounded_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brokers are away, and the process is to end; the ledger knows, and an intent without a result is charged."""
    monkeypatch.setattr("agents.account.books.ENDING_S", 0.1)
    began = asyncio.Event()

    async def calling() -> None:
        async with desk.books.attempt(call()) as reserved:
            await sendable(reserved)
            desk.before = asyncio.Event().wait
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(calling())
    await began.wait()
    task.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert desk.known() == ["intent"]
    assert await desk.spend() == Spend(0, 0, MOST)


async def test_who_is_cancelled_while_it_reserves_holds_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script had run, and its answer was on the way; nothing was sent."""
    reserve, reserved = desk.ledger.reserve, asyncio.Event()

    async def unanswered(ask: Ask, now_ms: int) -> Answer:
        await reserve(ask, now_ms)
        reserved.set()
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def reserving() -> None:
        async with desk.books.attempt(call()):
            pytest.fail("it was cancelled before")

    monkeypatch.setattr(desk.ledger, "reserve", unanswered)
    task = asyncio.create_task(reserving())
    await reserved.wait()
    assert await desk.spend() == Spend(0, MOST)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await desk.spend() == Spend(0, 0)


async def test_ends_beyond_the_bound_are_left_to_their_lease_also_while_others_are_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest goes, and is counted, even where it is being told just then."""
    monkeypatch.setattr("agents.account.books.UNTOLD_MAX", 2)
    away = Ledger("redis://127.0.0.1:1/0", prefix="x.", scope="test", terms=day())
    here, desk.books.ledger = desk.ledger, away
    for number in (1, 2):
        assert await desk.books.end(f"b{number}", "released", Use()) is False
    release = here.release

    async def crowded(attempt_id: str, now_ms: int) -> str:
        desk.books.ledger = away
        for number in (3, 4):
            await desk.books.end(f"b{number}", "charged", Use())
        desk.books.ledger = here
        return await release(attempt_id, now_ms)

    monkeypatch.setattr(here, "release", crowded)
    desk.books.ledger = here
    await desk.books.tend()
    assert (desk.books.dropped, desk.books.untold) == (2, 2)
    await away.close()
