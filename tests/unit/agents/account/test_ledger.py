"""The ledger on a real Redis: it says what the pure books say, whoever asks at once and however often."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import pytest
from hypothesis import settings as profile
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test
from msgspec.structs import replace
from redis import Redis

from agents.account.budget import Granted, Refused, Use, Wait
from agents.account.connection import CALL_S, LedgerError
from agents.account.ledger import Ledger
from agents.account.pacing import PAUSE_MS_MAX, Amounts, Rates, Told
from agents.account.recovery import Recovery
from agents.account.shown import Spend
from agents.account.terms import EXACT_MAX, LEASE_MS_MAX, SIZE_MS, UNITS, Ask, CapError, Terms
from tests.servers import RedisServer, SharedRedis
from topics import Control, Intent, Result, Usage

from .steps import NOON_MS, Steps
from .test_budget import DAY, ask

pytestmark = pytest.mark.integration

ANY_TIME = 10**15
PATIENCE_S = 1.0
PROMPT_S = 10.0
"""Ten times what the ledger waits there: a guard against what hangs."""
_RUNS = count()


def day(cap: int = 1_000, **changes: Any) -> Terms:
    """Return a cap for the day, without a floor, whatever the clock says."""
    made: dict[str, Any] = {"caps": {DAY: cap}, "floor_permille": 0, "clock_ms_max": ANY_TIME}
    return Terms(**(made | changes))


@asynccontextmanager
async def ledger(
    url: str,
    prefix: str,
    terms: Terms | None = None,
    *,
    scope: str = "test",
    call_s: float = CALL_S,
    now_ms: int | None = NOON_MS,
) -> AsyncIterator[Ledger]:
    """Give a ledger, open, and close its connection."""
    made = Ledger(url, prefix=prefix, scope=scope, terms=terms or day(), call_s=call_s)
    try:
        if now_ms is not None:
            await made.rebuild((), now_ms)
        yield made
    finally:
        await made.close()


@pytest.fixture
async def account(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Ledger]:
    """A ledger with a cap of 1,000, patient enough for a busy machine."""
    async with ledger(redis_server.url, topic_prefix, call_s=10.0) as made:
        yield made


class SameBooks(Steps):
    """The ledger beside the pure books: the same answer at every step, and the same accounts after it."""

    url = prefix = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.ledger: Ledger | None = None

    @initialize()
    def begin(self) -> None:
        prefix = f"{self.prefix}{next(_RUNS)}."

        async def made() -> Ledger:
            ledger = Ledger(self.url, prefix=prefix, scope="s", terms=self.terms, call_s=10.0)
            assert await ledger.rebuild((), NOON_MS) == "rebuilt"
            return ledger

        self.ledger = self.runner.run(made())

    def same(self, act: str, expected: Any, *words: Any, **named: Any) -> None:
        assert self.ledger is not None
        answer = self.runner.run(getattr(self.ledger, act)(*words, **named))
        if act == "settle":
            answer = answer[0]
        assert expected is ... or answer == expected, act

    @invariant()
    def the_accounts_are_the_same(self) -> None:
        """Of every window of now, every model that is closed, every attempt without an end."""
        if self.ledger is None:
            return
        shown = self.runner.run(self.ledger.show(self.now_ms))
        for line in shown.lines:
            found = {
                "reserved": line.reserved,
                "settled": line.settled,
                "charged": line.charged,
                "overrun": line.overrun,
            }
            start = self.now_ms // SIZE_MS[line.window]
            assert found == self.budget.book(line.window, start, line.account, line.unit)
        assert set(shown.closed_models) == self.budget.closed_models
        states = [attempt.state for attempt in self.budget.attempts.values()]
        assert shown.open_attempts == sum(s in ("reserved", "confirmed") for s in states)

    def teardown(self) -> None:
        if self.ledger is not None:
            self.runner.run(self.ledger.close())
        self.runner.close()


def test_the_scripts_say_what_the_pure_books_say(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Budget, pacing, leases, caps and defects, in any order and at any time."""

    class Here(SameBooks):
        url, prefix = redis_server.url, topic_prefix

    run_state_machine_as_test(
        Here, settings=profile(max_examples=40, stateful_step_count=30, deadline=None)
    )


async def test_fifty_at_once_never_pass_the_cap(account: Ledger) -> None:
    """Of fifty that want 30 each, exactly as many as fit are allowed."""
    answers = await asyncio.gather(*(account.reserve(ask(n, 30), NOON_MS) for n in range(50)))
    assert answers.count(Granted(NOON_MS)) == 1_000 // 30
    assert answers.count(Refused("cap", DAY)) == 50 - 1_000 // 30
    assert await account.spend(NOON_MS) == Spend(settled=0, reserved=990)
    assert await account.reserve(ask(51, 10), NOON_MS) == Granted(NOON_MS)
    assert await account.reserve(ask(52, 1), NOON_MS) == Refused("cap", DAY)


async def test_a_lease_ends_to_the_millisecond(account: Ledger) -> None:
    """Then it is confirmed no more, and charged; an outcome that comes late and cost more is booked, and a defect."""
    end_ms = NOON_MS + account.terms.lease_ms
    for number in (1, 2):
        assert await account.reserve(ask(number), NOON_MS) == Granted(NOON_MS)
    assert await account.confirm("a1", end_ms - 1) == "confirmed"
    assert await account.confirm("a2", end_ms) == "charged"
    assert await account.settle("a2", Use(90, 1, 1), end_ms) == ("charged", False)
    assert await account.spend(NOON_MS) == Spend(settled=0, reserved=100, charged=100)
    assert await account.settle("a2", Use(130, 1, 1), end_ms) == ("charged", True)
    assert await account.spend(NOON_MS) == Spend(settled=0, reserved=100, charged=130)
    assert await account.reserve(ask(3), NOON_MS) == Refused("model_closed", "a/m")


async def test_a_lease_of_its_own_outlives_a_restart(
    account: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """It counts from the reservation, in whose windows the attempt stays; a rebuild has it from the intent."""
    long_ms = 3 * account.terms.lease_ms
    asked = replace(ask(1), lease_ms=long_ms)
    assert await account.reserve(asked, NOON_MS) == Granted(NOON_MS)
    late_ms = NOON_MS + long_ms - 1
    assert await account.sweep(late_ms) == 0
    with Redis.from_url(redis_server.url) as client:
        client.delete(*client.scan_iter(match=f"{topic_prefix}*"))
    entries = [intent(1, 100, lease_ms=long_ms), intent(2, 10)]
    assert await account.rebuild(entries, late_ms) == "rebuilt"
    assert await account.spend(late_ms) == Spend(settled=0, reserved=100, charged=10)
    assert await account.sweep(late_ms) == 0
    assert await account.sweep(late_ms + 1) == 1
    assert await account.spend(late_ms) == Spend(settled=0, reserved=0, charged=110)


@pytest.mark.parametrize("lease_ms", [0, -1, LEASE_MS_MAX + 1])
async def test_a_lease_that_the_ledger_would_forget_is_refused(
    account: Ledger, lease_ms: int
) -> None:
    """Beyond it nobody would know the attempt any more, and at nothing it would be over."""
    with pytest.raises(LedgerError, match="lease"):
        await account.reserve(replace(ask(1), lease_ms=lease_ms), NOON_MS)
    assert await account.spend(NOON_MS) == Spend(settled=0, reserved=0)


async def test_scopes_and_pipelines_are_apart(
    account: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Another scope and another pipeline have books of their own; the same scope elsewhere has the same."""
    assert await account.reserve(ask(1, 1_000), NOON_MS) == Granted(NOON_MS)
    for prefix, scope in ((topic_prefix, "other"), (topic_prefix + "x.", "test")):
        async with ledger(redis_server.url, prefix, scope=scope) as other:
            assert await other.spend(NOON_MS) == Spend(settled=0, reserved=0)
    async with ledger(redis_server.url, topic_prefix) as same:
        assert await same.spend(NOON_MS) == Spend(settled=0, reserved=1_000)
        assert await same.confirm("a1", NOON_MS) == "confirmed"


async def test_amounts_stay_exact_up_to_the_greatest_cap(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Nine million dollars, to the nano-dollar, through every state."""
    async with ledger(redis_server.url, topic_prefix, day(EXACT_MAX)) as made:
        assert await made.reserve(ask(1, EXACT_MAX - 1), NOON_MS) == Granted(NOON_MS)
        assert await made.reserve(ask(2, 2), NOON_MS) == Refused("cap", DAY)
        await made.settle("a1", Use(EXACT_MAX - 3), NOON_MS)
        assert await made.spend(NOON_MS) == Spend(settled=EXACT_MAX - 3, reserved=0)
        assert await made.find("a1") == ("settled", EXACT_MAX - 1, EXACT_MAX - 3)
        assert await made.reserve(ask(3, 3), NOON_MS) == Granted(NOON_MS)
        assert await made.charge("a3", NOON_MS) == "charged"
        assert await made.reserve(ask(4, 1), NOON_MS) == Refused("cap", DAY)
        with pytest.raises(LedgerError, match=str(EXACT_MAX)):
            await made.reserve(ask(5, EXACT_MAX + 1), NOON_MS)
        for wrong in (-1, EXACT_MAX + 1):
            with pytest.raises(CapError):
                await made.set_cap(DAY, wrong)


async def test_every_key_is_in_one_slot_and_all_that_grows_expires(
    account: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Only what is of a fixed size stays: whose books they are, caps, closed models."""
    await account.reserve(ask(1), NOON_MS)
    await account.reserve(ask(2), NOON_MS)
    await account.settle("a1", Use(10, 1, 1), NOON_MS)
    await account.set_cap(DAY, 900)
    with Redis.from_url(redis_server.url, decode_responses=True) as client:
        keys = {key: client.ttl(key) for key in client.scan_iter(match=f"{topic_prefix}*")}
    assert all(key.startswith(f"{topic_prefix}budget:{{test}}:") for key in keys)
    kept = {key.rpartition(":")[2] for key, ttl in keys.items() if ttl == -1}
    assert kept == {"meta", "caps"}
    assert all(0 < ttl <= 8 * 86_400 for ttl in keys.values() if ttl != -1)
    assert len(keys) == 2 + 3 + 2 + 1 + 1  # windows, attempts, the open, the pace


async def test_a_clock_that_is_off_is_refused(redis_server: SharedRedis, topic_prefix: str) -> None:
    """Beyond two seconds, before or behind: nothing is reserved, confirmed or swept; what was is settled."""

    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    async with ledger(
        redis_server.url, topic_prefix, day(clock_ms_max=2_000), now_ms=now_ms()
    ) as made:
        for off_ms in (-2_500, 2_500):
            answer = await made.reserve(ask(1), now_ms() + off_ms)
            assert isinstance(answer, Refused)
            assert answer.reason == "clock"
            assert abs(int(answer.detail) - off_ms) < 450
        assert isinstance(await made.reserve(ask(1), now_ms() + 1_000), Granted)
        assert await made.confirm("a1", now_ms() + 2_500) == "clock"
        assert await made.sweep(now_ms() + 10**9) == 0
        assert await made.settle("a1", Use(1, 1, 1), now_ms() + 10**9) == ("settled", False)


async def test_pace_is_shared_and_corrected_for_all(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Two workers of one scope take from one bucket; a 429 to one pauses both."""
    terms = day(10**6, rates={"a/m": Rates(Amounts(60), 34)})
    async with (
        ledger(redis_server.url, topic_prefix, terms) as one,
        ledger(redis_server.url, topic_prefix, terms) as other,
    ):
        assert await one.reserve(ask(1), NOON_MS) == Granted(NOON_MS)
        assert await other.reserve(ask(2), NOON_MS) == Granted(NOON_MS)
        assert await one.reserve(ask(3), NOON_MS) == Wait(1_000)
        await one.heed("a/m", NOON_MS + 1_000, retry_after_ms=7_000)
        assert await other.reserve(ask(3), NOON_MS + 1_000) == Wait(7_000)
        assert await other.reserve(ask(3), NOON_MS + 8_000) == Granted(NOON_MS + 8_000)


async def test_a_clock_that_was_far_ahead_stops_nothing_when_it_is_set_right(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """A worker's, whose answer came after its clock had moved: the others' pace goes on by their own."""
    terms = day(10**6, rates={"a/m": Rates(Amounts(60), 34)})
    async with ledger(redis_server.url, topic_prefix, terms) as made:
        await made.heed("a/m", NOON_MS + SIZE_MS["day"], retry_after_ms=1)
        assert await made.reserve(ask(1), NOON_MS) == Wait(PAUSE_MS_MAX)
        later_ms = NOON_MS + PAUSE_MS_MAX
        for number in (1, 2):
            assert await made.reserve(ask(number), later_ms) == Granted(later_ms)
        assert await made.reserve(ask(3), later_ms) == Wait(1_000)
        assert await made.reserve(ask(3), later_ms + 1_000) == Granted(later_ms + 1_000)


async def test_headers_lower_the_pace_and_never_raise_it(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """What the provider has left goes before what we think it has, downwards alone."""
    terms = day(10**6, rates={"a/m": Rates(Amounts(60), 100)})
    async with ledger(redis_server.url, topic_prefix, terms) as made:
        for number in range(1, 6):
            assert await made.reserve(ask(number), NOON_MS) == Granted(NOON_MS)
        await made.heed("a/m", NOON_MS, told=Told((4_000, None, None), (3_999, None, None)))
        assert await made.reserve(ask(6), NOON_MS) == Granted(NOON_MS)
        assert await made.reserve(ask(7), NOON_MS) == Wait(1_000)
        await made.heed("a/m", NOON_MS + 6_000, told=Told((30, None, None), (1, None, None)))
        assert await made.reserve(ask(7), NOON_MS + 6_000) == Granted(NOON_MS + 6_000)
        assert await made.reserve(ask(8), NOON_MS + 6_000) == Wait(2_000)
        assert await made.release("a7", NOON_MS + 6_000) == "released"  # with its pace
        assert await made.reserve(ask(8), NOON_MS + 6_000) == Granted(NOON_MS + 6_000)


def intent(number: int, nano_usd: int = 100, **changes: Any) -> Intent:
    """Return the intent of an attempt."""
    made: dict[str, Any] = {
        "attempt_id": f"a{number}",
        "item_key": "0" * 64,
        "asset": "BTC",
        "product": "state",
        "scope": "test",
        "provider": "a",
        "model": "m",
        "prompt_version": "p",
        "schema_version": "s",
        "price_version": "v",
        "reserved_nano_usd": nano_usd,
        "reserved_tokens": 15,
        "at_ms": NOON_MS,
        "priority": "state",
    }
    return Intent(**(made | changes))


def result(number: int, known: Any = "settled", cost: int = 40, at_ms: int = NOON_MS) -> Result:
    """Return the result of an attempt."""
    return Result(
        attempt_id=f"a{number}",
        item_key="0" * 64,
        outcome="answered",
        known=known,
        usage=Usage(input_tokens=3, output_tokens=2),
        cost_nano_usd=cost,
        started_ms=at_ms,
        ended_ms=at_ms,
    )


async def test_closed_books_are_opened_by_the_journal(
    account: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Settled, released, charged, in flight and lost, each as it is; a scope or a day that is not ours counts nothing."""
    with Redis.from_url(redis_server.url) as client:
        client.delete(*client.scan_iter(match=f"{topic_prefix}*"))
    assert await account.reserve(ask(9), NOON_MS) == Refused("closed")
    assert await account.confirm("a4", NOON_MS) == "closed"
    assert await account.settle("a4", Use(1), NOON_MS) == ("closed", False)
    yesterday_ms, lost_ms = NOON_MS - SIZE_MS["day"], NOON_MS - account.terms.lease_ms
    entries: list[Intent | Result] = [
        *(intent(1), result(1), result(1, cost=1)),
        *(intent(2), result(2, "released")),
        *(intent(3), result(3, "charged_unknown"), result(3)),
        *(intent(4, 7), intent(5, 11, at_ms=lost_ms)),
        *(intent(6, scope="other"), intent(7, at_ms=yesterday_ms), result(8)),
    ]
    assert await account.rebuild(entries, NOON_MS) == "rebuilt"
    assert await account.spend(NOON_MS) == Spend(settled=40, reserved=7, charged=111)
    assert await account.reserve(ask(9, 843), NOON_MS) == Refused("cap", DAY)
    assert await account.reserve(ask(9, 842), NOON_MS) == Granted(NOON_MS)
    assert await account.confirm("a4", NOON_MS) == "confirmed"
    assert await account.settle("a4", Use(5, 1, 1), NOON_MS) == ("settled", False)
    assert await account.settle("a3", Use(5, 1, 1), NOON_MS) == ("charged", False)
    assert await account.confirm("never intended", NOON_MS) == "unknown"
    assert await account.spend(NOON_MS) == Spend(settled=45, reserved=842, charged=111)


async def test_a_defect_in_the_journal_closes_its_model_again(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """A rebuild finds it; an operator opens the model."""
    made = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=day())
    try:
        await made.rebuild([intent(1), result(1, cost=101)], NOON_MS)
        assert await made.reserve(ask(2), NOON_MS) == Refused("model_closed", "a/m")
        shown = await made.show(NOON_MS)
        assert "a1 used 1 nano-dollars" in shown.closed_models["a/m"]
        assert await made.reopen("a/m") is not None
        assert await made.reserve(ask(2), NOON_MS) == Granted(NOON_MS)
    finally:
        await made.close()


def act(value: str, name: str = DAY) -> Control:
    """Return an operator's act on this budget."""
    subject = f"budget/test/{name}"
    return Control(
        control_id="c",
        act="set_budget",
        subject=subject,
        value=value,
        actor="a",
        reason="r",
        at_ms=0,
    )


async def test_the_log_of_acts_goes_before_the_caps_a_server_remembers(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """One that took over may have lost the last act. What is set while the log is read is newer than the log."""
    hour, minute = DAY.replace("day", "hour"), DAY.replace("day", "minute")
    made = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=day(), call_s=5.0)

    async def acts() -> AsyncIterator[Control]:
        yield act("500")
        yield act("50")
        yield act("70", hour)
        yield act("none", hour)
        yield act("90", minute)
        await made.set_cap(minute, 95)

    try:
        for name in (DAY, hour, minute):
            await made.set_cap(name, 800)
        assert await made.rebuild(acts(), NOON_MS) == "rebuilt"
        caps = {f"{x.window}/{x.account}/{x.unit}": x.cap for x in (await made.show(NOON_MS)).lines}
        assert [caps[name] for name in (DAY, hour, minute)] == [50, None, 95]
        assert await made.reserve(ask(1, 51), NOON_MS) == Refused("cap", DAY)
    finally:
        await made.close()


@pytest.mark.parametrize(
    "wrong",
    [
        act("5", "year/all/usd"),
        act(str(EXACT_MAX + 1)),
        act("²"),
        act("-5"),
        act("much"),
        act("9" * 400),
    ],
)
async def test_an_act_that_no_ledger_took_does_not_keep_the_books_closed(
    redis_server: SharedRedis, topic_prefix: str, wrong: Control
) -> None:
    """Whoever may write to the control topic could else stop the model for as long as the topic is kept."""
    made = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=day(), call_s=5.0)
    try:
        assert await made.rebuild([act("50"), wrong], NOON_MS) == "rebuilt"
        assert await made.reserve(ask(1, 51), NOON_MS) == Refused("cap", DAY)
    finally:
        await made.close()


@pytest.mark.parametrize(("at_ms", "is_open"), [(NOON_MS - 1, False), (NOON_MS, True)])
async def test_a_model_that_was_opened_since_its_defect_stays_open(
    redis_server: SharedRedis, topic_prefix: str, at_ms: int, is_open: bool
) -> None:
    """When the ledger is lost again; a defect after the operator's act closes it. What went beyond is counted."""
    opened = replace(act("open", "a/m"), at_ms=at_ms)
    made = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=day(), call_s=5.0)
    try:
        await made.rebuild([opened, intent(1), result(1, cost=101)], NOON_MS)
        answer = await made.reserve(ask(2), NOON_MS)
        assert answer == (Granted(NOON_MS) if is_open else Refused("model_closed", "a/m"))
        lines = (await made.show(NOON_MS)).lines
        [line] = [x for x in lines if (x.window, x.account, x.unit) == ("day", "all", "nano_usd")]
        assert line.overrun == 1
    finally:
        await made.close()


async def test_one_worker_rebuilds_and_one_that_died_is_replaced(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Others are told to wait; what the dead one loaded counts in no books, and when it wakes it is refused."""
    made = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=day(), call_s=5.0)
    slow, go = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[Intent]:
        yield intent(1)
        slow.set()
        await go.wait()

    try:
        first = asyncio.create_task(made.rebuild(slowly(), NOON_MS))
        await slow.wait()
        assert await made.rebuild([intent(2)], NOON_MS) == "held"
        with Redis.from_url(redis_server.url) as client:
            assert client.delete(f"{topic_prefix}budget:{{test}}:rebuild") == 1  # its lease is over
        assert await made.rebuild([intent(3, 30)], NOON_MS) == "rebuilt"
        go.set()
        with pytest.raises(LedgerError, match="another worker"):
            await first
        assert await made.rebuild([intent(4)], NOON_MS) == "open"
        assert await made.spend(NOON_MS) == Spend(settled=0, reserved=30)
    finally:
        await made.close()


async def test_what_was_loaded_is_not_loaded_again(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """A rebuild's step that is told twice counts once."""
    found = Recovery("test", now_ms=NOON_MS, lease_ms=1_000)
    found.take_all([intent(1), result(1)])
    other = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=day(), call_s=5.0)
    _, books = await other._run("rebuild_begin", NOON_MS, ANY_TIME, 60_000)
    for _ in range(2):
        await other._load(books, found.attempts())
    assert await other._run("rebuild_end", books) == 1
    assert await other.spend(NOON_MS) == Spend(settled=40, reserved=0)
    await other.close()


async def refused(question: Awaitable[object]) -> None:
    """Ask; the answer is that there is none, in time and in words."""
    began_s = time.monotonic()
    with pytest.raises(LedgerError) as caught:
        await question
    assert time.monotonic() - began_s < PROMPT_S
    assert str(caught.value)


async def no_answer(made: Ledger) -> None:
    """Ask everything; all of it is refused."""
    for question in (
        *(made.reserve(ask(99), NOON_MS), made.confirm("a1", NOON_MS)),
        *(made.settle("a1", Use(1), NOON_MS), made.spend(NOON_MS)),
    ):
        await refused(question)


async def shown(made: Ledger) -> Spend:
    """Return the account once the ledger answers again."""
    async with asyncio.timeout(20):
        while True:
            with suppress(LedgerError):
                return await made.spend(NOON_MS)
            await asyncio.sleep(0.05)


async def test_without_redis_it_says_so_quickly(
    start_redis: Callable[..., RedisServer], topic_prefix: str
) -> None:
    """Frozen or gone; when it is back the books are closed, though nothing is lost of them, until they are rebuilt."""
    redis = start_redis()
    async with ledger(redis.url, topic_prefix, call_s=PATIENCE_S) as made:
        assert await made.reserve(ask(1, 400), NOON_MS) == Granted(NOON_MS)
        redis.pause()
        try:
            await no_answer(made)
            await asyncio.gather(*(refused(made.reserve(ask(n, 1), NOON_MS)) for n in range(2, 52)))
        finally:
            redis.resume()
        redis.kill()
        await no_answer(made)
        redis.start()
        # A frozen server does what it took in before it is killed, or not: reserves more, settles the first.
        found = await shown(made)
        assert found.reserved + found.settled > 0
        assert await made.reserve(ask(60, 1), NOON_MS) == Refused("closed")
        assert not (await made.show(NOON_MS)).open
        assert await made.rebuild([intent(1, 400)], NOON_MS) == "rebuilt"
        assert await made.spend(NOON_MS) == Spend(settled=0, reserved=400)


async def test_a_full_redis_takes_no_reservation_and_everything_that_ends_one(
    start_redis: Callable[..., RedisServer], topic_prefix: str
) -> None:
    """Nothing new is sent; what is open is confirmed, settled, released and charged, and the books can be rebuilt."""
    redis = start_redis({"maxmemory-policy": "noeviction"})
    async with ledger(redis.url, topic_prefix) as made:
        for number in range(1, 5):
            await made.reserve(ask(number), NOON_MS)
        with Redis.from_url(redis.url) as client:
            client.config_set("maxmemory", "1")
        with pytest.raises(LedgerError, match=r"(?i)memory"):
            await made.reserve(ask(9), NOON_MS)
        assert await made.confirm("a1", NOON_MS) == "confirmed"
        assert await made.settle("a1", Use(30, 1, 1), NOON_MS) == ("settled", False)
        assert await made.release("a2", NOON_MS) == "released"
        assert await made.charge("a3", NOON_MS) == "charged"
        assert await made.sweep(NOON_MS + made.terms.lease_ms) == 1
        assert await made.spend(NOON_MS) == Spend(settled=30, reserved=0, charged=200)
        with Redis.from_url(redis.url) as client:
            client.flushall()
        assert await made.rebuild([intent(1), result(1, cost=30)], NOON_MS) == "rebuilt"
        assert await made.spend(NOON_MS) == Spend(settled=30, reserved=0)


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_books_are_not_opened_where_redis_would_drop_them(
    start_redis: Callable[..., RedisServer], topic_prefix: str, policy: str
) -> None:
    """A window that is dropped is spent again. Without a bound on memory, or with the right policy, nothing is."""
    redis = start_redis({"maxmemory": "64mb", "maxmemory-policy": policy})
    made = Ledger(redis.url, prefix=topic_prefix, scope="test", terms=day(), call_s=5.0)
    try:
        with pytest.raises(LedgerError, match=f"{policy}, is noeviction"):
            await made.rebuild((), NOON_MS)
        assert await made.reserve(ask(1), NOON_MS) == Refused("closed")
        with Redis.from_url(redis.url) as client:
            client.config_set("maxmemory", "0")
        assert await made.rebuild((), NOON_MS) == "rebuilt"
    finally:
        await made.close()


async def test_an_operators_cap_goes_before_a_workers_own(account: Ledger) -> None:
    """Lower or higher, for all workers, until it is taken away."""
    assert await account.set_cap(DAY, 50) is None
    assert await account.reserve(ask(1, 51), NOON_MS) == Refused("cap", DAY)
    assert await account.set_cap(DAY, 2_000) == "50"
    assert await account.reserve(ask(1, 1_500), NOON_MS) == Granted(NOON_MS)
    assert await account.set_cap(DAY, None) == "2000"
    assert await account.reserve(ask(2, 1), NOON_MS) == Refused("cap", DAY)
    lines = (await account.show(NOON_MS)).lines
    [line] = [x for x in lines if (x.window, x.account, x.unit) == ("day", "all", "nano_usd")]
    assert (line.cap, line.reserved, line.reached_in_ms) == (1_000, 1_500, 0)
    assert {x.unit for x in lines} == set(UNITS)


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://",
        "redis+sentinel://h:1/",
        "redis+sentinel:///m",
        "redis+sentinel://h/m",
        "http://h",
        "redis://:hush/1@h:1/0",
        "rediss://u:hush#1@h:1/0",
        "redis+sentinel://u:hush?1@h:1/m",
        "redis+sentinel://u:hush@[::1:1/m",
        "redis+cluster://h:1",
        "redis://h:1/0?socket_timeout=hush",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """When the ledger is made, not when it is asked; no part of it is told, for it may be the password."""
    with pytest.raises(ValueError, match=r"(?i)redis") as caught:
        Ledger(url, prefix="x.", scope="s", terms=day())
    assert "hush" not in str(caught.value)


def test_an_ask_counts_input_and_output() -> None:
    """Together, as token budgets do."""
    made: Ask = ask(1)
    assert made.tokens == 15
