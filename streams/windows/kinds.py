"""The table of kinds: how each one's time is cut. The specification is docs/windows.md, section 2."""

from msgspec import Struct

from topics import Kind

_SECOND = 1_000
_MINUTE = 60_000
_HOUR = 3_600_000


class WindowSize(Struct, frozen=True, order=True):
    """One family of windows: they start at multiples of ``step_ms`` from the epoch."""

    window_ms: int
    step_ms: int

    def starts_holding(self, from_ms: int, to_ms: int) -> range:
        """Return the starts of every window that shares an instant with [from_ms, to_ms)."""
        first = (from_ms - self.window_ms) // self.step_ms + 1
        return range(first * self.step_ms, to_ms, self.step_ms)


class KindRules(Struct, frozen=True, kw_only=True):
    """How the events of one kind become windows. All spans are in milliseconds of event time."""

    kind: Kind
    pane_ms: int
    """The finest grid: realised variance sees the last price of each pane."""
    block_ms: int
    """What state holds; windows are merges of blocks."""
    sizes: tuple[WindowSize, ...]
    horizon_ms: int
    """An event older than the watermark less this is late."""
    source_idle_ms: int
    """A source this far behind the fastest one no longer holds the watermark back."""
    dedupe_ms: int
    """How far behind the watermark the ids without a sequence are remembered."""

    compares: bool = False
    """Whether a window is compared with the span of its length before it."""

    @property
    def retention_ms(self) -> int:
        """How far behind the watermark a block is kept: it may still be part of a correction."""
        spans = 2 if self.compares else 1
        return spans * max(size.window_ms for size in self.sizes) + self.horizon_ms


CORRECTION_TICK_MS = 10 * _SECOND
"""Corrections are published at the first heartbeat that brings the watermark across a multiple of this."""

KIND_RULES: dict[Kind, KindRules] = {
    "market": KindRules(
        kind="market",
        pane_ms=10 * _SECOND,
        block_ms=_MINUTE,
        sizes=(
            WindowSize(_MINUTE, _MINUTE),
            WindowSize(5 * _MINUTE, 5 * _MINUTE),
            WindowSize(5 * _MINUTE, _MINUTE),
            WindowSize(_HOUR, _HOUR),
        ),
        horizon_ms=10 * _MINUTE,
        source_idle_ms=30 * _SECOND,
        dedupe_ms=2 * _MINUTE,
    ),
    "volume": KindRules(
        kind="volume",
        pane_ms=_MINUTE,
        block_ms=_MINUTE,
        sizes=(WindowSize(5 * _MINUTE, 5 * _MINUTE), WindowSize(_HOUR, _HOUR)),
        horizon_ms=_HOUR,
        source_idle_ms=10 * _MINUTE,
        dedupe_ms=_HOUR,
        compares=True,
    ),
    "social": KindRules(
        kind="social",
        pane_ms=_MINUTE,
        block_ms=_MINUTE,
        sizes=(WindowSize(5 * _MINUTE, 5 * _MINUTE), WindowSize(_HOUR, _HOUR)),
        horizon_ms=_HOUR,
        source_idle_ms=10 * _MINUTE,
        dedupe_ms=_HOUR,
    ),
    "development": KindRules(
        kind="development",
        pane_ms=5 * _MINUTE,
        block_ms=_HOUR,
        sizes=(WindowSize(_HOUR, _HOUR),),
        horizon_ms=12 * _HOUR,
        source_idle_ms=_HOUR,
        dedupe_ms=12 * _HOUR,
    ),
}
