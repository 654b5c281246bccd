"""All alerts."""

from nicegui import ui

from . import links
from .desk import Desk
from .doing import acknowledging
from .elements import Sheet, section
from .frame import page_frame
from .rows import alerts as rows


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(links.ALERTS, title="Alerts · Tapereader")
    def page() -> None:
        with page_frame(desk, "Alerts", here=links.ALERTS) as frame:
            with section("Firing"):
                firing = Sheet(
                    "Alerts that fire",
                    rows.FIRING_COLUMNS,
                    caption_hidden=True,
                    locked=not frame.access.may_act,
                    on_act=acknowledging(frame),
                )
                frame.paints(("firing",), rows.firing_of, firing.show)
            with section("Over"):
                over = Sheet("Alerts that are over", rows.OVER_COLUMNS, caption_hidden=True)
                frame.paints(("over",), rows.over_of, over.show)
