"""Minute windows as Faust's own documentation teaches them, for comparison: nothing of ours runs here.

An agent over a topic of records, a tumbling windowed table that a field of the event is relative to, and
`on_window_close`. The store is in memory, which is the fastest there is.
"""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import faust
from msgspec import json

from topics.settings import BrokerSettings

from .notes import Notes

MINUTE_S, EXPIRES_S = 60.0, 600.0
CLEANUP_S = 1.0
"""How often Faust looks for windows that are over: 30 s by default, which is no faster, and here closes none in time."""
SETTLE_S = 5.0
"""For windows to close after the last event: some cleanups."""


class Trade(faust.Record, serializer="json"):
    """A trade; heartbeats have neither subject nor size."""

    type: str
    subject: str = ""
    event_ms: int = 0
    price: float = 0.0
    size: float = 0.0


class Count:
    """What has been counted, and the windows that were closed: subject, start and trades of each."""

    def __init__(self, events: int, notes: Notes, result: Path) -> None:
        """Count so many trades, then write the windows to ``result``."""
        self._events, self._notes, self._result = events, notes, result
        self._seen = 0
        self._closed: list[tuple[str, int, int]] = []

    def close(self, key: Any, value: Any) -> None:  # noqa: ANN401 - Faust's
        """Take a window that Faust says is over."""
        subject, (start_s, _) = key
        self._closed.append((subject, int(start_s * 1000), value[0]))

    def add(self, minutes: Any, trade: Trade) -> None:  # noqa: ANN401 - Faust's
        """Count a trade in its window."""
        if trade.type != "trade":
            return
        if not self._seen:
            self._notes.write("fetched")
        number, volume = minutes[trade.subject].value()
        minutes[trade.subject] = (number + 1, volume + trade.size)
        self._seen += 1
        if self._seen == self._events:
            self._notes.write("committed", read=self._seen)
            asyncio.get_running_loop().call_later(SETTLE_S, self._end)

    def _end(self) -> None:
        self._result.write_bytes(json.encode(self._closed))
        os._exit(0)  # Faust takes seconds to leave its group


def create_app(broker: BrokerSettings, topic: str, count: Count, folder: Path) -> faust.App:
    """Return the program, as the documentation has it. Faust leaves its own files in ``folder``."""
    app = faust.App(
        broker.topic("stock"),
        broker=[f"kafka://{host}" for host in broker.bootstrap.split(",")],
        topic_partitions=broker.partitions,
        table_cleanup_interval=CLEANUP_S,
        store="memory://",
        datadir=str(folder),
        web_enabled=False,
    )
    trades = app.topic(topic, value_type=Trade, key_type=bytes)
    table = app.Table(
        "minutes",
        default=lambda: (0, 0.0),
        partitions=broker.partitions,
        on_window_close=count.close,
    )
    tumbling: Any = table.tumbling(MINUTE_S, expires=EXPIRES_S)
    minutes = tumbling.relative_to(lambda event: event.value.event_ms / 1000)

    async def fold(stream: Any) -> None:  # noqa: ANN401 - Faust's
        async for trade in stream:
            count.add(minutes, trade)

    app.agent(trades, name="fold")(fold)
    return app


def run_stock_faust(
    broker: BrokerSettings, topic: str, events: int, file: Path, *, lifeline: int | None = None
) -> None:
    """Count the trades of a topic; ``file`` gets notes, and the same name with `.closed` the closed windows."""
    if lifeline is not None:
        threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    with Notes(file) as notes:
        count = Count(events, notes, file.with_suffix(".closed"))
        app = create_app(broker, topic, count, file.parent)
        faust.Worker(app, loglevel="warn").execute_from_commandline()


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)
