"""Ends a worker that has records to fold and folds none, whatever it hangs in.

A consumer whose connection has died quietly, a recovery of Faust's that waits for a record that will not come:
the process lives, keeps its partitions by its heartbeats, and does nothing. It is better dead.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from topics.settings import BrokerSettings

from .ownership import Ownership, Place

LOOKS = 6
"""In the time after which a partition counts as stalled."""
_GAP = 3.0
"""Intervals between two looks beyond which this process was not running: it was stopped, or its machine slept."""

Watched = Callable[[int, float], None]
"""Told at each look: records behind over all partitions, and seconds of the longest stall."""


class Watchdog:
    """Decides, from offsets and times, whether a partition is stalled: behind, and not moving."""

    def __init__(self, stalled_s: float) -> None:
        """Know nothing yet."""
        self.interval_s = stalled_s / LOOKS
        """Between two looks."""
        self.lag_records = 0
        self.longest_s = 0.0
        self._stalled_s = stalled_s
        self._looked_s: float | None = None
        self._since: dict[Place, tuple[int, float]] = {}
        """Of each partition that is behind: where it stands, and since when."""

    def look(
        self, now_s: float, next_offsets: Mapping[Place, int], ends: Mapping[Place, int] | None
    ) -> list[Place]:
        """Return the partitions that have been stalled for too long.

        ``next_offsets`` are those of the assigned and loaded partitions, ``ends`` the log's; None when the
        broker does not say, which is no proof of anything. ``now_s`` is of a monotonic clock.
        """
        slept = self._looked_s is not None and now_s - self._looked_s > _GAP * self.interval_s
        before = {} if slept or ends is None else self._since
        self._looked_s = now_s
        behind = {
            place: offset
            for place, offset in next_offsets.items()
            if ends is not None and ends.get(place, 0) > offset
        }
        self._since = {
            place: before[place]
            if place in before and before[place][0] == offset
            else (offset, now_s)
            for place, offset in behind.items()
        }
        self.lag_records = sum((ends or {})[place] - offset for place, offset in behind.items())
        self.longest_s = max((now_s - since for _, since in self._since.values()), default=0.0)
        return sorted(
            p for p, (_, since) in self._since.items() if now_s - since >= self._stalled_s
        )


async def watch(
    ownership: Ownership, broker: BrokerSettings, *, stalled_s: float, told: Watched
) -> None:
    """Look for ever, and end the process when a partition is stalled.

    It is a task of its own: Faust starts those it is given only when its recovery is over.
    """
    watchdog, asked = Watchdog(stalled_s), _Ends(broker)
    try:
        while True:
            await asyncio.sleep(watchdog.interval_s)
            # The ends first: what is folded meanwhile makes the lag smaller, never larger.
            places = _next_offsets(ownership).keys()
            ends = await asked.ask(places, watchdog.interval_s) if places else {}
            next_offsets = _next_offsets(ownership)
            stalled = watchdog.look(time.monotonic(), next_offsets, ends)
            told(watchdog.lag_records, watchdog.longest_s)
            if stalled and ends:
                words = ", ".join(
                    f"{topic}/{partition} stands at {next_offsets[topic, partition]} of"
                    f" {ends[topic, partition]}"
                    for topic, partition in stalled[:4]
                )
                ownership.fatal(f"no progress for {watchdog.longest_s:.0f} s: {words}")
    finally:
        await asked.close()


def _next_offsets(ownership: Ownership) -> Mapping[Place, int]:
    """Return where the partitions stand that may be expected to move: none in the middle of a rebalance."""
    return ownership.positions() if ownership.loaded else {}


class _Ends:
    """Asks for the logs' ends on a connection of its own."""

    def __init__(self, broker: BrokerSettings) -> None:
        self._broker = broker
        self._consumer: AIOKafkaConsumer | None = None

    async def ask(self, places: Collection[Place], timeout_s: float) -> dict[Place, int] | None:
        """Return the end offsets, or None when the broker does not say in time."""
        try:
            async with asyncio.timeout(timeout_s):
                if self._consumer is None:
                    self._consumer = AIOKafkaConsumer(
                        **self._broker.reader_options(), group_id=None
                    )
                    await self._consumer.start()
                ends = await self._consumer.end_offsets([TopicPartition(*p) for p in places])
        except Exception:  # noqa: BLE001 - whatever it is, the ends are not known
            await self.close()
            return None
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}

    async def close(self) -> None:
        """Leave the connection; the next question makes another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await asyncio.wait({asyncio.ensure_future(consumer.stop())}, timeout=1.0)
