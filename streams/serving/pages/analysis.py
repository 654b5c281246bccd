"""One analysis: its words and whose they are, what it rests on, how it came to be, and what people think of it."""

from nicegui import ui

from streams.serving.found import Missing

from . import links
from .desk import READ_S, Desk
from .elements import Ask, Facts, Lines, Said, Select, Sheet, Told, block, section
from .frame import Frame, page_frame, tell_missing
from .pieces import Words
from .rows import analysis as rows
from .steps import Steps

ID_CHARS_MAX = 200
"""Of an address: no id is longer."""
VERDICTS = (("wrong", "wrong: it says what is not so"), ("unhelpful", "unhelpful: true, and of no use"))  # fmt: skip


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page("/analyses/{analysis_id:path}", title="Analysis · Tapereader", response_timeout=READ_S)
    async def page(analysis_id: str) -> None:
        wanted = analysis_id[:ID_CHARS_MAX]
        logged: rows.AnalysisTold | rows.Logged = rows.Logged(lines=())
        if desk.view.path(wanted) is None:
            found = await desk.lookup.analysis(wanted) if desk.lookup else None
            logged = rows.of_log(found, desk.now())
            if not isinstance(logged, rows.AnalysisTold):
                tell_missing(found if isinstance(found, Missing) else None)
        with page_frame(desk, rows.title_of(wanted), here=links.OVERVIEW) as frame:
            _Page(frame, wanted, logged)


class _Page:
    """Made once, with room for all it may show; what there is not is not seen."""

    def __init__(
        self, frame: Frame, analysis_id: str, logged: rows.AnalysisTold | rows.Logged
    ) -> None:
        with block("section", "part", aria_label="What is known") as self._unknown_part:
            self._unknown = Lines()
        with block("div", "beside") as self._top:
            self._said = _Statement()
            with section("About it"):
                self._about = Facts()
        with section("How it came to be") as self._path_part:
            self._steps = Steps()
            self._command = _Command()
        with block("div", "beside") as self._below:
            with section("Facts it rests on"):
                self._facts = Sheet("Facts", rows.FACT_COLUMNS, caption_hidden=True)
            with block("div"):
                with section("What changed since the last one") as self._changed_part:
                    self._changed = Lines("p", "said-line change")
                with section("Is it any good?"):
                    self._feedback = _Feedback(frame, analysis_id)
        frame.paints(
            ("analysis", analysis_id),
            lambda view, now: rows.analysis_of(view, analysis_id, now) or logged,
            self.show,
        )

    def show(self, told: rows.AnalysisTold | rows.CandidateTold | rows.Logged) -> None:
        """Show what there is."""
        analysis = told if isinstance(told, rows.AnalysisTold) else None
        for part in (self._top, self._below):
            part.set_visibility(analysis is not None)
        self._unknown_part.set_visibility(analysis is None)
        self._path_part.set_visibility(not isinstance(told, rows.Logged))
        self._changed_part.set_visibility(bool(analysis and analysis.statement.changed))
        self._unknown.show(() if isinstance(told, rows.AnalysisTold) else told.lines)
        if not isinstance(told, rows.Logged):
            self._steps.show(told.steps)
        self._command.show(analysis)
        if analysis is not None:
            self._said.show(analysis.statement)
            self._facts.show(analysis.facts)
            self._changed.show(analysis.statement.changed)
            self._about.show(analysis.about)
            self._feedback.show(analysis)


class _Statement:
    """The words, drawn by whose they are."""

    def __init__(self) -> None:
        self._box = block("section", "part statement", aria_label="What it says")
        with self._box:
            self._standing = Said("p").classes("said-line standing-line")
            self._headline = Said("p").classes("headline")
            self._voice = Said("p").classes("said-line")
            self._text = Said("div")

    def show(self, said: rows.Statement) -> None:
        """Show them."""
        self._box.classes(replace=f"part statement is-{said.standing_tone} by-{said.by}")
        self._standing.say(said.standing)
        self._headline.say(said.headline)
        self._voice.say(said.voice)
        self._text.say(said.text)


class _Command:
    """The journal's item, and the command that says it again."""

    def __init__(self) -> None:
        with block("div", "command") as self._box:
            with block("div") as self._item_box:
                self._where = Said("p").classes("note")
                self._item = Said("code")
            with block("div") as self._attempts_box:
                Said("p", (Words("What came of each attempt, and what it cost, stands there under:"),)).classes("note")  # fmt: skip
                self._attempts = Lines("code", "attempt")
            Said("p", (Words("To say it again from the log, without a call:"),)).classes("note")
            self._line = Said("code")

    def show(self, told: rows.AnalysisTold | None) -> None:
        """Show them, as far as there are any."""
        self._box.set_visibility(told is not None)
        if told is not None:
            self._item_box.set_visibility(told.item_key is not None)
            place = f"topic journal, partition {told.partition}"
            self._where.say((Words(f"What was asked and answered is the journal's item ({place}):"),))  # fmt: skip
            self._item.say((Words(told.item_key or ""),))
            self._attempts_box.set_visibility(bool(told.attempts))
            self._attempts.show([(Words(one),) for one in told.attempts])
            self._line.say((Words(told.command),))


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
