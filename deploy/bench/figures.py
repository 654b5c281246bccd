"""What was measured, and its spread over runs. PURE."""

from collections.abc import Sequence
from statistics import median, quantiles

from msgspec import Struct

from .notes import Note

MB = 1_000_000
_TWO = 2


class Span(Struct, frozen=True, kw_only=True):
    """A process from its first fetched record to its last commit."""

    events_per_s: float
    seconds: float
    cpu_us_per_event: float
    """User and system time between the two."""
    rss_mb_max: float


class Ours(Struct, frozen=True, kw_only=True):
    """One run of the worker."""

    span: Span
    checkpoints_per_s: float
    checkpoint_ms_p50: float
    outputs: int
    changelog_records_per_event: float
    changelog_bytes_per_event: float
    applied: int
    """By the counters committed with the state."""
    windows: int
    """Of a minute, each counted once."""
    counted: int
    """Events in them."""
    still_open: int
    rebalances: int
    errors: list[str]
    """What is wrong with the result; nothing is right."""


class Stock(Struct, frozen=True, kw_only=True):
    """One run of stock Faust."""

    span: Span
    windows: int
    """That there are."""
    closed_right: int
    """Closed once, and with every event."""
    closed_wrong: int


class Spread(Struct, frozen=True, kw_only=True):
    """Least, middle and greatest of some runs."""

    min: float
    median: float
    max: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(min=min(values), median=median(values), max=max(values))


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and the greatest of at least one value."""
    cuts = quantiles(values, n=20, method="inclusive") if len(values) >= _TWO else list(values) * 20
    return {"p50": cuts[9], "p95": cuts[18], "max": max(values)}


def span_of(notes: Sequence[Note], events: int) -> Span:
    """Return the span from the first fetch to the last commit in some notes."""
    first = next(note for note in notes if note.what == "fetched")
    last = next(note for note in reversed(notes) if note.what == "committed")
    seconds = last.at_s - first.at_s
    return Span(
        events_per_s=events / seconds,
        seconds=seconds,
        cpu_us_per_event=(last.cpu_s - first.cpu_s) / events * 1e6,
        rss_mb_max=max(note.rss_bytes_max for note in notes) / MB,
    )
