"""The page of an analysis says whose words they are, whether they stand, what they rest on, and how they came to be."""

import pytest
from msgspec.structs import replace

from streams.serving.found import Found, Missing, Whole
from streams.serving.pages.pieces import Now
from streams.serving.pages.rows.analysis import (
    AnalysisTold,
    CandidateTold,
    Logged,
    analysis_of,
    of_log,
)
from streams.serving.records import Place
from streams.serving.view import View
from tests.browser.day import day
from tests.browser.day_said import SPIKE, fall_ms
from tests.browser.scene import analysis
from tests.hostile.corpus import MARK, TEXTS
from topics import Analysis, encode

from .pieces_in import hrefs, said

NOW_MS = 1_764_195_000_000
NOW = Now(NOW_MS, NOW_MS)
MINUTE_MS = 60_000
START_MS = NOW_MS // MINUTE_MS * MINUTE_MS - 1_440 * MINUTE_MS


@pytest.fixture(scope="module")
def view() -> View:
    made = View()
    day(made, NOW_MS)
    return made


def told(view: View, analysis_id: str) -> AnalysisTold:
    found = analysis_of(view, analysis_id, NOW)
    assert isinstance(found, AnalysisTold)
    return found


def state_at(minute: int) -> str:
    return f"state/SOL/{START_MS + minute * MINUTE_MS}/0"


@pytest.mark.parametrize(
    ("minute", "by", "words"),
    [
        (700, "model", "A model wrote the words. Code wrote every number"),
        (900, "model", "wrote the words before"),
        (1_100, "model", "long before"),
        (1_340, "model", "another provider"),
        (1_372, "rules", "without a model. Why: the model's breaker is open"),
        (1_400, "simulated", "cheaper model"),
    ],
)
def test_whose_words_they_are_is_said_in_words_and_drawn_by_them(
    view: View, minute: int, by: str, words: str
) -> None:
    statement = told(view, state_at(minute)).statement
    assert statement.by == by
    assert words in said(statement.voice)


def test_what_nothing_contradicted_says_when_its_time_ends_or_that_it_is_over(view: View) -> None:
    analysis_id = f"deep_dive/SOL/{fall_ms(NOW_MS)}/0"
    for later_ms, words in ((0, "It stands."), (4 * MINUTE_MS, "its time is over")):
        found = analysis_of(view, analysis_id, Now(NOW_MS + later_ms, NOW_MS + later_ms))
        assert isinstance(found, AnalysisTold)
        assert words in said(found.statement.standing)


def test_a_simulated_model_says_so(view: View) -> None:
    assert "simulated: no real one was asked" in said(told(view, state_at(1_400)).statement.voice)


def test_what_is_superseded_says_so_and_leads_to_what_holds(view: View) -> None:
    spiked = f"deep_dive/SOL/{START_MS + (SPIKE + 1) * MINUTE_MS}"
    old, new = told(view, f"{spiked}/0"), told(view, f"{spiked}/1")
    assert old.statement.standing_tone == "superseded"
    assert hrefs(old.statement.standing) == [f"/analyses/{spiked}/1"]
    assert new.statement.standing_tone == "current"
    assert f"/analyses/{spiked}/0" in hrefs(new.about)
    assert any(h.startswith("/aggregates/") for h in hrefs(new.about))


def test_facts_have_units_what_is_usual_and_lead_to_their_windows(view: View) -> None:
    facts = told(view, f"deep_dive/SOL/{fall_ms(NOW_MS)}/0").facts
    assert "2,940 SOL" in said(facts)
    assert "of 288 windows" in said(facts)
    assert all(any(h.startswith("/aggregates/") for h in hrefs(row)) for row in facts.rows)


def test_the_path_goes_from_the_windows_to_what_was_published(view: View) -> None:
    dive = told(view, f"deep_dive/SOL/{fall_ms(NOW_MS)}/0")
    assert [step.title for step in dive.steps] == [
        "Windows",
        "Gate",
        "Inbox",
        "Call",
        "Verdict",
        "Published",
    ]
    assert {step.state for step in dive.steps} == {"done"}
    words = said(dive.steps)
    for part in (
        "the price fell far",
        "took over",
        "claude-haiku-5-5",
        "12,105 tokens in, 1,311 out",
    ):
        assert part in words
    assert dive.item_key == "3fa94c1be2d07756" * 4
    assert dive.command.startswith("tapereader replay --analyses strict --into said. --from 2025-")
    assert "unhelpful" in said(dive.feedback)


def test_each_attempt_says_what_came_of_it_or_where_that_stands(view: View) -> None:
    """The topics tell that the last one was used; of the others the journal does, by their ids."""
    dive = told(view, f"deep_dive/SOL/{fall_ms(NOW_MS)}/0")
    (call,) = [s for s in dive.steps if s.title == "Call"]
    lines = [said(line) for line in call.lines if "attempt " in said(line)]
    assert len(lines) == len(dive.attempts) > 0
    assert "answered, and used" in lines[-1]
    spiked = told(view, f"deep_dive/SOL/{START_MS + (SPIKE + 1) * MINUTE_MS}/0")
    (call,) = [s for s in spiked.steps if s.title == "Call"]
    assert "answered, and used" not in said(call)
    assert "the journal, below" in said(call)


def test_how_long_a_candidate_waited_is_told_by_one_clock(view: View) -> None:
    """A demo's windows are of days ago, and are decided on now."""
    analysis_id = f"deep_dive/SOL/{fall_ms(NOW_MS)}/0"
    (plain,) = [s for s in told(view, analysis_id).steps if s.title == "Inbox"]
    far = Now(NOW_MS, NOW_MS + 10 * 86_400_000, speed=60.0)
    found = analysis_of(view, analysis_id, far)
    assert isinstance(found, AnalysisTold)
    (shifted,) = [s for s in found.steps if s.title == "Inbox"]
    assert "s after its newest window ended" in said(plain)
    assert "10 d after" not in said(plain)
    assert "9 d after its newest window ended" in said(shifted)


def test_words_that_were_rejected_are_told_as_such(view: View) -> None:
    spiked = told(view, f"deep_dive/SOL/{START_MS + (SPIKE + 1) * MINUTE_MS}/0")
    states = {step.title: step.state for step in spiked.steps}
    assert (states["Call"], states["Verdict"]) == ("done", "failed")
    assert "a number that no fact has" in said(spiked.steps)


def test_a_candidate_that_was_taken_over_leads_to_its_survivor(view: View) -> None:
    found = analysis_of(view, f"deep_dive/SOL/{fall_ms(NOW_MS) - MINUTE_MS}/0", NOW)
    assert isinstance(found, CandidateTold)
    assert f"/analyses/deep_dive/SOL/{fall_ms(NOW_MS)}/0" in hrefs(found.steps)


def test_an_id_that_nobody_knows_is_none_and_the_log_says_why(view: View) -> None:
    assert analysis_of(view, "state/XX/1/0", NOW) is None
    lost = of_log(Missing(why="deleted", words="the log no longer has it"), NOW)
    assert isinstance(lost, Logged)
    assert "the log no longer has it" in said(lost)
    assert "no way to the log" in said(of_log(None, NOW))


def test_an_analysis_that_only_the_log_has_is_told_with_its_command() -> None:
    event = analysis(NOW_MS)
    whole = Whole(
        place=Place("analyses", 3, 9), at_ms=NOW_MS, key=b"SOL", value=encode(event), headers=[]
    )
    found = of_log(Found[Analysis](event=event, whole=whole), NOW)
    assert isinstance(found, AnalysisTold)
    assert "analyses, partition 3, offset 9" in said(found.steps)


@pytest.mark.parametrize("hostile", TEXTS, ids=lambda t: t.name)
def test_hostile_text_is_shown_plain_and_leads_nowhere(hostile: object) -> None:
    text = hostile.text[:4_000]  # type: ignore[attr-defined]
    view = View()
    view.take(
        replace(
            analysis(NOW_MS),
            analysis_id="deep_dive/SOL/1/0",
            headline=text[:120],
            text=text,
            confidence_basis=text[:400],
            changed=[text],
            supersedes=text[:200],
            model=text,
        )
    )
    found = told(view, "deep_dive/SOL/1/0")
    assert all(link.startswith("/") and not link.startswith("//") for link in hrefs(found))
    for shown in said(found).split(" "):
        assert not {"\u202e", "\x1b", "\u200b", "\n"} & set(shown)
    assert MARK in said(found)
