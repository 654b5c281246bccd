"""Dead letters: which there are, and what a redrive of them would do."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from streams.serving.redrive import ATTEMPTS_MAX, Chosen, Plan
from topics import PipelineError

from . import links
from .choosing import Choosing
from .desk import Desk
from .elements import Ask, Said, Sheet, Told, block, section
from .frame import Frame, page_frame
from .pieces import Words
from .rows import letters as rows


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(links.LETTERS, title="Dead letters · Tapereader")
    def page() -> None:
        wanted = rows.filter_of(dict(ui.context.client.request.query_params))
        with page_frame(desk, "Dead letters", here=links.LETTERS, wide=True) as frame:
            _paint(frame, wanted)


def _paint(frame: Frame, wanted: rows.Filter) -> None:
    with block("section", "part", aria_label="Which letters"):
        lead = Said("p").classes("lead")
        with block("div", "choices"):
            reasons, stages, topics = Choosing("Reason"), Choosing("Stage"), Choosing("Topic")
    with section("Letters, the newest first"):
        table = Sheet("Dead letters, the newest first", rows.LETTER_COLUMNS, caption_hidden=True)

    def show(told: rows.LettersTold) -> None:
        lead.say(told.lead)
        reasons.show(told.offered.reasons)
        stages.show(told.offered.stages)
        topics.show(told.offered.topics)
        table.show(told.rows)

    frame.paints(("letters", wanted), lambda view, _: rows.letters_of(view, wanted), show)
    Redriving(frame, rows.chosen_of(wanted), "Send these letters again")


class Redriving:
    """A dry run first, then the redrive of just what it showed: operators alone."""

    def __init__(self, frame: Frame, chosen: Chosen, heading: str) -> None:
        """Offer it for the letters that are meant."""
        self._frame, self._chosen = frame, chosen
        self._plan: Plan | None = None
        self._redriver: Any = frame.desk.redriver
        with section(heading):
            Said("p", (Words(self._why_not() or rows.REDRIVE_WORDS),)).classes("note")
            dry = Ask("dry", "Dry run", self._dry_run, reason=False, hint="Nothing is written")
            dry.paint(disabled=bool(self._why_not()))
            with block("div") as self._shown:
                self._lead = Said("p").classes("said-line")
                self._table = Sheet("What a redrive would do", rows.PLAN_COLUMNS)
                self._go = Ask("redrive", "Redrive", self._redrive, hint="Written again, and on the log who and why")  # fmt: skip
            self._shown.set_visibility(False)

    def _why_not(self) -> str:
        if self._redriver is None:
            return "This dashboard has no way to write records again."
        if not self._frame.access.may_act:
            return "You may look. A dry run and a redrive need an operator's token."
        return ""

    async def _dry_run(self, _: Told) -> None:
        if self._may():
            await self._planned(self._frame.access.actor)

    def _may(self) -> bool:
        """Return whether whoever looks may go on, or tell them why not."""
        why_not = self._why_not() or self._frame.why_not()
        if why_not:
            self._frame.say(why_not, good=False)
        return not why_not

    async def _planned(self, asker: str | None = None) -> None:
        plan = await self._heard(lambda: self._redriver.plan(self._chosen, actor=asker))
        self._plan = plan
        self._shown.set_visibility(plan is not None)
        if plan is not None:
            told = rows.plan_of(plan, ATTEMPTS_MAX)
            self._lead.say(told.lead)
            self._table.show(told.rows)
            self._go.set_visibility(told.goes > 0)

    async def _redrive(self, told: Told) -> None:
        plan, reason = self._plan, told.reason.strip()
        if plan is None or not self._may():
            return
        if not reason:
            self._frame.say("Say in a few words why: it is written down with the act.", good=False)
            return
        actor = self._frame.access.actor
        done = await self._heard(lambda: self._redriver.redrive(plan, actor=actor, reason=reason))
        if done is not None:
            await self._planned()
            self._frame.say(rows.outcome_of(done.written, done.before))

    async def _heard(self, ask: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - a plan or an outcome
        """Return what came of it; None, and say why, if nothing did."""
        try:
            return await ask()
        except PipelineError as error:
            self._frame.say(f"Not done. {error}", good=False)
            return None
