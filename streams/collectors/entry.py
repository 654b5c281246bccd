"""The sources of one entry of the settings belong together: one lease says which process runs them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from .leading import Leadership
from .lease import Heard
from .metrics import COLLECT
from .past import Pasts
from .port import SourceError
from .supervisor import Supervised, Surroundings

FOLLOW_S = 1.0
"""Between two readings of the log by one that stands by."""
HEARD_MS_MAX = 5_000
"""What was read longer ago than this says nothing of who leads now."""

log = structlog.get_logger()


class Entry:
    """One entry of the settings: its sources, and whether it is this process that runs them."""

    def __init__(
        self,
        name: str,
        sources: Sequence[Supervised],
        around: Surroundings,
        pasts: Pasts,
        *,
        epoch: int,
        leadership: Leadership | None,
    ) -> None:
        """Take its sources. ``epoch`` holds without a lease."""
        self.name, self.sources = name, sources
        self._around, self._pasts, self._epoch, self._leadership = around, pasts, epoch, leadership
        self._followed_ms: int | None = None
        """When the log was read last, since this one stands by."""
        self._expect()
        if leadership is not None:
            leadership.heard = self._heard

    @property
    def standby(self) -> str | None:
        """Why it does not collect, or None if it does."""
        leadership = self._leadership
        if leadership is None or leadership.leads():
            return None
        return leadership.lease.why or "another leads"

    @property
    def alone(self) -> bool:
        """Whether it leads without a lease."""
        return self._leadership is not None and self._leadership.state == "leads_alone"

    async def run(self, stop: asyncio.Event) -> None:
        """Run until all sources are finished, or told to stop.

        Raises:
            Exception: What a source could not send, the first of them.
        """
        if self._leadership is None:
            await self._sources(stop, self._epoch, lambda: True)
            return
        keeping = asyncio.create_task(self._leadership.keep(), name=f"lease-{self.name}")
        try:
            while await self._stand_by(self._leadership, stop):
                if await self._lead(self._leadership, stop):
                    return
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._leadership.leave()

    async def _stand_by(self, leadership: Leadership, stop: asyncio.Event) -> bool:
        """Read the log until this one leads; return False when told to stop before."""
        following = asyncio.create_task(self._follow(leadership), name=f"follow-{self.name}")
        won = asyncio.create_task(leadership.won())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({won, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            won.cancel()
            stopping.cancel()
            if stop.is_set():
                following.cancel()
            # A reading under way is not broken off: it would have to begin anew.
            await asyncio.gather(following, won, stopping, return_exceptions=True)
        return not stop.is_set()

    async def _follow(self, leadership: Leadership) -> None:
        for source in self.sources:
            await source.prepare()
        while not leadership.leads():
            try:
                await self._pasts.follow()
                if self._followed_ms is None:
                    log.info("ready to take over", entry=self.name)
                self._followed_ms = self._around.now_ms()
            except SourceError as error:
                log.warning("cannot follow", entry=self.name, error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(FOLLOW_S):
                    await leadership.won()

    async def _lead(self, leadership: Leadership, stop: asyncio.Event) -> bool:
        """Run the sources; return whether they are finished, or False when the lease was lost."""
        epoch = leadership.lease.epoch or self._epoch
        COLLECT.leads.labels(self.name).set(1)
        may_send = partial(leadership.leads_in, epoch)
        running = asyncio.create_task(self._sources(stop, epoch, may_send))
        lost = asyncio.create_task(leadership.lost(epoch))
        try:
            await asyncio.wait({running, lost}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                return True
            return False
        finally:
            COLLECT.leads.labels(self.name).set(0)
            for task in (running, lost):
                task.cancel()
            await asyncio.gather(running, lost, return_exceptions=True)
            self._expect()

    async def _sources(self, stop: asyncio.Event, epoch: int, may_send: Callable[[], bool]) -> None:
        outcomes = await asyncio.gather(
            *(source.run(stop, epoch, self._pasts, may_send) for source in self.sources),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _expect(self) -> None:
        self._followed_ms = None
        for source in self.sources:
            self._pasts.expect(source.name, source.kind, keeps=source.resumes)

    def _heard(self) -> Heard | None:
        """Return what the log says, unless it was not read for a while, or is being read from far back."""
        now_ms, read_ms = self._around.now_ms(), self._followed_ms
        if read_ms is None or now_ms - read_ms > HEARD_MS_MAX:
            return None
        recalls = [self._pasts.waiting(source.kind, source.name) for source in self.sources]
        epoch = max((recall.epoch for recall in recalls if recall), default=-1)
        beaten = [recall.beaten_ms for recall in recalls if recall and recall.beaten_ms]
        return Heard(epoch, (now_ms - max(beaten, default=0)) / 1_000)
