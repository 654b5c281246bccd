"""The vocabulary of the pages: what a piece of a page can be, as plain values. PURE.

A page's pure half makes these of a view and a time; the browser's own scripts (`static/`) make text of them, and of
text never anything else. Every text in them is cleaned here, so that no page can forget to.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from streams.serving.words import number, plain, span
from topics import Severity

from . import links

TEXT_MAX = 600
"""Characters of one piece: an id, a headline, a reason."""
PROSE_LINES_MAX, PROSE_LINE_MAX = 60, 4_000
"""Of an analysis, which has 4,000 characters at most."""

Tone = Literal["", "good", "doubt", "bad", "quiet", "strong", "code"]
"""How words are shown beside what they say; they say it without."""
Clock = Literal["market", "wall"]
"""Which time an age is counted in: the market's, which a demo or a replay speeds up, or ours."""


class Now(Struct, frozen=True):
    """The time a picture is of."""

    ms: int
    """The wall clock's."""
    market_ms: int
    """The market's: of windows, alerts, and what data say."""
    speed: float = 1.0
    """Market milliseconds in one of the wall clock."""

    def market_at(self, wall_ms: int) -> int:
        """Return the market's time at a wall time, so that what is written by the one can be held against the other."""
        return self.market_ms - round((self.ms - wall_ms) * self.speed)


class _Piece(Struct, frozen=True, omit_defaults=True, tag_field="is"):
    """Any piece; its tag tells the browser which."""


class _Texts(_Piece, frozen=True):
    """A piece with text from anywhere."""

    text: str

    def __post_init__(self) -> None:
        """Keep plain text alone."""
        force_setattr(self, "text", plain(self.text, TEXT_MAX))


class Words(_Texts, frozen=True, tag="words"):
    """Words, perhaps a link to something on this host."""

    tone: Tone = ""
    href: str | None = None
    hint: str = ""
    """More of it, for those who ask: the whole id, the reason."""

    def __post_init__(self) -> None:
        """Keep plain text, and links of this host."""
        super().__post_init__()
        force_setattr(self, "hint", plain(self.hint, TEXT_MAX))
        if self.href is not None and not links.is_local(self.href):
            force_setattr(self, "href", None)


class Prose(_Texts, frozen=True, tag="prose"):
    """Text of several lines, as it was written."""

    lines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Cut into lines, each plain; the rest is left out and the last line says so."""
        found = self.text.splitlines()
        kept = [plain(line, PROSE_LINE_MAX) for line in found[:PROSE_LINES_MAX]]
        if len(found) > PROSE_LINES_MAX:
            kept.append(f"and {len(found) - PROSE_LINES_MAX:,} more lines")
        force_setattr(self, "lines", tuple(line for line in kept if line))
        force_setattr(self, "text", "")


class Amount(_Texts, frozen=True, tag="amount"):
    """A number as it is read, with its unit."""

    unit: str = ""
    tone: Tone = ""

    def __post_init__(self) -> None:
        """Keep plain text alone."""
        super().__post_init__()
        force_setattr(self, "unit", plain(self.unit, 40))


class Instant(_Piece, frozen=True, tag="instant"):
    """A point in time, which the reader sees in UTC or in their own."""

    at_ms: int
    exact: bool = False
    """To the millisecond."""


class Age(_Piece, frozen=True, tag="age"):
    """How long ago something was; the browser counts on, and greys it out once it is stale."""

    at_ms: int
    stale_ms: int = 0
    """Age from which it is stale; 0 never."""
    clock: Clock = "wall"


class Until(_Piece, frozen=True, tag="until"):
    """How long until something is; once it is past the browser says so."""

    at_ms: int
    clock: Clock = "wall"


class Mark(_Piece, frozen=True, tag="mark"):
    """A level as a mark and a word: never as a colour alone."""

    level: Literal["critical", "warning", "notice", "info", "well"]
    word: str


class Voice(_Piece, frozen=True, tag="voice"):
    """Whose words are shown: they are drawn differently, and say so."""

    whose: Literal["rules", "model", "simulated"]
    word: str
    hint: str = ""


class Bar(_Piece, frozen=True, tag="bar"):
    """A share of something as a length, beside the number that says it."""

    share: float
    """0 to 1; what is beyond is drawn full."""
    tone: Tone = ""


class Button(_Texts, frozen=True, tag="button"):
    """Something to do about this row: the server is told the act and the key."""

    act: str
    key: str
    hint: str = ""


Piece = Words | Prose | Amount | Instant | Age | Until | Mark | Voice | Bar | Button
Line = tuple[Piece, ...]


class Column(Struct, frozen=True, omit_defaults=True):
    """A column of a table: its header, and whether numbers stand in it."""

    title: str
    numeric: bool = False
    main: bool = False
    """The column that takes the room there is, and the row's title where rows are stacked."""
    plain: bool = False
    """Its cells say what they are: where rows are stacked they need no header beside them."""
    tight: bool = False
    """A few of our own words, which stay on one line."""
    end: bool = False
    """Stands at the row's end where rows are stacked."""


class Row(Struct, frozen=True, omit_defaults=True):
    """A row: what tells it from others, its cells, and how it is drawn."""

    key: str
    cells: tuple[Line, ...]
    tone: Tone = ""


class Rows(Struct, frozen=True, omit_defaults=True):
    """What a table shows now: its rows, how many there are beyond them, and what to say when there is none."""

    rows: tuple[Row, ...]
    more: int = 0
    empty: str = ""


class Fact(Struct, frozen=True):
    """A term and what is known of it."""

    term: str
    pieces: Line


def capped(rows: Sequence[Row], most: int, empty: str, total: int | None = None) -> Rows:
    """Return at most so many rows, and of how many more the table must tell."""
    count = len(rows) if total is None else total
    shown = tuple(rows[:most])
    return Rows(shown, more=max(0, count - len(shown)), empty=empty)


def wire(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a value as the browser gets it."""
    return msgspec.to_builtins(value)


_LEVEL_WORDS: dict[Severity, str] = {
    "critical": "Critical",
    "warning": "Warning",
    "notice": "Notice",
    "info": "Calm",
}


def severity(level: Severity) -> Mark:
    """Return a severity as mark and word."""
    return Mark(level, _LEVEL_WORDS[level])


def amount(value: float | None, unit: str = "", *, digits: int = 6, tone: Tone = "") -> Amount:
    """Return a number with its unit; one that is not known as a dash."""
    if value is None:
        return Amount("-", tone="quiet")
    return Amount(number(value, digits), unit, tone)


def counted(count: int, tone: Tone = "") -> Amount:
    """Return a count of things, quiet where there are none."""
    return Amount(f"{count:,}", tone=tone if count else "quiet")


def dollars(nano_usd: int) -> Amount:
    """Return money, to the cent, or to what can be seen of it below a dollar."""
    usd = nano_usd / 1e9
    return Amount(f"{usd:,.2f}" if usd >= 1 or usd == 0 else number(usd, 3), "USD")


def lasting(span_ms: int) -> Words:
    """Return a length of time in words."""
    return Words(span(span_ms))
