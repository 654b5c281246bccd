"""Minute windows as Faust's own documentation teaches them, for comparison: nothing of ours runs here.

An agent over a topic of records, a tumbling windowed table that a field of the event is relative to, and
`on_window_close`. The store is in memory, which is the fastest there is.
"""

import os
import threading
from pathlib import Path
from typing import Any

import faust
from msgspec import json

from topics.settings import BrokerSettings

from .notes import Notes

MINUTE_S, EXPIRES_S, CLEANUP_S = 60.0, 600.0, 1.0
SETTLE_S = 5.0
"""For windows to close after the last event: some cleanups."""


class Trade(faust.Record, serializer="json"):
    """A trade; heartbeats have neither subject nor size."""

    type: str
    subject: str = ""
    event_ms: int = 0
    price: float = 0.0
    size: float = 0.0


def create_app(broker: BrokerSettings, topic: str, events: int, notes: Notes, result: Path) -> Any:  # noqa: ANN401 - Faust's
    """Return the program. It ends by itself once it has counted so many trades."""
    app = faust.App(
        broker.topic("stock"),
        broker=[f"kafka://{host}" for host in broker.bootstrap.split(",")],
        topic_partitions=broker.partitions,
        table_cleanup_interval=CLEANUP_S,
        store="memory://",
        web_enabled=False,
    )
    closed: list[tuple[str, int, int]] = []
    trades = app.topic(topic, value_type=Trade, key_type=bytes)
    seen = 0

    def close(key: Any, value: Any) -> None:  # noqa: ANN401 - Faust's
        subject, (start_s, _) = key
        closed.append((subject, int(start_s * 1000), value[0]))

    def made_s(event: Any) -> float:  # noqa: ANN401 - Faust's
        return float(event.value.event_ms / 1000)

    table = app.Table(
        "minutes", default=lambda: (0, 0.0), partitions=broker.partitions, on_window_close=close
    )
    minutes = table.tumbling(MINUTE_S, expires=EXPIRES_S).relative_to(made_s)

    @app.agent(trades)
    async def count(stream: Any) -> None:  # noqa: ANN401 - Faust's
        nonlocal seen
        async for trade in stream:
            if trade.type != "trade":
                continue
            if not seen:
                notes.write("fetched")
            number, volume = minutes[trade.subject].value()
            minutes[trade.subject] = (number + 1, volume + trade.size)
            seen += 1
            if seen == events:
                notes.write("committed", read=seen)
                app.loop.call_later(SETTLE_S, end)

    def end() -> None:
        result.write_bytes(json.encode(closed))
        os._exit(0)  # Faust takes seconds to leave its group

    return app


def run_stock_faust(
    broker: BrokerSettings, topic: str, events: int, file: Path, *, lifeline: int | None = None
) -> None:
    """Count the trades of a topic; ``file`` gets notes, and the same name with `.closed` the closed windows."""
    if lifeline is not None:
        threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    with Notes(file) as notes:
        app = create_app(broker, topic, events, notes, file.with_suffix(".closed"))
        faust.Worker(app, loglevel="warn").execute_from_commandline()


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)
