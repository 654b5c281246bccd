"""The table of outcomes: every row over HTTP through the real SDK, and what each name means."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import pytest
from aiohttp import web
from hypothesis import example, given
from hypothesis import strategies as st

from agents.ask.breaker import Outcome
from agents.ask.claude import Claude, reply_of_error
from agents.ask.model import Reply
from agents.ask.outcomes import (
    OUTCOMES,
    RETRY_AFTER_S_MAX,
    USAGE_LIMITS_TEXT,
    Concurrency,
    Limiter,
    Money,
    RateBucket,
    RateLimits,
    Retry,
    named,
    outcome_of_error,
    outcome_of_stop,
    rate_limits,
    retry_after_s,
)
from agents.ask.prompt import prompt_of
from tests.unit.agents.candidates import candidate
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, server, url_of
from topics import Usage

MODEL = "claude-haiku-5-5"
SUCCESS, FAILURE, IGNORED = Outcome.SUCCESS, Outcome.FAILURE, Outcome.IGNORED

ERRORS = [
    # status, error.type, error.details.error_code, the name
    (307, None, None, "redirected"),
    (400, "invalid_request_error", None, "bad_request"),
    (400, "invalid_request_error", "organization_on_hold", "on_hold"),
    (401, "authentication_error", None, "unauthenticated"),
    (402, "billing_error", None, "billing"),
    (402, "billing_error", "linked_organization_billing_unavailable", "billing"),
    (402, "billing_error", "linked_organization_spend_limit_reached", "spend_limit"),
    (403, "permission_error", None, "forbidden"),
    (404, "not_found_error", None, "model_not_found"),
    (408, "timeout_error", None, "given_up"),
    (409, "conflict_error", None, "conflict"),
    (412, None, None, "bad_request"),
    (413, "invalid_request_error", None, "too_large"),
    (422, "invalid_request_error", None, "bad_request"),
    (429, "rate_limit_error", None, "rate_limited"),
    (429, None, None, "rate_limited"),
    (429, "rate_limit_error", "a code of next year", "rate_limited"),
    (429, "rate_limit_error", "ramp_limit_exceeded", "ramp_limited"),
    (429, "rate_limit_error", "enforced_spend_limit_reached", "spend_limit"),
    (429, "rate_limit_error", "contract_spend_limit_reached", "spend_limit"),
    (431, None, None, "bad_request"),
    (499, None, None, "given_up"),
    (500, "api_error", None, "server_error"),
    (500, None, None, "server_error"),
    (500, "overloaded_error", None, "server_error"),
    (501, None, None, "server_error"),
    (502, None, None, "server_error"),
    (503, "overloaded_error", None, "server_error"),
    (504, "timeout_error", None, "gateway_timeout"),
    (529, "overloaded_error", None, "overloaded"),
    (529, None, None, "server_error"),
    (529, "a gateway's own", None, "server_error"),
]

MEANINGS: list[tuple[str, Outcome, bool, Limiter, Concurrency, Retry, Money]] = [
    ("answered", SUCCESS, False, Limiter.NONE, Concurrency.UP, Retry.NEVER, Money.USED),
    *[
        (name, IGNORED, False, Limiter.NONE, Concurrency.NONE, Retry.NOW_ONCE, Money.USED)
        for name in ("truncated", "broken_schema", "rejected")
    ],
    *[
        (name, IGNORED, False, Limiter.NONE, Concurrency.NONE, Retry.NEVER, Money.USED)
        for name in ("render_rejected", "refused", "context_exceeded", "unexpected_stop")
    ],
    ("malformed", FAILURE, False, Limiter.NONE, Concurrency.DOWN, Retry.LATER, Money.USED),
    *[
        (name, FAILURE, False, Limiter.NONE, Concurrency.DOWN, Retry.LATER, Money.UNKNOWN)
        for name in ("unreadable", "cut", "overloaded_midway", "server_error")
    ],
    *[
        (name, FAILURE, False, Limiter.NONE, Concurrency.DOWN, Retry.LATER_ONCE, Money.UNKNOWN)
        for name in ("timeout", "gateway_timeout")
    ],
    ("given_up", IGNORED, False, Limiter.NONE, Concurrency.DOWN, Retry.LATER_ONCE, Money.UNKNOWN),
    *[
        (name, FAILURE, False, Limiter.NONE, Concurrency.DOWN, Retry.NEVER, Money.UNKNOWN)
        for name in ("oversized", "unexpected_status")
    ],
    *[
        (name, FAILURE, False, Limiter.NONE, Concurrency.DOWN, Retry.LATER, Money.RELEASE)
        for name in ("overloaded", "unreachable")
    ],
    ("rate_limited", IGNORED, False, Limiter.PAUSE, Concurrency.DOWN, Retry.LATER, Money.RELEASE),
    ("ramp_limited", IGNORED, False, Limiter.HALVE, Concurrency.HALVE, Retry.LATER, Money.RELEASE),
    *[
        (name, FAILURE, True, Limiter.NONE, Concurrency.NONE, Retry.NEVER, Money.RELEASE)
        for name in (
            "spend_limit",
            "billing",
            "on_hold",
            "unauthenticated",
            "forbidden",
            "redirected",
        )
    ],
    (
        "model_not_found",
        FAILURE,
        True,
        Limiter.NONE,
        Concurrency.NONE,
        Retry.OTHER_MODEL,
        Money.RELEASE,
    ),
    ("conflict", IGNORED, False, Limiter.NONE, Concurrency.NONE, Retry.LATER, Money.RELEASE),
    *[
        (name, IGNORED, False, Limiter.NONE, Concurrency.NONE, Retry.NEVER, Money.RELEASE)
        for name in ("too_large", "bad_request")
    ],
    ("cancelled", IGNORED, False, Limiter.NONE, Concurrency.NONE, Retry.NEVER, Money.UNKNOWN),
]


@asynccontextmanager
async def claude(url: str) -> AsyncIterator[Claude]:
    """Give a client of an address, and close it."""
    model = Claude(provider="anthropic", name=MODEL, base_url=url, api_key="test-key")
    try:
        yield model
    finally:
        await model.close()


async def ask_of(model: Claude) -> Reply:
    """Ask one question, once."""
    return await model.ask(
        prompt_of(candidate(), MODEL), attempt_id="a/1-1", output_tokens_max=100, timeout_s=20.0
    )


def error_body(kind: object, code: object, message: object = "words") -> dict[str, Any]:
    """Return the body of an error, as the API writes it."""
    error: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": "req_1"}


Told = Callable[[int, object], Awaitable[Reply]]


@asynccontextmanager
async def telling() -> AsyncIterator[Told]:
    """Give what returns what is made of an answer that comes over HTTP; each is asked for once."""
    answers: list[tuple[int, object]] = []

    async def answer(_: web.Request) -> web.StreamResponse:
        status, body = answers.pop()
        return web.json_response(body, status=status)

    async with server(answer) as url, claude(url) as model:

        async def told(status: int, body: object) -> Reply:
            answers.append((status, body))
            reply = await ask_of(model)
            assert answers == []
            return reply

        yield told


async def test_an_error_is_told_by_status_type_and_code() -> None:
    """Each through the SDK as it is, from one request: its name, and the money and health that the name means."""
    async with telling() as told:
        for status, kind, code, name in ERRORS:
            reply = await told(status, error_body(kind, code))
            row = OUTCOMES[name]
            assert (reply.outcome, reply.health, reply.meaning) == (name, row.breaker, row), kind
            assert reply.usage == (Usage() if row.money is Money.RELEASE else None), name
            assert reply.text is None
            assert str(status) in reply.message


@pytest.mark.parametrize("name", [row[0] for row in MEANINGS])
def test_a_name_means_what_it_must(name: str) -> None:
    """To breaker, pacing, concurrency, retries and money, as the study of the API has it."""
    (expected,) = [row for row in MEANINGS if row[0] == name]
    row = OUTCOMES[name]
    told = (row.breaker, row.opens, row.limiter, row.concurrency, row.retry, row.money)
    assert (row.name, *told) == expected


def test_no_name_is_left_out() -> None:
    """Each is in the table and in the tests, once."""
    assert sorted(row[0] for row in MEANINGS) == sorted(OUTCOMES)


async def test_one_text_is_read() -> None:
    """A spend limit that comes as a plain 400. The same words with another status or type are not read."""
    text = USAGE_LIMITS_TEXT + ". You will regain access on 2026-12-01 at 00:00 UTC."
    kind = "invalid_request_error"
    async with telling() as told:
        assert (await told(400, error_body(kind, None, text))).outcome == "spend_limit"
        assert (await told(400, error_body("api_error", None, text))).outcome == "bad_request"
        assert (await told(422, error_body(kind, None, text))).outcome == "bad_request"
        assert (await told(400, error_body(kind, None, "So: " + text))).outcome == "bad_request"


async def test_an_error_of_any_shape_has_a_name() -> None:
    """Its status is enough."""
    async with telling() as told:
        shapes: list[object] = [
            [],
            "words",
            7,
            None,
            {"error": "words"},
            {"error": {"type": {"a": 1}, "message": [1], "details": {"error_code": ["x"]}}},
            {"error": {"type": ["x"], "details": "none"}},
        ]
        for body in shapes:
            assert (await told(429, body)).outcome == "rate_limited", body
            assert (await told(500, body)).outcome == "server_error", body


@pytest.mark.parametrize(
    ("stop_reason", "name"),
    [
        ("end_turn", "answered"),
        ("max_tokens", "truncated"),
        ("refusal", "refused"),
        ("model_context_window_exceeded", "context_exceeded"),
        ("tool_use", "unexpected_stop"),
        ("pause_turn", "unexpected_stop"),
        ("stop_sequence", "unexpected_stop"),
        ("a word of next year", "unexpected_stop"),
        (None, "cut"),
    ],
)
def test_only_the_end_of_a_turn_is_an_answer(stop_reason: str | None, name: str) -> None:
    """Everything else has a name of its own."""
    assert outcome_of_stop(stop_reason).name == name


def test_a_rejected_answer_keeps_the_verdicts_reason() -> None:
    """It means what every rejected answer means: asked once more, paid for."""
    outcome = named("ungrounded")
    assert (outcome.name, outcome.retry, outcome.money) == (
        "ungrounded",
        Retry.NOW_ONCE,
        Money.USED,
    )


@pytest.fixture
async def fake() -> AsyncIterator[Wire]:
    """A fake of the test's own."""
    async with fake_claude() as wire:
        yield wire


def stream_of(url: str) -> tuple[anthropic.AsyncAnthropic, Any]:
    """Return a client and a stream that is about to be asked for."""
    client = anthropic.AsyncAnthropic(base_url=url, api_key="test-key", max_retries=2)
    asked = [{"role": "user", "content": "How was the hour?"}]
    return client, client.messages.stream(model=MODEL, max_tokens=500, messages=asked)  # type: ignore[arg-type]


async def test_an_overload_in_a_stream_is_no_refusal(fake: Wire) -> None:
    """The SDK raises it with the status 200, and the fake has billed it: never free, though a 529 is."""
    await fake.play({"requests": [1, 1], "fault": "overloaded_stream"})
    client, stream = stream_of(url_of(fake))
    async with client:
        with pytest.raises(anthropic.APIStatusError) as raised:
            async with stream as events:
                await events.get_final_message()
    assert raised.value.status_code == 200
    reply = reply_of_error(raised.value)
    assert (reply.outcome, reply.usage) == ("overloaded_midway", None)
    assert len((await fake.bill())["entries"]) == 1


async def test_a_cut_stream_raises_nothing_and_has_a_name_all_the_same(fake: Wire) -> None:
    """The SDK gives half a message without a stop reason."""
    await fake.play({"requests": [1, 1], "fault": "cut_stream"})
    client, stream = stream_of(url_of(fake))
    async with client, stream as events:
        message = await events.get_final_message()
    assert outcome_of_stop(message.stop_reason).name == "cut"


async def test_the_limits_of_an_answer_are_known(fake: Wire) -> None:
    """As the headers have them, on an answer; an error of the fake tells none."""
    async with claude(url_of(fake)) as model:
        limits = (await ask_of(model)).limits
        await fake.play({"requests": [1, 1], "fault": "rate_limited", "retry_after_s": 86_400})
        reply = await ask_of(model)
    assert limits.requests.limit is not None
    assert limits.requests.remaining == limits.requests.limit - 1
    for bucket in (limits.tokens, limits.input_tokens, limits.output_tokens):
        assert bucket.limit is not None
        assert bucket.remaining is not None
        assert bucket.remaining <= bucket.limit
        assert bucket.reset_ms is not None
        assert bucket.reset_ms > 1_700_000_000_000
    assert (reply.limits, reply.retry_after_s) == (RateLimits(), RETRY_AFTER_S_MAX)


@given(
    status=st.integers(-1, 1_000),
    kind=st.none() | st.sampled_from(sorted({row[1] or "" for row in ERRORS})) | st.text(),
    code=st.none() | st.sampled_from(sorted({row[2] or "" for row in ERRORS})) | st.text(),
    message=st.text(),
    in_stream=st.booleans(),
)
def test_every_error_has_a_name_and_only_a_refusal_is_free(
    status: int, kind: str | None, code: str | None, message: str, in_stream: bool
) -> None:
    """Where a model may have begun, nobody is told that nothing was used."""
    outcome = outcome_of_error(status, kind, code, message=message, in_stream=in_stream)
    assert OUTCOMES[outcome.name] is outcome
    refused = 300 <= status < 500 and status not in {408, 424, 499}
    no_room = (status, kind) == (529, "overloaded_error")
    free = outcome.money is Money.RELEASE
    assert free is ((refused or no_room) and not in_stream)
    assert outcome.money is not Money.USED


def test_what_opens_the_breaker_is_a_failure_and_costs_nothing() -> None:
    """And what may heal by itself never opens it at once."""
    for row in OUTCOMES.values():
        assert (
            (row.breaker is SUCCESS) is (row.name == "answered") is (row.concurrency.value == "up")
        )
        if row.opens:
            assert (row.breaker, row.money) == (FAILURE, Money.RELEASE)
            assert row.retry in {Retry.NEVER, Retry.OTHER_MODEL}


DATE = "Fri, 27 Nov 2026 07:27:30 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0.25 "}, 0.25),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "999999999999"}, RETRY_AFTER_S_MAX),
        ({"retry-after": "1e300"}, RETRY_AFTER_S_MAX),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 5_000}, RETRY_AFTER_S_MAX),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 27 Nov 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Fri, 27 Nov 2026 07:28:00 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Fri, 27 Nov 2026 07:27:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": DATE}, RETRY_AFTER_S_MAX),
        ({"retry-after": "Fri, 27 Nov 2026 07:28:00 -0000", "date": DATE}, None),
        ({"retry-after": "Fri, 99 Nov 2026 07:28:00 GMT", "date": DATE}, None),
        ({"retry-after": "soon", "date": DATE}, None),
        ({"retry-after": "Nov " * 5_000, "date": DATE}, None),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
    ],
)
def test_retry_after_is_bounded_seconds_or_nothing(
    headers: dict[str, str], seconds: float | None
) -> None:
    """A date counts from the answer's own; nonsense is nothing; milliseconds are finer and go first."""
    assert retry_after_s(headers) == seconds


def test_rate_limits_are_read_as_recorded() -> None:
    """The twelve headers of a recorded exchange."""
    prefix = "anthropic-ratelimit-"
    headers = {
        f"{prefix}requests-limit": "50",
        f"{prefix}requests-remaining": "49",
        f"{prefix}requests-reset": "2026-11-26T00:00:01Z",
        f"{prefix}input-tokens-limit": "30000",
        f"{prefix}input-tokens-remaining": "28000",
        f"{prefix}input-tokens-reset": "2026-11-26T01:00:04.5+01:00",
        f"{prefix}output-tokens-limit": "8000",
        f"{prefix}output-tokens-remaining": "0",
        f"{prefix}tokens-limit": "38000",
    }
    midnight_ms = 1_795_651_200_000
    assert rate_limits(headers) == RateLimits(
        requests=RateBucket(50, 49, midnight_ms + 1_000),
        tokens=RateBucket(38_000, None, None),
        input_tokens=RateBucket(30_000, 28_000, midnight_ms + 4_500),
        output_tokens=RateBucket(8_000, 0, None),
    )


NONSENSE = st.text() | st.sampled_from(
    [
        "-1",
        "1.5",
        "1e9",
        "٣",
        "9" * 400,
        "2026-11-26",
        "2026-11-26T00:00:00",
        "0001-01-01T00:00:00Z",
    ]
)


@given(limit=NONSENSE, remaining=NONSENSE, reset=NONSENSE)
@example(limit=str(2**53 + 1), remaining="-0", reset="9999-12-31T23:59:59-23:59")
@example(limit="\u00b2", remaining="\u0663", reset="0001-01-01T00:00:00Z")
def test_nonsense_in_a_header_is_none_and_never_raises(
    limit: str, remaining: str, reset: str
) -> None:
    """What is read is a count or an instant that can be."""
    headers = {
        "anthropic-ratelimit-requests-limit": limit,
        "anthropic-ratelimit-requests-remaining": remaining,
        "anthropic-ratelimit-requests-reset": reset,
    }
    bucket = rate_limits(headers).requests
    for text, number in ((limit, bucket.limit), (remaining, bucket.remaining)):
        assert number is None or (text.isascii() and number == int(text) and 0 <= number <= 2**53)
    assert bucket.reset_ms is None or bucket.reset_ms >= 0
    if reset in {"2026-11-26", "2026-11-26T00:00:00", "0001-01-01T00:00:00Z"}:
        assert bucket.reset_ms is None
