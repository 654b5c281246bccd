"""The adapter against the fake Claude over HTTP: every outcome by its name, and what each cost."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
import pytest
from aiohttp import web

from agents.account.pricing import cost_nano_usd
from agents.account.recovery import use_of
from agents.account.terms import EXACT_MAX
from agents.answer.verdict import Answer
from agents.ask.breaker import Outcome
from agents.ask.claude import BODY_BYTES_MAX, Claude, reply_of
from agents.ask.model import Reply
from agents.ask.prompt import prompt_of
from agents.ask.wire import TOKENS_MAX
from tests.unit.agents.candidates import candidate
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, server, url_of
from topics import BY_NAME, Result, Usage, encode
from topics.journal import ANSWER_CHARS_MAX

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
        return await model.ask(
            prompt, attempt_id="a/1-1", output_tokens_max=tokens, timeout_s=timeout_s
        )


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
        ({"fault": "overloaded"}, "overloaded", FAILURE, True),
        ({"fault": "overloaded_stream"}, "overloaded", FAILURE, True),
        ({"fault": "rate_limited", "retry_after_s": 7}, "rate_limited", IGNORED, True),
        ({"fault": "error"}, "server_error", FAILURE, False),
        ({"fault": "html"}, "unreadable", FAILURE, False),
        ({"fault": "truncated_json"}, "unreadable", FAILURE, False),
        ({"fault": "cut_stream"}, "cut", FAILURE, False),
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
    assert reply.retry_after_s == (7 if outcome == "rate_limited" else None)
    assert reply.meaning.breaker is health
    script = await fake.send("GET", "/_fake/script", headers={})
    assert script.body["requests"] == 1


async def test_what_was_billed_is_known_or_unknown_never_nothing(fake: Wire) -> None:
    """A fault that is on the bill is never reported as free; one that is not may be charged all the same."""
    for fault in ("overloaded", "rate_limited", "error", "html", "truncated_json", "cut_stream"):
        await fake.send("DELETE", "/_fake/bill", headers={})
        await fake.play({"requests": [1, 1], "fault": fault})
        reply = await ask(url_of(fake))
        billed = bool((await fake.bill())["entries"])
        assert not (billed and reply.usage == NOTHING), fault


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
        reply = await ask(url_of(fake), timeout_s=1.0)
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


Answering = Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def counted_server(
    answer: Answering,
) -> AsyncIterator[tuple[str, set[asyncio.StreamWriter]]]:
    """Answer the first bytes of each connection by one function; give the address and the open connections."""
    connections: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        try:
            await reader.readuntil(b"\r\n\r\n")
            answering = asyncio.create_task(answer(writer))
            with suppress(ConnectionError):
                while await reader.read(65_536):
                    pass
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
        except asyncio.IncompleteReadError:
            pass  # given up before anything was asked
        finally:
            connections.discard(writer)
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()
        yield f"http://{host}:{port}", connections


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


async def _hang(_: asyncio.StreamWriter) -> None:
    """Say nothing."""


async def _drip(writer: asyncio.StreamWriter) -> None:
    """Say a byte now and then."""
    writer.write(HEAD + b"content-length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _pour(writer: asyncio.StreamWriter) -> None:
    """Say more and more."""
    writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await writer.drain()


async def _pour_error(writer: asyncio.StreamWriter) -> None:
    """Say more and more about what went wrong."""
    writer.write(b"HTTP/1.1 500 Oh\r\ncontent-length: 1000000000\r\n\r\n")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def _pack(writer: asyncio.StreamWriter) -> None:
    """Say in a thousand bytes what unpacks to a million."""
    packed = gzip.compress(b" " * 1_000_000)
    length = f"content-length: {len(packed)}\r\n\r\n".encode()
    writer.write(HEAD + b"content-encoding: gzip\r\n" + length + packed)


async def _head_for_ever(writer: asyncio.StreamWriter) -> None:
    """Say headers without end."""
    writer.write(HEAD)
    while True:
        writer.write(b"x: " + b"y" * 60_000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_hang, "timeout"),
        (_drip, "timeout"),
        (_pour, "oversized"),
        (_pour_error, "oversized"),
        (_pack, "oversized"),
        (_head_for_ever, "cut"),
    ],
)
async def test_no_answer_outlasts_its_time_or_bound(answer: Answering, outcome: str) -> None:
    """It has a name, may have been paid, and its connection is gone while the client lives on."""
    async with counted_server(answer) as (url, connections), claude(url) as model:
        prompt = prompt_of(candidate(), MODEL)
        async with asyncio.timeout(5):
            reply = await model.ask(
                prompt, attempt_id="a/1-1", output_tokens_max=100, timeout_s=1.5
            )
        assert (reply.outcome, reply.health, reply.usage) == (outcome, FAILURE, None)
        await gone(connections)


async def test_a_body_may_be_as_long_as_its_bound() -> None:
    """To the byte; one more is oversized."""
    sizes = [BODY_BYTES_MAX, BODY_BYTES_MAX + 1]

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body().ljust(sizes.pop(0)), content_type="application/json")

    async with server(answer) as url:
        assert [(await ask(url)).outcome for _ in range(2)] == ["answered", "oversized"]


async def test_a_cancelled_call_leaves_no_connection() -> None:
    """Ten of them, in the middle of an answer: all are closed, none is kept for the next."""
    async with counted_server(_drip) as (url, connections), claude(url) as model:
        prompt = prompt_of(candidate(), MODEL)
        calls = [
            asyncio.create_task(
                model.ask(prompt, attempt_id="a/1-1", output_tokens_max=100, timeout_s=60)
            )
            for _ in range(10)
        ]
        async with asyncio.timeout(30):
            while len(connections) < 10:
                await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in ended)
        await gone(connections)


async def gone(connections: set[asyncio.StreamWriter]) -> None:
    """Wait until none is open."""
    async with asyncio.timeout(30):
        while connections:
            await asyncio.sleep(0.01)


async def test_a_refused_connection_is_no_exception() -> None:
    """Nobody listens there: a failure that is known to have cost nothing, because nothing was sent."""
    async with server(_nothing) as url:
        pass
    reply = await ask(url)
    assert (reply.outcome, reply.health, reply.usage) == ("unreachable", FAILURE, NOTHING)
    assert "ConnectError" in reply.message


async def _nothing(_: web.Request) -> web.StreamResponse:
    return web.Response()


async def test_an_unknown_model_is_not_found(fake: Wire) -> None:
    """It stays so until somebody acts; nothing was used."""
    reply = await ask(url_of(fake), name="claude-nobody-1")
    assert (reply.outcome, reply.health, reply.usage) == ("model_not_found", FAILURE, NOTHING)


async def test_a_missing_key_is_an_authentication_error() -> None:
    """It stays so until somebody acts: the breaker hears of it."""

    async def refuse(_: web.Request) -> web.StreamResponse:
        error = {"type": "authentication_error", "message": "invalid x-api-key"}
        return web.json_response({"type": "error", "error": error}, status=401)

    async with server(refuse) as url:
        reply = await ask(url, key="wrong")
    assert (reply.outcome, reply.health) == ("unauthenticated", FAILURE)
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
        assert (await ask(url, key="given-key")).outcome == "server_error"
    (request,) = seen
    assert request.path == "/v1/messages"
    assert request.headers.getall("authorization") == ["Bearer given-key"]
    assert "x-api-key" not in request.headers
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.headers["accept-encoding"] == "identity"
    assert "idempotency-key" not in request.headers  # so a repeated send is a second one, and paid
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
    assert (reply.outcome, reply.text) == ("redirected", None)


async def test_a_cancelled_call_leaves_nothing_open(fake: Wire) -> None:
    """Cancellation goes through, at once."""
    await fake.play({"requests": [1, 1], "fault": "hang"})
    async with claude(url_of(fake)) as model:
        prompt = prompt_of(candidate(), MODEL)
        call = asyncio.create_task(
            model.ask(prompt, attempt_id="a/1-1", output_tokens_max=100, timeout_s=60)
        )
        await fake.bill_when(lambda bill: len(bill["entries"]) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await fake.bill_when(lambda bill: bill["entries"][0]["delivered"] is False)


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
    reply = reply_of(body(), {"request-id": "r1"})
    assert (reply.outcome, reply.text, reply.usage) == ("answered", "ab", used)
    assert reply.request_id == "r1"
    broken = reply_of(body(content="no list"), {})
    assert (broken.outcome, broken.health, broken.usage) == ("malformed", FAILURE, used)


@pytest.mark.parametrize(
    ("stop_reason", "outcome"),
    [
        ("max_tokens", "truncated"),
        ("refusal", "refused"),
        ("model_context_window_exceeded", "context_exceeded"),
        ("pause_turn", "unexpected_stop"),
        ("stop_sequence", "unexpected_stop"),
        ("tool_use", "unexpected_stop"),
        ("a new word", "unexpected_stop"),
    ],
)
def test_only_the_end_of_a_turn_is_an_answer(stop_reason: str, outcome: str) -> None:
    """All else has a name, no text, and says nothing of the model's health."""
    reply = reply_of(body(stop_reason=stop_reason), {})
    assert (reply.outcome, reply.health, reply.text) == (outcome, IGNORED, None)


def test_a_message_that_never_ended_is_cut_and_charged_in_full() -> None:
    """The beginning of a stream has a usage too, which is not the whole."""
    reply = reply_of(body(stop_reason=None), {})
    assert (reply.outcome, reply.health, reply.text, reply.usage) == ("cut", FAILURE, None, None)


def test_every_kind_of_token_is_counted() -> None:
    """What is kept for an hour is told apart; where the sum and its parts differ, the greater counts."""

    def written(total: int | None, kept_5m: int | None, kept_1h: int | None) -> tuple[int, int]:
        parts = {"ephemeral_5m_input_tokens": kept_5m, "ephemeral_1h_input_tokens": kept_1h}
        told = {"cache_creation_input_tokens": total, "cache_creation": parts}
        usage = {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 7, **told}
        counted = reply_of(body(usage=usage), {}).usage
        assert counted is not None
        assert (counted.cache_read_input_tokens, counted.thinking_tokens) == (7, 0)
        return counted.cache_creation_input_tokens, counted.cache_creation_1h_input_tokens

    assert written(30, 10, 20) == (30, 20)
    assert written(10, 10, 20) == (30, 20)
    assert written(None, 10, None) == (10, 0)
    assert written(40, None, 20) == (40, 20)


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"<html>",
        b"null",
        b"[" * 100_000,
        b'{"usage":' + b"[" * 100_000,
        b'{"type":"error","error":"words"}',
        msgspec.json.encode(BODY)[:-30],
        msgspec.json.encode(BODY)
        .replace(b'"end_turn"', b'"\xff\xfe"')
        .replace(b'"usage"', b'"use"'),
    ],
)
def test_no_body_is_an_exception(junk: bytes) -> None:
    """Whatever a 200 says, the outcome has a name, and without a usage it is charged in full."""
    reply = reply_of(junk, {})
    assert (reply.outcome, reply.health, reply.usage) == ("unreadable", FAILURE, None)
    assert len(reply.message) <= 500


def test_bytes_that_are_no_text_are_metered_all_the_same() -> None:
    """The usage of a message whose text is no UTF-8 is known."""
    reply = reply_of(msgspec.json.encode(BODY).replace(b'"end_turn"', b'"\xff\xfe"'), {})
    assert (reply.outcome, reply.health) == ("malformed", FAILURE)
    assert reply.usage is not None


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("overloaded_error", "overloaded_midway"),
        ("api_error", "server_error"),
        ("x", "server_error"),
    ],
)
def test_an_error_in_a_200_is_charged_in_full(kind: str, outcome: str) -> None:
    """A model had begun: overload then is not the refusal it is as a 529."""
    error = {"type": "error", "error": {"type": kind, "message": "words"}}
    reply = reply_of(msgspec.json.encode(error), {"retry-after": "3"})
    assert (reply.outcome, reply.health, reply.usage) == (outcome, FAILURE, None)
    assert (reply.message, reply.retry_after_s) == (f"in a 200: {kind}: words", 3.0)


@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": -1, "output_tokens": 2},
        {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": -5},
        {"input_tokens": 1},
        {"input_tokens": 10**30, "output_tokens": 2},
        {"input_tokens": 1, "output_tokens": TOKENS_MAX + 1},
        None,
    ],
)
def test_a_usage_that_cannot_be_is_not_known(usage: object) -> None:
    """A count below nothing would be paid back to the budget; one beyond all bounds could not be booked."""
    reply = reply_of(body(usage=usage), {})
    assert (reply.outcome, reply.health, reply.usage) == ("unreadable", FAILURE, None)


def test_the_dearest_call_that_can_be_is_counted_exactly() -> None:
    """What the greatest usage costs, on the dearest model, is an amount that the ledger and the journal hold."""
    inputs = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    most = dict.fromkeys((*inputs, "output_tokens"), TOKENS_MAX)
    used = reply_of(body(usage=most), {}).usage
    assert used is not None
    cost = cost_nano_usd("anthropic", "claude-fable-5-2", used)
    booked = use_of(journalled(used, cost, "answer"))
    assert 0 < booked.nano_usd <= EXACT_MAX
    assert booked.tokens <= EXACT_MAX


@pytest.mark.parametrize(("chars", "outcome"), [(0, "answered"), (1, "broken_schema")])
def test_an_answer_the_journal_cannot_hold_is_no_answer(chars: int, outcome: str) -> None:
    """It is paid, and what is written of it can be read again: else no books could be rebuilt for a day."""
    text = "x" * (ANSWER_CHARS_MAX + chars)
    reply = reply_of(body(content=[{"type": "text", "text": text}]), {})
    assert (reply.outcome, reply.stop_reason) == (outcome, "end_turn")
    assert reply.usage is not None
    entry = journalled(reply.usage, 1, reply.text)
    assert BY_NAME["journal"].decoder().decode(encode(entry)) == entry


def journalled(usage: Usage, cost_nano_usd: int, answer: str | None) -> Result:
    """Return what the journal is told of a call."""
    return Result(
        attempt_id="a1",
        item_key="0" * 64,
        outcome="answered",
        known="settled",
        usage=usage,
        cost_nano_usd=cost_nano_usd,
        answer=answer,
        started_ms=0,
        ended_ms=1,
    )
