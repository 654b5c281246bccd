"""What was paid for before a start: said without a call, at the cost it had, and once."""

import time

import msgspec
import pytest

from agents.answer.answered import Answered
from agents.ask.prompt import prompt_of
from tests.unit.agents.account.test_budget import ask
from tests.unit.agents.candidates import candidate
from tests.unit.agents.entries import result
from topics import Analysis, Result

from .office import GOOD, MODEL, NOW_MS, SETTINGS, Office, Open, pressing, said
from .test_analyst import by_rules, office

__all__ = ["office"]

pytestmark = pytest.mark.integration

ANSWER = msgspec.json.encode(GOOD).decode()


def paid(number: int, answer: str = ANSWER, *, ago_ms: int = 1_000) -> Result:
    """Return an answer to the question that a candidate is."""
    key = prompt_of(candidate(), MODEL).item_key
    return result(
        number,
        attempt_id=f"{key[:32]}/{number}",
        item_key=key,
        answer=answer,
        ended_ms=NOW_MS - ago_ms,
    )


def knowing(office: Open, *results: Result) -> Office:
    """Return an office of a process that has just read these from the journal."""
    ours = office(said())
    for one in results:
        ours.analyst.paid.take(one)
    return ours


def is_said(answer: tuple[Analysis, Answered], *results: Result) -> None:
    """Check that the model said it in the last of these, and that all of them are paid for."""
    analysis, _ = answer
    assert (analysis.origin, analysis.origin_reason) == ("model", "answered")
    assert analysis.headline == "BTC fell 4.00%"
    assert analysis.attempt_ids == [one.attempt_id for one in results]
    assert analysis.cost_nano_usd == sum(one.cost_nano_usd for one in results)


async def test_an_answer_that_is_there_is_said_and_nobody_is_asked(office: Open) -> None:
    """Nothing is reserved, intended or sent; the second time it is asked for, like any other."""
    ours = knowing(office, paid(1))
    before = await ours.spend()
    is_said(await ours.answer(), paid(1))
    assert (ours.model.asked, ours.journal, await ours.spend()) == ([], [], before)
    assert ours.breaker.heard == []
    assert (await ours.answer())[0].attempt_ids != [paid(1).attempt_id]
    assert len(ours.model.asked) == 1


async def test_it_is_said_though_the_model_may_not_be_asked(office: Open) -> None:
    """An open breaker, or a deadline that has passed."""
    ours = knowing(office, paid(1), paid(2))
    ours.breaker.force(is_open=True, reason="said", now_s=time.monotonic())
    is_said(await ours.answer(), paid(1))
    is_said(await ours.answer(left_s=-1.0), paid(2))
    by_rules(*await ours.answer(), "breaker_open")


async def test_one_that_is_rejected_counts_as_a_send(office: Open) -> None:
    """The next one is looked at; without one there is a second send, and no third."""
    is_said(await knowing(office, paid(1, "no"), paid(2)).answer(), paid(1, "no"), paid(2))
    ours = knowing(office, paid(1, "no"))
    analysis, _ = await ours.answer()
    assert (analysis.origin, len(analysis.attempt_ids), len(ours.model.asked)) == ("model", 2, 1)
    ours = knowing(office, paid(1, "no"), paid(2, "no"))
    analysis, answered = await ours.answer()
    by_rules(analysis, answered, "schema_break")
    assert (len(analysis.attempt_ids), ours.model.asked) == (2, [])


@pytest.mark.parametrize(
    ("known", "column"), [("settled", "settled"), ("charged_unknown", "charged")]
)
async def test_what_failed_before_a_start_counts_as_a_send(
    office: Open, known: str, column: str
) -> None:
    """Else each start would pay three times more; the ledger hears of its end, and rules say why they answer."""
    failures = [
        msgspec.structs.replace(
            paid(number), attempt_id=f"a{number}", outcome="timeout", answer=None, known=known
        )
        for number in (1, 2)
    ]
    ours = knowing(office, *failures)
    for number in (1, 2):
        await ours.ledger.reserve(ask(number, 150_000), NOW_MS)
        await ours.ledger.confirm(f"a{number}", NOW_MS)
    analysis, answered = await ours.answer()
    by_rules(analysis, answered, "timeout")
    assert (analysis.attempt_ids, ours.model.asked) == (["a1", "a2"], [])
    spend = await ours.spend()
    assert (spend.reserved, getattr(spend, column)) == (0, 300_000)
    is_said(await knowing(office, failures[0], paid(3)).answer(), failures[0], paid(3))


async def test_one_of_long_ago_is_not_said(office: Open) -> None:
    """The bound is a setting; so is another question's."""
    reach_ms = int(SETTINGS.paid_reach_s * 1000)
    ours = knowing(office, paid(1, ago_ms=reach_ms + 1))
    assert (await ours.answer())[0].attempt_ids != [paid(1).attempt_id]
    ours = knowing(office, paid(1, ago_ms=reach_ms))
    is_said(await ours.answer(), paid(1))
    ours = knowing(office, paid(1))
    await ours.answer(reasons=("volume_spike",))
    assert len(ours.model.asked) == 1


async def test_a_state_that_rules_say_is_not_said_by_an_answer(office: Open) -> None:
    """Only what the model is asked for may be its answer."""
    key = prompt_of(candidate(product="state"), MODEL).item_key
    ours = knowing(office, msgspec.structs.replace(paid(1), item_key=key))
    await ours.step(pressing(product="state"))
    assert len(ours.analyst.paid) == 1
