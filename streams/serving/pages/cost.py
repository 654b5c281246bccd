"""What models cost."""

from functools import partial

from nicegui import ui

from . import links
from .desk import Desk
from .elements import Said, Sheet, block, section
from .frame import Frame, page_frame
from .rows import cost as rows


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(links.COST, title="Cost · Tapereader")
    def page() -> None:
        with page_frame(desk, "Cost", here=links.COST) as frame:
            frame.paints(("cost lead",), rows.lead_of, Said("p").classes("counts").say)
            with section("Budgets"):
                budgets = Sheet("Budgets", rows.BUDGET_COLUMNS, caption_hidden=True)
                frame.paints(("budgets",), rows.budgets_of, budgets.show)
            with block("div", "beside is-even"):
                _spent(frame, "asset", "By asset")
                with block("div"):
                    for sort, heading in rows.SORTS:
                        _spent(frame, sort, heading)


def _spent(frame: Frame, sort: str, heading: str) -> None:
    with section(heading):
        table = Sheet(f"Cost {heading.lower()}", rows.SPENT_COLUMNS, caption_hidden=True)
        frame.paints(("spent", sort), partial(rows.spent_of, sort=sort), table.show)
