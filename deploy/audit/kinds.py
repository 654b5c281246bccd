"""The table of kinds: section 2 of docs/windows.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
TICK_MS = 10 * SECOND
"""Corrections are published when the watermark crosses a multiple of this."""


class Window(NamedTuple):
    """One window. In this order windows are published within one heartbeat."""

    start_ms: int
    subject: str
    window_ms: int
    step_ms: int

    @property
    def end_ms(self) -> int:
        """The first instant after it."""
        return self.start_ms + self.window_ms


@dataclass(frozen=True, slots=True)
class Rules:
    """How the time of one kind is cut; all spans in milliseconds."""

    pane_ms: int
    block_ms: int
    sizes: tuple[tuple[int, int], ...]
    """(window, step)."""
    horizon_ms: int
    idle_ms: int
    dedupe_ms: int
    retention_ms: int

    def holding(self, subject: str, from_ms: int, to_ms: int) -> Iterator[Window]:
        """Yield every window of a subject that holds an instant of [from_ms, to_ms)."""
        for window_ms, step_ms in self.sizes:
            first = (from_ms - window_ms) // step_ms * step_ms + step_ms
            for start_ms in range(first, to_ms, step_ms):
                yield Window(start_ms, subject, window_ms, step_ms)


def _polled(spans_kept: int) -> Rules:
    return Rules(
        pane_ms=MINUTE,
        block_ms=MINUTE,
        sizes=((5 * MINUTE, 5 * MINUTE), (HOUR, HOUR)),
        horizon_ms=HOUR,
        idle_ms=10 * MINUTE,
        dedupe_ms=HOUR,
        retention_ms=spans_kept * HOUR + HOUR,
    )


RULES = {
    "market": Rules(
        pane_ms=10 * SECOND,
        block_ms=MINUTE,
        sizes=((MINUTE, MINUTE), (5 * MINUTE, MINUTE), (5 * MINUTE, 5 * MINUTE), (HOUR, HOUR)),
        horizon_ms=10 * MINUTE,
        idle_ms=30 * SECOND,
        dedupe_ms=2 * MINUTE,
        retention_ms=HOUR + 10 * MINUTE,
    ),
    "volume": _polled(2),
    "social": _polled(1),
    "development": Rules(
        pane_ms=5 * MINUTE,
        block_ms=HOUR,
        sizes=((HOUR, HOUR),),
        horizon_ms=12 * HOUR,
        idle_ms=HOUR,
        dedupe_ms=12 * HOUR,
        retention_ms=HOUR + 12 * HOUR,
    ),
}
