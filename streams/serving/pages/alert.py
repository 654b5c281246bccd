"""One alert, and what may be done about it."""

from nicegui import ui

from . import links
from .desk import Desk
from .doing import MUTES, acknowledging, muting, unmuting
from .elements import Ask, Facts, Said, Select, Sheet, block, section
from .frame import Frame, page_frame, tell_missing
from .pieces import Column, Words
from .rows import alert as rows
from .rows import measured

ID_CHARS_MAX = 400
"""Of an address; no id is longer."""


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(links.ALERTS + "/{alert_id:path}", title="Alert · Tapereader")
    def page(alert_id: str) -> None:
        wanted = alert_id[:ID_CHARS_MAX]
        if desk.view.alert(wanted, desk.now_ms()) is None:
            tell_missing()
        with page_frame(desk, "Alert", here=links.ALERTS) as frame:
            _paint(frame, wanted)


def _paint(frame: Frame, alert_id: str) -> None:
    with block("section", "part", aria_label="What it says"):
        lead, facts = Said("p").classes("lead"), Facts(wide=True)
    tables = block("div")
    with tables:
        doing = _Doing(frame, alert_id)
        with block("div", "beside is-even"):
            with section("Measured"):
                judged = Said("p").classes("said-line note")
                values = Sheet("Measured", measured.VALUE_COLUMNS, caption_hidden=True)
            windows = _table("Windows it rests on", measured.WINDOW_COLUMNS)
        analyses = _table("Analyses that speak of it", rows.ANALYSIS_COLUMNS)
        told = _table("Who was told", rows.TOLD_COLUMNS)
        transitions = _table("How it came here", rows.TRANSITION_COLUMNS)

    def show(picture: rows.AlertPicture) -> None:
        lead.say(picture.lead)
        facts.show(picture.facts)
        tables.set_visibility(picture.known)
        doing.show(picture)
        judged.say(picture.judged)
        for table, shown in (
            (values, picture.values),
            (windows, picture.windows),
            (analyses, picture.analyses),
            (transitions, picture.transitions),
            (told, picture.told),
        ):
            table.show(shown)

    frame.paints(("alert", alert_id), lambda view, now: rows.picture_of(view, now, alert_id), show)


def _table(heading: str, columns: tuple[Column, ...]) -> Sheet:
    with section(heading):
        return Sheet(heading, columns, caption_hidden=True)


class _Doing:
    """Acknowledge, mute with an end, unmute: what fits the alert's state."""

    def __init__(self, frame: Frame, alert_id: str) -> None:
        self._muted: str | None = None
        targets = rows.targets(alert_id)
        with section("Act"):
            if not frame.access.may_act:
                Said("p", (Words("You may look. Acting needs an operator's token."),))
            self._acknowledge = Ask(
                "acknowledge", "Acknowledge", acknowledging(frame, alert_id), hint="I have seen it"
            )
            self._mute = Ask(
                "mute",
                "Mute",
                muting(frame, [target for target, _ in targets]),
                selects=(
                    Select("choice", "For", MUTES),
                    Select("scope", "What", tuple((str(i), w) for i, (_, w) in enumerate(targets))),
                ),
                hint="Nobody is notified until it ends; it is still shown here",
            )
            self._unmute = Ask("unmute", "Unmute", unmuting(frame, lambda: self._muted))
            for form in (self._acknowledge, self._mute, self._unmute):
                form.paint(disabled=not frame.access.may_act)

    def show(self, picture: rows.AlertPicture) -> None:
        """Show the forms that fit."""
        self._muted = picture.muted_target
        self._acknowledge.set_visibility(picture.may_acknowledge)
        self._mute.set_visibility(picture.muted_target is None)
        self._unmute.set_visibility(picture.muted_target is not None)
