"""Every sort of defect is planted, and the judge must find it and name it: a judge that finds nothing proves nothing."""

import pytest
from msgspec.structs import replace

from agents.ask.breaker import State
from tests.strategies.aggregates import market

from .evidence import Billed
from .judge import judge
from .plants import PLANTS, Plant
from .report import table
from .scene import MODEL, decision_of, faultless
from .verdict import SORTS


@pytest.mark.parametrize(("sort", "plant"), PLANTS)
def test_a_planted_defect_is_counted_as_what_it_is_and_named(sort: str, plant: Plant) -> None:
    """One count of that sort, none of another, and where it is in the words; the table shows it."""
    scene = faultless()
    words = plant(scene)
    verdict = judge(scene.evidence())
    assert verdict.defects == {sort: 1}, verdict.examples
    assert not verdict.faultless
    (example,) = verdict.examples[sort]
    assert words in example
    assert words in table(verdict)


def test_no_sort_of_defect_is_left_unplanted() -> None:
    """What nobody planted, nobody has seen found."""
    assert {sort for sort, _ in PLANTS} == SORTS.keys()


def test_a_run_as_it_must_be_has_no_defect_and_its_figures_add_up() -> None:
    """Everything read has one fate, and the table can be printed."""
    verdict = judge(faultless().evidence())
    assert verdict.examples == {}
    assert verdict.faultless
    f = verdict.figures
    assert (
        f["aggregates_read"]
        == 7
        == f["folded_only"] + f["uninteresting"] + sum(f["fates"].values())
    )
    assert f["fates"] == {
        "called": 2,
        "coalesced: newer_candidate": 1,
        "dead letter": 1,
        "rules: timeout": 1,
    }
    assert (f["candidates"], f["candidates_of_alerts"], f["late"]) == (5, 1, 0)
    assert (f["openings"], f["trials"], f["requests_in_trials"]) == ({MODEL: 1}, 1, 1)
    assert f["first_answer_after_s"] == pytest.approx(1.5)
    assert f["breakers_closed_after_s"] == pytest.approx(2.0)
    assert f["answers_by_paid_sends"] == {0: 1, 1: 3}
    assert "7 aggregates read" in table(verdict)


def test_an_answer_that_is_said_again_needs_no_call_and_no_leave() -> None:
    """It is told apart; and a prompt's breaker says nothing of calls with another prompt."""
    scene = faultless()
    scene.say_again()
    opened = next(change for change in scene.changes if change.state is State.OPEN)
    scene.changes.append(replace(opened, breaker="quality/another", at_s=999.0))
    scene.changes.append(
        replace(opened, breaker="quality/another", state=State.CLOSED, at_s=1006.0)
    )
    verdict = judge(scene.evidence())
    assert verdict.faultless, verdict.examples
    assert verdict.figures["fates"]["cached"] == 1


def test_what_is_told_again_counts_at_its_lowest_offset() -> None:
    """Other bytes behind it change nothing, and are told of."""
    scene = faultless()
    scene.decisions.append(replace(scene.decisions[0], decided_ms=2_000_000, reason="otherwise"))
    scene.analyses.append(replace(scene.analyses[0], headline="otherwise"))
    verdict = judge(scene.evidence())
    assert verdict.faultless, verdict.examples
    assert verdict.figures["told_again"] == 2


def test_a_call_that_was_under_way_when_the_breaker_opened_is_no_defect() -> None:
    scene = faultless()
    scene.sends[1] = replace(scene.sends[1], at_s=1002.3)
    verdict = judge(scene.evidence())
    assert verdict.faultless, verdict.examples
    assert verdict.figures["requests_under_way_at_openings"] == 1


def test_a_refusal_that_is_not_charged_may_be_booked() -> None:
    """Its usage was told; who pays nothing for it has only more left."""
    scene = faultless()
    scene.bill[0] = Billed(attempt_id="a0", cost_nano_usd=0, charged=False)
    assert judge(scene.evidence()).faultless


def test_the_shed_and_the_taken_over_need_no_analysis() -> None:
    """A decision with its reason is an outcome as well."""
    scene = faultless()
    scene.aggregates.append(market(number=7))
    scene.decisions.append(decision_of(scene.aggregates, 7, "shed", "inbox_full", analysis_id=None))
    verdict = judge(scene.evidence())
    assert verdict.faultless, verdict.examples
    assert verdict.figures["fates"]["shed: inbox_full"] == 1


def test_what_a_revision_corrects_is_no_candidate_and_has_one_place() -> None:
    """However late, and of however many analyses: of a revision at once, of the next one withdrawn."""
    scene = faultless()
    scene.correct(6, 0, 2)
    scene.correct(5, 1, reason="withdrawn")
    verdict = judge(scene.evidence())
    assert verdict.faultless, verdict.examples
    f = verdict.figures
    assert (f["candidates"], f["late"]) == (5, 0)
    assert f["corrections"] == {"revised": 2, "withdrawn": 1}
    assert f["fates"]["rules: revised"] == f["fates"]["rules: withdrawn"] == 1
    assert f["aggregates_read"] == 9
