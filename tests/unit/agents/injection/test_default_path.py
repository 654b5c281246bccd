"""By default the model sees features: whatever strangers write into raw events, the analysis is the same bytes."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.account.ledger import Ledger
from agents.ask.claude import Claude
from agents.ask.prompt import prompt_of
from agents.asking import Later
from agents.decide.candidate import Candidate
from agents.decide.partition import PartitionDecider
from agents.decide.sound import unsound
from agents.settings import AgentSettings, GateSettings, ModelSettings
from tests.injection import ALL_ATTACKS, ALL_HARMLESS, OWN, Case
from tests.servers import SharedRedis
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.office import MODEL, Office, a_ledger
from tests.unit.agents.serving import fake_claude, url_of
from topics import Aggregate, encode
from topics.identity import RawEvent
from topics.marks import GapDetected, GapFilled, GapPermanent

from .raw_log import Folded, attacked, folded, free_fields

SETTINGS = AgentSettings(
    gate=GateSettings(cool_down_s=0),
    model=ModelSettings(simulated=True, products=("deep_dive", "state")),
)
ASKED_MAX = 6
"""Candidates of one log that the model is asked about, the last ones: the fall and the surge are among them."""
CALM = folded()


def texts(cases: Sequence[Case]) -> list[str]:
    """Return what the cases say."""
    return [case.text for case in cases]


def candidates(aggregates: Sequence[Aggregate]) -> list[Candidate]:
    """Return what the gate asks for, each with time enough."""
    decider = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0)
    made = [decider.take(offset, one, time.monotonic()) for offset, one in enumerate(aggregates)]
    deadline_s = time.monotonic() + 60
    return [
        msgspec.structs.replace(one, enqueued_s=0.0, deadline_s=deadline_s)
        for one in made
        if one is not None
    ]


def test_the_hour_asks_for_all_that_an_analysis_can_be_about() -> None:
    """Windows of every kind, a fall, a surge of posts, a gap: else the comparisons below would compare little."""
    kinds = {aggregate.kind for aggregate in CALM.aggregates}
    reasons = {reason for one in candidates(CALM.aggregates) for reason in one.reasons}
    assert kinds == {"market", "volume", "social", "development"}
    assert {"price_drop", "social_spike"} <= reasons
    assert any(a.completeness.state == "holed" for a in CALM.aggregates)
    assert {topic.rpartition(".")[2] for topic in CALM.topics} == {"aggregates"}


def test_the_fields_that_take_any_text_are_known() -> None:
    """A new one is attacked as well, as the contracts say it; here it is seen that there are any."""
    found = {
        (contract.__name__, name)
        for contract in (*RawEvent.__args__, GapDetected, GapFilled, GapPermanent)
        for name, _ in free_fields(contract)
    }
    assert found == {
        ("Trade", "trade_id"),
        ("VolumeFlow", "instrument"),
        ("VolumeLevel", "instrument"),
        ("Post", "post_id"),
        ("Post", "text"),
        ("RepositoryEvent", "event_id"),
        ("GapDetected", "gap_id"),
        ("GapFilled", "gap_id"),
        ("GapPermanent", "gap_id"),
        ("GapPermanent", "reason"),
    }


@pytest.mark.parametrize("cases", [ALL_ATTACKS, OWN, ALL_HARMLESS], ids=["all", "own", "harmless"])
def test_what_strangers_write_is_in_no_window(cases: tuple[Case, ...]) -> None:
    """All that the streams role writes is the same bytes: nothing is refused, and no text comes through."""
    made = folded(attacked(texts(cases), seed=1))
    assert made.written == CALM.written


@settings(max_examples=3)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=5), st.integers(0, 9))
def test_no_text_at_all_is_in_a_window(some: list[str], seed: int) -> None:
    """Whatever UTF-8 can write, controls and unassigned characters too."""
    assert folded(attacked(some, seed)).written == CALM.written


@pytest.fixture
async def ledger(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Ledger]:
    """Give a real ledger."""
    async with a_ledger(redis_server.url, topic_prefix, cap=10**12) as made:
        yield made


async def said_of(log: Folded, wire: Wire, ledger: Ledger, *faults: str) -> list[bytes]:
    """Return the last analyses of a log as bytes, by the model and by rules; attempts are named by their call.

    The model begins anew, so that what it has cached makes no difference to the cost.
    """
    await wire.send("POST", "/_fake/reset", headers={})
    await wire.play(*({"requests": [1, None], "fault": fault} for fault in faults))
    model: Any = Claude(provider="anthropic", name=MODEL, base_url=url_of(wire), api_key="any")
    office = Office(model, ledger, SETTINGS)
    said = []
    try:
        for one in candidates(log.aggregates)[-ASKED_MAX:]:
            answer = await office.step(one)
            if isinstance(answer, Later):
                late = msgspec.structs.replace(answer.candidate, deadline_s=-1.0)
                answer = await office.step(late)
            assert not isinstance(answer, Later)
            ruled, _ = office.analyst.decline(one, "no_model")
            said += [msgspec.structs.replace(a, attempt_ids=[]) for a in (answer[0], ruled)]
    finally:
        await model.close()
    assert "model" in {analysis.origin for analysis in said}
    return [encode(analysis) for analysis in said]


@pytest.mark.integration
async def test_the_analysis_with_and_without_the_attack_is_the_same_bytes(ledger: Ledger) -> None:
    """By a model that obeys any order it reads, and by the rules: it reads none. So with harmless look-alikes."""
    async with fake_claude() as wire:
        said = await said_of(CALM, wire, ledger)
        assert len(said) == 2 * ASKED_MAX
        for cases in (ALL_ATTACKS, ALL_HARMLESS):
            log = folded(attacked(texts(cases), seed=2))
            assert await said_of(log, wire, ledger, "gullible") == said


def test_a_prompt_holds_nothing_of_a_post() -> None:
    """Not one of its words but those that are ours: the marker, slots, labels and names by pattern."""
    log = folded(attacked(["zyxwv unheard of words"], seed=3))
    prompts = [prompt_of(one, MODEL) for one in candidates(log.aggregates)]
    assert prompts
    assert not any("zyxwv" in prompt.user + prompt.system for prompt in prompts)
    assert [unsound(aggregate) for aggregate in log.aggregates] == [None] * len(log.aggregates)
