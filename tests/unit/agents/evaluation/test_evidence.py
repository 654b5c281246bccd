"""Evidence: each id once, each voice by itself, and what is not scored has its reason."""

import pytest

from agents.evaluation import evidence as module
from agents.evaluation.evidence import Evidence, EvidenceError
from agents.evaluation.marks import Marks
from agents.evaluation.scores import Score
from tests.strategies.aggregates import BASE_MS, HOUR_MS
from topics import Analysis

from .planted import MODEL, PROMPT, hours, said


def scores_of(analyses: list[Analysis], cutoffs: dict[str, int] | None = None) -> list[Score]:
    """Return the scores of analyses in a market that rises each hour."""
    read = Evidence()
    for analysis in analyses:
        read.take_analysis(analysis)
    marks = Marks(read.wanted())
    for aggregate in hours(12):
        marks.take(aggregate)
    return read.scores(marks.find, cutoffs or {}, seed=1)


def test_of_one_id_the_first_counts() -> None:
    """Whatever the second says."""
    (score,) = scores_of([said(0, "up", 0.6), said(0, "down", 1.0)])
    assert (score.windows, score.lost) == (1, {})
    assert score.brier.value == pytest.approx(0.16)


def test_an_analysis_that_was_taken_back_is_not_scored_and_its_successor_is() -> None:
    """From its own moment on; a withdrawal itself foretells nothing."""
    first, other = said(0), said(2)
    second = said(
        0,
        "down",
        analysis_id="second",
        supersedes=first.analysis_id,
        produced_ms=first.produced_ms + 1,
    )
    withdrawal = said(
        2, analysis_id="gone", supersedes=other.analysis_id, status="withdrawn", outlook=None
    )
    (score,) = scores_of([first, other, second, withdrawal])
    assert score.lost == {"superseded": 1, "withdrawn": 1}
    assert (score.windows, score.hit_rate.value) == (1, 0.0)


def test_what_a_model_may_have_read_of_is_not_scored() -> None:
    """Before its cutoff, or where nobody knows it; the simulated model has none."""
    analyses = [said(hour, simulated=False) for hour in range(4)]
    (unknown,) = scores_of(analyses)
    assert (unknown.windows, unknown.lost) == (0, {"cutoff_unknown": 4})
    (later,) = scores_of(analyses, {MODEL: BASE_MS + 2 * HOUR_MS})
    assert (later.windows, later.lost) == (2, {"before_cutoff": 2})
    (fake,) = scores_of([said(hour) for hour in range(4)])
    assert (fake.windows, fake.voice.simulated) == (4, True)


def test_voices_are_scored_apart_on_their_own_windows() -> None:
    """Two prompts that spoke in the same hour of one asset take nothing from one another; each says how many there were."""
    analyses = [
        said(hour, way, prompt_version=prompt, analysis_id=f"{prompt}/{hour}")
        for hour in range(3)
        for prompt, way in ((PROMPT, "up"), ("deep_dive-2", "down"))
    ]
    first, second = scores_of(analyses)
    assert [score.voice.version for score in (first, second)] == [PROMPT, "deep_dive-2"]
    assert (first.windows, second.windows) == (3, 3)
    assert (first.hit_rate.value, second.hit_rate.value) == (1.0, 0.0)
    assert first.prompts_tried == second.prompts_tried == 2


def test_what_was_said_after_the_last_mark_has_none() -> None:
    """Also an hour before it."""
    (score,) = scores_of([said(10), said(11), said(30)])
    assert (score.windows, score.lost) == (1, {"no_mark": 2})


def test_more_than_is_held_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do; the same id again is none more."""
    monkeypatch.setattr(module, "IDS_MAX", 2)
    read = Evidence()
    for hour in (0, 1, 1, 0):
        read.take_analysis(said(hour))
    with pytest.raises(
        EvidenceError, match="more than 2 analyses of the range; give a shorter one"
    ):
        read.take_analysis(said(2))
