"""The overview, which is the first thing anybody sees: in five seconds, what is wrong and what to do."""

from nicegui import ui

from . import links
from .desk import Desk
from .doing import acknowledging
from .elements import Lines, Said, Sheet, block, section
from .frame import page_frame
from .rows import overview as rows
from .rows import purse, sentence


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(links.OVERVIEW, title="Overview · Tapereader")
    def page() -> None:
        with page_frame(desk, "Overview", here=links.OVERVIEW, heading_hidden=True) as frame:
            frame.paints(("sentence",), sentence.sentence_of, _Sentence().show)
            with block("div", "beside"):
                with section("Assets, the most severe first"):
                    table = Sheet("Assets by severity", rows.ASSET_COLUMNS, caption_hidden=True)
                    frame.paints(("assets",), rows.assets_of, table.show)
                with block("div"):
                    with section("Unacknowledged alerts"):
                        asking = Sheet(
                            "Alerts that fire and that nobody has acknowledged",
                            rows.ALERT_COLUMNS,
                            caption_hidden=True,
                            stacked=True,
                            locked=not frame.access.may_act,
                            on_act=acknowledging(frame),
                        )
                        frame.paints(("asking",), rows.asking_of, asking.show)
                    with section("Money"):
                        frame.paints(("purse",), purse.purse_of, Lines().show)


class _Sentence:
    """The one sentence, what to do, and what else is not as it should be."""

    def __init__(self) -> None:
        self._box = block("section", "part sentence", aria_label="How the pipeline is")
        with self._box:
            self._lead = Said("p").classes("lead")
            self._action = Said("p").classes("findings")
            self._findings = Lines(classes="findings")

    def show(self, shown: sentence.Sentence) -> None:
        """Show it."""
        self._box.classes(replace=f"part sentence is-{shown.state}")
        self._lead.say(shown.lead)
        self._action.say(shown.action)
        self._findings.show(shown.findings)
