"""Several models at one desk: who is asked, what the analysis says of it, and that the bounds are those of one analysis."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from agents.account.ledger import Ledger
from agents.account.pricing import FREE_VERSION, Tariff, cost_nano_usd
from agents.account.shown import Spend
from agents.account.terms import Terms
from agents.ask.breaker import CircuitBreaker, State
from agents.ask.claude import Claude
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.prompt import prompt_of
from agents.ask.routing import COOL_S_MAX
from agents.asking import Later
from agents.desk import Place
from agents.settings import AgentSettings, BreakerSettings, ModelSettings, SpareSettings
from tests.servers import SharedRedis
from tests.unit.agents.candidates import candidate
from tests.unit.agents.entries import result
from tests.unit.agents.serving import fake_claude, url_of
from topics import Analysis, Intent, Result, Usage

from .office import (
    COST,
    FAILURE,
    GOOD,
    IGNORED,
    MODEL,
    NOW_MS,
    SETTINGS,
    USED,
    Office,
    SaidModel,
    a_ledger,
    failed,
    pressing,
    said,
    seat_of,
)
from .test_analyst import by_rules

pytestmark = pytest.mark.integration

SMALL = "claude-haiku-4-5"
OVERLOADED = failed("overloaded", FAILURE, Usage())
CHEAPER_COST = cost_nano_usd("anthropic", SMALL, USED)


@pytest.fixture
async def ledger(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Ledger]:
    """A ledger of the test's own."""
    async with a_ledger(redis_server.url, topic_prefix) as made:
        yield made


class Desks:
    """An office with a primary, the same model elsewhere, and a cheaper one."""

    def __init__(self, ledger: Ledger, settings: AgentSettings = SETTINGS) -> None:
        self.first = SaidModel(said())
        self.second = SaidModel(said(), provider="anthropic_2")
        self.small = SaidModel(said(), name=SMALL)
        tariff = Tariff("anthropic", MODEL)
        self.seats = [seat_of(self.second, tariff=tariff), seat_of(self.small)]
        self.office = Office(self.first, ledger, settings, self.seats)
        self.models = (self.first, self.second, self.small)

    @property
    def asked(self) -> tuple[int, ...]:
        """How often each was asked."""
        return tuple(len(model.asked) for model in self.models)

    async def answer(self, **changes: object) -> Analysis:
        """Answer a candidate, putting it back as often as it is to be asked again at once."""
        made = pressing(**changes)  # type: ignore[arg-type]
        for _ in range(10):
            answer = await self.office.step(made)
            if not isinstance(answer, Later):
                return answer[0]
            assert answer.not_before_s <= time.monotonic(), answer.reason
            made = answer.candidate
        raise AssertionError(made.sends)


async def test_the_primary_is_asked_as_long_as_it_can_be(ledger: Ledger) -> None:
    """The spares stand by."""
    ours = Desks(ledger)
    for _ in range(3):
        analysis = await ours.answer()
        assert (analysis.origin, analysis.origin_reason) == ("model", "answered")
    assert ours.asked == (3, 0, 0)


async def test_who_fails_is_left_at_once_and_the_analysis_says_so(ledger: Ledger) -> None:
    """Same model elsewhere, then a cheaper one, then rules; the attempts of all are in it, and what each cost."""
    ours = Desks(ledger)
    ours.first.reply = OVERLOADED
    analysis = await ours.answer()
    assert (analysis.origin, analysis.origin_reason) == ("model_other_provider", "overloaded")
    assert (analysis.model, analysis.cost_nano_usd, len(analysis.attempt_ids)) == (MODEL, COST, 2)
    assert not analysis.simulated
    ours.second.reply = OVERLOADED
    analysis = await ours.answer()
    assert (analysis.origin, analysis.origin_reason) == ("model_cheaper", "breaker_open")
    assert (analysis.model, analysis.cost_nano_usd) == (SMALL, CHEAPER_COST)
    assert ours.asked == (1, 2, 1)
    ours.small.reply = OVERLOADED
    by_rules(*await ours.office.answer(), "overloaded")
    by_rules(*await ours.office.answer(), "breaker_open")
    assert await ours.office.spend() == Spend(settled=COST + CHEAPER_COST, reserved=0)


async def test_the_journal_says_who_was_asked(ledger: Ledger) -> None:
    """Intent and result alike; the question of the same model is the same wherever it is asked, another's is another."""
    ours = Desks(ledger)
    ours.first.reply = ours.second.reply = OVERLOADED
    analysis = await ours.answer()
    entries = ours.office.journal
    told = [(entry.provider, entry.model) for entry in entries if isinstance(entry, Result)]
    assert told == [("anthropic", MODEL), ("anthropic_2", MODEL), ("anthropic", SMALL)]
    intents = [entry for entry in entries if isinstance(entry, Intent)]
    assert [(entry.provider, entry.model) for entry in intents] == told
    keys = [entry.item_key for entry in intents]
    assert keys[0] == keys[1] == prompt_of(candidate(), MODEL).item_key
    assert keys[2] == prompt_of(candidate(), SMALL).item_key
    assert analysis.attempt_ids == [entry.attempt_id for entry in intents]


async def test_a_model_that_asks_for_silence_is_let_be(ledger: Ledger) -> None:
    """Others are asked meanwhile, for as long as it asked and no longer than the bound."""
    ours = Desks(ledger)
    limited = failed("rate_limited", IGNORED, Usage())
    ours.first.reply = msgspec.structs.replace(limited, retry_after_s=3_600.0)
    assert (await ours.answer()).origin_reason == "rate_limited"
    assert ours.office.seat.hindrance(time.monotonic(), "deep_dive") == "rate_limited"
    ours.first.reply = said()
    analysis = await ours.answer()
    assert (analysis.origin, analysis.origin_reason) == ("model_other_provider", "rate_limited")
    assert ours.asked == (1, 2, 0)
    now_s = time.monotonic()
    desk = ours.office.analyst.desk
    assert desk is not None
    place = desk.take("deep_dive", (), now_s + COOL_S_MAX)
    assert place is not None
    assert (place.seat, place.reason) == (desk.primary, "answered")
    assert ours.office.breaker.state is State.CLOSED


async def test_a_primary_without_a_slot_is_not_waited_for(ledger: Ledger) -> None:
    """The next in line with the fewest calls; when all are full, one waits."""
    settings = settings_of(concurrency=1)
    ours = Desks(ledger, settings)
    analyst, now_s = ours.office.analyst, time.monotonic()
    ours.office.seat.slots = ConcurrencyLimit(1, lost_s=60.0)
    places = [analyst.place_for(pressing(), now_s) for _ in range(9)]
    found = [place for place in places if isinstance(place, Place)]
    labels = [place.seat.label for place in found]
    assert labels == [
        f"anthropic/{MODEL}",
        *[f"anthropic_2/{MODEL}"] * 4,
        *[f"anthropic/{SMALL}"] * 4,
    ]
    assert {place.reason for place in found} == {"answered", "busy"}
    assert not analyst.is_free(now_s)
    waits = analyst.place_for(pressing(), now_s)
    assert isinstance(waits, Later)
    assert waits.not_before_s > now_s
    for place in found:
        place.give_back()
    assert analyst.is_free(now_s)


def settings_of(**model: object) -> AgentSettings:
    """Return settings whose first model has these."""
    return AgentSettings(model=ModelSettings.model_validate({"simulated": True, **model}))


async def test_a_candidate_is_never_asked_of_two_at_once(ledger: Ledger) -> None:
    """However pressing: the second is asked when the first has failed."""
    ours = Desks(ledger)
    ours.first.reply, ours.first.took_s = OVERLOADED, 0.2
    flying: list[int] = []
    watched = asyncio.create_task(ours.answer(severity="critical"))
    while not watched.done():
        flying.append(sum(seat.slots.in_flight for seat in (ours.office.seat, *ours.seats)))
        await asyncio.sleep(0.01)
    assert (await watched).origin == "model_other_provider"
    assert max(flying) == 1


async def test_three_paid_sends_are_those_of_all_models_together(ledger: Ledger) -> None:
    """A ladder of four does not make it four; the last word is the last one's."""
    cut = failed("cut", FAILURE, None)
    ours = Desks(ledger)
    fourth = SaidModel(said(), provider="anthropic_3")
    ours.seats.append(seat_of(fourth, tariff=Tariff("anthropic", MODEL)))
    ours.office = Office(ours.first, ledger, SETTINGS, ours.seats)
    ours.first.reply = ours.second.reply = ours.small.reply = fourth.reply = cut
    analysis = await ours.answer()
    assert (analysis.origin, analysis.origin_reason) == ("rules", "cut")
    assert len(analysis.attempt_ids) == 3
    assert (*ours.asked, len(fourth.asked)) == (1, 1, 0, 1)


async def test_who_has_failed_a_candidate_is_asked_again_only_after_a_pause(ledger: Ledger) -> None:
    """Where nobody else is left, as with one model."""
    ours = Desks(ledger)
    for seat in (ours.office.seat, *ours.seats):
        seat.breaker = CircuitBreaker(BreakerSettings(calls_min=100))
    ours.first.reply = ours.second.reply = ours.small.reply = OVERLOADED
    made, not_before_s = pressing(), 0.0
    for _ in range(3):
        later = await ours.office.step(made)
        assert isinstance(later, Later)
        made, not_before_s = later.candidate, later.not_before_s
    assert (ours.asked, len(made.sends)) == ((1, 1, 1), 3)
    assert not_before_s > made.sends[-1].ended_s + 0.5
    early = await ours.office.step(made)
    assert isinstance(early, Later)
    assert (early.not_before_s, ours.asked) == (not_before_s, (1, 1, 1))


@pytest.mark.parametrize("closes", ["spend_limit", "unauthenticated", "model_not_found"])
async def test_a_closed_account_is_no_end_where_there_is_another(
    ledger: Ledger, closes: str
) -> None:
    """The one whose key is refused opens its breaker; the other's answer is taken."""
    ours = Desks(ledger)
    ours.first.reply = failed(closes, FAILURE, Usage())
    analysis = await ours.answer()
    assert (analysis.origin, analysis.origin_reason) == ("model_other_provider", closes)
    assert ours.office.breaker.state is State.OPEN


async def test_answers_of_a_weak_model_shut_its_own_prompt(ledger: Ledger) -> None:
    """Not that of the primary, which comes back."""
    ours = Desks(ledger)
    ours.seats[0].breaker.force(is_open=True, reason="said", now_s=time.monotonic())
    ours.office.breaker.force(is_open=True, reason="said", now_s=time.monotonic())
    ours.small.reply = said("no JSON", stop_reason="end_turn")
    reasons = [(await ours.answer()).origin_reason for _ in range(30)]
    assert (reasons[0], reasons[-1]) == ("schema_break", "breaker_open")
    assert ours.seats[1].quality.state is State.OPEN
    ours.office.breaker.force(is_open=False, reason="said", now_s=time.monotonic())
    assert (await ours.answer()).origin == "model"


@pytest.fixture
async def capped(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Ledger]:
    """A ledger in which the primary's own account is spent."""
    caps = {"day/all/nano_usd": 10**9, f"day/model/anthropic/{MODEL}/nano_usd": 1_000}
    terms = Terms(caps=caps, clock_ms_max=10**15)
    made = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=terms)
    await made.rebuild((), NOW_MS)
    yield made
    await made.close()


async def test_what_one_model_may_not_cost_another_may(capped: Ledger) -> None:
    """A cap of its own is spent, or it is closed: the next in line is asked. A cap of all is for all."""
    ours = Desks(capped)
    analysis = await ours.answer()
    assert (analysis.origin, analysis.origin_reason) == ("model_other_provider", "budget_spent")
    assert ours.asked == (0, 1, 0)
    await capped.set_cap("day/all/nano_usd", 0)
    by_rules(*await ours.office.answer(), "budget_spent")


async def test_a_free_model_needs_no_price_and_counts_its_tokens(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Nothing is reserved in dollars, whatever cap there is; a cap of tokens holds it all the same."""
    caps = {"day/all/nano_usd": 0, "day/all/tokens": 20_000}
    terms = Terms(caps=caps, clock_ms_max=10**15)
    ledger = Ledger(redis_server.url, prefix=topic_prefix, scope="test", terms=terms)
    await ledger.rebuild((), NOW_MS)
    try:
        local = SaidModel(said(), name="qwen3:8b", provider="local")
        ours = Office(local, ledger, SETTINGS)
        ours.seat.tariff = Tariff("local", "qwen3:8b", free=True)
        analysis, _ = await ours.answer()
        assert (analysis.origin, analysis.cost_nano_usd) == ("model", 0)
        assert analysis.input_tokens > 0
        (intent, _) = ours.journal
        assert isinstance(intent, Intent)
        assert (intent.reserved_nano_usd, intent.price_version) == (0, FREE_VERSION)
        assert intent.reserved_tokens > 0
        local.reply = failed("timeout", FAILURE, None)
        ours.breaker.settings = BreakerSettings(calls_min=100)
        for _ in range(5):
            analysis, _ = await ours.answer()
        assert analysis.origin_reason == "budget_spent"
        ours.seat.tariff = None
        by_rules(*await ours.answer(), "price_unknown")
    finally:
        await ledger.close()


ANSWER = msgspec.json.encode(GOOD).decode()


@pytest.mark.parametrize(
    ("provider", "name", "origin"),
    [
        ("anthropic", MODEL, "model"),
        ("anthropic_2", MODEL, "model_other_provider"),
        ("anthropic", SMALL, "model_cheaper"),
        (None, MODEL, "model"),
    ],
)
async def test_a_call_of_before_is_taken_whoever_was_asked(
    ledger: Ledger, provider: str | None, name: str, origin: str
) -> None:
    """Its question is found by the model's name; whose it was the result says, and old ones were the primary's."""
    ours = Desks(ledger)
    key = prompt_of(candidate(), name).item_key
    paid = result(
        1,
        attempt_id=f"{key[:32]}/1",
        item_key=key,
        answer=ANSWER,
        provider=provider,
        model=name,
        ended_ms=NOW_MS - 1_000,
    )
    ours.office.analyst.paid.take(paid)
    analysis = await ours.answer()
    assert (analysis.origin, analysis.model) == (origin, name)
    assert analysis.attempt_ids == [paid.attempt_id]
    assert ours.asked == (0, 0, 0)


async def test_only_an_answer_of_the_fake_is_marked_as_simulated(ledger: Ledger) -> None:
    """Whichever of several was asked."""
    spare = SpareSettings(provider="anthropic_2", simulated=True)
    settings = AgentSettings(model=ModelSettings(), spares={"two": spare})
    ours = Desks(ledger, settings)
    assert not (await ours.answer()).simulated
    ours.first.reply = OVERLOADED
    assert (await ours.answer()).simulated


@asynccontextmanager
async def claude(url: str, **of: str) -> AsyncIterator[Claude]:
    """Give a client of an address."""
    made = Claude(base_url=url, api_key="any", name=MODEL, **of)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def test_a_primary_that_falls_is_stood_in_for_and_comes_back(ledger: Ledger) -> None:
    """Over HTTP: 529s of the one, answers of Bedrock in its place and in time; a trial, and the primary again."""
    quick = BreakerSettings(calls_min=3, open_s=0.3, open_s_max=0.3, probes=2, jitter=0)
    async with (
        fake_claude() as anthropic,
        fake_claude() as amazon,
        claude(url_of(anthropic), provider="anthropic") as first,
        claude(
            url_of(amazon),
            provider="aws",
            dialect="bedrock",
            region="eu-central-1",
            model_id=f"global.anthropic.{MODEL}",
        ) as second,
    ):
        spare = seat_of(second, tariff=Tariff("aws", f"global.anthropic.{MODEL}"))
        office = Office(first, ledger, SETTINGS, [spare])  # type: ignore[arg-type]  # asks over HTTP
        office.seat.breaker = CircuitBreaker(quick)
        await anthropic.play({"requests": [2, 4], "fault": "overloaded"})
        origins = []
        for _ in range(8):
            made = pressing()
            answer = await office.step(made)
            while isinstance(answer, Later):
                answer = await office.step(answer.candidate)
            assert time.monotonic() < made.deadline_s
            origins.append((answer[0].origin, answer[0].origin_reason))
        assert origins[:2] == [("model", "answered"), ("model_other_provider", "overloaded")]
        assert {origin for origin, _ in origins} <= {"model", "model_other_provider"}
        async with asyncio.timeout(30):
            while office.seat.breaker.state is not State.CLOSED:
                await office.answer()
                await asyncio.sleep(0.05)
        analysis, _ = await office.answer()
        assert (analysis.origin, analysis.origin_reason) == ("model", "answered")
        bills = [await wire.bill() for wire in (anthropic, amazon)]
        billed = sum(entry["cost_nano_usd"] for bill in bills for entry in bill["entries"])
        assert await office.spend() == Spend(settled=billed, reserved=0)
        assert all(bill["entries"] for bill in bills)


async def test_while_one_of_several_can_be_asked_the_desk_is_free(ledger: Ledger) -> None:
    """One with room is enough; where those that are not shut are all busy, who wants a model waits."""
    ours = Desks(ledger)
    desk, now_s = ours.office.analyst.desk, time.monotonic()
    assert desk is not None
    for seat in desk.seats[:2]:
        seat.cool(now_s + 10, "busy", now_s)
    assert desk.is_free(now_s)
    desk.seats[2].cool(now_s + 10, "busy", now_s)
    assert not desk.is_free(now_s)
    for seat in desk.seats[:2]:
        seat.breaker.open_until(None, "spent", now_s)
    assert not desk.is_free(now_s)
    desk.seats[2].breaker.open_until(None, "spent", now_s)
    assert desk.is_free(now_s)  # rules answer at once
