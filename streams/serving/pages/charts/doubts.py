"""Where a row of windows is not to be trusted: holed stretches, and stretches without any window. PURE."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from streams.serving.shown import Point

STRETCHES_MAX = 40
"""Drawn on one chart: of more, neighbours are drawn as one."""

What = Literal["holed", "no windows", "source missing"]


class Stretch(Struct, frozen=True, kw_only=True):
    """A span of time in which something is missing."""

    from_ms: int
    to_ms: int
    what: What


def stretches(points: Sequence[Point], *, from_ms: int, to_ms: int) -> list[Stretch]:
    """Return the stretches of a row of windows, in order of time, that reach into a span; neighbours are one.

    A window is holed by its own word, or lacks a source. Where none is, from the first one known on, there are `no windows`;
    what is before the first, and behind the last, may be there and not be known.
    """
    found: list[Stretch] = []
    known_to: int | None = None
    for point in points:
        if known_to is not None and point.start_ms > known_to:
            _add(found, known_to, point.start_ms, "no windows")
        if point.state == "holed":
            _add(found, point.start_ms, point.end_ms, "holed")
        elif point.missing_sources:
            _add(found, point.start_ms, point.end_ms, "source missing")
        known_to = max(known_to or 0, point.end_ms)
    inside = [
        Stretch(from_ms=max(s.from_ms, from_ms), to_ms=min(s.to_ms, to_ms), what=s.what)
        for s in found
        if s.to_ms > from_ms and s.from_ms < to_ms
    ]
    return _fewer(inside, STRETCHES_MAX)


def _add(found: list[Stretch], from_ms: int, to_ms: int, what: What) -> None:
    last = found[-1] if found else None
    if last is not None and last.what == what and last.to_ms >= from_ms:
        found[-1] = Stretch(from_ms=last.from_ms, to_ms=max(last.to_ms, to_ms), what=what)
    else:
        found.append(Stretch(from_ms=from_ms, to_ms=to_ms, what=what))


def _fewer(found: list[Stretch], most: int) -> list[Stretch]:
    """Join neighbours until there are few enough; what was doubtful stays so, and a little more becomes it."""
    if len(found) <= most:
        return found
    joined = []
    for i in range(most):
        part = found[i * len(found) // most : (i + 1) * len(found) // most]
        joined.append(
            Stretch(
                from_ms=part[0].from_ms,
                to_ms=max(s.to_ms for s in part),
                what="holed" if any(s.what == "holed" for s in part) else part[0].what,
            )
        )
    return joined
