"""The adapter against Bedrock, Vertex and a plain server, as the fake plays them: what is sent, and what comes of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from agents.answer.verdict import ANSWER_SCHEMA, Answer
from agents.ask.breaker import Outcome
from agents.ask.claude import Claude
from agents.ask.model import Reply
from agents.ask.outcomes import Money
from agents.ask.prompt import prompt_of
from tests.unit.agents.candidates import candidate
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, server, url_of
from topics import Usage

MODEL = "claude-haiku-5-5"
PLATFORMS: dict[str, dict[str, Any]] = {
    "bedrock": {
        "provider": "aws",
        "dialect": "bedrock",
        "model_id": "global.anthropic.claude-haiku-5-5-v1:0",
        "region": "eu-central-1",
    },
    "vertex": {
        "provider": "google",
        "dialect": "vertex",
        "region": "global",
        "project": "desk-1",
    },
    "plain": {"provider": "local", "model_id": "qwen3:8b", "output_config": False},
}
PREFIX = {"bedrock": "", "vertex": "/v1", "plain": ""}


@asynccontextmanager
async def speaking(url: str, platform: str) -> AsyncIterator[Claude]:
    """Give a client of a platform at an address, and close it."""
    made = Claude(
        name=MODEL, base_url=url + PREFIX[platform], api_key="given-key", **PLATFORMS[platform]
    )
    try:
        yield made
    finally:
        await made.close()


async def ask(url: str, platform: str) -> Reply:
    """Ask one question."""
    async with speaking(url, platform) as model:
        prompt = prompt_of(candidate(), model.name)
        return await model.ask(prompt, attempt_id="a/1-1", output_tokens_max=1_500, timeout_s=20.0)


@pytest.fixture(params=PLATFORMS)
async def platform(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, Wire]]:
    """A platform, and the fake that plays it."""
    async with fake_claude(plain=request.param == "plain") as wire:
        yield request.param, wire


async def test_each_platform_answers_what_was_asked(platform: tuple[str, Wire]) -> None:
    """In the form of the schema, with what is on the bill, under the name of the attempt."""
    name, wire = platform
    reply = await ask(url_of(wire), name)
    assert (reply.outcome, reply.health) == ("answered", Outcome.SUCCESS), reply.message
    assert msgspec.json.decode(reply.text or "", type=Answer).headline
    (entry,) = (await wire.bill())["entries"]
    assert entry["user_id"] == "a/1-1"
    assert reply.usage is not None
    assert reply.usage.input_tokens == entry["usage"]["input_tokens"] > 0
    assert reply.usage.output_tokens == entry["usage"]["output_tokens"] > 0
    assert (reply.request_id is not None) is (name == "bedrock")
    assert reply.limits.requests.remaining is None


@pytest.mark.parametrize(
    ("fault", "outcomes"),
    [
        ("rate_limited", ("rate_limited", "rate_limited", "rate_limited")),
        ("overloaded", ("server_error", "overloaded", "server_error")),
        ("error", ("server_error", "server_error", "server_error")),
        ("html", ("unreadable", "unreadable", "unreadable")),
        ("cut_stream", ("cut", "cut", "cut")),
    ],
)
async def test_every_platforms_no_has_a_name(
    platform: tuple[str, Wire], fault: str, outcomes: tuple[str, ...]
) -> None:
    """What is not told as free is charged; nobody tries again by itself."""
    name, wire = platform
    await wire.play({"requests": [1, 1], "fault": fault})
    reply = await ask(url_of(wire), name)
    assert reply.outcome == outcomes[list(PLATFORMS).index(name)]
    known = reply.meaning.money is Money.RELEASE
    assert (reply.usage, reply.text) == (Usage() if known else None, None)
    assert reply.message
    script = await wire.send("GET", "/_fake/script", headers={})
    assert script.body["requests"] == 1


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, {"message": "Malformed input request"}, "bad_request"),
        (403, {"message": "The security token included in the request is expired"}, "forbidden"),
        (403, {"Message": "not authorized to perform: bedrock:InvokeModel"}, "forbidden"),
        (404, {"message": "Could not resolve the foundation model"}, "model_not_found"),
        (408, {"message": "Model timed out"}, "given_up"),
        (424, {"message": "The model failed", "originalStatusCode": 500}, "server_error"),
        (429, {"message": "Too many tokens, please wait"}, "rate_limited"),
        (503, {"message": "Bedrock is unable to process your request."}, "server_error"),
        (401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}}, "unauthenticated"),
        (400, {"error": {"code": 400, "status": "FAILED_PRECONDITION"}}, "bad_request"),
        (429, [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}], "rate_limited"),
        (429, "no JSON", "rate_limited"),
        (404, {"error": "model 'qwen3' not found"}, "model_not_found"),
        (400, {"detail": [{"msg": "extra fields not permitted"}]}, "bad_request"),
    ],
)
async def test_bodies_of_any_form_are_no_exceptions(
    status: int, body: object, outcome: str
) -> None:
    """Told by the status where there is no type: Amazon's, Google's, a local server's."""

    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    async with server(refuse) as url:
        for name in PLATFORMS:
            assert (await ask(url, name)).outcome == outcome


async def test_what_is_sent_to_each_is_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path, the key and the region of the settings, whatever the environment says; and no key is looked for."""
    seen: list[tuple[web.Request, dict[str, Any]]] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append((request, await request.json()))
        return web.json_response({}, status=500)

    for name, value in {
        "AWS_BEARER_TOKEN_BEDROCK": "from-the-environment",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "from-the-environment",
        "ANTHROPIC_BEDROCK_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_VERTEX_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_VERTEX_PROJECT_ID": "from-the-environment",
        "CLOUD_ML_REGION": "from-the-environment",
        "ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer injected\nx-api-key: injected",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    async with server(look) as url:
        for name in PLATFORMS:
            assert (await ask(url, name)).outcome == "server_error"
    paths = [request.path for request, _ in seen]
    assert paths == [
        "/model/global.anthropic.claude-haiku-5-5-v1:0/invoke",
        "/v1/projects/desk-1/locations/global/publishers/anthropic/models/claude-haiku-5-5:rawPredict",
        "/v1/messages",
    ]
    for request, body in seen:
        assert request.headers.getall("authorization") == ["Bearer given-key"]
        told = json.dumps([dict(request.headers), body])
        assert "injected" not in told
        assert "from-the-environment" not in told
        assert ("model" in body) is (request.path == "/v1/messages")
    bodies = [body for _, body in seen]
    assert [body.get("model") for body in bodies] == [None, None, "qwen3:8b"]
    assert [body["output_config"]["format"]["schema"] for body in bodies[:2]] == [ANSWER_SCHEMA] * 2
    assert "output_config" not in bodies[2]
    assert (
        msgspec.json.encode(ANSWER_SCHEMA, order="sorted").decode()
        in bodies[2]["system"][0]["text"]
    )


async def test_a_redirect_is_not_followed_and_a_large_answer_not_read() -> None:
    """By no dialect's client: the transport is ours."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "invoke" in request.path:
            return web.Response(status=307, headers={"location": "http://127.0.0.1:9/"})
        return web.Response(body=b" " * (2 << 20), content_type="application/json")

    async with server(answer) as url:
        outcomes = [(await ask(url, name)).outcome for name in PLATFORMS]
    assert outcomes == ["redirected", "oversized", "oversized"]
