"""Fewer points of a line without a lie: extremes, ends and breaks stay. PURE."""

from collections.abc import Sequence

Dot = tuple[int, float | None]
"""When, and how much; None where the line must break, because nothing is known there."""

KEPT_OF_SPAN = 4
"""Of each span of the axis: first, least, greatest and last."""


def thin(dots: Sequence[Dot], most: int) -> list[Dot]:
    """Return at most ``most`` of the values, in their order, and a break wherever there was one between two of them.

    The axis is cut into spans of equally many values; each keeps its first, least, greatest and last. So no peak and
    no trough is ever lost, and what was apart is never joined. Breaks come on top: never more than values.

    Raises:
        ValueError: There is no room for one span.
    """
    if most < KEPT_OF_SPAN:
        msg = f"a line needs room for {KEPT_OF_SPAN} values, not {most}"
        raise ValueError(msg)
    known = [(place, value) for place, (_, value) in enumerate(dots) if value is not None]
    if len(known) > most:
        spans = most // KEPT_OF_SPAN
        known = [
            kept
            for i in range(spans)
            for kept in _kept(known[i * len(known) // spans : (i + 1) * len(known) // spans])
        ]
    return _with_breaks(dots, [place for place, _ in known])


def _kept(span: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    least = min(span, key=lambda dot: dot[1])
    greatest = max(span, key=lambda dot: dot[1])
    return sorted({span[0], least, greatest, span[-1]})


def _with_breaks(dots: Sequence[Dot], places: Sequence[int]) -> list[Dot]:
    """Return the dots at some places, and of the breaks between two of them the first."""
    breaks = [place for place, (_, value) in enumerate(dots) if value is None]
    kept: list[Dot] = []
    at = 0
    for place in places:
        begun = at
        while at < len(breaks) and breaks[at] < place:
            at += 1
        if at > begun and kept:
            kept.append((dots[breaks[begun]][0], None))
        kept.append(dots[place])
    return kept


def with_gaps(dots: Sequence[tuple[int, float | None]], step_ms: int) -> list[Dot]:
    """Return dots in order of time, with a break where at least one whole step is missing between two."""
    spaced: list[Dot] = []
    for at_ms, value in dots:
        if spaced and at_ms - spaced[-1][0] > step_ms:
            spaced.append((spaced[-1][0] + step_ms, None))
        spaced.append((at_ms, value))
    return spaced
