"""Calls of one batch: reserved whole or not at all, and ended one by one, by whichever process goes on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agents.account.books import Books
from agents.account.call import Call, Denied, Told
from agents.account.ledger import Ledger
from agents.account.lot import Held, charged, held_of, held_whole, released, settled, tell
from agents.account.pricing import Tariff, cost_nano_usd
from agents.account.shown import Spend
from tests.servers import SharedRedis
from topics import Intent, Result

from .steps import NOON_MS
from .test_books import MODEL, MOST, USED, Desk, call, told
from .test_ledger import day

pytestmark = pytest.mark.integration

TARIFF = Tariff("anthropic", MODEL, batch=True)
HALF = MOST // 2
COST = cost_nano_usd("anthropic", MODEL, USED, batch=True)
LEASE_MS = 26 * 3_600_000
BATCH = "b" * 64


@pytest.fixture
async def desk(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Desk]:
    """Open books for three calls at half price, whose usual lease is two minutes."""
    ledger = Ledger(
        redis_server.url, prefix=topic_prefix, scope="test", terms=day(3 * HALF), call_s=5.0
    )
    await ledger.rebuild((), NOON_MS)
    yield Desk(ledger)
    await ledger.close()


def calls(number: int) -> list[Call]:
    """Return some calls of one batch."""
    more = {"tariff": TARIFF, "lease_ms": LEASE_MS, "batch": BATCH, "priority": "state"}
    return [call(n, item_key=f"{n:064}", **more) for n in range(number)]


async def held(desk: Desk, number: int = 3) -> list[Held]:
    """Return calls that may be sent."""
    made = await held_whole(desk.books, calls(number))
    assert not isinstance(made, Denied)
    return made


async def test_all_are_reserved_at_half_price_intended_and_confirmed(desk: Desk) -> None:
    """Each intent says which batch it is of, and how long it may take; the lease of others is over long before."""
    made = await held(desk)
    assert await desk.spend() == Spend(settled=0, reserved=3 * HALF)
    intents = [entry for entry in desk.written if isinstance(entry, Intent)]
    assert {(one.batch, one.lease_ms, one.reserved_nano_usd) for one in intents} == {
        (BATCH, LEASE_MS, HALF)
    }
    assert await desk.ledger.sweep(NOON_MS + LEASE_MS - 1) == 0
    assert [held_of(one, TARIFF).until_ms for one in intents] == [one.until_ms for one in made]


async def test_where_one_has_no_room_none_is_reserved(desk: Desk) -> None:
    """Nothing is in the journal either: no call of them was ever near being sent."""
    denied = await held_whole(desk.books, calls(4))
    assert isinstance(denied, Denied)
    assert denied.reason == "budget_spent"
    assert await desk.spend() == Spend(settled=0, reserved=0)
    assert desk.written == []


async def test_where_one_is_not_confirmed_all_are_released(desk: Desk) -> None:
    """The journal says of each that it was not sent."""

    async def forget() -> None:
        desk.before = lambda: None
        await desk.ledger.release("a1", NOON_MS)

    desk.before = forget
    denied = await held_whole(desk.books, calls(3))
    assert isinstance(denied, Denied)
    assert denied.reason == "not_confirmed"
    assert await desk.spend() == Spend(settled=0, reserved=0)
    assert sorted(desk.known()) == ["intent"] * 3 + ["released"] * 3


async def test_where_the_journal_fails_all_are_released(desk: Desk) -> None:
    """Its error goes on."""

    def refuse() -> None:
        desk.before = lambda: None
        raise OSError

    desk.before = refuse
    with pytest.raises(OSError):  # noqa: PT011 - as it was raised
        await held_whole(desk.books, calls(3))
    assert await desk.spend() == Spend(settled=0, reserved=0)


async def test_who_is_cancelled_while_it_reserves_holds_nothing(desk: Desk) -> None:
    """Nothing was sent, and nothing will be."""
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        began.set()
        await goes_on.wait()

    desk.before = wait
    task = asyncio.create_task(held_whole(desk.books, calls(3)))
    await began.wait()
    task.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await desk.spend() == Spend(settled=0, reserved=0)


async def test_each_ends_by_what_the_batch_says_of_it(desk: Desk) -> None:
    """What is answered costs what it used, at half price; what is not billed nothing; what nobody knows all of it."""
    first, second, third = await held(desk)
    assert (await settled(desk.books, first, told())).cost_nano_usd == COST
    assert (await released(desk.books, second, "expired")).cost_nano_usd == 0
    assert (await charged(desk.books, third, "unknown")).cost_nano_usd == HALF
    assert await desk.spend() == Spend(settled=COST, reserved=0, charged=HALF)
    ends = [entry for entry in desk.written if isinstance(entry, Result)]
    assert [(one.known, one.batch) for one in ends] == [
        ("settled", BATCH),
        ("released", BATCH),
        ("charged_unknown", BATCH),
    ]


async def test_another_process_ends_what_the_journal_has(desk: Desk) -> None:
    """By the intent alone: at the prices it was reserved at, in the windows of that time."""
    await held(desk)
    intents = [entry for entry in desk.written if isinstance(entry, Intent)]
    after = Books(desk.ledger, desk.write, now_ms=lambda: NOON_MS + LEASE_MS - 1)
    for intent in intents:
        result = await settled(after, held_of(intent, TARIFF), told())
        assert (result.known, result.cost_nano_usd) == ("settled", COST)
    assert await desk.spend() == Spend(settled=3 * COST, reserved=0)


async def test_an_answer_after_the_lease_is_kept_and_charged_in_full(desk: Desk) -> None:
    """Ledger and journal say the same of it."""
    (one, *_) = await held(desk)
    desk.now_ms = one.until_ms
    assert await desk.ledger.sweep(desk.now_ms) == 3
    late = Told(outcome="answered", usage=USED, started_ms=NOON_MS, ended_ms=NOON_MS, answer="{}")
    result = await settled(desk.books, one, late)
    assert (result.known, result.cost_nano_usd, result.answer) == ("charged_unknown", HALF, "{}")
    assert await desk.spend() == Spend(settled=0, reserved=0, charged=3 * HALF)


async def test_what_the_journal_has_and_the_ledger_not_is_told_again(desk: Desk) -> None:
    """Once or more often: its process ended between the two."""
    (one, *_) = await held(desk, 1)
    desk.written.clear()
    result = await settled(Books(desk.ledger, desk.write, now_ms=lambda: NOON_MS), one, told())
    for _ in range(2):
        await tell(desk.books, result)
    assert await desk.spend() == Spend(settled=COST, reserved=0)
