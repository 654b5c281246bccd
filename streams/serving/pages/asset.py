"""One asset: its price, volume, posts and development over one axis of time, and what was said and fired."""

from collections.abc import Callable, Sequence

from nicegui import ui
from nicegui.element import Element

from . import links
from .chart import Lanes
from .charts.choosing import Choice, chosen
from .charts.windows import instruments
from .choosing import Choosing
from .desk import Desk
from .elements import Said, Sheet, block, section
from .frame import Frame, page_frame
from .pieces import Column, Rows, Words
from .rows import asset as rows
from .rows.behind import MARK_COLUMNS, OTHER_COLUMNS
from .rows.briefly import ALERT_COLUMNS, ANALYSIS_COLUMNS, GAP_COLUMNS
from .rows.renewing import Renewing
from .rows.tiles import Tile
from .rows.window_rows import WINDOW_COLUMNS

NAME_CHARS_MAX = 24
"""Of an address: no asset's name is longer."""


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page("/assets/{asset}", title="Asset · Tapereader")
    def page(asset: str) -> None:
        name = asset[:NAME_CHARS_MAX]
        query = dict(ui.context.client.request.query_params)
        with page_frame(desk, name, here=links.OVERVIEW, wide=True) as frame:
            _paint(frame, chosen(name, query, instruments(desk.view, name)))


def _paint(frame: Frame, choice: Choice) -> None:
    name = choice.asset
    head = _Head()
    frame.paints(("asset.head", name), lambda view, now: rows.head_of(view, name, now.ms, now.market_ms), head.show)  # fmt: skip
    with section("What is shown", "choosing"):
        choices = _Choices()
    frame.paints(("asset.choices", choice), lambda view, _: rows.choices_of(view, choice), choices.show)  # fmt: skip
    board = _Board()
    drawn = Renewing(name, lambda view, now: rows.board_of(view, choice, now.ms))
    frame.paints(("asset.board", choice), drawn, board.show)
    for heading, columns, of in _tables(name):
        with section(heading):
            table = Sheet(heading, columns, caption_hidden=True)
        frame.paints(("asset", heading, name), of, table.show)
    board.draw_tables()


def _tables(name: str) -> Sequence[tuple[str, tuple[Column, ...], Callable[..., Rows]]]:
    return (
        ("Alerts", ALERT_COLUMNS, lambda view, now: rows.alerts_of(view, name, now.ms)),
        ("Analyses", ANALYSIS_COLUMNS, lambda view, _: rows.analyses_of(view, name)),
        ("Gaps in its feeds", GAP_COLUMNS, lambda view, _: rows.gaps_of(view, name)),
    )


class _Head:
    """How the asset stands."""

    def __init__(self) -> None:
        self._box = block("section", "part standing", aria_label="How it stands")
        with self._box:
            self._lead, self._data = Said("p").classes("lead"), Said("p").classes("said-line note")

    def show(self, head: rows.Head) -> None:
        """Show it."""
        self._box.classes(replace=f"part standing is-{head.level}")
        self._lead.say(head.lead)
        self._data.say(head.data)


class _Choices:
    """Instrument, window and span: links, so that each has its address and the keyboard reaches it."""

    def __init__(self) -> None:
        with block("div", "choices"):
            self._rows = [Choosing(name) for name in ("Instrument", "Windows", "Span")]

    def show(self, choices: rows.Choices) -> None:
        """Show them."""
        offered = (choices.instruments, choices.windows, choices.spans)
        for row, options in zip(self._rows, offered, strict=True):
            row.show(options)


class _Board:
    """Tiles, charts, and the tables behind them."""

    def __init__(self) -> None:
        with block("section", "part", aria_label="Numbers and charts"):
            self._quote = Said("p").classes("said-line note")
            with block("div") as self._numbers:
                self._tiles = _Tiles()
                self._lanes = Lanes()
                Said("p", (Words(rows.LEGEND, tone="quiet"),)).classes("legend")
        self._below: Element | None = None
        self._tables: tuple[Sheet, ...] = ()

    def draw_tables(self) -> None:
        """Draw the tables behind the charts, below everything else: they are long, and are scrolled by themselves."""
        with block("div") as self._below:
            self._tables = (
                _behind("The marks in the charts", MARK_COLUMNS),
                _behind("The market's windows behind the charts", WINDOW_COLUMNS),
                _behind("The other windows behind the charts", OTHER_COLUMNS),
            )

    def show(self, board: rows.Board) -> None:
        """Show them."""
        self._quote.say(board.quote)
        self._numbers.set_visibility(board.known)
        self._tiles.show(board.tiles)
        self._lanes.show(board.stack)
        if self._below is not None:
            self._below.set_visibility(board.known)
        shown = (board.marks, board.windows, board.others)
        for table, rows_ in zip(self._tables, shown, strict=False):
            table.show(rows_)


def _behind(heading: str, columns: tuple[Column, ...]) -> Sheet:
    with section(heading), block("div", "scrolled", tabindex="0", role="region", aria_label=heading):  # fmt: skip
        return Sheet(f"{heading}, the newest first", columns, caption_hidden=True)


class _Tiles:
    """Numbers that stand large."""

    def __init__(self) -> None:
        self._box = block("div", "tiles")
        self._made: list[tuple[Said, Said, Said]] = []

    def show(self, tiles: Sequence[Tile]) -> None:
        """Show these; made anew only where there are more or fewer."""
        if len(self._made) != len(tiles):
            self._box.clear()
            with self._box:
                self._made = [self._tile() for _ in tiles]
        for (title, value, note), tile in zip(self._made, tiles, strict=True):
            title.say((Words(tile.title),))
            value.say(tile.value)
            note.say(tile.note)

    @staticmethod
    def _tile() -> tuple[Said, Said, Said]:
        with block("div", "tile"):
            return (
                Said("p").classes("tile-title"),
                Said("p").classes("tile-value"),
                Said("p").classes("tile-note"),
            )
