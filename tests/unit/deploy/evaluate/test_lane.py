"""Batches on a fake Claude and a real ledger: what is sent is paid for once, whatever becomes of the answer to it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from random import Random

import pytest
from msgspec.structs import replace

from agents.account.pricing import cost_nano_usd
from agents.account.reconciliation import BillLine, reconciled
from agents.account.shown import Spend
from agents.evaluation.questions import Item
from deploy.evaluate.batch_watch import UnclearError, UnderWayError
from deploy.evaluate.lane import CREATES_MAX, taken_up
from deploy.evaluate.reading import EvaluateError
from tests.servers import SharedRedis
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude
from topics import Intent, Result, Usage

from .lanes import LEASE_MS, MODEL, QUICK, Office, office, questions

pytestmark = pytest.mark.integration

ITEMS = questions(3)
SLOW_S, PATIENCE_S = 3_600.0, 30.0


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    """A fake whose batches have ended when they are looked at."""
    async with fake_claude() as made:
        yield made


@pytest.fixture
async def here(wire: Wire, redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Office]:
    """An office with room for everything."""
    async with office(wire, redis_server.url, topic_prefix) as made:
        yield made


def results(here: Office) -> list[Result]:
    """Return the results in the journal."""
    return [entry for entry in here.written if isinstance(entry, Result)]


async def resumed(here: Office) -> list[Result]:
    """Let a new process go on with what the journal has; return all results that there are then."""
    asked = here.asked(ITEMS)
    async with here.lane(replace(QUICK, create_s=0.3)) as lane:
        await taken_up(lane, asked, here.books())
    assert here.asked(ITEMS).pending() == []
    return results(here)


async def killed_while_it_creates(here: Office, fault: str = "taken_and_hung") -> None:
    """Let a process send, and end where it waits for the create's answer."""
    await here.wire.spoil_batches(creates=[fault])
    before = len(await here.batches())
    sending = asyncio.create_task(here.send(ITEMS))
    while len(await here.batches()) == before:
        await asyncio.sleep(0.01)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_what_is_answered_is_settled_to_the_bill(here: Office) -> None:
    """At the price of batches; each attempt has its intent before and its result after, and names the batch."""
    told = await here.send(ITEMS)
    assert {one.item_key for one in told} == {item.key for item in ITEMS}
    assert {(one.outcome, one.known) for one in told} == {("answered", "settled")}
    cost = sum(one.cost_nano_usd for one in told)
    assert cost == sum(cost_nano_usd("anthropic", MODEL, one.usage, batch=True) for one in told)
    assert await here.spend() == Spend(settled=cost, reserved=0)
    assert cost == await here.billed() > 0
    bill = [
        BillLine(entry["user_id"], entry["cost_nano_usd"])
        for entry in (await here.wire.bill())["entries"]
    ]
    agreed = reconciled(bill, here.written)
    assert (agreed.lines, agreed.differences) == (len(ITEMS), [])
    intents = [entry for entry in here.written if isinstance(entry, Intent)]
    assert len(intents) == len(ITEMS)
    assert here.written[: len(ITEMS)] == intents
    assert {one.batch for one in here.written} == {intents[0].batch}
    assert len(await here.batches()) == 1


async def test_without_room_for_all_nothing_is_sent(
    wire: Wire, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Not even those that have room."""
    async with office(wire, redis_server.url, topic_prefix, cap=1_500_000) as here:
        with pytest.raises(EvaluateError, match="budget_spent"):
            await here.send(ITEMS)
        assert await here.batches() == []
        assert (here.written, await here.spend()) == ([], Spend(settled=0, reserved=0))


@pytest.mark.parametrize("fault", ["taken_and_dropped", "taken_and_failed"])
async def test_a_batch_whose_answer_is_lost_is_found_and_not_sent_again(
    here: Office, fault: str
) -> None:
    """By its time and size in the list, and by its ids once it has ended."""
    await here.wire.spoil_batches(creates=[fault])
    told = await here.send(ITEMS)
    assert len(told) == len(ITEMS)
    assert len(await here.batches()) == 1
    assert (await here.spend()).settled == await here.billed() > 0


async def test_a_create_that_hangs_is_found_too(here: Office) -> None:
    """When its time is over."""
    await here.wire.spoil_batches(creates=["taken_and_hung"])
    await here.send(ITEMS, replace(QUICK, create_s=0.5))
    assert len(await here.batches()) == 1


async def test_a_batch_that_never_arrived_is_sent_again(here: Office) -> None:
    """Once the list has had time to show it: the first attempts are released, and others made."""
    await here.wire.spoil_batches(creates=["dropped"])
    told = await here.send(ITEMS)
    assert len(await here.batches()) == 1
    states = [(one.known, one.outcome) for one in results(here)]
    assert states == [("released", "never_created")] * 3 + [("settled", "answered")] * 3
    assert await here.spend() == Spend(sum(one.cost_nano_usd for one in told), 0)


async def test_after_some_in_a_row_somebody_must_look(here: Office) -> None:
    """Nothing is held then."""
    await here.wire.spoil_batches(creates=["dropped"] * CREATES_MAX)
    with pytest.raises(EvaluateError, match="try again later"):
        await here.send(ITEMS)
    assert await here.spend() == Spend(settled=0, reserved=0)


async def test_a_batch_that_is_refused_is_released_and_told(here: Office) -> None:
    """The provider says that it has no room: there is none, and nothing to look for."""
    await here.wire.spoil_batches(creates=["refused"])
    with pytest.raises(EvaluateError, match=r"overloaded.*nothing was sent"):
        await here.send(ITEMS)
    assert await here.spend() == Spend(settled=0, reserved=0)
    assert {one.known for one in results(here)} == {"released"}


async def test_a_process_that_was_killed_at_its_create_is_taken_up(here: Office) -> None:
    """By the next one, out of the journal alone: what was taken is read, and not sent again."""
    await killed_while_it_creates(here)
    assert (await here.spend()).reserved > 0
    told = await resumed(here)
    assert {one.known for one in told} == {"settled"}
    assert len(await here.batches()) == 1
    assert (await here.spend()).settled == await here.billed() > 0


async def test_one_that_was_killed_before_the_provider_had_it_holds_nothing(here: Office) -> None:
    """As soon as no create of it can be on its way any more."""
    await killed_while_it_creates(here)
    (batch,) = await here.batches()
    gone = await here.wire.send("DELETE", f"/v1/messages/batches/{batch['id']}")
    assert gone.status == 200
    assert {one.outcome for one in await resumed(here)} == {"never_created"}
    assert await here.spend() == Spend(settled=0, reserved=0)


async def test_a_create_may_be_on_its_way_for_as_long_as_it_may_take(here: Office) -> None:
    """Nobody concludes from a list that there is none before that."""
    await killed_while_it_creates(here)
    (batch,) = await here.batches()
    await here.wire.send("DELETE", f"/v1/messages/batches/{batch['id']}")
    asked = here.asked(ITEMS)
    async with here.lane(replace(QUICK, create_s=SLOW_S)) as lane:
        waiting = asyncio.create_task(taken_up(lane, asked, here.books()))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        here.stop.set()
        with pytest.raises(UnderWayError):
            await waiting
    assert (await here.spend()).reserved > 0


async def test_an_unfinished_intention_was_never_sent(here: Office) -> None:
    """Not all intents of the batch are there: what is, is released at once, without a look at the provider."""
    await killed_while_it_creates(here)
    here.written.pop()
    asked = here.asked(ITEMS)
    async with here.lane(replace(QUICK, create_s=SLOW_S)) as lane, asyncio.timeout(PATIENCE_S):
        await taken_up(lane, asked, here.books())
    assert [one.outcome for one in results(here)] == ["never_created"] * (len(ITEMS) - 1)


async def test_anothers_batches_are_not_taken_for_ours(here: Office) -> None:
    """Of the same size and time: they show other ids. Those of another size are not looked into."""
    others = questions(7)
    await here.send(others[3:6])
    await here.send(others[3:7])
    await killed_while_it_creates(here)
    await resumed(here)
    assert len(await here.batches()) == 3
    assert (await here.spend()).settled == await here.billed()
    await here.wire.spoil_batches(creates=["dropped"])
    await here.send(others[4:])  # as many, two of them asked before, and none of the batches is it
    assert len(await here.batches()) == 4
    assert (await here.spend()).settled == await here.billed()


async def test_a_batch_under_way_is_left_and_gone_on_with(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Told to stop, or beyond its time, a process leaves it open: nothing is charged, and nothing sent again."""
    async with (
        fake_claude(batch_s=1.0) as wire,
        office(wire, redis_server.url, topic_prefix) as here,
    ):
        with pytest.raises(UnderWayError, match="same command"):
            await here.send(ITEMS, replace(QUICK, wait_s=0.01))
        spend = await here.spend()
        assert spend.reserved > spend.settled == spend.charged == 0
        here.stop.set()
        asked = here.asked(ITEMS)
        async with here.lane() as lane:
            with pytest.raises(UnderWayError, match="same command"):
                await taken_up(lane, asked, here.books())
        here.stop.clear()
        await resumed(here)
        assert len(await here.batches()) == 1
        assert (await here.spend()).settled == await here.billed() > 0


async def test_what_is_not_answered_is_not_paid_for(here: Office) -> None:
    """Errored, expired and canceled requests are not billed; they may be asked again. What is spoilt is paid for."""
    items = questions(6)
    script = {"0": "errored", "1": "expired", "2": "canceled", "3": "prose", "4": "refusal"}
    await here.wire.spoil_batches(requests=script)
    told = {one.item_key: one for one in await here.send(items)}
    states = [(told[item.key].outcome, told[item.key].known) for item in items]
    assert states == [
        ("errored", "released"),
        ("expired", "released"),
        ("canceled", "released"),
        ("answered", "settled"),
        ("refused", "settled"),
        ("answered", "settled"),
    ]
    asked = here.asked(items)
    assert [asked.standing(item.key)[0] for item in items] == ["new"] * 3 + ["answered"] * 3
    refused = told[
        items[4].key
    ].cost_nano_usd  # we count it all the same: nobody says that it is free
    assert (await here.spend()) == Spend(await here.billed() + refused, 0)


async def test_results_that_are_cut_are_read_again(here: Office) -> None:
    """No call is taken for unanswered because its line was lost."""
    await here.wire.spoil_batches(reads=["cut", "cut"])
    assert {one.known for one in await here.send(ITEMS)} == {"settled"}


async def test_results_that_nobody_can_read_leave_it_open_until_its_lease_is_over(
    here: Office,
) -> None:
    """It is told what to do; then it is charged in full, in ledger and journal, and told to be unknown."""
    await killed_while_it_creates(here)
    await here.wire.spoil_batches(reads=["cut"] * 20)
    asked = here.asked(ITEMS)
    async with here.lane() as lane:
        with pytest.raises(UnclearError, match="console"):
            await taken_up(lane, asked, here.books())
    reserved = (await here.spend()).reserved
    assert reserved > 0
    here.later_ms = LEASE_MS
    assert {(one.outcome, one.known) for one in await resumed(here)} == {
        ("unknown", "charged_unknown")
    }
    assert sum(one.cost_nano_usd for one in results(here)) == reserved
    assert here.asked(ITEMS).standing(ITEMS[0].key)[0] == "unknown"


async def test_two_that_ask_the_same_at_once_do_not_both_send(here: Office) -> None:
    """Who sees the other's intents gives back its own."""

    async def others(own: frozenset[str]) -> list[str]:
        del own
        return ["another/1"]

    async with here.lane() as lane:
        with pytest.raises(EvaluateError, match="another evaluation asks the same"):
            await lane.send(lambda: here.calls(ITEMS), others)
    assert await here.batches() == []
    assert await here.spend() == Spend(settled=0, reserved=0)


async def test_what_was_taken_back_while_a_process_stood_still_is_not_sent(here: Office) -> None:
    """Another has concluded meanwhile that it never would be."""

    async def others(own: frozenset[str]) -> list[str]:
        for attempt_id in own:
            await here.ledger.release(attempt_id, here.clock())
        return []

    async with here.lane() as lane:
        with pytest.raises(EvaluateError, match="released"):
            await lane.send(lambda: here.calls(ITEMS), others)
    assert await here.batches() == []


async def test_one_that_ended_between_journal_and_ledger_is_told_again(here: Office) -> None:
    """The journal says what it cost, and the ledger holds the reservation still."""
    await killed_while_it_creates(here)
    (first, *_) = [entry for entry in here.written if isinstance(entry, Intent)]
    held = (await here.spend()).reserved
    used = Usage(input_tokens=5, output_tokens=5)
    cost = cost_nano_usd("anthropic", MODEL, used, batch=True)
    here.written.append(
        Result(
            attempt_id=first.attempt_id,
            item_key=first.item_key,
            outcome="answered",
            known="settled",
            usage=used,
            cost_nano_usd=cost,
            started_ms=first.at_ms,
            ended_ms=first.at_ms,
            batch=first.batch,
        )
    )
    asked = here.asked(ITEMS)
    here.stop.set()
    async with here.lane(replace(QUICK, create_s=SLOW_S)) as lane:
        await here.wire.spoil_batches(reads=["cut"])
        with pytest.raises(UnderWayError):
            await taken_up(lane, asked, here.books())
    assert await here.spend() == Spend(cost, held - first.reserved_nano_usd)
    here.stop.clear()
    assert len(await resumed(here)) == len(ITEMS)


ROUNDS, RUNS_MAX = 6, 12
Death = Callable[[], Awaitable[None]]
CREATES = [None, "dropped", "taken_and_dropped", "taken_and_failed", "refused"]


async def one_run(here: Office, items: list[Item], dies: Death) -> None:
    """Let one process take up and send what is left, and end where it stands when ``dies`` returns."""

    async def run() -> None:
        asked = here.asked(items)
        async with here.lane(replace(QUICK, create_s=0.3)) as lane:
            await taken_up(lane, asked, here.books())
            if new := [item for item in items if asked.standing(item.key)[0] == "new"]:
                await lane.send(lambda: here.calls(new), here.others)

    running, dying = asyncio.create_task(run()), asyncio.ensure_future(dies())
    await asyncio.wait({running, dying}, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, dying):
        task.cancel()
    with suppress(EvaluateError, asyncio.CancelledError):
        await running


async def never() -> None:
    """Return at no time."""
    await asyncio.Event().wait()


async def sent_one(here: Office) -> None:
    """Return once the provider has one more batch."""
    before = len(await here.batches())
    while len(await here.batches()) == before:
        await asyncio.sleep(0)


async def wrote(here: Office, entries: int) -> None:
    """Return once the journal has so many more entries."""
    end = len(here.written) + entries
    while len(here.written) < end:
        await asyncio.sleep(0)


def standings(here: Office, items: list[Item]) -> set[str]:
    """Return how questions stand."""
    asked = here.asked(items)
    return {asked.standing(item.key)[0] for item in items}


async def test_whatever_goes_wrong_nothing_is_paid_for_twice(here: Office) -> None:
    """Lost, refused and failed creates, cut results, and processes that end anywhere: all is answered in the end, once."""
    every = questions(2 * ROUNDS)
    for seed in range(ROUNDS):
        dice, items = Random(seed), every[2 * seed : 2 * seed + 2]
        await here.wire.spoil_batches(
            creates=dice.choices(CREATES, k=3), reads=dice.choices([None, "cut"], k=3)
        )
        for _ in range(RUNS_MAX):
            deaths: list[Death] = [
                never,
                partial(sent_one, here),
                partial(wrote, here, dice.randint(1, 5)),
            ]
            await one_run(here, items, dice.choice(deaths))
            if standings(here, items) == {"answered"}:
                break
        assert standings(here, items) == {"answered"}, seed
        await one_run(here, items, never)  # what the ledger has not heard, it hears
        bill = (await here.wire.bill())["entries"]
        assert Counter(entry["custom_id"] for entry in bill).most_common(1)[0][1] == 1, seed
        spend = await here.spend()
        assert (spend.settled, spend.reserved, spend.charged) == (await here.billed(), 0, 0), seed
