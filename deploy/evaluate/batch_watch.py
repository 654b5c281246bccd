"""What the provider shows of batches: the one that is sought among them, and its end, which is waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from agents.ask.batch import Batch, Came, Sought
from agents.ask.batches import CREATE_S, BatchError, ClaudeBatches

from .reading import EvaluateError

READS_MAX = 5
"""Of the results of a batch, where they are cut or not whole."""
PAGES_MAX = 100
"""Of the provider's list: ten thousand batches since the one that is sought."""
GROWTH = 1.5
"""Of the time between two looks."""
PASSING = frozenset({"overloaded", "rate_limited", "ramp_limited", "unreachable"})
"""Refusals of a look that are over soon; whatever nobody knows is tried again too."""


class UnderWayError(EvaluateError):
    """A batch has not ended; the same command goes on with it."""


class UnclearError(EvaluateError):
    """It cannot be told what became of a batch."""


class Patience(Struct, frozen=True, kw_only=True):
    """How long is waited for what, in seconds."""

    poll_s: float = 5.0
    """Between the first two looks at a batch; later ones are further apart."""
    poll_s_max: float = 60.0
    wait_s: float = 25 * 3_600
    """For a batch in all: it lives for a day, and its results are there a little later."""
    create_s: float = CREATE_S
    """For a create, of whatever process."""
    listed_s: float = 60.0
    """After a create was lost, until the provider's list must have the batch."""


class BatchWatch:
    """Looks at the batches of one account until what is asked is known."""

    def __init__(
        self,
        api: ClaudeBatches,
        patience: Patience,
        *,
        stop: asyncio.Event,
        told: Callable[[str], None],
        now_ms: Callable[[], int],
    ) -> None:
        """Take what it needs; ``told`` is told what is waited for."""
        self._api, self._patience = api, patience
        self._stop, self._told, self._now_ms = stop, told, now_ms
        self._foreign: set[str] = set()
        """Batches that have shown other ids than were sought."""

    async def found(self, sought: Sought, lost_ms: int) -> dict[str, Came] | None:
        """Return what came of the batch that may have been created, once it has ended; None if there is none.

        Raises:
            EvaluateError: It cannot be told, or not yet.
        """
        while True:
            likely = [one async for one in self._likely(sought)]
            for batch in sorted(likely, key=_cost_of_looking):
                if batch.is_archived:
                    raise unclear(batch, "its results are not there any more")
                came = await self.came_of(batch)
                if sought.is_it(came):
                    return came
                self._foreign.add(batch.id)
            left_s = self._patience.listed_s - (self._now_ms() - lost_ms) / 1000
            if left_s <= 0:
                return None
            await self._pause(min(left_s, self._patience.poll_s))

    async def _likely(self, sought: Sought) -> AsyncIterator[Batch]:
        """Yield the batches that may be it, the newest first.

        Raises:
            EvaluateError: The list cannot be read as far as it must be.
        """
        after: str | None = None
        for _ in range(PAGES_MAX):
            try:
                page = await self._api.page(after)
            except BatchError as error:
                msg = (
                    f"{error}; a batch may be under way, and nothing is sent until that is known:"
                    " run again when the provider answers"
                )
                raise EvaluateError(msg) from None
            for batch in page.batches:
                if sought.is_past(batch):
                    return
                if sought.may_be(batch) and batch.id not in self._foreign:
                    yield batch
            after = page.last_id
            if after is None:
                return
        msg = f"the provider lists more than {PAGES_MAX} pages of batches since ours: nobody can tell whether it is there"
        raise EvaluateError(msg)

    async def came_of(self, batch: Batch) -> dict[str, Came]:
        """Return what came of each request of a batch once it has ended.

        Raises:
            EvaluateError: It has not in time, or it cannot be read.
        """
        deadline_s = time.monotonic() + self._patience.wait_s
        wait_s, reads = self._patience.poll_s, 0
        while reads < READS_MAX:
            try:
                batch = await self._api.find(batch.id)
                if batch.has_ended:
                    reads += 1
                    came = await self._api.results(batch.id)
                    if len(came) == batch.requests:
                        return came
                self._told(f"batch {batch.id}: {batch.requests} questions, waiting for its end")
            except BatchError as error:
                if error.was_refused and error.outcome not in PASSING:
                    raise unclear(batch, str(error)) from None
                self._told(str(error))
            await self._pause(wait_s, batch, deadline_s)
            wait_s = min(wait_s * GROWTH, self._patience.poll_s_max)
        raise unclear(batch, f"its results were read {READS_MAX} times, and never whole")

    async def _pause(
        self, wait_s: float, batch: Batch | None = None, deadline_s: float | None = None
    ) -> None:
        """Wait; an end by signal or deadline leaves what was sent open, for the next run.

        Raises:
            UnderWayError: Told to stop, or the time is over.
        """
        is_late = deadline_s is not None and time.monotonic() + wait_s > deadline_s
        if not is_late:
            try:
                async with asyncio.timeout(wait_s):
                    await self._stop.wait()
            except TimeoutError:
                return
        name = "a batch that may have been sent" if batch is None else f"the batch {batch.id}"
        msg = f"{name} is not through: run the same command again to go on with it"
        raise UnderWayError(msg)


def _cost_of_looking(batch: Batch) -> tuple[bool, bool, int]:
    """Order batches by what it takes to see whether one is ours: those that have ended first, then the oldest."""
    return batch.is_archived, not batch.has_ended, batch.created_ms


def unclear(batch: Batch, why: str) -> UnclearError:
    """Return that nobody knows what became of a batch, and what to do."""
    msg = (
        f"nobody can tell what became of the batch {batch.id}: {why}. Look at it in the provider's console. Nothing is"
        " sent until its lease is over; then what is open is charged in full, and --again asks it again"
    )
    return UnclearError(msg)
