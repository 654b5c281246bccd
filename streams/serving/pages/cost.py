"""What models cost."""

from functools import partial

from nicegui import ui

from . import links
from .desk import Desk
from .elements import Said, Sheet, block, section
from .frame import page_frame
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
                for sort, heading in rows.SORTS:
                    with section(heading):
                        table = Sheet(f"Cost {heading}", rows.SPENT_COLUMNS, caption_hidden=True)
                        of = partial(rows.spent_of, sort=sort)
                        frame.paints(("spent", sort), of, table.show)
