"""The adapter against the fake Claude over HTTP: every outcome by its name, and what each cost."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from agents.answer.verdict import Answer
from agents.ask.breaker import Outcome
from agents.ask.claude import Claude, refusal_of, reply_of
from agents.ask.model import Reply
from agents.ask.prompt import prompt_of
from tests.unit.agents.candidates import candidate
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, server, url_of
from topics import Usage

MODEL = "claude-haiku-5-5"
FAILURE, SUCCESS, IGNORED = Outcome.FAILURE, Outcome.SUCCESS, Outcome.IGNORED
NOTHING = Usage()


@asynccontextmanager
async def claude(url: str, *, name: str = MODEL, key: str = "test-key") -> AsyncIterator[Claude]:
    """Give a client of an address, and close it."""
    model = Claude(provider="anthropic", name=name, base_url=url, api_key=key)
    try:
        yield model
    finally:
        await model.close()


async def ask(url: str, *, tokens: int = 1_500, timeout_s: float = 20.0, **of: str) -> Reply:
    """Ask one question."""
    async with claude(url, **of) as model:
        prompt = prompt_of(candidate(), model.name)
        return await model.ask(prompt, output_tokens_max=tokens, timeout_s=timeout_s)


@pytest.fixture
async def fake() -> AsyncIterator[Wire]:
    """A fake of the test's own."""
    async with fake_claude() as wire:
        yield wire


async def test_an_answer_comes_with_its_usage(fake: Wire) -> None:
    """Text that is what was asked for, and exactly the tokens that are on the bill."""
    reply = await ask(url_of(fake))
    assert (reply.outcome, reply.health, reply.stop_reason) == ("answered", SUCCESS, "end_turn")
    assert reply.text is not None
    assert msgspec.json.decode(reply.text, type=Answer).headline
    assert reply.request_id is not None
    bill = await fake.bill()
    (entry,) = bill["entries"]
    assert reply.usage is not None
    assert reply.usage.input_tokens == entry["usage"]["input_tokens"] > 0
    assert reply.usage.output_tokens == entry["usage"]["output_tokens"] > 0
    assert reply.usage.thinking_tokens > 0
    assert entry["model"] == MODEL


@pytest.mark.parametrize(
    ("step", "outcome", "health", "usage_known"),
    [
        ({"fault": "refusal", "category": "bio"}, "refused", IGNORED, True),
        ({"fault": "overloaded"}, "overloaded_error", FAILURE, True),
        ({"fault": "rate_limited", "retry_after_s": 7}, "rate_limit_error", IGNORED, True),
        ({"fault": "error"}, "api_error", FAILURE, True),
        ({"fault": "html"}, "malformed", FAILURE, False),
        ({"fault": "truncated_json"}, "malformed", FAILURE, False),
        ({"fault": "cut_stream"}, "connection", FAILURE, False),
    ],
)
async def test_every_fault_has_a_name_and_is_sent_once(
    fake: Wire, step: dict[str, object], outcome: str, health: Outcome, usage_known: bool
) -> None:
    """What the breaker hears of it, whether its cost is known, and that nobody tried again."""
    await fake.play({"requests": [1, 1], **step})
    reply = await ask(url_of(fake))
    assert (reply.outcome, reply.health, reply.text) == (outcome, health, None)
    assert (reply.usage is not None) is usage_known
    assert reply.message
    assert reply.retry_after_s == (7 if outcome == "rate_limit_error" else None)
    script = await fake.send("GET", "/_fake/script", headers={})
    assert script.body["requests"] == 1


async def test_what_was_billed_is_known_or_unknown_never_nothing(fake: Wire) -> None:
    """A fault that is on the bill is never reported as free."""
    for fault in ("overloaded", "rate_limited", "error", "html", "truncated_json", "cut_stream"):
        await fake.send("DELETE", "/_fake/bill", headers={})
        await fake.play({"requests": [1, 1], "fault": fault})
        reply = await ask(url_of(fake))
        billed = bool((await fake.bill())["entries"])
        assert not (billed and reply.usage == NOTHING), fault
        assert billed or reply.usage == NOTHING, fault


async def test_a_cut_answer_is_truncated_and_paid(fake: Wire) -> None:
    """Too few tokens for thinking and answer: no text, and all that was used."""
    reply = await ask(url_of(fake), tokens=70)
    assert (reply.outcome, reply.health, reply.text) == ("truncated", IGNORED, None)
    assert reply.usage is not None
    assert reply.usage.output_tokens == 70


async def test_a_hanging_call_ends_at_its_time(fake: Wire) -> None:
    """Nobody knows what it cost; the fake has billed it."""
    await fake.play({"requests": [1, 1], "fault": "hang"})
    async with asyncio.timeout(5):
        reply = await ask(url_of(fake), timeout_s=0.3)
    assert (reply.outcome, reply.health, reply.usage) == ("timeout", FAILURE, None)
    assert len((await fake.bill())["entries"]) == 1


async def test_a_byte_now_and_then_is_no_answer_in_time() -> None:
    """The time is for the whole call, not for each read."""

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    async with server(trickle) as url:
        async with asyncio.timeout(5):
            reply = await ask(url, timeout_s=0.4)
        assert (reply.outcome, reply.usage) == ("timeout", None)


async def test_a_refused_connection_is_no_exception() -> None:
    """Nobody listens there: a failure that is known to have cost nothing, because nothing was sent."""
    async with server(_nothing) as url:
        pass
    reply = await ask(url)
    assert (reply.outcome, reply.health, reply.usage) == ("connection", FAILURE, NOTHING)
    assert "ConnectError" in reply.message


async def _nothing(_: web.Request) -> web.StreamResponse:
    return web.Response()


async def test_an_unknown_model_is_not_found(fake: Wire) -> None:
    """Our mistake, not the model's illness; nothing was used."""
    reply = await ask(url_of(fake), name="claude-nobody-1")
    assert (reply.outcome, reply.health, reply.usage) == ("not_found_error", IGNORED, NOTHING)


async def test_a_missing_key_is_an_authentication_error() -> None:
    """It stays so until somebody acts: the breaker hears of it."""

    async def refuse(_: web.Request) -> web.StreamResponse:
        error = {"type": "authentication_error", "message": "invalid x-api-key"}
        return web.json_response({"type": "error", "error": error}, status=401)

    async with server(refuse) as url:
        reply = await ask(url, key="wrong")
    assert (reply.outcome, reply.health) == ("authentication_error", FAILURE)
    assert reply.usage == NOTHING


async def test_the_key_is_sent_as_given_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a bearer token, of the version we know, to the address given: no proxy, no other header wins."""
    seen: list[web.Request] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        body = await request.json()
        assert body["model"] == MODEL
        assert "temperature" not in body
        return web.json_response({"type": "error", "error": {"type": "api_error"}}, status=500)

    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-the-environment")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv(
        "ANTHROPIC_CUSTOM_HEADERS", "Authorization: Bearer injected\nx-api-key: injected"
    )
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with server(look) as url:
        assert (await ask(url, key="given-key")).outcome == "api_error"
    (request,) = seen
    assert request.path == "/v1/messages"
    assert request.headers.getall("authorization") == ["Bearer given-key"]
    assert "x-api-key" not in request.headers
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert "injected" not in json.dumps(dict(request.headers))


async def test_a_redirect_is_not_followed() -> None:
    """Only the address that was given is called; where it points to gets neither prompt nor key."""
    elsewhere: list[str] = []

    async def listen(request: web.Request) -> web.StreamResponse:
        elsewhere.append(request.path)
        return web.Response()

    async with server(listen) as target:

        async def redirect(_: web.Request) -> web.StreamResponse:
            return web.Response(status=307, headers={"location": target + "/v1/messages"})

        async with server(redirect) as url:
            reply = await ask(url)
    assert elsewhere == []
    assert (reply.outcome, reply.text) == ("status_307", None)


async def test_a_cancelled_call_leaves_nothing_open(fake: Wire) -> None:
    """Cancellation goes through, at once."""
    await fake.play({"requests": [1, 1], "fault": "hang"})
    async with claude(url_of(fake)) as model:
        prompt = prompt_of(candidate(), MODEL)
        call = asyncio.create_task(model.ask(prompt, output_tokens_max=100, timeout_s=60))
        await fake.bill_when(lambda bill: len(bill["entries"]) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await fake.bill_when(lambda bill: bill["entries"][0]["delivered"] is False)


@pytest.mark.parametrize(
    ("status", "error_type", "outcome", "health", "known"),
    [
        (400, "invalid_request_error", "invalid_request_error", IGNORED, True),
        (401, "authentication_error", "authentication_error", FAILURE, True),
        (402, "billing_error", "billing_error", FAILURE, True),
        (403, "permission_error", "permission_error", FAILURE, True),
        (408, None, "status_408", IGNORED, False),
        (413, None, "status_413", IGNORED, True),
        (429, "rate_limit_error", "rate_limit_error", IGNORED, True),
        (499, None, "status_499", IGNORED, False),
        (500, "api_error", "api_error", FAILURE, True),
        (500, None, "status_500", FAILURE, False),
        (502, None, "status_502", FAILURE, False),
        (504, "timeout_error", "timeout_error", FAILURE, False),
        (529, "overloaded_error", "overloaded_error", FAILURE, True),
        (529, "made up by a gateway", "status_529", FAILURE, False),
    ],
)
def test_an_error_answer_is_told_by_status_and_type(
    status: int, error_type: str | None, outcome: str, health: Outcome, known: bool
) -> None:
    """Where a gateway gave up, the model may have answered: only the API's own refusal is free."""
    reply = refusal_of(status, error_type, {"request-id": "r1"}, "words")
    assert (reply.outcome, reply.health, reply.request_id) == (outcome, health, "r1")
    assert (reply.usage == NOTHING) is known
    assert (reply.usage is None) is not known


@pytest.mark.parametrize(("header", "seconds"), [("3", 3.0), ("-1", 0.0), ("soon", None)])
def test_retry_after_is_seconds_or_nothing(header: str, seconds: float | None) -> None:
    """A date or nonsense is no number of seconds."""
    reply = refusal_of(429, "rate_limit_error", {"retry-after": header}, "w" * 900)
    assert reply.retry_after_s == seconds
    assert len(reply.message) == 500


BODY = {
    "content": [{"type": "thinking"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": None,
        "output_tokens_details": {"thinking_tokens": 1},
    },
}


def body(**changes: object) -> bytes:
    """Return a message with these changes."""
    return msgspec.json.encode(BODY | changes)


def test_a_message_is_metered_before_it_is_read() -> None:
    """Its texts are joined; a shape nobody knows still says what it used."""
    used = Usage(input_tokens=1, cache_creation_input_tokens=3, output_tokens=2, thinking_tokens=1)
    reply = reply_of(body(), "r1")
    assert (reply.outcome, reply.text, reply.usage) == ("answered", "ab", used)
    broken = reply_of(body(content="no list"), "r1")
    assert (broken.outcome, broken.health, broken.usage) == ("malformed", FAILURE, used)


@pytest.mark.parametrize(
    ("stop_reason", "outcome"),
    [
        ("max_tokens", "truncated"),
        ("refusal", "refused"),
        ("model_context_window_exceeded", "too_long"),
        ("tool_use", "unexpected_stop"),
        ("a new word", "unexpected_stop"),
    ],
)
def test_only_the_end_of_a_turn_is_an_answer(stop_reason: str, outcome: str) -> None:
    """All else has a name, no text, and says nothing of the model's health."""
    reply = reply_of(body(stop_reason=stop_reason), None)
    assert (reply.outcome, reply.health, reply.text) == (outcome, IGNORED, None)


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": -1, "output_tokens": 2},
        {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": -5},
        {"input_tokens": 1},
        {"input_tokens": 10**30, "output_tokens": 2},
        None,
    ],
)
def test_a_usage_that_cannot_be_is_not_known(usage: object) -> None:
    """A count below nothing would be paid back to the budget."""
    reply = reply_of(body(usage=usage), None)
    assert (reply.outcome, reply.usage) == ("malformed", None)
