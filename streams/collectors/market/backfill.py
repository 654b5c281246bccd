"""The holes of one source, filled one after the other, and what came of them handed over as there is room."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

from streams.collectors.port import Clock, Observation
from topics import Trade

from .backlog import Backlog
from .filling import fill
from .promises import Promises
from .rest import Rest
from .tape import Tape
from .venues import Filled, Hole, Venue


class Counts(Struct):
    """What became of the trades that frames and pages had."""

    heard: int = 0
    duplicates: int = 0
    holes: int = 0
    """That were asked for by REST."""
    backfilled: int = 0
    dials: int = 0


class Backfill:
    """What is missing, and who asks for it. It outlives the connections: a hole is not forgotten with them."""

    def __init__(
        self,
        venue: Venue,
        tape: Tape,
        promises: Promises,
        counts: Counts,
        *,
        rest_url: str | None,
        ca_file: str | None,
        now_ms: Clock,
    ) -> None:
        """Prepare; nothing is asked yet."""
        self._venue, self._tape, self._promises, self._counts = venue, tape, promises, counts
        self._rest = Rest(venue, rest_url, now_ms=now_ms, ca_file=ca_file)
        self._wanted: asyncio.Queue[Hole] = asyncio.Queue()
        self._due: deque[Observation] = deque()
        """What came of filling, and waits for room."""

    def owe(self, observations: Iterable[Observation]) -> None:
        """Take what is to be yielded before anything is filled."""
        self._due.extend(observations)

    def want(self, holes: Sequence[Hole], now_s: float) -> None:
        """Take holes to fill; until they are, or the hold is over, they hold the promises back."""
        for hole in holes:
            self._counts.holes += 1
            self._promises.hold(_place(hole), hole.after.event_ms, now_s)
            self._wanted.put_nowait(hole)

    async def run(self, backlog: Backlog) -> None:
        """Fill one hole after the other, beginning with those that were left open."""
        loop = asyncio.get_running_loop()
        self._wanted = asyncio.Queue()
        self.want(self._tape.open_holes(), loop.time())
        while True:
            await self._hand_over(backlog)
            hole = await self._wanted.get()
            heard = self._tape.filled(hole, await self._fill(hole))
            self._counts.backfilled += sum(isinstance(seen, Trade) for seen in heard.out)
            self._due.extend(heard.out)
            self.want(heard.holes, loop.time())
            await self._hand_over(backlog)
            self._promises.settle(_place(hole))

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    async def _fill(self, hole: Hole) -> Filled:
        filling = self._venue.fill(hole)
        if filling is None:
            return Filled(trades=[], whole=False, reason="the venue's REST has nothing that could")
        return await fill(filling, self._rest.ask)

    async def _hand_over(self, backlog: Backlog) -> None:
        while self._due:
            await backlog.room()
            if backlog.ended:  # the next time, then
                return
            backlog.put_all((self._due.popleft(),))


def _place(hole: Hole) -> tuple[str, str]:
    return hole.market.symbol, hole.after.trade_id
