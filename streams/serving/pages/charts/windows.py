"""The windows an asset's page shows, out of the view. PURE."""

from collections.abc import Mapping, Sequence

from streams.serving.shown import Point, SeriesKey
from streams.serving.view import View
from topics import Kind

from .choosing import HOUR_MS, MINUTE_MS, Choice, ranked

Windows = Mapping[Kind, Sequence[Point]]
"""By kind, the windows shown, the oldest first."""


def instruments(view: View, asset: str) -> list[str]:
    """Return an asset's instruments in the order they are offered: that with most trades of late first."""
    trades: dict[str, float] = {}
    for kind, subject in view.subjects(asset):
        if kind == "market":
            key = SeriesKey(kind, subject, MINUTE_MS, MINUTE_MS)
            starts, columns = view.columns(key, ("trades",))
            since_ms = starts[-1] - HOUR_MS if starts else 0
            recent = (n for at, n in zip(starts, columns["trades"], strict=True) if at > since_ms)
            trades[subject] = sum(n or 0 for n in recent)
    return ranked(trades)


def end_ms(view: View, choice: Choice, now_ms: int) -> int:
    """Return where the axis ends: with the newest window there is, in the market's time; with now if there is none."""
    ends = []
    for kind, size_ms in choice.sizes().items():
        starts, _ = view.columns(SeriesKey(kind, subject_of(choice, kind), size_ms, size_ms), ())
        ends += [at + size_ms for at in starts[-1:]]
    return max(ends, default=now_ms)


def windows(view: View, choice: Choice, to_ms: int) -> Windows:
    """Return the windows of a span that ends at a time, by kind."""
    return {
        kind: view.series(kind, subject_of(choice, kind), size_ms, to_ms - choice.span_ms)
        for kind, size_ms in choice.sizes().items()
    }


def subject_of(choice: Choice, kind: Kind) -> str:
    """Return what a kind's windows are of: the instrument, or the asset."""
    return choice.subject if kind == "market" else choice.asset
