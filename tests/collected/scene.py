"""What is played to a source, and what has to come of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from streams.collectors.port import Source
from streams.collectors.supervisor import Supervised
from topics import Kind

from .clock import Behind

PATIENCE_S = 60.0
"""Longer than anything here takes on a busy machine."""
STEP_MS = 60_000
"""Of a clock that is walked forward: far less than any source's hold."""


@dataclass(frozen=True)
class Hole:
    """Something that was not there to be read, for a while or for good."""

    subject: str
    at_ms: int
    """A time in it."""
    ends: Literal["filled", "permanent"]


@dataclass
class Expected:
    """What was played, counted where it was played."""

    events: int = 0
    """In frames and answers; those that are heard twice count twice."""
    passed: int = 0
    """Of them: they name no asset."""
    twice: int = 0
    """Of them: heard before."""
    shared: int = 0
    """Of those that are refused: so many have no letter of their own, as an answer is one letter. Below 0: so many
    letters are of no event."""
    holes: list[Hole] = field(default_factory=list)
    told: tuple[int, int, int] | None = None
    """Gaps found, filled, permanent, where the scene itself has held them against what it planted."""
    planted: int = 0
    """Holes in all, where the scene has counted them itself."""
    closed: int = 0
    """Of those: by a snapshot, before anybody was told."""
    wall_of: Callable[[int], int] = int
    """Tells a time of the source's clock in the wall's."""


class Running:
    """A source under its supervisor, as its scene sees it."""

    def __init__(self, supervised: Supervised, clock: Behind) -> None:
        self.supervised, self.clock = supervised, clock

    @property
    def sent(self) -> int:
        return self.supervised.tally.sent

    @property
    def refused(self) -> int:
        return self.supervised.tally.refused

    @property
    def told(self) -> tuple[int, int, int]:
        """Marks: detected, filled, permanent."""
        tally = self.supervised.tally
        return tally.gaps_detected, tally.gaps_filled, tally.gaps_permanent

    @property
    def state(self) -> str:
        return self.supervised.state

    @property
    def through_ms(self) -> int:
        return int(self.supervised.measures["through_ms"])

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Return when that holds."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            marks = self.supervised.tally
            msg = f"{self.supervised.name}: {what or 'it'} did not come; {self.state} {self.supervised.words} {marks}"
            raise AssertionError(msg) from None

    async def connected(self) -> None:
        await self.until(lambda: self.state == "connected", "a connection")

    async def came(self, events: int) -> None:
        """Return when so many were sent or refused."""
        await self.until(lambda: self.sent + self.refused >= events, f"{events} events")

    async def walk(
        self,
        ms: int,
        each: Callable[[], Awaitable[None]] | None = None,
        *,
        step_ms: int = STEP_MS,
    ) -> None:
        """Let time pass, in steps of which the source sees each."""
        left_ms = ms
        while left_ms > 0:
            self.clock.forward(min(left_ms, step_ms))
            left_ms -= step_ms
            await (asyncio.sleep(0.03) if each is None else each())


Play = Callable[[Running], Awaitable[Expected]]


@dataclass(frozen=True)
class Scene:
    """One source at its local server."""

    name: str
    """Of the source."""
    kind: Kind
    label: str
    material: str
    faults: str
    make: Callable[[], Source]
    play: Play
    clock: Behind = field(default_factory=Behind)
