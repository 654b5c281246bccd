"""A source of levels: questions asked over and over, each for the latest sample of one target or several."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from streams.collectors.coverage import Coverage
from streams.collectors.port import Clock, Link, Observation, Refused, SourceError, Through
from topics import GapMark, Heartbeat, Kind, RawEvent, VolumeLevel

from .past import past_of

SPAN_MS = 86_400_000
"""Of every level here: 24 hours."""
FAILED_MAX = 3
"""Questions in a row that fail like this: the service is not there, and is asked less and less often."""
REST_S_MAX, REST_S_MIN = 1.0, 0.05
"""Between two looks at which question is due."""
PUT_OFF_MS, PUT_OFF_MS_MAX = 5_000, 300_000
"""Before a question that failed is asked again; doubled with each failure."""
GONE = "a level of the past is not to be had"


class Found(Struct, frozen=True, kw_only=True):
    """What one question brought."""

    observations: list[VolumeLevel | Refused]
    covered: list[str]
    """Targets whose latest sample is known now, also where it is the one of before."""
    through_ms: int
    """How far the service's samples go."""
    received_ms: int


class Question(Protocol):
    """What is asked for in one go."""

    targets: Mapping[str, str]
    """The asset of each target. A target's name is the instrument of its levels."""

    async def ask(self) -> Found:
        """Ask, and return the new samples.

        Raises:
            SourceError: There was no answer, or none of use.
        """

    def resume(self, target: str, event_ms: int) -> None:
        """Know that a target's sample of that time has been sent before a restart."""


class _Turn(Struct):
    question: Question
    due_ms: int = 0
    put_off_ms: int = PUT_OFF_MS
    covered: tuple[str, ...] = ()
    lag_ms: int = 0
    """How far the service's samples were behind the answer."""


class Polling(Protocol):
    """How often, and for how long in vain."""

    every_s: float
    hold_s: float
    lateness_ms: int


class LevelSource:
    """Levels of one service."""

    kind: Kind = "volume"

    def __init__(
        self,
        name: str,
        venue: str,
        questions: Sequence[Question],
        settings: Polling,
        *,
        now_ms: Clock,
        rest_s: float = REST_S_MAX,
    ) -> None:
        """Prepare; nothing is asked before the first observation is."""
        self.name = name
        self._venue, self._now_ms, self._rest_s = venue, now_ms, rest_s
        self._every_ms = round(settings.every_s * 1_000)
        self._turns = [_Turn(question) for question in questions]
        self._next = 0
        self._connected = False
        self._coverage = Coverage(
            name,
            venue,
            hold_ms=round(settings.hold_s * 1_000),
            lateness_ms=settings.lateness_ms,
        )
        self._since_ms = begun_ms = now_ms()
        """The first promise says since when the source speaks: not of samples from before it began."""
        for question in questions:
            for target, asset in question.targets.items():
                self._coverage.follow(target, (asset,), begun_ms)

    def resume(self, past: Sequence[RawEvent | GapMark | Heartbeat]) -> None:
        """Know what was sent before, so that it is not sent again, and since when nothing was."""
        if past:
            self._since_ms = 0
        for turn in self._turns:
            for target, asset in turn.question.targets.items():
                left = past_of(past, venue=self._venue, asset=asset, target=target, span_ms=SPAN_MS)
                if left.event_ms is not None:
                    turn.question.resume(target, left.event_ms)
                from_ms = left.event_ms if left.through_ms is None else left.through_ms
                if from_ms is not None:
                    self._coverage.follow(target, (asset,), from_ms)
                if left.gap is not None:
                    self._coverage.reopen(target, left.gap.from_ms, left.gap.to_ms)

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield each sample once, and how far they go.

        Raises:
            SourceError: The service is not there, or sends us away.
        """
        yield Link(state="connecting")
        try:
            while True:
                async for observation in self._round():
                    yield observation
                await asyncio.sleep(self._pause_s())
        finally:
            self._connected = False
            await self.close()

    async def close(self) -> None:
        """Close the connections; the next question opens them anew. Sources say how."""

    async def _round(self) -> AsyncIterator[Observation]:
        for observation in self._promises():
            yield observation
        failed = 0
        for turn in self._turns[self._next :] + self._turns[: self._next]:
            if self._now_ms() < turn.due_ms:
                continue
            try:
                found = await turn.question.ask()
            except SourceError as error:
                failed += 1
                self._failed(turn)
                if error.wait_s is not None or failed >= min(FAILED_MAX, len(self._turns)):
                    raise
                state = "connected" if self._connected else "connecting"
                yield Link(state=state, reason=str(error)[:200])  # type: ignore[arg-type]
                continue
            failed = 0
            for observation in self._found(turn, found):
                yield observation
            for observation in self._promises():
                yield observation

    def _found(self, turn: _Turn, found: Found) -> Iterator[Observation]:
        turn.due_ms, turn.put_off_ms = self._now_ms() + self._every_ms, PUT_OFF_MS
        turn.covered = tuple(found.covered)
        turn.lag_ms = max(0, found.received_ms - found.through_ms)
        if not self._connected and found.covered:
            self._connected = True
            yield Link(state="connected")
        yield from found.observations
        for target in found.covered:
            yield from self._coverage.covered(target, found.through_ms, lost=GONE)

    def _promises(self) -> Iterator[Observation]:
        now_ms = self._now_ms()
        for turn in self._turns:
            # Until a question is due again, nothing can have been missed.
            if now_ms < turn.due_ms:
                for target in turn.covered:
                    yield from self._coverage.clear(target, now_ms - turn.lag_ms, lost=GONE)
        marks, through_ms = self._coverage.advance(now_ms)
        yield from marks
        if through_ms is not None and through_ms >= self._since_ms:
            yield Through(through_ms)

    def _failed(self, turn: _Turn) -> None:
        self._next = (self._turns.index(turn) + 1) % len(self._turns)
        turn.covered = ()
        turn.due_ms = self._now_ms() + min(turn.put_off_ms, self._every_ms)
        turn.put_off_ms = min(2 * turn.put_off_ms, PUT_OFF_MS_MAX)

    def _pause_s(self) -> float:
        due_ms = min(turn.due_ms for turn in self._turns) - self._now_ms()
        return min(self._rest_s, max(REST_S_MIN, due_ms / 1_000))
