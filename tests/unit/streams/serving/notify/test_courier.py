"""One receiver's courier: tries again, gives up, and does not hold up others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from streams.serving.notify.courier import Courier, Tally
from streams.serving.notify.door import DoorError, Fires
from streams.serving.notify.lane import Lane, Message
from streams.serving.notify.notice import Entry
from streams.serving.notify.outcome import NOT_BORNE_OUT, Outcome
from streams.serving.notify.settings import NotifySettings
from streams.serving.notify.wording import TEXT_CHARS_MAX, Letter
from topics import Alert

from .alerts import alert, entry

SETTINGS = NotifySettings(attempts_max=3, wait_initial_s=0.001, wait_max_s=0.01, refresh_s=3_600)


class ListDoor:
    """A receiver in memory, that fails as it is told."""

    text_max = TEXT_CHARS_MAX
    shown = "memory"

    def __init__(self, *faults: DoorError | None, refreshes: bool = False) -> None:
        self.refreshes = refreshes
        self.faults = deque(faults)
        self.letters: list[Letter] = []
        self.messages: list[Message] = []
        self.refreshed: list[list[Alert]] = []
        self.tries = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def deliver(self, message: Message, letter: Letter, fires: Fires) -> None:
        del fires
        self._fail()
        await self.answers.wait()
        self.messages.append(message)
        self.letters.append(letter)

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        self._fail()
        self.refreshed.append(list(alerts))

    async def attempt(self, letter: Letter) -> None:
        self.letters.append(letter)

    async def close(self) -> None:
        """Nothing is open."""

    def _fail(self) -> None:
        self.tries += 1
        if self.faults and (fault := self.faults.popleft()) is not None:
            raise fault


class Clock:
    """The time of the loop, in milliseconds from an odd beginning."""

    def __call__(self) -> int:
        return 1_790_000_000_000 + int(asyncio.get_running_loop().time() * 1000)


@asynccontextmanager
async def running(
    door: ListDoor, *, muted: bool = False, waiting_max: int = 100
) -> AsyncIterator[tuple[Courier, list[Outcome]]]:
    """Run a courier to a door, and give what it says of each notice."""
    outcomes: list[Outcome] = []
    courier = Courier(
        "phone",
        door,
        Lane(30, waiting_max=waiting_max),
        SETTINGS,
        tally=Tally(),
        dashboard="",
        silenced=lambda *_: muted,
        firing=lambda: [alert()],
        fires=lambda _: True,
        done=outcomes.append,
        now_ms=Clock(),
    )
    task = asyncio.create_task(courier.run())
    try:
        yield courier, outcomes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(outcomes: list[Outcome], count: int) -> list[str]:
    """Return the ends of notices once there are so many."""
    async with asyncio.timeout(10):
        while len(outcomes) < count:
            await asyncio.sleep(0.01)
    return [outcome.end for outcome in outcomes]


async def test_what_fails_is_tried_again_until_it_is_taken() -> None:
    """With how many attempts it took."""
    door = ListDoor(DoorError("HTTP status 500"), DoorError("no answer"))
    async with running(door) as (courier, outcomes):
        courier.offer(entry())
        assert await until(outcomes, 1) == ["sent"]
        assert (outcomes[0].attempts, door.tries, courier.tally.failing) == (3, 3, "")
        assert courier.tally.failed_attempts == 2


async def test_after_the_last_attempt_it_is_given_up_and_the_next_is_told() -> None:
    """With why the last one failed."""
    door = ListDoor(*[DoorError(f"HTTP status 50{n}") for n in range(3)])
    async with running(door) as (courier, outcomes):
        courier.offer(entry())
        assert await until(outcomes, 1) == ["undeliverable"]
        assert (outcomes[0].words, outcomes[0].attempts) == ("HTTP status 502", 3)
        assert courier.tally.failing == "HTTP status 502"
        courier.offer(entry(rule="other"))
        assert await until(outcomes, 2) == ["undeliverable", "sent"]


async def test_a_final_refusal_is_not_tried_again() -> None:
    """It would be refused for ever."""
    door = ListDoor(DoorError("HTTP status 400", final=True))
    async with running(door) as (courier, outcomes):
        courier.offer(entry())
        assert await until(outcomes, 1) == ["undeliverable"]
        assert door.tries == 1


async def test_a_receiver_that_asks_for_time_is_given_it() -> None:
    """Instead of the wait that would be due."""
    door = ListDoor(DoorError("HTTP status 429", retry_after_s=0.3))
    async with running(door) as (courier, outcomes):
        begun_s = asyncio.get_running_loop().time()
        courier.offer(entry())
        await until(outcomes, 1)
        assert asyncio.get_running_loop().time() - begun_s >= 0.4  # and it settles before


async def test_while_one_receiver_fails_another_is_told() -> None:
    """Each has a courier of its own."""
    failing = ListDoor(DoorError("x", retry_after_s=60))
    async with running(failing) as (bad, none), running(ListDoor()) as (good, outcomes):
        for courier in (bad, good):
            courier.offer(entry())
        assert await until(outcomes, 1) == ["sent"]
        assert none == []


async def test_a_slow_receiver_delays_no_other() -> None:
    """It has not answered to its first message when another has been told of everything."""
    slow, quick = ListDoor(), ListDoor()
    slow.answers.clear()
    async with running(slow) as (late, none), running(quick) as (prompt, outcomes):
        for n in range(3):
            for courier in (late, prompt):
                courier.offer(entry(rule=f"r{n}"))
        assert await until(outcomes, 3) == ["sent"] * 3
        assert (none, slow.tries) == ([], 1)
        slow.answers.set()
        assert await until(none, 3) == ["sent"] * 3


async def test_who_leaves_finishes_the_message_under_way_and_begins_none() -> None:
    """A clean end tells nothing twice."""
    door = ListDoor(DoorError("x", retry_after_s=0.3))
    async with running(door) as (courier, outcomes):
        courier.offer(entry())
        async with asyncio.timeout(10):
            while not door.tries:
                await asyncio.sleep(0.01)
        courier.offer(entry(rule="other"))
        courier.leave()
        assert await until(outcomes, 1) == ["sent"]
        await asyncio.sleep(0.3)
        assert (len(outcomes), courier.lane.waiting) == (1, 1)


async def test_what_is_muted_ends_without_a_message() -> None:
    """And is said to have."""
    door = ListDoor()
    async with running(door, muted=True) as (courier, outcomes):
        courier.offer(entry())
        assert await until(outcomes, 1) == ["muted"]
        assert door.tries == 0


async def test_beyond_what_may_wait_the_oldest_is_given_up_at_once() -> None:
    """A receiver that is away for a day does not fill the memory."""
    door = ListDoor(DoorError("x", retry_after_s=60))
    async with running(door, waiting_max=2) as (courier, outcomes):
        courier.offer(entry(rule="first"))
        async with asyncio.timeout(10):
            while not door.tries:  # it is under way, and failing
                await asyncio.sleep(0.01)
        entries: list[Entry] = [entry(rule=f"r{n}") for n in range(3)]
        for one in entries:
            courier.offer(one)
        assert [outcome.entry for outcome in outcomes] == entries[:1]
        assert outcomes[0].words == "too many waited for this receiver"


async def test_an_alertmanager_is_refreshed_at_once_and_a_failed_refresh_kills_nobody() -> None:
    """It is the first to hear after a start what fires; the next refresh takes the place of a failed one."""
    door = ListDoor(DoorError("no answer"), refreshes=True)
    async with running(door) as (courier, outcomes):
        courier.offer(entry())
        assert await until(outcomes, 1) == ["sent"]
        assert (door.tries, door.refreshed) == (2, [])
    async with running(door):
        async with asyncio.timeout(10):
            while not door.refreshed:
                await asyncio.sleep(0.01)
        assert door.refreshed == [[alert()]]


async def test_what_an_analysis_does_not_bear_out_ends_without_a_message() -> None:
    """In words that a start knows again."""
    door = ListDoor()
    async with running(door) as (courier, outcomes):
        courier.leave_out(entry())
    assert door.tries == 0
    assert [(one.end, one.words) for one in outcomes] == [("muted", NOT_BORNE_OUT)]
    assert courier.tally.muted == 1
