"""The question about posts before a deep dive: asked once, paid for like any call, and never in the dive's way."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from math import inf
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from agents.account.ledger import Ledger
from agents.account.shown import Spend
from agents.account.terms import Terms
from agents.answer.answered import Answered
from agents.ask.attempts import PAID_MAX, Send
from agents.ask.excerpts.question import version
from agents.ask.excerpts.reading import UNCLEAR
from agents.ask.excerpts.recent import RecentPosts
from agents.ask.model import Reply
from agents.ask.outcomes import OUTCOMES, Money
from agents.ask.prompt import prompt_of
from agents.asking import Later, step_of
from agents.decide.candidate import Candidate, Read
from agents.desk import Seat
from tests.servers import SharedRedis
from tests.unit.agents.account.test_budget import ask
from tests.unit.agents.ask.excerpts.posts import DIFFERENT, a_read, post
from tests.unit.agents.candidates import candidate
from tests.unit.agents.entries import result
from topics import Analysis, Intent, Result, Usage

from .office import (
    COST,
    FAILURE,
    IGNORED,
    MODEL,
    NOW_MS,
    SETTINGS,
    SUCCESS,
    USED,
    Office,
    SaidModel,
    a_ledger,
    failed,
    pressing,
    said,
    seat_of,
    terms,
)

pytestmark = pytest.mark.integration
DIVE = candidate(reasons=("price_drop", "social_spike"))
AS_OF_MS = DIVE.as_of_ms
READ = msgspec.json.encode(replace(UNCLEAR, tone="negative", coordinated="no")).decode()
DOUBTED = msgspec.json.encode(replace(UNCLEAR, coordinated="yes")).decode()
DOUBT = "posts look coordinated"


def posts_of(count: int = 6) -> RecentPosts:
    """Return what different people posted of the asset in the minutes before the dive."""
    posts = RecentPosts(window_ms=900_000, posts_max=100, chars_max=500, assets_max=9)
    for number, text in enumerate(DIFFERENT[:count]):
        told = post(number, text, subject=DIVE.asset, event_ms=AS_OF_MS - 1_000)
        posts.take(told, AS_OF_MS, AS_OF_MS)
    return posts


def counted(outcome: str) -> float:
    """Return how many dives had this come of the question about their posts."""
    labels = {"outcome": outcome}
    return REGISTRY.get_sample_value("tapereader_agent_readings_total", labels) or 0.0


Open = Callable[..., Office]


@pytest.fixture
async def ledger(redis_server: SharedRedis, topic_prefix: str) -> AsyncIterator[Ledger]:
    """Give a real ledger."""
    async with a_ledger(redis_server.url, topic_prefix) as made:
        yield made


@pytest.fixture
def reader() -> SaidModel:
    """A second model, that is asked about posts alone."""
    return SaidModel(said(READ), name="claude-sonnet-5-5", provider="anthropic")


@pytest.fixture
def office(ledger: Ledger, reader: SaidModel) -> Open:
    """Open an office whose first model answers dives, and whose other one is asked about posts."""

    def open_one(posts: RecentPosts | None = None, **changes: Any) -> Office:
        asked = seat_of(reader)
        posts = posts_of() if posts is None else posts
        return Office(SaidModel(said()), ledger, SETTINGS, [], posts=posts, asked=asked, **changes)

    return open_one


def seat_in(ours: Office) -> Seat:
    """Return who is asked about posts."""
    readings = ours.analyst._readings
    assert readings is not None
    return readings.seat


async def dived(ours: Office, left_s: float = 20.0, **changes: object) -> tuple[Analysis, Answered]:
    """Return the answer to the dive that posts have a part in."""
    return await ours.answer(left_s, reasons=DIVE.reasons, **changes)


def plain(analysis: Analysis) -> Analysis:
    """Return an analysis without what was paid for it."""
    return replace(analysis, attempt_ids=[], cost_nano_usd=0, input_tokens=0, output_tokens=0)


async def without(ledger: Ledger) -> Analysis:
    """Return the same dive where nobody asks about posts."""
    ours = Office(SaidModel(said()), ledger, SETTINGS)
    return plain((await dived(ours))[0])


async def test_it_is_asked_once_before_the_dive_and_paid_for_like_any_call(
    office: Open, reader: SaidModel
) -> None:
    """Reserved, intended, confirmed, settled: in the lowest class, under its own attempt, which the analysis names first."""
    ours = office()
    analysis, _ = await dived(ours)
    ((asked, tokens, timeout_s),) = reader.asked
    assert (asked.version, tokens, timeout_s) == (version(), 400, 4.0)
    ((dive, _, _),) = ours.model.asked
    assert dive == prompt_of(DIVE, MODEL)
    intents = [entry for entry in ours.journal if isinstance(entry, Intent)]
    results = [entry for entry in ours.journal if isinstance(entry, Result)]
    assert [type(entry) for entry in ours.journal] == [Intent, Result, Intent, Result]
    assert [(i.priority, i.product, i.model) for i in intents] == [
        ("state", "deep_dive", reader.name),
        ("deep_dive", "deep_dive", MODEL),
    ]
    assert [e.excerpts for e in ours.journal] == [6, 6, None, None]
    assert results[0].answer == READ
    assert analysis.attempt_ids == [i.attempt_id for i in intents]
    assert analysis.cost_nano_usd == sum(r.cost_nano_usd for r in results) > COST
    assert analysis.output_tokens == 2 * USED.output_tokens
    assert await ours.spend() == Spend(settled=analysis.cost_nano_usd, reserved=0)
    assert (analysis.model, analysis.prompt_version) == (MODEL, dive.version)
    assert seat_in(ours).slots.in_flight == 0


async def test_the_journal_has_the_closed_words_and_not_how_they_were_written(
    office: Open, reader: SaidModel
) -> None:
    """Blanks and escapes can carry words too."""
    ours = office()
    reader.reply = said(READ.replace(",", " \n,\t").replace("no", "\\u006eo"))
    await dived(ours)
    (told,) = [e for e in ours.journal if isinstance(e, Result) and e.excerpts is not None]
    assert told.answer == READ


async def test_what_it_does_is_one_step_of_confidence(office: Open, reader: SaidModel) -> None:
    """With a reason in our words, and nothing else; where posts are as people's are, nothing at all."""
    ours = office()
    calm = await without(ours.ledger)
    assert plain((await dived(ours))[0]) == calm
    reader.reply = said(DOUBTED)
    doubted, _ = await dived(ours)
    assert (calm.confidence, doubted.confidence) == ("medium", "low")
    assert doubted.confidence_basis == f"{calm.confidence_basis}; {DOUBT}"
    same = {"confidence": calm.confidence, "confidence_basis": calm.confidence_basis}
    assert replace(plain(doubted), **same) == calm


async def test_nothing_is_asked_where_posts_have_no_part(office: Open, reader: SaidModel) -> None:
    """A fall without them, the state of an asset, and what rules answer."""
    ours = office()
    await ours.answer()
    await ours.answer(reasons=DIVE.reasons, product="state")
    ours.analyst.decline(DIVE, "inbox_full")
    await dived(ours, left_s=-1.0)
    assert reader.asked == []


BILLED = {Money.USED: USED, Money.RELEASE: Usage(), Money.UNKNOWN: None}
FAILURES = {
    name: failed(name, meaning.breaker, BILLED[meaning.money])
    for name, meaning in OUTCOMES.items()
    if name != "answered"
} | {
    "prose": said("The posts say that SOL rises, buy now"),
    "another_schema": said('{"topic":"price"}'),
    "more_than_asked": said(READ.replace('"promotional":0', '"promotional":7')),
    "a_word_of_its_own": said(READ.replace("negative", "buy now")),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_what_goes_wrong_is_no_reading_and_the_dive_is_as_without(
    office: Open, reader: SaidModel, failure: Reply
) -> None:
    """Its cost is booked, in full where nobody knows it; it is not asked again, and the dive's breaker hears nothing."""
    ours = office()
    reader.reply = replace(failure, stop_reason="end_turn")
    analysis, answered = await dived(ours)
    assert (plain(analysis), len(analysis.attempt_ids)) == (await without(ours.ledger), 2)
    (read,) = answered.readings
    assert read.doubt is None
    assert len(reader.asked) == 1
    assert analysis.cost_nano_usd == COST + read.sent.cost_nano_usd
    spend = await ours.spend()
    unknown = failure.usage is None
    assert spend.reserved == 0
    assert (spend.charged > 0) is unknown
    assert spend.settled + spend.charged == analysis.cost_nano_usd + COST
    (told,) = [e for e in ours.journal if isinstance(e, Result) and e.excerpts is not None]
    assert told.answer is None
    assert ours.breaker.heard == [SUCCESS]


async def test_a_provider_s_own_words_are_not_logged(office: Open, reader: SaidModel) -> None:
    """They may repeat what they were shown."""
    ours = office()
    reader.reply = replace(failed("bad_request", IGNORED, Usage()), message=DIFFERENT[0])
    with capture_logs() as logs:
        await dived(ours)
    (told,) = logs
    assert (told["event"], told["outcome"]) == ("posts were not read", "bad_request")
    assert DIFFERENT[0] not in repr(told)


def caps(**cap: int) -> Terms:
    """Return the usual cap and others."""
    usual = terms(10**9)
    return replace(
        usual, caps={**usual.caps, **{name.replace("__", "/"): n for name, n in cap.items()}}
    )


async def hindered(ours: Office, outcome: str, reader: SaidModel) -> None:
    """Check that a dive is as without, and that nothing was sent or is reserved for its posts."""
    before = counted(outcome)
    analysis, answered = await dived(ours)
    assert (analysis.origin, len(analysis.attempt_ids), answered.readings) == ("model", 1, ())
    assert counted(outcome) == before + 1
    assert reader.asked == []
    assert [e.excerpts for e in ours.journal if isinstance(e, Result) and e.cost_nano_usd] == [None]
    assert await ours.spend() == Spend(settled=COST, reserved=0)


async def test_where_its_class_has_spent_its_cap_nothing_is_read(
    redis_server: SharedRedis, topic_prefix: str, reader: SaidModel
) -> None:
    """Dives are of another class, and go on."""
    ledger = Ledger(
        redis_server.url,
        prefix=topic_prefix,
        scope="test",
        terms=caps(day__class__state__nano_usd=9),
    )
    await ledger.rebuild((), NOW_MS)
    ours = Office(SaidModel(said()), ledger, SETTINGS, posts=posts_of(), asked=seat_of(reader))
    await hindered(ours, "budget_spent", reader)
    await ledger.close()


async def test_with_too_few_posts_nothing_is_asked(office: Open, reader: SaidModel) -> None:
    """Two show no pattern."""
    await hindered(office(posts_of(2)), "few_posts", reader)


async def test_a_dive_of_before_is_not_told_of_the_posts_of_now(
    office: Open, reader: SaidModel
) -> None:
    """As where a worker catches up."""
    posts = RecentPosts(window_ms=900_000, posts_max=100, chars_max=500, assets_max=9)
    for number, text in enumerate(DIFFERENT):
        told = post(number, text, subject=DIVE.asset, event_ms=AS_OF_MS)
        posts.take(told, AS_OF_MS, AS_OF_MS)
    await hindered(office(posts), "few_posts", reader)


async def test_a_model_that_cannot_be_asked_is_not_waited_for(
    office: Open, reader: SaidModel
) -> None:
    """Its breaker or the prompt's is open, it asked for silence, it has no slot, its price is not known."""
    for outcome in ("breaker_open", "quality_open", "rate_limited", "busy", "price_unknown"):
        ours = office()
        seat, now_s = seat_in(ours), time.monotonic()
        match outcome:
            case "breaker_open":
                seat.breaker.force(is_open=True, reason="said", now_s=now_s)
            case "quality_open":
                ours.reading_quality.force(is_open=True, reason="said", now_s=now_s)
            case "rate_limited":
                seat.cool(inf, outcome, now_s)
            case "busy":
                while seat.slots.take(now_s) is not None:
                    pass
            case "price_unknown":
                reader.name = "nobody-s"
        analysis, answered = await dived(ours)
        assert (analysis.origin, len(analysis.attempt_ids), answered.readings) == ("model", 1, ())
        assert counted(outcome) >= 1
        assert [entry.excerpts for entry in ours.journal] == [None, None]  # nothing is reserved
    assert reader.asked == []


async def test_the_time_that_the_dive_needs_is_the_dive_s(office: Open, reader: SaidModel) -> None:
    """Where answers take long the question has less time, or none."""
    ours = office()
    asker = ours.analyst._asker
    assert asker is not None
    caller = asker._caller
    for _ in range(9):
        caller._answer_time[ours.seat.label].take(8.0)
    before = counted("no_time")
    analysis, _ = await dived(ours, left_s=10.4)
    assert (analysis.origin, reader.asked) == ("model", [])
    assert counted("no_time") == before + 1
    assert [entry.excerpts for entry in ours.journal] == [None, None]
    await dived(ours, left_s=13.0)
    ((_, _, timeout_s),) = reader.asked
    assert 0.5 <= timeout_s <= 3.0


async def test_the_same_model_is_asked_in_the_place_of_the_dive(ledger: Ledger) -> None:
    """One after the other, though it may have one call at a time; its breaker hears of both."""
    model = SaidModel(said(DOUBTED), then=said())
    ours = Office(model, ledger, SETTINGS, posts=posts_of())
    ours.seat.slots = seat_of(model, slots=1).slots
    analysis, _ = await dived(ours)
    assert ours.seat.slots.in_flight == 0
    assert [prompt.version for prompt, _, _ in model.asked] == [
        version(),
        prompt_of(DIVE, MODEL).version,
    ]
    assert (analysis.origin, analysis.confidence) == ("model", "low")
    assert ours.breaker.heard == [SUCCESS, SUCCESS]


async def test_answers_that_cannot_be_used_stop_the_question_and_not_the_dive(
    office: Open, reader: SaidModel
) -> None:
    """The prompt's own breaker opens; the dive's hears nothing of it."""
    ours = office()
    reader.reply = said("prose", stop_reason="end_turn")
    while not ours.reading_quality.is_shut(time.monotonic()):
        analysis, _ = await dived(ours)
        assert analysis.origin == "model"
    asked = len(reader.asked)
    analysis, _ = await dived(ours)
    assert (analysis.origin, len(reader.asked)) == ("model", asked)
    assert not ours.quality.is_shut(time.monotonic())


async def test_silence_that_is_asked_for_is_kept(office: Open, reader: SaidModel) -> None:
    """The next dive does not ask."""
    ours = office()
    limited = failed("rate_limited", IGNORED, Usage())
    reader.reply = replace(limited, retry_after_s=60.0)
    await dived(ours)
    await dived(ours)
    assert len(reader.asked) == 1


async def test_a_time_out_is_not_the_model_s_fault(office: Open, reader: SaidModel) -> None:
    """It had little time: its breaker, which opens at the first failure here, stays closed."""
    ours = office()
    reader.reply = failed("timeout", FAILURE, None)
    await dived(ours)
    await dived(ours)
    assert len(reader.asked) == 2


async def later(ours: Office, made: Candidate) -> Candidate:
    """Return a candidate that is to wait, after one step."""
    answer = await ours.step(made)
    assert isinstance(answer, Later)
    return answer.candidate


async def test_a_dive_that_is_sent_again_is_read_once_and_it_counts_among_the_paid(
    office: Open, reader: SaidModel
) -> None:
    """Three paid sends at most, the question about posts is one of them; the rules' words are less sure too."""
    ours = office()
    reader.reply = said(DOUBTED)
    ours.model.reply = failed("cut", FAILURE, None)
    waits = await later(ours, pressing(reasons=DIVE.reasons))
    assert (len(waits.readings), len(waits.sends)) == (1, 1)
    ours.breaker.release("said", time.monotonic())
    ours.seat.breaker.force(is_open=False, reason="said", now_s=time.monotonic())
    answer = await ours.step(replace(waits, not_before_s=0.0))
    while isinstance(answer, Later):
        await asyncio.sleep(max(0.0, answer.not_before_s - time.monotonic()))
        answer = await ours.step(answer.candidate)
    analysis, _ = answer
    assert (len(reader.asked), len(analysis.attempt_ids)) == (1, PAID_MAX)
    assert analysis.origin == "rules"
    assert analysis.confidence_basis.endswith(DOUBT)
    assert (await ours.spend()).reserved == 0


def test_a_reading_that_was_paid_for_leaves_the_dive_two_sends() -> None:
    """One that cost nothing leaves it three."""
    cut = replace(a_read(None).sent, outcome="cut", attempt_id="a")
    for outcome, sends, may_send in (
        ("answered", 1, True),
        ("answered", 2, False),
        ("timeout", 2, False),
        ("overloaded", 2, True),
    ):
        read = Read(sent=replace(a_read(None).sent, outcome=outcome))
        made = candidate(readings=(read,), sends=(cut,) * sends, deadline_s=999.0)
        assert isinstance(step_of(made, 99.0, 0.0), Send) is may_send, (outcome, sends)


def paid_reading(number: int = 1, *, ago_ms: int = 1_000, **changes: object) -> Result:
    """Return a question about posts that a process asked which ended before it told of it."""
    fields = {
        "attempt_id": f"reading/{number}",
        "asset": DIVE.asset,
        "answer": DOUBTED,
        "excerpts": 6,
        "ended_ms": NOW_MS - ago_ms,
    }
    return result(number, **fields | changes)


async def test_what_a_killed_process_had_read_is_taken_and_not_asked_again(
    office: Open, reader: SaidModel
) -> None:
    """Before the dive, or where that was paid for too; once, at its cost, whatever is posted now."""
    ours = office(posts_of(0))
    ours.analyst.paid.take(paid_reading())
    analysis, _ = await dived(ours)
    assert analysis.attempt_ids[0] == "reading/1"
    assert len(analysis.attempt_ids) == 2
    assert analysis.cost_nano_usd == COST + paid_reading().cost_nano_usd
    assert analysis.confidence_basis.endswith(DOUBT)
    key = prompt_of(DIVE, MODEL).item_key
    body = {"item_key": key, "answer": said().text, "ended_ms": NOW_MS - 1}
    for one in (paid_reading(2), result(3, attempt_id=f"{key[:32]}/3", **body)):
        ours.analyst.paid.take(one)
    analysis, _ = await dived(ours, left_s=-1.0)
    assert (analysis.origin, analysis.attempt_ids) == ("model", ["reading/2", f"{key[:32]}/3"])
    assert analysis.confidence_basis.endswith(DOUBT)
    assert reader.asked == []


async def test_one_whose_cost_nobody_knows_is_charged_and_is_no_reading(office: Open) -> None:
    """It counts among the sends, at all that was reserved."""
    ours = office()
    ours.analyst.paid.take(paid_reading(known="charged_unknown", answer=None, outcome="timeout"))
    analysis, _ = await dived(ours)
    assert (len(analysis.attempt_ids), analysis.attempt_ids[0]) == (2, "reading/1")
    assert DOUBT not in analysis.confidence_basis


async def test_the_ledger_hears_of_one_that_it_had_not_heard_of(office: Open) -> None:
    """The process ended between the journal and Redis: what was reserved is settled."""
    ours = office()
    await ours.ledger.reserve(ask(1, 150_000), NOW_MS)
    await ours.ledger.confirm("a1", NOW_MS)
    ours.analyst.paid.take(paid_reading(attempt_id="a1"))
    analysis, _ = await dived(ours)
    assert await ours.spend() == Spend(settled=analysis.cost_nano_usd, reserved=0)


async def test_another_s_reading_is_not_taken(office: Open, reader: SaidModel) -> None:
    """Of another asset, of long ago, or where nobody asks about posts any more."""
    reach_ms = int(SETTINGS.paid_reach_s * 1000)
    ours = office()
    ours.analyst.paid.take(paid_reading(1, asset="ETH"))
    ours.analyst.paid.take(paid_reading(2, ago_ms=reach_ms + 1))
    analysis, _ = await dived(ours)
    assert len(reader.asked) == 1
    assert not {"reading/1", "reading/2"} & set(analysis.attempt_ids)
    off = Office(SaidModel(said()), ours.ledger, SETTINGS)
    off.analyst.paid.take(paid_reading())
    assert len((await dived(off))[0].attempt_ids) == 1


async def test_whoever_is_ended_while_it_is_asked_leaves_it_charged(
    office: Open, reader: SaidModel
) -> None:
    """In full: it was sent, and nobody knows what it cost. No breaker hears of it."""
    ours = office()
    reader.took_s = 60.0
    task = asyncio.create_task(dived(ours))
    while not reader.asked:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    spend = await ours.spend()
    assert (spend.reserved, spend.settled) == (0, 0)
    assert spend.charged > 0
    assert ours.model.asked == []
    (told,) = [entry for entry in ours.journal if isinstance(entry, Result)]
    assert (told.known, told.excerpts) == ("charged_unknown", 6)
