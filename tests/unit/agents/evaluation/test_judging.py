"""Questions out of candidates, each once, and what an answer is to each of those that have it."""

import msgspec
import pytest

from agents.ask.claude import params_of
from agents.evaluation.asked import Standing
from agents.evaluation.evidence import Evidence
from agents.evaluation.forecast import rise_of
from agents.evaluation.judging import Came, Who, outcomes_of, tried
from agents.evaluation.questions import AROUND_BYTES, Decided, items_of
from tests.unit.agents.candidates import candidate
from tests.unit.agents.entries import AT_MS, result
from tests.unit.agents.replay.lives import GOOD, answer_to
from topics import Usage

MODEL = "claude-haiku-5-5"
WHO = Who(provider="anthropic", model=MODEL, prompt_version="deep_dive-1", simulated=True)
ONE = Decided(candidate(), AT_MS)
SAME = Decided(candidate(candidate_id="deep_dive/BTC/1/0", offsets=(9,)), AT_MS + 5)
OTHER = Decided(candidate(candidate_id="deep_dive/BTC/2/0", reasons=("volume_spike",)), AT_MS)
TOKENS_MAX = 8_000
COST = 123


def answered(answer: str | None, outcome: str = "answered") -> Came:
    """Return an outcome of a question."""
    used = Usage(input_tokens=7, cache_read_input_tokens=2, output_tokens=3)
    return Came(
        "answered", result(1, answer=answer, outcome=outcome, usage=used, cost_nano_usd=COST)
    )


def test_a_question_is_asked_once_whoever_has_it() -> None:
    """What is told of two candidates may be the same; with another prompt or model all are other questions."""
    items = items_of([ONE, OTHER, SAME], MODEL, context_tokens_max=TOKENS_MAX)
    assert [item.decided for item in items] == [(ONE, SAME), (OTHER,)]
    trial = items_of([ONE], MODEL, context_tokens_max=TOKENS_MAX, system="Say {less}.")
    other = items_of([ONE], "other", context_tokens_max=TOKENS_MAX)
    assert len({item.key for item in (*items, *trial, *other)}) == 4
    assert trial[0].prompt.system == "Say {less}."
    assert trial[0].prompt.version.startswith("deep_dive-")
    assert trial[0].prompt.version != items[0].prompt.version


@pytest.mark.parametrize("system", [None, 'Say "{less}".\n' * 100])
def test_the_body_of_a_request_is_no_longer_than_is_said(system: str | None) -> None:
    """Quotes are escaped in it, and around it is what every request has."""
    (item,) = items_of([ONE], MODEL, context_tokens_max=TOKENS_MAX, system=system)
    params = params_of(
        item.prompt, MODEL, attempt_id="a" * 80, output_tokens_max=20_000, output_config=True
    )
    body = msgspec.json.encode({"custom_id": item.key, "params": params})
    assert item.size_bytes < len(body) < item.body_bytes < len(body) + AROUND_BYTES


def test_an_answer_is_judged_for_each_and_paid_for_once() -> None:
    """An accepted one is an analysis of the moment it was decided on, with an outlook that can be scored."""
    (item,) = items_of([ONE, SAME], MODEL, context_tokens_max=TOKENS_MAX)
    told = tried(item, answered(answer_to(ONE.candidate)), WHO, 900_000)
    rows = [row for row, _ in told]
    assert outcomes_of(rows) == {"accepted": 2}
    assert [(row.input_tokens, row.output_tokens, row.cost_nano_usd) for row in rows] == [
        (9, 3, COST),
        (0, 0, 0),
    ]
    analyses = [analysis for _, analysis in told if analysis is not None]
    assert [(one.produced_ms, one.model, one.simulated) for one in analyses] == [
        (AT_MS, MODEL, True),
        (AT_MS + 5, MODEL, True),
    ]
    evidence = Evidence("deep_dive")
    for one in analyses:
        evidence.take_analysis(one)
    assert {at for _, at in evidence.wanted()} >= {AT_MS, AT_MS + 5}
    assert rows[0].rise == rise_of(analyses[0].outlook)
    assert rows[0].rules_outlook is not None


@pytest.mark.parametrize(
    ("came", "outcome"),
    [
        (answered("no JSON"), "schema_break"),
        (answered(GOOD.replace("The windows", "Buy now. The windows")), "advice"),
        (answered(None, "refused"), "refused"),
        (answered(None, "truncated"), "truncated"),
        (Came("new", result(1, answer=None, outcome="expired", known="released")), "expired"),
        (Came("unknown", None), "unknown"),
    ],
)
def test_what_is_not_accepted_says_why(came: Came, outcome: str) -> None:
    """The verdict's reason, or what came of the call; it is no analysis, and has no outlook."""
    (item,) = items_of([ONE], MODEL, context_tokens_max=TOKENS_MAX)
    ((row, analysis),) = tried(item, came, WHO, 900_000)
    assert (row.outcome, row.outlook, row.rise, analysis) == (outcome, None, None, None)
    assert row.rules_rise == rise_of(row.rules_outlook)


def test_every_standing_is_an_outcome() -> None:
    """Where there is no result."""
    (item,) = items_of([ONE], MODEL, context_tokens_max=TOKENS_MAX)
    standings: tuple[Standing, ...] = ("new", "open", "unknown")
    for standing in standings:
        ((row, _),) = tried(item, Came(standing, None), WHO, 900_000)
        assert row.outcome == standing
