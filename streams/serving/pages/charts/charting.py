"""Lanes over one axis of time, as the chart in the browser gets them. PURE.

They hold numbers, our own words and addresses of this host; no text from a topic is ever in them. A unit is one only where
it is a ticker (`quantities.sides`). The browser draws on a canvas, tooltips too: nothing of it is read as HTML.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from .candles import Candle
from .doubts import Stretch
from .thinning import Dot

DIGITS = 6
"""Of a drawn number: more could not be seen, and would be sent to every viewer."""
CANDLES_MAX, VALUES_MAX = 240, 400
"""Drawn in one lane (twice as many at most, where there are gaps), and in one line of it: a screen is some 1,500 pixels wide, and 50 viewers are sent each."""
MARKERS_MAX = 120
"""Drawn; of more the newest."""

Form = Literal["line", "bars", "faint"]
Colour = Literal["main", "second", "third", "faint"]
Shape = Literal["triangle", "circle", "rect", "ring"]


class Series(Struct, frozen=True, kw_only=True):
    """One line or one row of bars in a lane."""

    name: str
    """Our own words."""
    form: Form
    dots: Sequence[Dot]
    colour: Colour = "main"


class Lane(Struct, frozen=True, kw_only=True):
    """One chart of the stack."""

    title: str
    """What it is, in our own words, with how it is drawn."""
    unit: str
    height: int
    window_ms: int
    """Of its windows: how wide a bar is."""
    series: Sequence[Series] = ()
    candles: Sequence[Candle] | None = None
    doubts: Sequence[Stretch] = ()
    least: float | None = None
    greatest: float | None = None
    levels: Sequence[float] = ()
    """Drawn across: a half, a threshold."""


class Marker(Struct, frozen=True, kw_only=True):
    """Something that happened, in a row of its own. A click on it leads to ``href``."""

    at_ms: int
    until_ms: int | None = None
    """To where it held; None of an instant."""
    row: int
    shape: Shape
    level: str = ""
    """A severity, or none."""
    words: str
    """Our own: what it is."""
    href: str


class Stack(Struct, frozen=True, kw_only=True):
    """All lanes, and the rows of markers under them."""

    from_ms: int
    to_ms: int
    lanes: Sequence[Lane]
    rows: Sequence[str] = ()
    markers: Sequence[Marker] = ()
    words: str = ""
    """What a screen reader says of it."""


def wire(stack: Stack) -> dict[str, Any]:
    """Return a stack as the browser gets it."""
    newest = sorted(stack.markers, key=lambda marker: marker.at_ms)[-MARKERS_MAX:]
    return {
        "from": stack.from_ms,
        "to": stack.to_ms,
        "words": stack.words,
        "rows": list(stack.rows),
        "lanes": [_lane(lane) for lane in stack.lanes],
        "markers": [msgspec.to_builtins(marker) for marker in newest],
    }


def rounded(value: float) -> float:
    """Return a number with as many digits as are drawn."""
    return float(f"{value:.{DIGITS}g}")


def _lane(lane: Lane) -> dict[str, Any]:
    return {
        "title": lane.title,
        "unit": lane.unit,
        "height": lane.height,
        "window": lane.window_ms,
        "least": lane.least,
        "greatest": lane.greatest,
        "levels": list(lane.levels),
        "doubts": [[s.from_ms, s.to_ms, s.what] for s in lane.doubts],
        "candles": None if lane.candles is None else [_candle(candle) for candle in lane.candles],
        "series": [
            {
                "name": series.name,
                "form": series.form,
                "colour": series.colour,
                "dots": [[at, None if y is None else rounded(y)] for at, y in series.dots],
            }
            for series in lane.series
        ],
    }


def _candle(candle: Candle) -> list[float | int]:
    """Return its middle, first, last, least and greatest price, whether it is holed, and how long it is."""
    prices = map(rounded, (candle.open, candle.close, candle.low, candle.high))
    middle_ms = (candle.start_ms + candle.end_ms) // 2
    return [middle_ms, *prices, int(candle.holed), candle.end_ms - candle.start_ms]
