"""What a replay of analyses says of itself: every number, and every miss as long as there is room."""

from agents.answer.decided import decision_of
from agents.replay.strict import Again, Miss
from deploy.replay.agreement import MISSES_MAX, Agreement
from tests.unit.agents.candidates import candidate
from tests.unit.agents.decide.test_answered import analysed


def test_it_counts_what_holds_and_names_what_does_not() -> None:
    """Decisions by their outcome, analyses by their origin, no call, and the misses first."""
    agreement = Agreement()
    agreement.aggregates, agreement.unreadable = 7, 1
    shed = decision_of(candidate(), "shed", "inbox_full", decided_ms=1)
    rules = decision_of(candidate(), "rules", "deadline", decided_ms=1)
    for told in (Again(shed), Again(rules, analysed("x")), Miss("journal", "an id", "words")):
        agreement.take(told)
    assert list(agreement.lines(9)) == [
        "journal an id: words",
        "7 aggregates, 1 of them unreadable; 2 decisions (1 rules, 1 shed)",
        "1 analyses (1 rules), equal to those recorded",
        "0 calls to a model, 1 misses",
    ]
    assert agreement.as_json() == {
        "aggregates": 7,
        "unreadable": 1,
        "decisions": {"rules": 1, "shed": 1},
        "analyses": {"rules": 1},
        "calls": 0,
        "missed": 1,
        "misses": [{"lack": "journal", "name": "an id", "words": "words"}],
    }


def test_beyond_the_bound_misses_are_only_counted() -> None:
    """And a terminal is shown fewer."""
    agreement = Agreement()
    for number in range(MISSES_MAX + 2):
        agreement.take(Miss("context", str(number), "words"))
    assert len(agreement.misses) == MISSES_MAX
    lines = list(agreement.lines(2))
    assert lines[:3] == ["context 0: words", "context 1: words", "... and 1000 more"]
    assert lines[-1] == "0 calls to a model, 1002 misses"


def test_two_agreements_share_nothing() -> None:
    """Each counts for itself."""
    Agreement().take(Miss("context", "a", "words"))
    assert Agreement().misses == []
