"""A state is said again as it was said before: at most once paid, each time with the numbers of the moment."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from msgspec.structs import replace
from redis import Redis

from agents.account.ledger import Ledger
from agents.account.pricing import Tariff
from agents.ask.concurrency import ConcurrencyLimit
from agents.ask.model import Reply
from agents.ask.prompt import state_prompt_of
from agents.asking import Later
from agents.cache.codec import Entry, pack
from agents.decide.candidate import Candidate
from agents.decide.superseding import Correction, Superseding
from agents.desk import Seat
from agents.kept import key_of
from agents.settings import AgentSettings, ModelSettings, QualitySettings
from tests.servers import SharedRedis
from tests.strategies.aggregates import calm, market
from tests.unit.agents.answer.test_narrative import RISEN, answer, state_of
from tests.unit.agents.cache.caches import Clock, cache, growth, lookups, place
from tests.unit.agents.office import (
    IGNORED,
    MODEL,
    SUCCESS,
    Office,
    SaidModel,
    a_ledger,
    failed,
    said,
    seat_of,
)
from tests.unit.agents.test_kept import kept
from topics import BY_NAME, Analysis, Usage, encode

pytestmark = pytest.mark.integration
SETTINGS = AgentSettings(
    model=ModelSettings(simulated=True, products=("deep_dive", "state")),
    quality=QualitySettings(verdicts_min=4),
)
OTHER = state_of([*calm(12, "DOGE/USD"), market("DOGE/USD", 12, last=101.5, volume=40.0)])
TEXT = answer("The price of {symbol} rose {return_1m}.")
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SMALL = "claude-tiny-1"


def narrated(text: str = TEXT) -> Reply:
    """Return a model's answer about a state."""
    return said(text, stop_reason="end_turn")


def due(candidate: Candidate = RISEN, left_s: float = 20.0) -> Candidate:
    """Return a candidate with time left."""
    return replace(candidate, deadline_s=time.monotonic() + left_s)


def of_assets(count: int) -> Iterator[Candidate]:
    """Yield candidates of so many assets, all in one state."""
    for number in range(count):
        asset = f"A{number}"
        log = [*calm(12, f"{asset}/USD"), market(f"{asset}/USD", 12, last=101.0, volume=30.0)]
        yield due(state_of(log))


class Desk:
    """An analyst of states that keeps what it paid for."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self.office, self.clock = office, clock
        self.model = office.model

    async def tell(self, candidate: Candidate | None = None) -> Analysis:
        """Return what is said of a candidate, which must not have to wait."""
        answered = await self.office.step(due() if candidate is None else candidate)
        assert not isinstance(answered, Later), answered
        analysis: Analysis = BY_NAME["analyses"].decoder().decode(encode(answered[0]))
        assert analysis == answered[0]
        return analysis

    async def later(self, candidate: Candidate | None = None) -> Later:
        """Return that a candidate is to wait."""
        answered = await self.office.step(due() if candidate is None else candidate)
        assert isinstance(answered, Later), answered
        return answered

    def shut(self) -> None:
        """Let the model's breaker be open."""
        self.office.breaker.force(is_open=True, reason="by hand", now_s=time.monotonic())

    def heal(self) -> None:
        """Let it be closed."""
        self.office.breaker.force(is_open=False, reason="by hand", now_s=time.monotonic())


@pytest.fixture
async def ledger(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Ledger]:
    """A ledger of the test's own."""
    async with a_ledger(redis_server.url, topic_prefix) as made:
        yield made


@asynccontextmanager
async def opened(
    ledger: Ledger,
    *,
    url: str | None = None,
    prefix: str = "",
    model: SaidModel | None = None,
    spares: tuple[Seat, ...] = (),
    clock: Clock | None = None,
    settings: AgentSettings = SETTINGS,
) -> AsyncIterator[Desk]:
    """Give an analyst with a cache."""
    clock = clock or Clock()
    async with cache(url, prefix, now_ms=clock) as asker:
        model = model or SaidModel(narrated())
        yield Desk(Office(model, ledger, settings, spares, asker.cache), clock)


@pytest.fixture
async def desk(ledger: Ledger) -> AsyncIterator[Desk]:
    """An analyst whose cache is its own memory."""
    async with opened(ledger) as made:
        yield made


async def test_one_call_serves_every_asset_in_the_state(desk: Desk) -> None:
    """The second has the words of the first with its own name and numbers, costs nothing, and says whose words they are."""
    told = lookups()
    first = await desk.tell()
    desk.clock.now_ms += MINUTE_MS
    second = await desk.tell(due(OTHER))
    assert len(desk.model.asked) == 1
    assert (first.origin, first.origin_reason) == ("model", "answered")
    assert (first.narrative_age_ms, first.narrative_attempt_id) == (None, None)
    assert (second.origin, second.origin_reason) == ("cache", "l1")
    assert second.text.startswith("The price of DOGE rose ")
    assert second.text != first.text.replace("BTC", "DOGE")
    assert (second.cost_nano_usd, second.attempt_ids, second.output_tokens) == (0, [], 0)
    assert second.narrative_age_ms == MINUTE_MS
    assert [second.narrative_attempt_id] == first.attempt_ids
    assert (second.model, second.prompt_version) == (first.model, first.prompt_version)
    assert second.simulated
    assert second.rules_version is None
    assert told() == {"miss": 1, "l1": 1}


async def test_another_process_has_it_from_redis(
    ledger: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """And pays nothing."""
    async with (
        opened(ledger, url=redis_server.url, prefix=topic_prefix) as one,
        opened(ledger, url=redis_server.url, prefix=topic_prefix) as other,
    ):
        first = await one.tell()
        second = await other.tell(due(OTHER))
        third = await other.tell(due(OTHER))
    assert len(one.model.asked) == 1
    assert not other.model.asked
    assert [first.origin, second.origin, third.origin] == ["model", "cache", "cache"]
    assert [second.origin_reason, third.origin_reason] == ["redis", "l1"]
    assert [second.narrative_attempt_id] == first.attempt_ids


async def test_all_who_come_at_once_wait_for_one_call_and_hold_no_place(ledger: Ledger) -> None:
    """A deep dive has a place to itself meanwhile."""
    told = lookups()
    async with opened(ledger, model=SaidModel(narrated(), took_s=0.5)) as desk:
        waiting = [asyncio.create_task(desk.tell(one)) for one in of_assets(12)]
        flown = []
        while not all(task.done() for task in waiting):
            flown.append(desk.office.slots.in_flight)
            await asyncio.sleep(0.02)
        analyses = await asyncio.gather(*waiting)
    assert max(flown) == 1
    assert sorted(one.origin for one in analyses) == ["cache"] * 11 + ["model"]
    assert {one.origin_reason for one in analyses} == {"answered", "joined"}
    assert len({one.text for one in analyses}) == 12
    assert told() == {"miss": 1, "joined": 11}


async def test_beyond_its_time_it_is_asked_for_again(desk: Desk) -> None:
    """As long as somebody can be asked."""
    await desk.tell()
    desk.clock.now_ms += 2 * HOUR_MS
    assert (await desk.tell()).origin == "model"
    assert len(desk.model.asked) == 2


async def test_while_the_breaker_is_open_what_is_beyond_its_time_is_said_with_its_age(
    desk: Desk,
) -> None:
    """What is fresh is said as ever; beyond what is kept, and of other states, rules answer."""
    await desk.tell()
    desk.shut()
    fresh = await desk.tell()
    desk.clock.now_ms += 2 * HOUR_MS
    told = lookups()
    stale = await desk.tell(due(OTHER))
    assert told() == {"stale": 1}
    assert (fresh.origin, fresh.origin_reason) == ("cache", "l1")
    assert (stale.origin, stale.origin_reason) == ("cache_stale", "breaker_open")
    assert stale.narrative_age_ms == 2 * HOUR_MS
    assert stale.text.startswith("The price of DOGE rose ")
    other = await desk.tell(due(state_of(calm(12))))
    assert (other.origin, other.origin_reason) == ("rules", "breaker_open")
    desk.clock.now_ms += 6 * HOUR_MS
    gone = await desk.tell()
    assert (gone.origin, gone.origin_reason) == ("rules", "breaker_open")
    desk.heal()
    assert (await desk.tell()).origin == "model"


async def test_a_candidate_is_counted_once(ledger: Ledger, desk: Desk) -> None:
    """As what it came to in the end: what is beyond its time is apart, and no miss; so are spares' words, and none at all."""
    small = SaidModel(narrated(answer("It gained {return_1m}.")), name=SMALL, provider="local")
    seat = seat_of(small, tariff=Tariff("local", SMALL, free=True))
    seat.products = frozenset(SETTINGS.model.products)
    async with opened(ledger, spares=(seat,)) as ours:
        ours.shut()
        told = lookups()
        await ours.tell()
        assert told() == {"miss": 1}
        seat.breaker.force(is_open=True, reason="by hand", now_s=time.monotonic())
        ours.clock.now_ms += 2 * HOUR_MS
        told = lookups()
        assert (await ours.tell()).origin == "cache_stale"
        assert told() == {"stale": 1}
        told, absent = lookups(), growth("misses_total", reason="absent")
        await ours.tell(due(state_of(calm(12))))
        assert (told(), absent()) == ({"miss": 1}, 1)
    desk.model.reply = failed("overloaded", IGNORED, None)
    told = lookups()
    later = await desk.later()
    assert told() == {}
    await desk.tell(replace(later.candidate, deadline_s=time.monotonic() - 1.0))
    assert told() == {"miss": 1}


async def test_a_call_that_comes_to_nothing_is_no_miss_where_there_are_older_words(
    desk: Desk,
) -> None:
    """They are told, marked, and counted as that alone."""
    await desk.tell()
    desk.clock.now_ms += 2 * HOUR_MS
    desk.model.reply = failed("bad_request", IGNORED, Usage())
    told = lookups()
    stale = await desk.tell()
    assert (stale.origin, stale.origin_reason) == ("cache_stale", "bad_request")
    assert len(stale.attempt_ids) == 1
    assert told() == {"stale": 1}


async def test_nothing_older_is_said_of_what_was_refused_a_moment_ago(desk: Desk) -> None:
    """Neither by who asked nor by who comes after: a model that could be asked has not said it again."""
    await desk.tell()
    desk.clock.now_ms += 2 * HOUR_MS
    desk.model.reply = narrated("no JSON")
    later = await desk.later()
    assert (await desk.tell(later.candidate)).origin_reason == "schema_break"
    declined = await desk.tell(due(OTHER))
    assert (declined.origin, declined.origin_reason) == ("rules", "declined")
    desk.clock.now_ms += MINUTE_MS
    desk.model.reply = failed("refused", SUCCESS, Usage(output_tokens=1))
    assert [(await desk.tell()).origin_reason for _ in range(2)] == ["refused", "declined"]


async def test_what_another_model_said_is_counted_as_asked(ledger: Ledger) -> None:
    """The first cools between the look and the turn: the spare's words are its own, and nobody else has them from here."""
    small = SaidModel(narrated(answer("It gained {return_1m}.")), name=SMALL, provider="local")
    seat = seat_of(small, tariff=Tariff("local", SMALL, free=True))
    seat.products = frozenset(SETTINGS.model.products)
    async with opened(ledger, spares=(seat,)) as desk:
        told, narrating = lookups(), desk.office.analyst._narrating
        assert narrating is not None
        telling, waiting = asyncio.create_task(desk.tell()), asyncio.create_task(desk.later())
        await asyncio.sleep(0)  # they have looked, and their flight has not begun
        desk.office.seat.cool(time.monotonic() + 60.0, "rate_limited", time.monotonic())
        one, other = await asyncio.gather(telling, waiting)
        assert (one.model, other.reason) == (SMALL, "busy")
        assert told() == {"miss": 1}
        assert len(narrating._renders) == 0
        assert (await desk.tell(other.candidate)).model == SMALL
        assert len(narrating._renders) == 1


async def test_past_its_deadline_a_candidate_has_what_is_kept_at_once(desk: Desk) -> None:
    """Nobody is asked."""
    late = replace(RISEN, deadline_s=time.monotonic() - 1.0)
    assert (await desk.tell(late)).origin_reason == "deadline"
    await desk.tell()
    assert (await desk.tell(late)).origin_reason == "l1"
    desk.clock.now_ms += 2 * HOUR_MS
    stale = await desk.tell(late)
    assert (stale.origin, stale.origin_reason) == ("cache_stale", "deadline")
    assert len(desk.model.asked) == 1


async def test_past_its_deadline_a_candidate_does_not_wait_for_a_place(desk: Desk) -> None:
    """Rules answer, as nobody will be asked."""
    desk.office.slots = desk.office.seat.slots = ConcurrencyLimit(1, lost_s=60.0)
    assert desk.office.slots.take(time.monotonic()) is not None
    assert (await desk.tell(due(left_s=-1.0))).origin_reason == "deadline"


async def test_without_a_budget_what_is_beyond_its_time_is_said(
    redis_server: SharedRedis, topic_prefix: str
) -> None:
    """The path without a call needs none."""
    clock = Clock()
    async with (
        a_ledger(redis_server.url, topic_prefix) as rich,
        a_ledger(redis_server.url, f"{topic_prefix}poor.", cap=0) as poor,
        opened(rich, url=redis_server.url, prefix=topic_prefix, clock=clock) as one,
        opened(poor, url=redis_server.url, prefix=topic_prefix, clock=clock) as other,
    ):
        assert (await other.tell()).origin_reason == "budget_spent"
        assert other.office.slots.in_flight == 0
        await one.tell()
        assert (await other.tell()).origin == "cache"
        clock.now_ms += 2 * HOUR_MS
        stale = await other.tell()
    assert (stale.origin, stale.origin_reason) == ("cache_stale", "budget_spent")
    assert not other.model.asked


async def test_words_that_do_not_fit_an_asset_are_kept_for_those_they_fit(desk: Desk) -> None:
    """Of the first rules answer at its own cost; the second has the words."""
    fallen = state_of([*calm(12), market(number=12, last=99.0)]).facts
    first = await desk.tell(replace(due(), facts=fallen))
    assert (first.origin, first.origin_reason) == ("rules", "render_rejected")
    assert first.cost_nano_usd > 0
    second = await desk.tell(due(OTHER))
    assert (second.origin, len(desk.model.asked)) == ("cache", 1)


async def test_words_that_mostly_do_not_fit_are_dropped(desk: Desk) -> None:
    """By the quality settings: of the last four renders three were rejected. Then rules answer, and nobody is asked."""
    fallen = state_of([*calm(12), market(number=12, last=99.0)]).facts
    assert (await desk.tell()).origin == "model"
    for _ in range(3):
        told = await desk.tell(replace(due(), facts=fallen))
        assert (told.origin, told.origin_reason) == ("rules", "render_rejected")
    after = await desk.tell(due(OTHER))
    assert (after.origin, after.origin_reason) == ("rules", "tombstoned")
    assert len(desk.model.asked) == 1


async def test_an_answer_nobody_can_use_is_not_asked_for_again_for_a_while(desk: Desk) -> None:
    """It is sent once more, as any; then all who are in the state have rules, for `declined_s`."""
    desk.model.reply = narrated("no JSON")
    later = await desk.later()
    told = await desk.tell(later.candidate)
    assert (told.origin, told.origin_reason) == ("rules", "schema_break")
    assert len(told.attempt_ids) == 2
    narrating = desk.office.analyst._narrating
    assert narrating is not None
    assert len(narrating._renders) == 0  # it was no narrative, and has not been rendered
    desk.model.reply = narrated()
    declined = await desk.tell(due(OTHER))
    assert (declined.origin, declined.origin_reason) == ("rules", "declined")
    assert len(desk.model.asked) == 2
    desk.clock.now_ms += MINUTE_MS
    assert (await desk.tell(due(OTHER))).origin == "model"


async def test_what_is_to_be_asked_waits_for_a_place_once_it_was_looked_for(desk: Desk) -> None:
    """What is known is said though no place is free."""
    await desk.tell()
    desk.office.slots = desk.office.seat.slots = ConcurrencyLimit(1, lost_s=60.0)
    taken = desk.office.slots.take(time.monotonic())
    assert taken is not None
    assert (await desk.tell()).origin == "cache"
    unknown = due(state_of(calm(12)))
    assert not desk.office.analyst.waits_for_model(unknown)
    told = lookups()
    later = await desk.later(unknown)
    assert later.reason == "busy"
    assert desk.office.analyst.waits_for_model(later.candidate)
    newer = replace(later.candidate, labels=RISEN.labels)
    assert not desk.office.analyst.waits_for_model(newer)
    assert told() == {}
    desk.office.slots.give_back(taken)
    desk.model.reply = narrated(answer("{symbol} trades at {close_1m}.", "{symbol} is flat"))
    assert (await desk.tell(later.candidate)).origin == "model"
    assert told() == {"miss": 1}


async def test_a_pause_that_was_asked_for_holds_for_words_that_are_not_there(desk: Desk) -> None:
    """A candidate that must not be asked about before a time has what is known, and else waits."""
    not_before_s = time.monotonic() + 5.0
    later = await desk.later(replace(due(), not_before_s=not_before_s))
    assert later.not_before_s == not_before_s
    assert not desk.model.asked
    await desk.tell()
    assert (await desk.tell(replace(due(), not_before_s=not_before_s))).origin == "cache"


async def test_a_send_that_failed_leaves_the_turn_to_whoever_comes(desk: Desk) -> None:
    """The candidate waits with its send; another of the state is asked about, and then both have the words."""
    desk.model.reply, desk.model.then = failed("overloaded", IGNORED, None), narrated()
    later = await desk.later()
    assert [sent.outcome for sent in later.candidate.sends] == ["overloaded"]
    assert (await desk.tell(due(OTHER))).origin == "model"
    told = await desk.tell(later.candidate)
    assert (told.origin, told.origin_reason) == ("cache", "l1")
    assert told.attempt_ids == [sent.attempt_id for sent in later.candidate.sends]


async def test_who_waits_for_words_comes_again_where_who_asks_has_to(ledger: Ledger) -> None:
    """The send of one failed; the other has none, and nobody has been told anything, or counted."""
    model = SaidModel(failed("overloaded", IGNORED, None), took_s=0.2)
    told = lookups()
    async with opened(ledger, model=model) as desk:
        one, other = await asyncio.gather(desk.later(), desk.later(due(OTHER)))
        assert [len(one.candidate.sends), len(other.candidate.sends)] == [1, 0]
        assert (one.reason, other.reason) == ("overloaded", "busy")
        assert other.not_before_s - time.monotonic() < 1.0
        assert desk.office.analyst.waits_for_model(other.candidate)
        desk.office.slots = desk.office.seat.slots = ConcurrencyLimit(1, lost_s=60.0)
        assert desk.office.slots.take(time.monotonic()) is not None
        both = await asyncio.gather(desk.later(), desk.later(due(OTHER)))
        assert [one.reason for one in both] == ["busy", "busy"]
    assert told() == {}
    assert len(model.asked) == 1


async def test_a_cheaper_models_words_are_its_own(ledger: Ledger) -> None:
    """They are kept under its name: said while the first cannot be asked, and not in place of the first's."""
    small = SaidModel(narrated(answer("It gained {return_1m}.")), name=SMALL, provider="local")
    seat = seat_of(small, tariff=Tariff("local", SMALL, free=True))
    seat.products = frozenset(SETTINGS.model.products)
    async with opened(ledger, spares=(seat,)) as desk:
        desk.shut()
        first = await desk.tell()
        second = await desk.tell(due(OTHER))
        assert [first.origin, second.origin] == ["model_cheaper", "cache"]
        assert [first.model, second.model] == [SMALL, SMALL]
        desk.heal()
        third = await desk.tell()
        assert (third.origin, third.model) == ("model", MODEL)
        desk.shut()
        assert (await desk.tell()).model == MODEL
        seat.breaker.force(is_open=True, reason="by hand", now_s=time.monotonic())
        assert [(await desk.tell()).model for _ in range(2)] == [MODEL, MODEL]
    assert (len(small.asked), len(desk.model.asked)) == (1, 1)


@pytest.mark.parametrize("value", [kept("Buy now, it rose {return_1m}."), b"\x00", kept(more=1)])
async def test_what_somebody_else_wrote_into_redis_is_not_said(
    ledger: Ledger, redis_server: SharedRedis, topic_prefix: str, value: bytes
) -> None:
    """It is deleted and asked for, as if nothing stood there."""
    prompt = state_prompt_of(RISEN.labels, MODEL)
    async with (
        opened(ledger, url=redis_server.url, prefix=topic_prefix) as one,
        opened(ledger, url=redis_server.url, prefix=topic_prefix) as other,
    ):
        await one.tell()
        with Redis.from_url(redis_server.url) as redis:
            name = place(redis, topic_prefix, key_of(prompt, MODEL, simulated=True))
            assert redis.exists(name)
            packed = pack(name, Entry(value, one.clock.now_ms))
            assert packed is not None
            redis.set(name, packed)
        told = await other.tell()
    assert (told.origin, told.text[:9]) == ("model", "The price")
    assert (len(one.model.asked), len(other.model.asked)) == (1, 1)


def revised(before: Analysis, candidate: Candidate, **changes: object) -> Superseding:
    """Return that an analysis of a state is told again with other facts, in the same words if it is of the same."""
    told = replace(candidate, candidate_id="state/BTC/1/1", labels=(), lead=None)
    found = Superseding(told, before, Correction("market/BTC", 3), withdraws=False)
    return replace(found, **{"labels": candidate.labels, "lead": candidate.lead} | changes)


async def test_a_revised_state_is_told_in_the_words_at_hand(desk: Desk) -> None:
    """With the numbers as revised, for nothing, and counted as no lookup; where none are at hand rules tell it."""
    before = await desk.tell()
    told = lookups()
    more = state_of([*calm(12), market(number=12, last=101.2, volume=30.0)])
    again = desk.office.analyst.corrected(revised(before, more))
    assert (again.origin, again.origin_reason, again.simulated) == ("cache", "revised", True)
    assert again.text.startswith("The price of BTC rose 1.2")
    assert [again.narrative_attempt_id] == before.attempt_ids
    assert (again.cost_nano_usd, again.attempt_ids) == (0, [])
    assert again.supersedes == before.analysis_id
    by_rules = desk.office.analyst.corrected(revised(before, more, lead=None, labels=()))
    assert (by_rules.origin, by_rules.origin_reason) == ("rules", "revised")
    assert not by_rules.simulated
    desk.clock.now_ms += 2 * HOUR_MS
    assert desk.office.analyst.corrected(revised(before, more)).origin == "rules"
    assert told() == {}


async def test_a_revised_state_whose_words_do_not_fit_is_told_by_rules(ledger: Ledger) -> None:
    """The first model's words are those that would be said: a spare's are none in their place."""
    small = SaidModel(narrated(answer("{symbol} at {close_1m}.")), name=SMALL, provider="local")
    seat = seat_of(small, tariff=Tariff("local", SMALL, free=True))
    seat.products = frozenset(SETTINGS.model.products)
    async with opened(ledger, spares=(seat,)) as desk:
        desk.shut()
        before = await desk.tell()
        assert before.model == SMALL
        again = desk.office.analyst.corrected(revised(before, RISEN))
        assert (again.origin, again.model) == ("cache", SMALL)
        desk.heal()
        await desk.tell()
        fallen = replace(RISEN, facts=state_of([*calm(12), market(number=12, last=99.0)]).facts)
        assert desk.office.analyst.corrected(revised(before, fallen)).origin == "rules"


async def test_who_follows_another_process_asks_when_that_one_gives_up(
    ledger: Ledger, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Its send failed, and it waits for its next: the follower takes over, and both have the follower's words."""
    failing = SaidModel(failed("overloaded", IGNORED, None), took_s=0.3)
    async with (
        opened(ledger, url=redis_server.url, prefix=topic_prefix, model=failing) as one,
        opened(ledger, url=redis_server.url, prefix=topic_prefix) as other,
    ):
        leading = asyncio.create_task(one.later())
        async with asyncio.timeout(20):
            while not failing.asked:
                await asyncio.sleep(0.01)
        followed = await other.tell(due(OTHER))
        later = await leading
        told = await one.tell(later.candidate)
    assert (followed.origin, len(other.model.asked), len(failing.asked)) == ("model", 1, 1)
    assert (told.origin, told.origin_reason) == ("cache", "redis")
    assert [told.narrative_attempt_id] == followed.attempt_ids


async def test_without_a_cache_each_is_a_call(ledger: Ledger) -> None:
    """And deep dives are never looked for."""
    office = Office(SaidModel(narrated()), ledger, SETTINGS)
    assert not office.analyst.narrates(RISEN)
    async with opened(ledger) as desk:
        assert desk.office.analyst.narrates(RISEN)
        dive = replace(RISEN, product="deep_dive")
        assert not desk.office.analyst.narrates(dive)
        assert desk.office.analyst.waits_for_model(dive)


def test_the_answer_of_these_tests_is_one_a_model_may_give() -> None:
    """Or all of them would speak of rules."""
    assert msgspec.json.decode(TEXT)["text"] == "The price of {symbol} rose {return_1m}."
