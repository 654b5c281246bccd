"""A source asked for a while, for somebody to see what comes: nothing is sent anywhere."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing

from msgspec import Struct, field

from streams.collectors.port import (
    Link,
    Lost,
    Observation,
    Preparing,
    Refused,
    Source,
    SourceError,
    Through,
)
from topics import GapDetected, GapFilled, GapPermanent, PostDeleted, RawEvent

from .shown import ago

REASONS_MAX = 5
"""Different reasons that are shown, of refusals and of failures."""
EXAMPLES_MAX = 3
AGAIN_S = 1.0
"""Between a failure and the next try."""


class Trial(Struct):
    """What came of asking one source."""

    name: str
    kind: str
    connected_s: float | None = None
    """From the beginning; None as long as nothing has answered."""
    first_s: float | None = None
    events: int = 0
    refused: int = 0
    deletions: int = 0
    subjects: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why events were refused."""
    failures: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    """Marks by what they say: detected, filled, permanent."""
    examples: list[str] = field(default_factory=list)
    latest_ms: int | None = None
    through_ms: int | None = None
    finished: bool = False

    @property
    def well(self) -> bool:
        """Whether the other side answered, with anything but a failure."""
        return self.connected_s is not None or self.events > 0 or self.through_ms is not None

    def take(self, observation: Observation, at_s: float) -> None:
        """Take what the source yielded so long after the beginning."""
        match observation:
            case Link():
                self._link(observation, at_s)
            case Through(through_ms=through_ms):
                self.through_ms = max(self.through_ms or 0, through_ms)
            case Refused():
                self.refused += observation.events
                self.reasons[f"{observation.reason}: {observation.message}"[:200]] += 1
            case GapDetected() | GapFilled() | GapPermanent():
                self.gaps[type(observation).__name__.removeprefix("Gap").lower()] += 1
            case Lost():
                self.gaps["lost"] += 1
            case PostDeleted():
                self.deletions += 1
            case _:
                self._event(observation, at_s)

    def _link(self, link: Link, at_s: float) -> None:
        if link.state == "disconnected":
            self.failures[link.reason] += 1
        elif link.state == "connected" and self.connected_s is None:
            self.connected_s = at_s

    def _event(self, event: RawEvent, at_s: float) -> None:
        self.events += 1
        self.first_s = at_s if self.first_s is None else self.first_s
        self.subjects[event.subject] += 1
        self.latest_ms = max(self.latest_ms or 0, event.event_ms)
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(repr(event)[:300])

    def lines(self, now_ms: int) -> Iterator[str]:
        """Yield what came of it, in sentences for people."""
        yield f"{self.name}/{self.kind}"
        if not self.well:
            yield "  nothing answered" if self.failures else "  nothing came in this time"
        if self.connected_s is not None:
            yield f"  connected after {self.connected_s:.1f} s"
        yield from self._events_in_words(now_ms)
        if self.deletions:
            yield f"  taken back: {self.deletions}"
        yield from (f"  gaps {what}: {count}" for what, count in sorted(self.gaps.items()))
        yield from _most("refused", self.reasons)
        yield from _most("failed", self.failures)
        if self.finished:
            yield "  the source has come to its end"

    def _events_in_words(self, now_ms: int) -> Iterator[str]:
        if self.first_s is not None and self.latest_ms is not None:
            named = ", ".join(f"{name} {n}" for name, n in self.subjects.most_common(8))
            yield f"  first event after {self.first_s:.1f} s; {self.events} in all: {named}"
            yield f"  the latest is of {ago(self.latest_ms, now_ms)} ago"
        yield from (f"  {example}" for example in self.examples)
        if self.through_ms is not None:
            yield f"  complete up to {ago(self.through_ms, now_ms)} ago"


def _most(what: str, reasons: Counter[str]) -> Iterator[str]:
    yield from (f"  {what} {count}: {why}" for why, count in reasons.most_common(REASONS_MAX))


async def attempt(
    source: Source,
    *,
    seconds: float,
    monotonic_s: Callable[[], float],
    trial: Trial | None = None,
) -> Trial:
    """Return what a source yields within a time, told to ``trial``; after a failure it is asked again."""
    if trial is None:
        trial = Trial(name=source.name, kind=source.kind)
    if isinstance(source, Preparing):
        await asyncio.to_thread(source.prepare)  # what takes seconds here is no fault of theirs
    begun_s = monotonic_s()
    try:
        async with asyncio.timeout(seconds):
            while not trial.finished:
                try:
                    async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
                        async for observation in observations:
                            trial.take(observation, monotonic_s() - begun_s)
                    trial.finished = True
                except SourceError as error:
                    trial.failures[str(error)[:200]] += 1
                    await asyncio.sleep(max(AGAIN_S, error.wait_s or 0.0))
    except TimeoutError:
        pass
    return trial
