"""Feeds, and what is missing of them."""

from nicegui import ui

from . import links
from .desk import Desk
from .elements import Said, Sheet, section
from .frame import page_frame
from .rows import feeds as rows


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(links.FEEDS, title="Feeds · Tapereader")
    def page() -> None:
        with page_frame(desk, "Feeds", here=links.FEEDS) as frame:
            frame.paints(("feed counts",), rows.counts_of, Said("p").classes("counts").say)
            with section("Feeds, those in trouble first"):
                feeds = Sheet("Feeds", rows.FEED_COLUMNS, caption_hidden=True)
                frame.paints(("feeds",), rows.feeds_of, feeds.show)
            with section("Gaps"):
                gaps = Sheet("Gaps of feeds", rows.GAP_COLUMNS, caption_hidden=True)
                frame.paints(("gaps",), rows.gaps_of, gaps.show)
