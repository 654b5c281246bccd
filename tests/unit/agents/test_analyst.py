"""From candidate to analysis: every origin reason, what becomes of the money, and what the breaker hears."""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents.account.budget import Use
from agents.account.ledger import Ledger
from agents.account.ledger import Reply as LedgerReply
from agents.account.pacing import Amounts, Rates
from agents.account.pricing import cost_nano_usd, reservation_nano_usd
from agents.account.shown import Spend
from agents.account.terms import Terms
from agents.analyst import Analyst
from agents.answer.answered import Answered
from agents.answer.rules import VERSION, analyse
from agents.ask.breaker import Outcome, State
from agents.ask.concurrency import START
from agents.ask.model import Reply
from agents.ask.prompt import prompt_of
from agents.ask.routing import COOL_S_MAX
from agents.asking import Later
from agents.calling import REQUEST_OVERHEAD_TOKENS
from agents.desk import Place
from agents.settings import (
    UNCACHED_CALLS_MAX,
    AgentSettings,
    BreakerSettings,
    GateSettings,
    ModelSettings,
)
from tests.servers import SharedRedis
from tests.unit.agents.ask.golden import many
from tests.unit.agents.candidates import candidate
from tests.unit.agents.office import (
    COST,
    FAILURE,
    GOOD,
    IGNORED,
    MODEL,
    NOW_MS,
    SETTINGS,
    SUCCESS,
    USED,
    Office,
    Open,
    SaidModel,
    a_ledger,
    failed,
    pressing,
    said,
    terms,
)
from topics import BY_NAME, Analysis, Intent, Result, Usage, encode
from topics.units import EPOCH_MS_MAX

pytestmark = pytest.mark.integration
PROMPT_TOKENS = "tapereader_agent_prompt_tokens_total"


@pytest.fixture
async def office(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Open]:
    """Open an office whose model says a reply."""
    async with a_ledger(redis_server.url, topic_prefix) as ledger:

        def open_one(
            reply: Reply | Exception, settings: AgentSettings = SETTINGS, **model: object
        ) -> Office:
            return Office(SaidModel(reply, **model), ledger, settings)  # type: ignore[arg-type]

        yield open_one


def by_rules(analysis: Analysis, answered: Answered, reason: str) -> None:
    """Check that rules said it, for a reason, and that it can be published."""
    words = analyse(candidate())
    assert (analysis.origin, analysis.origin_reason, answered.reason) == ("rules", reason, reason)
    assert (analysis.headline, analysis.text) == (words.headline, words.text)
    assert (analysis.model, analysis.simulated, analysis.rules_version) == (None, False, VERSION)
    assert BY_NAME["analyses"].decoder().decode(encode(analysis)) == analysis


async def test_an_answer_is_published_with_all_it_cost(office: Open) -> None:
    """Words of the model, numbers of the code, the sum of tokens, and the reservation settled."""
    ours = office(said())
    analysis, answered = await ours.answer()
    made = candidate()
    assert (analysis.origin, analysis.origin_reason) == ("model", "answered")
    assert analysis.headline == "BTC fell 4.00%"
    assert (analysis.analysis_id, analysis.as_of_ms) == (made.candidate_id, made.as_of_ms)
    assert (analysis.model, analysis.simulated, analysis.rules_version) == (MODEL, True, None)
    assert (analysis.input_tokens, analysis.output_tokens) == (950, 120)
    assert (analysis.cost_nano_usd, analysis.confidence) == (COST, "medium")
    assert analysis.observed_direction == "down"
    assert analysis.valid_until_ms == made.as_of_ms + 900_000
    assert answered.item_key == prompt_of(made, MODEL).item_key
    assert analysis.prompt_version == prompt_of(made, MODEL).version
    (attempt,) = analysis.attempt_ids
    assert attempt.startswith(prompt_of(made, MODEL).item_key[:32] + "/")
    assert BY_NAME["analyses"].decoder().decode(encode(analysis)) == analysis
    assert await ours.spend() == Spend(settled=COST, reserved=0)
    assert ours.breaker.heard == [SUCCESS]
    ((prompt, tokens, timeout_s),) = ours.model.asked
    assert prompt == prompt_of(made, MODEL)
    assert (tokens, 19 < timeout_s <= 20) == (SETTINGS.model.output_tokens_max, True)


async def test_every_call_is_an_attempt_of_its_own(office: Open) -> None:
    """The same question at the same moment is reserved and settled twice."""
    ours = office(said())
    ids = {(await ours.answer())[0].attempt_ids[0] for _ in range(3)}
    assert len(ids) == 3
    assert await ours.spend() == Spend(settled=3 * COST, reserved=0)


async def test_what_is_reserved_covers_the_whole_request(office: Open) -> None:
    """Every byte of prompt and schema as a token, the overhead, and all tokens an answer may have."""
    ours = office(failed("timeout", FAILURE, None))
    await ours.answer()
    prompt = prompt_of(candidate(), MODEL)
    size = (
        len((prompt.system + prompt.user).encode())
        + prompt.schema.size_bytes
        + REQUEST_OVERHEAD_TOKENS
    )
    most = reservation_nano_usd(
        "anthropic",
        MODEL,
        input_tokens=size,
        output_tokens_max=SETTINGS.model.output_tokens_max,
    )
    assert await ours.spend() == Spend(settled=0, reserved=0, charged=most)


@pytest.mark.parametrize(
    ("outcome", "health", "usage"),
    [
        ("timeout", FAILURE, None),
        ("cut", FAILURE, None),
        ("unreachable", FAILURE, Usage()),
        ("unreadable", FAILURE, None),
        ("malformed", FAILURE, USED),
        ("truncated", IGNORED, USED),
        ("refused", IGNORED, USED),
        ("context_exceeded", IGNORED, USED),
        ("unexpected_stop", IGNORED, USED),
        ("overloaded", FAILURE, Usage()),
        ("rate_limited", IGNORED, Usage()),
        ("unauthenticated", FAILURE, Usage()),
        ("server_error", FAILURE, None),
    ],
)
async def test_a_failed_call_is_answered_by_rules_under_its_name(
    office: Open, outcome: str, health: Outcome, usage: Usage | None
) -> None:
    """What is known of its cost is settled, what is not is charged, and the breaker hears its health."""
    ours = office(failed(outcome, health, usage))
    analysis, answered = await ours.answer()
    by_rules(analysis, answered, outcome)
    assert answered.item_key is not None
    assert len(analysis.attempt_ids) == 1
    spent = await ours.spend()
    if usage is None:
        assert (spent.settled, spent.reserved) == (0, 0)
        assert analysis.cost_nano_usd == spent.charged > 0
    else:
        cost = cost_nano_usd("anthropic", MODEL, usage)
        assert spent == Spend(settled=cost, reserved=0)
        assert analysis.cost_nano_usd == cost
    assert ours.breaker.heard == [health]
    assert ours.breaker.state is (State.OPEN if health is FAILURE else State.CLOSED)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no JSON", "schema_break"),
        (msgspec.json.encode(GOOD | {"text": "{nothing}"}).decode(), "unknown_slot"),
        (msgspec.json.encode(GOOD | {"text": "{"}).decode(), "broken_slot"),
        (msgspec.json.encode(GOOD | {"text": "fell 4%"}).decode(), "ungrounded_number"),
        (msgspec.json.encode(GOOD | {"text": "buy it"}).decode(), "advice"),
        (msgspec.json.encode(GOOD | {"text": "see evil.com"}).decode(), "link"),
        (msgspec.json.encode(GOOD | {"text": "<b>fell</b>"}).decode(), "odd_character"),
        (msgspec.json.encode(GOOD | {"text": "{close_1m_usdt} " * 130}).decode(), "schema_break"),
    ],
)
async def test_a_rejected_verdict_is_answered_by_rules_and_paid(
    office: Open, text: str, reason: str
) -> None:
    """The model was well and was paid; its words are not used."""
    ours = office(said(text))
    analysis, answered = await ours.answer()
    by_rules(analysis, answered, reason)
    assert analysis.cost_nano_usd == COST
    assert await ours.spend() == Spend(settled=COST, reserved=0)
    assert ours.breaker.heard == [SUCCESS]


async def test_without_a_model_rules_answer() -> None:
    """No desk: nobody is asked, and it says why."""
    analyst = Analyst(SETTINGS, None, now_ms=lambda: NOW_MS)
    assert analyst.is_free(time.monotonic())
    assert analyst.place_for(pressing(), time.monotonic()) is None
    answer = await analyst.answer(pressing())
    assert not isinstance(answer, Later)
    by_rules(*answer, "no_model")


async def test_what_is_not_asked_for_is_not_asked(office: Open) -> None:
    """A product that is not among the model's, a deadline that has passed, a stop."""
    ours = office(said())
    assert not ours.analyst.wants_model(pressing(product="state"))
    by_rules(*await ours.answer(product="state"), "state_by_rules")
    assert ours.analyst.place_for(pressing(-0.01), time.monotonic()) is None
    by_rules(*await ours.answer(left_s=-0.01), "deadline")
    by_rules(*ours.analyst.decline(pressing(), "stopping"), "stopping")
    assert ours.analyst.wants_model(pressing())
    assert ours.model.asked == []
    assert await ours.spend() == Spend(settled=0, reserved=0)
    assert ours.breaker.heard == []


async def test_an_open_breaker_costs_nothing(office: Open) -> None:
    """Open by failures or by an operator: nothing is reserved and nothing is sent."""
    ours = office(said())
    permit = ours.breaker.admit(time.monotonic())
    assert permit is not None
    ours.breaker.report(permit, FAILURE, time.monotonic())
    by_rules(*await ours.answer(), "breaker_open")
    ours.breaker.force(is_open=True, reason="said", now_s=time.monotonic())
    by_rules(*await ours.answer(), "breaker_open")
    assert ours.breaker.rejected == 2
    assert ours.model.asked == []
    assert await ours.spend() == Spend(settled=0, reserved=0)


async def test_a_full_trial_gives_the_money_back(office: Open) -> None:
    """Where all probes are out, the reservation is released."""
    ours = office(said())
    long_ago_s = time.monotonic() - 100
    permit = ours.breaker.admit(long_ago_s)
    assert permit is not None
    ours.breaker.report(permit, FAILURE, long_ago_s)

    def others_probe() -> None:
        probes = [ours.breaker.admit(time.monotonic()) for _ in range(BreakerSettings().probes)]
        assert None not in probes

    ours.on_intent = others_probe
    by_rules(*await ours.answer(), "breaker_open")
    assert [type(entry) for entry in ours.journal] == [Intent, Result]
    assert ours.model.asked == []
    assert await ours.spend() == Spend(settled=0, reserved=0)


async def test_a_spent_budget_sends_nothing(redis_server: SharedRedis, topic_prefix: str) -> None:
    """The first that does not fit is not sent, and the breaker is not asked."""
    async with a_ledger(redis_server.url, topic_prefix, cap=1_000) as ledger:
        ours = Office(SaidModel(said()), ledger, SETTINGS)
        by_rules(*await ours.answer(), "budget_spent")
        assert ours.model.asked == []
        assert ours.breaker.heard == []
        assert await ours.spend() == Spend(settled=0, reserved=0)


async def test_without_a_ledger_nothing_is_sent() -> None:
    """Redis away: rules, and no call."""
    async with a_ledger("redis://127.0.0.1:9/0", "x.") as ledger:
        ours = Office(SaidModel(said()), ledger, SETTINGS)
        by_rules(*await ours.answer(), "ledger_down")
        assert ours.model.asked == []


async def test_a_model_nobody_knows_the_price_of_is_not_asked(office: Open) -> None:
    """Refused before anything is reserved; never an exception."""
    ours = office(said(), name="claude-nobody-1")
    by_rules(*await ours.answer(), "price_unknown")
    assert ours.model.asked == []
    assert await ours.spend() == Spend(settled=0, reserved=0)


async def test_a_settlement_that_fails_leaves_the_reservation(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """The answer is given all the same; what is not settled is charged in full."""

    class Forgetful(Ledger):
        async def settle(self, attempt_id: str, used: Use, now_ms: int) -> tuple[LedgerReply, bool]:
            async with a_ledger("redis://127.0.0.1:9/0", "x.") as gone:
                return await gone.settle(attempt_id, used, now_ms)

    ledger = Forgetful(redis_server.url, prefix=topic_prefix, scope="test", terms=terms(10**9))
    await ledger.rebuild((), NOW_MS)
    ours = Office(SaidModel(said()), ledger, SETTINGS)
    try:
        analysis, _ = await ours.answer()
        assert (analysis.origin, analysis.cost_nano_usd) == ("model", COST)
        spent = await ours.spend()
        assert (spent.settled, spent.reserved > COST) == (0, True)
    finally:
        await ledger.close()


async def test_a_cancelled_call_is_told_and_stays_charged(office: Open) -> None:
    """The breaker hears that it says nothing; nobody knows what it cost."""
    ours = office(said(), took_s=60.0)
    call = asyncio.create_task(ours.answer())
    async with asyncio.timeout(10):
        while not ours.model.asked:
            await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ours.breaker.heard == [IGNORED]
    spent = await ours.spend()
    assert (spent.settled, spent.charged > 0) == (0, True)


async def test_a_defect_in_the_call_is_told_and_not_swallowed(office: Open) -> None:
    """The breaker has its permit back, the money stays charged, the worker hears of it."""
    ours = office(RuntimeError("defect"))
    with pytest.raises(RuntimeError, match="defect"):
        await ours.answer()
    assert ours.breaker.heard == [IGNORED]
    assert (await ours.spend()).charged > 0


@pytest.mark.parametrize(
    ("left_s", "limit_s", "health"),
    [(9.4, 30.0, IGNORED), (10.0, 30.0, FAILURE), (19.9, 30.0, FAILURE), (19.9, 0.2, FAILURE)],
)
async def test_a_deadline_of_ours_is_no_failure_of_the_model(
    office: Open, left_s: float, limit_s: float, health: Outcome
) -> None:
    """A call that had less than half of what any call is given says nothing by its time-out, nor are fewer made."""
    settings = AgentSettings(model=ModelSettings(timeout_s=limit_s))
    ours = office(failed("timeout", FAILURE, None), settings)
    by_rules(*await ours.answer(left_s=left_s), "timeout")
    ((_, _, timeout_s),) = ours.model.asked
    assert timeout_s == pytest.approx(min(left_s, limit_s), abs=0.3)
    assert ours.breaker.heard == [health]
    assert (ours.slots.allowed == settings.model.concurrency) is (health is IGNORED)


async def test_two_processes_that_ask_the_same_at_once_reserve_apart(office: Open) -> None:
    """By one name the second would find its reservation made and confirmed: two sends, one amount."""
    names = set()
    for _ in range(2):
        ours = office(said())
        analysis, _ = await ours.answer()
        names |= set(analysis.attempt_ids)
    assert len(names) == 2
    assert len({name.split("/")[0] for name in names}) == 1  # of one question, in one millisecond


async def test_what_would_come_too_late_is_not_asked_for(office: Open) -> None:
    """A call with less time than answers take is paid for nothing; with more, it is made."""
    ours = office(said(), took_s=0.8)
    analysis, _ = await ours.answer()
    assert analysis.origin == "model"
    late, _ = await ours.answer(left_s=0.8)
    assert (late.origin_reason, len(ours.model.asked)) == ("deadline", 1)
    analysis, _ = await ours.answer(left_s=10.0)
    assert (analysis.origin, len(ours.model.asked)) == ("model", 2)


async def test_the_validity_ends_with_time_itself() -> None:
    """However long a state is valid, the contract can say it."""
    settings = AgentSettings(gate=GateSettings(state_valid_s=1e12))
    analyst = Analyst(settings, None, now_ms=lambda: NOW_MS)
    analysis, _ = analyst.decline(pressing(), "no_model")
    assert analysis.valid_until_ms == EPOCH_MS_MAX
    assert BY_NAME["analyses"].decoder().decode(encode(analysis)) == analysis


async def test_answers_that_cannot_be_used_shut_the_prompt_and_not_the_model(office: Open) -> None:
    """Its version is asked no more, and nothing is set aside for it; the model's own breaker stays closed."""
    ours = office(said("no JSON", stop_reason="end_turn"))
    reasons = [(await ours.answer())[0].origin_reason for _ in range(30)]
    assert (reasons[0], reasons[-1]) == ("schema_break", "quality_open")
    asked, spend = len(ours.model.asked), await ours.spend()
    await ours.answer()
    assert (len(ours.model.asked), await ours.spend()) == (asked, spend)
    assert ours.breaker.state is State.CLOSED
    assert ours.quality.state is State.OPEN


async def test_a_spend_limit_opens_until_it_is_reset(office: Open) -> None:
    """One answer is enough: each further call would only be refused."""
    ours = office(
        said(None, outcome="spend_limit", health=IGNORED, usage=Usage(), retry_after_s=900.0)
    )
    await ours.answer()
    assert ours.breaker.state is State.OPEN
    assert 890 < ours.breaker.retry_after_s(time.monotonic()) <= 900
    assert (await ours.answer())[0].origin_reason == "breaker_open"
    assert len(ours.model.asked) == 1


async def test_a_spend_limit_that_asks_for_no_time_opens_all_the_same(office: Open) -> None:
    """A retry-after of nothing, or of a date that is past: nobody knows when the door opens again."""
    ours = office(
        said(None, outcome="spend_limit", health=FAILURE, usage=Usage(), retry_after_s=0.0)
    )
    await ours.answer()
    assert ours.breaker.retry_after_s(time.monotonic()) > ours.breaker.settings.open_s
    assert (await ours.answer())[0].origin_reason == "breaker_open"
    assert len(ours.model.asked) == 1


@pytest.mark.parametrize("outcome", ["rate_limited", "ramp_limited"])
async def test_silence_that_a_provider_asks_for_is_kept_by_all_workers(
    office: Open, outcome: str
) -> None:
    """The pace is in the ledger, which they share: the next reservation waits, and who waits asks now and then."""
    ours = office(said(None, outcome=outcome, health=IGNORED, usage=Usage(), retry_after_s=3_600.0))
    await ours.answer()
    assert ours.slots.limit < START
    ours.model.reply = said()
    by_rules(*await ours.answer(), "paced")
    assert not ours.analyst.is_free(time.monotonic())
    assert ours.analyst.is_free(time.monotonic() + COOL_S_MAX)
    by_rules(*await ours.answer(left_s=-0.01), "paced")  # it waited for nothing else


async def test_an_answer_that_tells_the_marker_is_not_published(office: Open) -> None:
    """What is confidential is held against each answer."""
    canary = prompt_of(candidate(), MODEL).canary
    answer = GOOD | {"text": f"It fell to {{close_1m_usdt}}, said {canary}."}
    analysis, _ = await office(said(msgspec.json.encode(answer).decode())).answer()
    assert (analysis.origin, analysis.origin_reason) == ("rules", "leak")


async def test_a_wait_for_the_pace_holds_nothing(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """No money, no permit, no slot: a candidate with time is to come back when it can be asked."""
    ledger = Ledger(
        redis_server.url,
        prefix=topic_prefix,
        scope="test",
        terms=Terms(
            caps={"day/all/nano_usd": 10**9},
            clock_ms_max=10**15,
            rates={f"anthropic/{MODEL}": Rates(Amounts(60), burst_permille=20)},
        ),
    )
    await ledger.rebuild((), NOW_MS)
    ours = Office(SaidModel(said()), ledger, SETTINGS)
    try:
        assert (await ours.answer())[0].origin == "model"
        before = await ours.spend()
        later = await ours.later()
        wait_s = later.not_before_s - time.monotonic()
        assert (later.reason, later.candidate.sends) == ("paced", ())
        assert 0 < wait_s <= 1
        assert not ours.analyst.is_free(time.monotonic())
        assert ours.analyst.is_free(later.not_before_s)
        assert await ours.spend() == before
        assert ours.breaker.heard == [SUCCESS]
    finally:
        await ledger.close()


async def test_an_answer_that_cannot_be_used_is_asked_for_once_more(office: Open) -> None:
    """At once, and both are in the analysis: what it cost, and the names of the attempts."""
    ours = office(said("no JSON"))
    later = await ours.later()
    assert later.not_before_s <= time.monotonic()
    assert [sent.outcome for sent in later.candidate.sends] == ["schema_break"]
    ours.model.reply = said()
    answer = await ours.step(later.candidate)
    assert not isinstance(answer, Later)
    analysis, answered = answer
    assert (analysis.origin, analysis.cost_nano_usd) == ("model", 2 * COST)
    assert (analysis.input_tokens, analysis.output_tokens) == (1_900, 240)
    assert len(set(analysis.attempt_ids)) == 2
    assert analysis.attempt_ids == answered.attempt_ids
    assert await ours.spend() == Spend(settled=2 * COST, reserved=0)


async def test_it_is_asked_for_at_most_twice(office: Open) -> None:
    """The second time the model would have done better already."""
    ours = office(said("no JSON"))
    later = await ours.later()
    answer = await ours.step(later.candidate)
    assert not isinstance(answer, Later)
    by_rules(*answer, "schema_break")
    assert len(answer[0].attempt_ids) == len(ours.model.asked) == 2


async def test_at_most_three_paid_sends_an_analysis(office: Open) -> None:
    """Each waits longer than the one before, and none is made before its time."""
    settings = AgentSettings(breaker=BreakerSettings(calls_min=100))
    ours = office(failed("cut", FAILURE, None), settings)
    ours.breaker.settings = settings.breaker
    made, waits = pressing(60.0), []
    for _ in range(2):
        later = await ours.later(made)
        waits.append(later.not_before_s - later.candidate.sends[-1].ended_s)
        early = await ours.step(later.candidate)
        assert isinstance(early, Later)
        assert early.not_before_s == later.not_before_s
        long_ago = [
            msgspec.structs.replace(sent, ended_s=sent.ended_s - 60)
            for sent in later.candidate.sends
        ]
        made = msgspec.structs.replace(later.candidate, sends=tuple(long_ago))
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1.0
    answer = await ours.step(made)
    assert not isinstance(answer, Later)
    by_rules(*answer, "cut")
    assert len(ours.model.asked) == len(answer[0].attempt_ids) == 3
    assert (await ours.spend()).charged == answer[0].cost_nano_usd


async def test_what_the_brokers_kept_too_long_is_not_sent(office: Open) -> None:
    """An intent that is acknowledged after the deadline: nobody waits for the answer any more."""
    ours = office(said())
    ours.on_intent = lambda: time.sleep(0.3)
    by_rules(*await ours.answer(left_s=0.7), "deadline")
    assert ours.model.asked == []
    assert await ours.spend() == Spend(settled=0, reserved=0)


async def test_no_more_calls_at_once_than_there_are_slots(office: Open) -> None:
    """While all are out, those that want the model go on waiting."""
    ours = office(said(), AgentSettings(model=ModelSettings(concurrency=2)))
    now_s = time.monotonic()
    slots = [ours.analyst.place_for(pressing(), now_s) for _ in range(2)]
    assert all(isinstance(place, Place) for place in slots)
    assert not ours.analyst.is_free(now_s)
    assert isinstance(slots[0], Place)
    answer = await ours.analyst.answer(pressing(), slots[0])
    assert not isinstance(answer, Later)
    assert ours.analyst.is_free(time.monotonic())
    ours.breaker.force(is_open=True, reason="said", now_s=time.monotonic())
    assert ours.slots.take(time.monotonic()) is not None
    assert ours.analyst.is_free(time.monotonic())  # rules answer them at once


async def test_that_the_prompt_is_not_cached_is_logged_once_and_counted(office: Open) -> None:
    """A warning at the bound, one word when the cache is back; the input of every answered call by how it is paid for."""
    ours = office(said(usage=Usage(input_tokens=900, output_tokens=120)))
    plain = REGISTRY.get_sample_value(PROMPT_TOKENS, {"cache": "plain"}) or 0.0
    with capture_logs() as logs:
        for number in range(UNCACHED_CALLS_MAX + 2):
            await ours.answer(candidate_id=f"deep_dive/BTC/{number}/0")
        assert REGISTRY.get_sample_value("tapereader_agent_uncached_prompts") == 1
        ours.model.reply = said()
        await ours.answer(candidate_id="deep_dive/BTC/99/0")
    told = [log["event"] for log in logs if log["event"].startswith("the prompt")]
    assert told == ["the prompt is not cached", "the prompt is cached again"]
    assert REGISTRY.get_sample_value("tapereader_agent_uncached_prompts") == 0
    now = REGISTRY.get_sample_value(PROMPT_TOKENS, {"cache": "plain"})
    assert now == plain + 900 * (UNCACHED_CALLS_MAX + 2) + USED.input_tokens


async def test_a_call_without_an_answer_says_nothing_of_the_cache(office: Open) -> None:
    """Nobody knows what was read, or it was refused before."""
    ours = office(failed("refused", IGNORED, Usage(input_tokens=900)))
    for number in range(UNCACHED_CALLS_MAX):
        await ours.answer(candidate_id=f"deep_dive/BTC/{number}/0")
    assert ours.analyst.desk is not None
    assert ours.analyst.desk.cached.lost == {}


async def test_a_question_has_the_room_its_setting_gives_and_the_intent_says_how_much(
    office: Open,
) -> None:
    """With it a replay leaves out the same facts."""
    settings = AgentSettings(model=ModelSettings(simulated=True, context_tokens_max=4_000))
    ours = office(said(), settings=settings)
    made = pressing(facts=many().facts)
    await ours.step(made)
    ((prompt, _, _),) = ours.model.asked
    assert len(prompt.user.encode()) <= 4_000
    assert prompt == prompt_of(made, MODEL, 4_000) != prompt_of(made, MODEL)
    assert [e.context_tokens_max for e in ours.journal if isinstance(e, Intent)] == [4_000]
