"""Recorded deep dives come back as they were asked about, whatever happened to the agent meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from agents.ask.prompt import prompt_of
from agents.evaluation.questions import Decided
from agents.replay.recorded import place_of
from deploy.evaluate.candidates import CandidateFold
from tests.strategies.aggregates import calm, histories, market
from tests.unit.agents.replay.lives import MODEL, SETTINGS, Life
from topics import Decision

ACTS = ("rules", "model", "rejected", "again", "tally", "fire", "crash", "killed", "nothing")


def found(
    life: Life, begin: int = 0, end: int | None = None
) -> tuple[list[Decided], CandidateFold]:
    """Return the deep dives of a span, and the fold that found them."""
    recorded = life.recorded(begin, end)
    fold = CandidateFold(SETTINGS, recorded, read_from=0)
    decided: list[Decided] = []
    for offset, aggregate in enumerate(life.log[: recorded.span.end]):
        decided += fold.take(offset, aggregate)
    return [*decided, *fold.finish()], fold


def dives(life: Life) -> dict[str, Decision]:
    """Return the deep dives that were answered, by id: of several with one id the first that has an analysis counts."""
    first: dict[str, Decision] = {}
    for told in life.told:
        if isinstance(told, Decision) and told.analysis_id and told.product == "deep_dive":
            first.setdefault(told.decision_id, told)
    return first


@given(log=histories(30), data=st.data())
def test_a_question_is_the_one_that_was_asked(log: list, data: st.DataObject) -> None:  # type: ignore[type-arg]
    """To the item key, where the same model was asked with the same prompt; and nothing is missed but what has no place."""
    life = Life()
    for aggregate in log:
        life.read(aggregate)
        match data.draw(st.sampled_from(ACTS)):
            case "tally":
                life.tally()
            case "fire":
                life.fire(aggregate.asset)
            case "crash":
                life.crash()
            case "nothing":
                pass
            case act:
                life.answer(act)
    life.end()
    decided, fold = found(life)
    known = dives(life)
    placed = {name for name, decision in known.items() if place_of(decision) is not None}
    assert {one.candidate.candidate_id for one in decided} == placed
    assert fold.missed.total() == len(known) - len(placed)
    tokens_max = SETTINGS.model.context_tokens_max
    for one in decided:
        decision = known[one.candidate.candidate_id]
        assert one.decided_ms == decision.decided_ms
        if decision.outcome == "called":
            assert prompt_of(one.candidate, MODEL, tokens_max).item_key == decision.item_key


def test_a_part_of_a_range_has_its_own() -> None:
    """Folded from before, decided on within."""
    life = Life()
    for minute in calm(3):
        life.read(minute)
    for number in (3, 4):
        life.read(market(number=number, low=90.0))
        life.answer("model")
    life.end()
    whole, _ = found(life)
    parts = [found(life, 0, 4)[0], found(life, 4)[0]]
    assert [len(part) for part in parts] == [1, 1]
    assert [*parts[0], *parts[1]] == whole
