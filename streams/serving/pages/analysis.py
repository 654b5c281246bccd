"""One analysis: its words and whose they are, what it rests on, how it came to be, and what people think of it."""

from nicegui import ui

from . import links
from .desk import Desk
from .elements import Ask, Facts, Lines, Said, Select, Sheet, Told, block, section
from .frame import Frame, page_frame
from .pieces import Words
from .rows import analysis as rows
from .steps import Steps

ID_CHARS_MAX = 200
"""Of an address: no id is longer."""
VERDICTS = (("wrong", "wrong: it says what is not so"), ("unhelpful", "unhelpful: true, and of no use"))  # fmt: skip


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page("/analyses/{analysis_id:path}", title="Analysis · Tapereader")
    async def page(analysis_id: str) -> None:
        wanted = analysis_id[:ID_CHARS_MAX]
        logged: rows.AnalysisTold | rows.Logged = rows.Logged(lines=())
        if desk.view.path(wanted) is None:
            logged = rows.of_log(await desk.lookup.analysis(wanted) if desk.lookup else None)
        with page_frame(desk, "Analysis", here=links.OVERVIEW) as frame:
            _Page(frame, wanted, logged)


class _Page:
    """Made once, with room for all it may show; what there is not is not seen."""

    def __init__(
        self, frame: Frame, analysis_id: str, logged: rows.AnalysisTold | rows.Logged
    ) -> None:
        self._unknown = Lines(classes="part said-line")
        self._said = _Statement()
        with block("div", "beside") as self._beside:
            with block("div"):
                with section("Facts it rests on") as self._facts_part:
                    self._facts = Sheet("Facts", rows.FACT_COLUMNS, caption_hidden=True)
                with section("What changed since the last one") as self._changed_part:
                    self._changed = Lines("li", "said-line change")
                with section("Is it any good?") as self._feedback_part:
                    self._feedback = _Feedback(frame, analysis_id)
            with block("div"):
                with section("About it") as self._about_part:
                    self._about = Facts()
                with section("How it came to be"):
                    self._steps = Steps()
                    self._command = _Command()
        frame.paints(
            ("analysis", analysis_id),
            lambda view, _: rows.analysis_of(view, analysis_id) or logged,
            self.show,
        )

    def show(self, told: rows.AnalysisTold | rows.CandidateTold | rows.Logged) -> None:
        """Show what there is."""
        analysis = told if isinstance(told, rows.AnalysisTold) else None
        self._said.show(analysis)
        for part in (self._facts_part, self._feedback_part, self._about_part):
            part.set_visibility(analysis is not None)
        self._beside.set_visibility(not isinstance(told, rows.Logged))
        self._changed_part.set_visibility(bool(analysis and analysis.statement.changed))
        self._unknown.show(() if analysis else told.lines)  # type: ignore[union-attr]
        if not isinstance(told, rows.Logged):
            self._steps.show(told.steps)
        if analysis is not None:
            self._facts.show(analysis.facts)
            self._changed.show(analysis.statement.changed)
            self._about.show(analysis.about)
            self._feedback.show(analysis)
            self._command.show(analysis.command)


class _Statement:
    """The words, drawn by whose they are."""

    def __init__(self) -> None:
        self._box = block("section", "part statement", aria_label="What it says")
        with self._box:
            self._standing = Said("p").classes("said-line standing-line")
            self._headline = Said("p").classes("headline")
            self._voice = Said("p").classes("said-line")
            self._text = Said("div")

    def show(self, told: rows.AnalysisTold | None) -> None:
        """Show them."""
        self._box.set_visibility(told is not None)
        if told is None:
            return
        said = told.statement
        self._box.classes(replace=f"part statement is-{said.standing_tone} by-{said.by}")
        self._standing.say(said.standing)
        self._headline.say((Words(said.headline),))
        self._voice.say(said.voice)
        self._text.say(said.text)


class _Command:
    """The command that says it again."""

    def __init__(self) -> None:
        with block("div", "command") as self._box:
            Said("p", (Words("To say it again from the log, without a call:"),)).classes("note")
            self._line = Said("code")

    def show(self, command: str | None) -> None:
        """Show it, if there is one."""
        self._box.set_visibility(command is not None)
        self._line.say((Words(command or ""),))


class _Feedback:
    """What people said of it, and a form to say more."""

    def __init__(self, frame: Frame, analysis_id: str) -> None:
        self._lines = Lines()

        async def done(told: Told) -> None:
            reason = told.reason.strip()
            if not reason:
                frame.say("Say in a few words why: it is read by people.", good=False)
                return
            verdict = told.choice if told.choice in dict(VERDICTS) else VERDICTS[0][0]
            await frame.do(
                lambda acts, actor: acts.feedback(analysis_id, verdict, actor=actor, reason=reason),
                f"Noted: {verdict}. It stands here as soon as the log has it.",
            )

        form = Ask("feedback", "Say so", done, selects=(Select("choice", "It is", VERDICTS),))
        form.paint(disabled=not frame.access.may_act)
        if not frame.access.may_act:
            Said("p", (Words("You may look. Saying so needs an operator's token."),)).classes("note")  # fmt: skip

    def show(self, told: rows.AnalysisTold) -> None:
        """Show what was said."""
        self._lines.show(told.feedback or ((Words("Nobody has said anything of it yet.", tone="quiet"),),))  # fmt: skip
