"""A source run as the runner runs it: asked again after each failure, its observations made into records."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Self, TypeVar

from streams.collectors.outbound import Outbound
from streams.collectors.port import Observation, Refused, Source, SourceError, Through
from tests.servers.web import Fault, Hang, Slow
from topics import GapDetected, GapFilled, GapPermanent, VolumeFlow, VolumeLevel
from topics.settings import BrokerSettings

PATIENCE_S = 10.0
STEP_MS = 20_000
GAPS = GapDetected | GapFilled | GapPermanent
T = TypeVar("T")


def patience_s(fault: Fault) -> float:
    """How long to wait for an answer: not long for one that will not come, else as long as a busy machine takes."""
    return 1.0 if isinstance(fault, Hang | Slow) else 5.0


class Clock:
    """Our clock, moved by the test."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


class Watched:
    """What a source yields, and what becomes of it."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self.source, self.clock = source, clock
        self.seen: list[Observation] = []
        self.errors: list[SourceError] = []
        self.outbound = Outbound(source.name, source.kind, BrokerSettings(), epoch=1)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            try:
                async with aclosing(self.source.observations()) as observations:  # type: ignore[type-var]
                    async for observation in observations:
                        self.seen.append(observation)
                        self.outbound.take(observation, self.clock())
            except SourceError as error:
                self.errors.append(error)
            await asyncio.sleep(0.01)

    async def until(self, true: Callable[[], object]) -> None:
        """Return when that is true; fail when the source ended of a defect, or it takes too long."""
        assert self._task is not None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not true():
                    if self._task.done():
                        self._task.result()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            told = [o for o in self.seen if not isinstance(o, Through)][-10:]
            msg = f"it did not come: {told} {self.errors[-3:]} {self.through_ms}"
            raise AssertionError(msg) from None

    async def flowed(self, number: int) -> None:
        """Return when so many flows have come."""
        await self.until(lambda: len(self.flows) >= number)

    async def promised(self, through_ms: int) -> None:
        """Return when so much has been promised."""
        await self.until(lambda: self.through_ms >= through_ms)
        assert self.through_ms == through_ms

    async def walk(self, to_ms: int) -> None:
        """Let the time come, in steps of which the source sees each."""
        while self.clock.now_ms < to_ms:
            self.clock.now_ms = min(to_ms, self.clock.now_ms + STEP_MS)
            await asyncio.sleep(0.02)

    async def walk_until(self, true: Callable[[], object]) -> None:
        """Let the time go on until that is true."""

        def later() -> object:
            self.clock.now_ms += 100
            return true()

        await self.until(later)

    def of(self, kind: type[T]) -> list[T]:
        return [o for o in self.seen if isinstance(o, kind)]

    @property
    def flows(self) -> list[VolumeFlow]:
        return self.of(VolumeFlow)

    @property
    def levels(self) -> list[VolumeLevel]:
        return self.of(VolumeLevel)

    @property
    def refused(self) -> list[Refused]:
        return self.of(Refused)

    @property
    def gaps(self) -> list[tuple[str, str, int, int]]:
        """Each mark as (what, subject, from, to)."""
        return [
            (type(mark).__name__, mark.subject, mark.from_ms, mark.to_ms)
            for mark in self.seen
            if isinstance(mark, GAPS)
        ]

    @property
    def through_ms(self) -> int:
        return max((o.through_ms for o in self.of(Through)), default=0)

    @property
    def counted(self) -> tuple[int, int]:
        """Events sent, events refused, after the contract's own checks."""
        return self.outbound.tally.sent, self.outbound.tally.refused
