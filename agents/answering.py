"""Candidates out of the inbox, each answered: at once by rules, beside the reading by the model."""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress

from msgspec.structs import replace

from topics import Severity

from .analyst import Analyst
from .asking import Later
from .decide.candidate import Candidate, is_at_least
from .decide.inbox import Inbox, Put
from .decide.partition import PartitionDecider
from .desk import Place
from .metrics import AGENT
from .trail import Trail

POLL_MS = 200
CALLS_MAX = 5_000
"""Candidates that are being answered at once. Slots bound those that are asked about; of those that look for words, or wait for
another's, the ones beyond it have rules: waited for one by one they would keep alerts waiting."""
SHED_FLOOR: Severity = "warning"
"""From here on rules answer what the full inbox sheds; below it a decision says that there was no room."""


class Answering:
    """The inbox of one worker, and who empties it."""

    def __init__(
        self, inbox: Inbox, analyst: Analyst, trail: Trail, on_failed: Callable[[Exception], None]
    ) -> None:
        """Begin with no call. ``on_failed`` is told what a call raises: nobody awaits it."""
        self._inbox, self._analyst, self._trail = inbox, analyst, trail
        self._on_failed = on_failed
        self._changed = asyncio.Event()
        self.calls: set[asyncio.Task[None]] = set()
        """Those that are being answered: a call to the model has not ended, or what was said before is looked for."""

    def offer(self, decider: PartitionDecider, candidate: Candidate) -> None:
        """Let a candidate wait, unless it has its analysis from before."""
        AGENT.candidates.labels(candidate.product).inc()
        if (said := decider.analysis_of(candidate)) is not None:
            self._trail.tell_said(candidate, said)
            return
        self._tell_put(self._inbox.put(candidate))
        self._changed.set()

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            with suppress(TimeoutError):  # deadlines pass without anybody saying so
                async with asyncio.timeout(POLL_MS / 1000):
                    await self._changed.wait()
            self._changed.clear()
            while await self._answer_next(time.monotonic()):
                pass
            AGENT.waiting.set(len(self._inbox))

    async def finish(self, timeout_s: float) -> None:
        """Let calls in flight end, then let rules answer what waits.

        What waits is not left for the next start: what came after it has been said, and would be said again.
        """
        if self.calls:
            await asyncio.wait(self.calls, timeout=timeout_s)
        while (candidate := self._inbox.take(math.inf, model_is_free=True)) is not None:
            self._trail.tell(candidate, *self._analyst.decline(candidate, "stopping"))

    async def _answer_next(self, now_s: float) -> bool:
        """Answer the most pressing candidate that can be answered now; return whether there was one."""
        candidate = self._inbox.take(now_s, model_is_free=self._analyst.is_free(now_s))
        if candidate is None:
            return False
        place = self._analyst.place_for(candidate, now_s)
        if isinstance(place, Later):
            AGENT.put_back.labels(place.reason).inc()
            self._tell_put(self._inbox.put_back(candidate, place.not_before_s))
            return True
        candidate = self._trail.with_last(candidate)  # the one of now: nothing is asked before
        if place is not None or self._has_room(candidate):
            task = asyncio.create_task(self._answer(candidate, place))
            self.calls.add(task)
            task.add_done_callback(self._ended)
            return True
        if self._analyst.narrates(candidate):
            self._trail.tell(candidate, *self._analyst.decline(candidate, "calls_full"))
        else:
            await self._answer(candidate, None)
        await asyncio.sleep(0)  # thousands may be due at once, and others have work too
        return True

    def _has_room(self, candidate: Candidate) -> bool:
        """Return whether a candidate may look for words."""
        return self._analyst.narrates(candidate) and len(self.calls) < CALLS_MAX

    async def _answer(self, candidate: Candidate, place: Place | None) -> None:
        answer = await self._analyst.answer(candidate, place)
        if not isinstance(answer, Later):
            self._trail.tell(candidate, *answer)
        elif self._trail.is_ours(candidate):
            AGENT.put_back.labels(answer.reason).inc()
            self._tell_put(self._inbox.put_back(answer.candidate, answer.not_before_s))

    def _tell_put(self, put: Put) -> None:
        """Tell what putting a candidate in did; one that had to go and that matters has what the rules say of it."""
        shed = put.shed
        if shed is None or not (shed.alerts or is_at_least(shed.severity, SHED_FLOOR)):
            self._trail.tell_put(put)
            return
        self._trail.tell_put(replace(put, shed=None))
        self._trail.tell(shed, *self._analyst.decline(shed, "inbox_full"))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.calls.discard(task)
        self._changed.set()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._on_failed(error)  # its candidate would never be finished
