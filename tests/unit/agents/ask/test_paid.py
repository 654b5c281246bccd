"""Answers that were paid for and not told are given out once, and no others."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.ask.paid import PaidCalls, sent_of
from tests.unit.agents.decide.test_answered import analysed, decided
from tests.unit.agents.entries import AT_MS, KEY, intent, result
from topics import Analysis, Decision, Intent, Result
from topics.journal import ABANDONED


def told_of(*numbers: int) -> Decision:
    """Return a decision that names these sends."""
    return replace(decided("one"), attempt_ids=[result(n).attempt_id for n in numbers])


def test_an_answer_is_given_once_the_oldest_first() -> None:
    """A second send asked the same, because the first answer could not be used."""
    paid = PaidCalls()
    for entry in (intent(1), result(1), intent(2), result(2), result(2, answer="other")):
        paid.take(entry)
    assert len(paid) == 2
    assert [paid.pop(KEY, 0) for _ in range(3)] == [result(1), result(2), None]


def test_what_was_not_paid_for_this_question_is_not_given() -> None:
    """Another question's, one that was never sent, one that its process gave up, one that ended too long ago."""
    paid = PaidCalls()
    for entry in (
        result(1, outcome="breaker_open", answer=None, known="released"),
        result(4, outcome=ABANDONED, answer=None, known="charged_unknown"),
        result(2, outcome="timeout", answer=None, known="charged_unknown"),
        result(3),
    ):
        paid.take(entry)
    assert len(paid) == 2
    assert paid.pop("cd" * 32, 0) is None
    assert paid.pop(KEY, 0) == result(2, outcome="timeout", answer=None, known="charged_unknown")
    assert paid.pop(KEY, AT_MS + 900) == result(3)
    paid.take(result(4))
    assert paid.pop(KEY, AT_MS + 901) is None
    assert len(paid) == 0


def test_what_was_asked_in_a_batch_answers_no_candidate() -> None:
    """It was asked for an evaluation, of the same question perhaps, and is nothing to the agent."""
    paid = PaidCalls()
    paid.take(intent(1, batch="e" * 64))
    paid.take(result(1, batch="e" * 64))
    assert paid.pop(KEY, 0) is None


@given(order=st.permutations(range(4)))
def test_what_was_told_is_not_given_whatever_came_first(order: list[int]) -> None:
    """By an analysis or by a decision, which are read from other topics than the answer."""
    analysis = replace(analysed("two"), attempt_ids=[result(2).attempt_id])
    entries: list[Analysis | Decision | Intent | Result] = [
        result(1),
        result(2),
        told_of(1),
        analysis,
    ]
    paid = PaidCalls()
    for place in order:
        paid.take(entries[place])
    assert (len(paid), paid.pop(KEY, 0)) == (0, None)


def test_at_the_bound_the_oldest_is_forgotten_and_counted() -> None:
    """Such an answer is paid for again; such a tale is told again."""
    paid = PaidCalls(calls_max=2, told_max=1)
    for number in (1, 2, 3):
        paid.take(result(number))
    assert (len(paid), paid.forgotten) == (2, 1)
    paid.take(told_of(8, 9))
    assert paid.forgotten == 2
    assert paid.pop(KEY, 0) == result(2)


def test_a_send_of_before_is_as_it_was() -> None:
    """Its name, question, tokens and cost."""
    sent = sent_of(
        result(1), provider="aws", model="m", prompt_version="p", outcome="leak", ended_s=5.0
    )
    assert (sent.attempt_id, sent.item_key) == (result(1).attempt_id, KEY)
    assert (sent.provider, sent.model) == ("aws", "m")
    assert (sent.usage, sent.cost_nano_usd) == (result(1).usage, 150_000)
    assert (sent.prompt_version, sent.outcome, sent.ended_s) == ("p", "leak", 5.0)
