"""Windows in short for tests of charts."""

from typing import Any

from streams.serving.records import Place, Point

MINUTE_MS = 60_000


def point(start_ms: int, **changes: Any) -> Point:
    """Return a minute of trades that is whole."""
    told: dict[str, Any] = {
        "start_ms": start_ms,
        "window_ms": MINUTE_MS,
        "step_ms": MINUTE_MS,
        "edition": (0, 0),
        "values": {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0},
        "scores": {},
        "state": "complete",
        "holed_fraction": 0.0,
        "missing_sources": (),
        "place": Place("aggregates", 0, start_ms // MINUTE_MS),
        **changes,
    }
    return Point(**told)
