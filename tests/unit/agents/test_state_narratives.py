"""State narratives from the question to the analysis: every state, over the fake's own words and over HTTP."""

import time
from collections.abc import AsyncIterator, Iterator
from itertools import product

import msgspec
import pytest
from msgspec.structs import replace

from agents.answer.narrative import Narrative, slots_for
from agents.ask.breaker import CircuitBreaker
from agents.ask.claude import Claude
from agents.ask.prompt import narrative_of, prompt_of, state_prompt_of, state_version
from agents.asking import Later
from agents.decide.candidate import Candidate
from agents.decide.context import Labels
from agents.fake_claude.answers import answer
from agents.fake_claude.models import MODELS
from agents.fake_claude.rules import judge
from agents.fake_claude.spoiling import Spoiling
from agents.settings import AgentSettings, BreakerSettings, ModelSettings
from tests.servers import SharedRedis
from tests.strategies.aggregates import calm, market
from tests.unit.agents.answer.test_narrative import RISEN, state_of
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.office import MODEL, Office, SaidModel, a_ledger, pressing, said
from tests.unit.agents.serving import fake_claude, url_of
from topics import BY_NAME, encode

SETTINGS = AgentSettings(model=ModelSettings(simulated=True, products=("deep_dive", "state")))
WORDS: dict[str, tuple[str | None, ...]] = {
    "direction": ("up", "down", "flat"),
    "volume": (None, "high", "usual", "low"),
    "volatility": (None, "high"),
    "regime": (None, "rising", "falling", "sideways"),
    "posts": (None, "high"),
    "tone": (None, "positive", "negative"),
    "development": (None, "low"),
    "data": (None, "gaps"),
}
SPOILT: dict[Spoiling, str] = {
    "prose": "schema_break",
    "wrong_schema": "schema_break",
    "wrong_numbers": "ungrounded_number",
    "advice": "advice",
    "other_asset": "other_asset",
    "huge": "schema_break",
}


def every_state() -> Iterator[Labels]:
    """Yield every state there can be: 2,304."""
    for words in product(*WORDS.values()):
        yield tuple((of, word) for of, word in zip(WORDS, words, strict=True) if word is not None)


def faked(labels: Labels, spoiling: Spoiling | None = None) -> str:
    """Return what the fake answers to the question about a state."""
    prompt = state_prompt_of(labels, MODEL)
    body = {
        "model": MODEL,
        "max_tokens": 1_500,
        "system": [{"type": "text", "text": prompt.system}],
        "messages": [{"role": "user", "content": prompt.user}],
        "output_config": {"format": {"type": "json_schema", "schema": prompt.schema.schema}},
    }
    text: str = answer(judge(body, MODELS), spoiling).content[-1]["text"]
    return text


def test_the_fake_has_a_good_word_for_every_state() -> None:
    """Each passes the judge, and hardly two states are told alike."""
    texts = set()
    states = list(every_state())[::7]  # all of them take six seconds
    for labels in states:
        prompt = state_prompt_of(labels, MODEL)
        made = narrative_of(faked(labels), labels, prompt)
        assert isinstance(made, Narrative), (labels, made)
        texts.add(made.text)
    assert len(texts) > 0.8 * len(states)


@pytest.mark.parametrize(("spoiling", "reason"), SPOILT.items())
def test_what_the_fake_spoils_is_refused(spoiling: Spoiling, reason: str) -> None:
    """By the reason that fits."""
    prompt = state_prompt_of(RISEN.labels, MODEL)
    made = narrative_of(faked(RISEN.labels, spoiling), RISEN.labels, prompt)
    assert not isinstance(made, Narrative)
    assert made.reason == reason


@pytest.fixture
async def fake() -> AsyncIterator[Wire]:
    """A fake of the test's own."""
    async with fake_claude() as wire:
        yield wire


@pytest.fixture
async def asked(fake: Wire, redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Office]:
    """An analyst that asks the fake over HTTP, of states too."""
    model = Claude(provider="anthropic", name=MODEL, base_url=url_of(fake), api_key="test-key")
    async with a_ledger(redis_server.url, topic_prefix) as ledger:
        yield Office(model, ledger, SETTINGS)  # type: ignore[arg-type]  # any model will do
    await model.close()


def due(candidate: Candidate) -> Candidate:
    """Return a candidate with time left."""
    return replace(candidate, deadline_s=time.monotonic() + 20.0)


@pytest.mark.integration
async def test_a_state_is_told_in_the_models_words_and_its_own_numbers(asked: Office) -> None:
    """One question serves two assets: the words are the same, name and numbers are each one's own."""
    other = state_of([*calm(12, "DOGE/USD"), market("DOGE/USD", 12, last=101.5, volume=40.0)])
    told = []
    for made in (RISEN, other):
        answer = await asked.step(due(made))
        assert not isinstance(answer, Later)
        analysis, answered = answer
        assert (analysis.origin, analysis.origin_reason) == ("model", "answered")
        assert (analysis.product, analysis.outlook, analysis.simulated) == ("state", None, True)
        assert analysis.prompt_version == state_version()
        assert analysis.headline.startswith(made.asset)
        assert BY_NAME["analyses"].decoder().decode(encode(analysis)) == analysis
        told.append((answered.item_key, analysis.text))
    assert told[0][0] == told[1][0] == prompt_of(RISEN, MODEL).item_key
    assert told[0][1].replace("BTC", "DOGE") != told[1][1]
    assert {slot.of for slot in slots_for(RISEN.labels)} <= dict(RISEN.labels).keys()


@pytest.mark.integration
async def test_a_spoilt_narrative_is_answered_by_rules_and_paid(asked: Office, fake: Wire) -> None:
    """After it was asked for once more."""
    await fake.play({"fault": "wrong_numbers", "requests": [1, 2]})
    later = await asked.later(due(RISEN))
    answer = await asked.step(later.candidate)
    assert not isinstance(answer, Later)
    analysis, _ = answer
    assert (analysis.origin, analysis.origin_reason) == ("rules", "ungrounded_number")
    assert (len(analysis.attempt_ids), analysis.cost_nano_usd > 0) == (2, True)


@pytest.mark.integration
async def test_a_narrative_that_does_not_fit_is_not_asked_for_again(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """The words are right of the state, and the moment's facts are not in it: rules answer at once."""
    text = msgspec.json.encode({"headline": "{symbol}", "text": "It rose {return_1m}."}).decode()
    fallen = state_of([*calm(12), market(number=12, last=99.0)]).facts
    async with a_ledger(redis_server.url, topic_prefix) as ledger:
        ours = Office(SaidModel(said(text, stop_reason="end_turn")), ledger, SETTINGS)
        answer = await ours.step(due(replace(RISEN, facts=fallen)))
        assert not isinstance(answer, Later)
        assert (answer[0].origin, answer[0].origin_reason) == ("rules", "render_rejected")
        assert len(ours.model.asked) == 1
        ((prompt, *_),) = ours.model.asked
        assert prompt == prompt_of(RISEN, MODEL)
        assert ours.quality.tally(time.monotonic()).calls == 0


@pytest.mark.integration
async def test_a_prompt_of_states_that_fails_leaves_the_deep_dives_alone(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Each prompt has a breaker of its own: the one that opened keeps its own product from the model."""
    async with a_ledger(redis_server.url, topic_prefix) as ledger:
        ours = Office(SaidModel(said("no JSON", stop_reason="end_turn")), ledger, SETTINGS)
        desk = ours.analyst.desk
        assert desk is not None
        desk.primary.state_quality = CircuitBreaker(BreakerSettings(calls_min=1, jitter=0))
        assert isinstance(await ours.step(due(RISEN)), Later)
        now_s = time.monotonic()
        assert (desk.is_shut("state", now_s), desk.is_shut("deep_dive", now_s)) == (True, False)
        assert ours.analyst.is_free(now_s)
        answer = await ours.step(due(RISEN))
        assert not isinstance(answer, Later)
        assert answer[0].origin_reason == "quality_open"
        ours.model.reply = said()
        dive = await ours.step(pressing())
        assert not isinstance(dive, Later)
        assert dive[0].origin == "model"
