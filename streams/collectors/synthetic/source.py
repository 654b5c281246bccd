"""The thin shell: a generator's observations, each at its time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

from streams.collectors.pace import Pace
from streams.collectors.playback import GIVE_WAY_EVERY, rest
from streams.collectors.port import Clock, Context, Link, Observation, Source, SourceType
from topics import Kind

from .assets import FORGE
from .development import development
from .market import market
from .run import START_MS, Run, run_of
from .settings import SyntheticSettings
from .social import social
from .timed import Timed
from .volume import volume

GENERATORS: dict[Kind, Callable[[Run], Iterator[Timed]]] = {
    "market": market,
    "volume": volume,
    "social": social,
    "development": development,
}
"""What each kind's source yields, as a pure function of the run."""


class Synthetic:
    """One kind of an invented market.

    Asked again it begins again, with the same events: who has seen them drops them by their ids.
    """

    def __init__(self, run: Run, kind: Kind, *, pace: Pace | None, now_ms: Clock) -> None:
        """Prepare; nothing is invented before it is asked for."""
        # A source's events name it, and a repository's event names its forge.
        self.name = FORGE if kind == "development" else run.name
        self.kind: Kind = kind
        self._run, self._pace, self._now_ms = run, pace, now_ms

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what the pure generator yields, each when its time has come, until the run's end."""
        yield Link(state="connected", reason="simulated")
        for number, timed in enumerate(GENERATORS[self.kind](self._run)):
            if number % GIVE_WAY_EVERY == 0:
                await asyncio.sleep(0)
            while await rest(self._pace, timed.due_ms, self._now_ms):
                pass
            yield timed.observation


def create_synthetic(name: str, settings: SyntheticSettings, context: Context) -> list[Source]:
    """Return one source for each kind that is set, all of one run.

    Event time begins where the pace does, or at `START_MS` without one.
    """
    pace = context.pace
    run = run_of(name, settings, START_MS if pace is None else pace.event_ms)
    return [Synthetic(run, kind, pace=pace, now_ms=context.now_ms) for kind in settings.kinds]


TYPE = SourceType(
    name="synthetic",
    about="an invented market with its chatter, told apart from a real one by its names",
    kinds=("market", "volume", "social", "development"),
    settings=SyntheticSettings,
    create=create_synthetic,
    limits="none",
)
