"""The fake in the words of Bedrock, of Vertex and of a plain server, by plain HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from agents.fake_claude.errors import ApiError
from agents.fake_claude.platforms import Platform, failure_of, name_of

from .wire import Answer, Wire, asking

KEY = {"authorization": "Bearer test-key"}
BEDROCK = "/model/global.anthropic.claude-haiku-5-5-v1:0/invoke"
VERTEX = "/v1/projects/p1/locations/global/publishers/anthropic/models/claude-haiku-5-5@20260915:rawPredict"
PATHS = {"bedrock": (BEDROCK, "bedrock-2023-05-31"), "vertex": (VERTEX, "vertex-2023-10-16")}
SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}


def cloud_body(version: str | None, **changes: Any) -> dict[str, Any]:
    """Return a request as a platform takes it: no model, but a version."""
    body = {"anthropic_version": version, **asking(**changes)}
    del body["model"]
    return {key: value for key, value in body.items() if value is not None}


async def ask(wire: Wire, platform: str, **changes: Any) -> Answer:
    """Ask a platform."""
    path, version = PATHS[platform]
    return await wire.send("POST", path, headers=KEY, json=cloud_body(version, **changes))


@pytest.fixture
async def plain(start: Callable[..., Awaitable[str]]) -> AsyncIterator[Wire]:
    """A server of one's own."""
    async with aiohttp.ClientSession(await start(plain=True)) as session:
        yield Wire(session)


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
async def test_a_platform_answers_and_bills_as_the_model_it_offers(
    wire: Wire, platform: str
) -> None:
    """The message is the same; no header says what is left of a limit."""
    answer = await ask(wire, platform, metadata={"user_id": "a1"})
    assert (answer.status, answer.body["model"]) == (200, "claude-haiku-5-5")
    assert answer.body["usage"]["output_tokens"] > 0
    assert not [name for name in answer.headers if "ratelimit" in name.lower()]
    (entry,) = (await wire.bill())["entries"]
    assert (entry["model"], entry["user_id"]) == ("claude-haiku-5-5", "a1")
    assert entry["cost_nano_usd"] > 0
    same = await wire.ask(metadata={"user_id": "a2"})
    assert same.body["content"] == answer.body["content"]


async def test_bedrock_counts_tokens_in_headers(wire: Wire) -> None:
    """And names a request by another one."""
    answer = await ask(wire, "bedrock")
    usage, headers = answer.body["usage"], {k.lower(): v for k, v in answer.headers.items()}
    assert headers["x-amzn-bedrock-input-token-count"] == str(usage["input_tokens"])
    assert headers["x-amzn-bedrock-output-token-count"] == str(usage["output_tokens"])
    assert headers["x-amzn-requestid"]
    assert "request-id" not in headers


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
async def test_what_a_platform_does_not_take(wire: Wire, platform: str) -> None:
    """A model in the body, no version or another's, a field nobody knows: 400 in its own form."""
    path, version = PATHS[platform]
    for body in (
        cloud_body(None),
        cloud_body("2023-06-01"),
        {**cloud_body(version), "model": "claude-haiku-5-5"},
        {**cloud_body(version), "no_such_field": 1},
    ):
        answer = await wire.send("POST", path, headers=KEY, json=body)
        assert answer.status == 400
        said = answer.body if platform == "bedrock" else answer.body["error"]
        assert ": " in said["message"]
    assert (await wire.bill())["entries"] == []


async def test_each_says_no_in_its_own_words(wire: Wire) -> None:
    """A limit, an overload, a model there is not, a missing key."""
    await wire.play({"requests": [1, 2], "fault": "rate_limited", "retry_after_s": 9})
    bedrock, vertex = await ask(wire, "bedrock"), await ask(wire, "vertex")
    assert (bedrock.status, list(bedrock.body)) == (429, ["message"])
    assert bedrock.headers["x-amzn-errortype"] == "ThrottlingException"
    assert (vertex.status, vertex.body["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert "retry-after" not in {name.lower() for name in (*bedrock.headers, *vertex.headers)}
    await wire.play({"requests": [1, 2], "fault": "overloaded"})
    bedrock, vertex = await ask(wire, "bedrock"), await ask(wire, "vertex")
    assert (bedrock.status, bedrock.headers["x-amzn-errortype"]) == (
        503,
        "ServiceUnavailableException",
    )
    assert (vertex.status, vertex.body["error"]["type"]) == (529, "overloaded_error")
    assert vertex.body["request_id"].startswith("req_vrtx_")
    gone = BEDROCK.replace("haiku-5-5", "nobody-1")
    missing = await wire.send("POST", gone, headers=KEY, json=cloud_body("bedrock-2023-05-31"))
    assert (missing.status, missing.headers["x-amzn-errortype"]) == (
        404,
        "ResourceNotFoundException",
    )
    for platform, status in (("bedrock", 403), ("vertex", 401)):
        path, version = PATHS[platform]
        keyless = await wire.send(
            "POST", path, headers={"x-api-key": "k"}, json=cloud_body(version)
        )
        assert keyless.status == status


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 429, 500, 502, 503, 504, 529])
def test_an_error_stays_an_error_on_every_platform(status: int) -> None:
    """None becomes a success, and one of the server's stays the server's, or a time-out of it."""
    error = ApiError(status, "api_error", "words", headers={"retry-after": "1"})
    platforms: tuple[Platform, ...] = ("anthropic", "bedrock", "vertex", "plain")
    for platform in platforms:
        failure = failure_of(platform, error, "r1")
        assert failure.status >= 400
        assert (failure.status >= 500) is (status >= 500) or failure.status == 408
        assert "words" in str(failure.body)


@pytest.mark.parametrize(
    ("platform", "model_id"),
    [
        ("bedrock", "claude-haiku-5-5"),
        ("bedrock", "anthropic.claude-haiku-5-5"),
        ("bedrock", "us-gov.anthropic.claude-haiku-5-5-v1:0"),
        ("bedrock", "global.anthropic.claude-haiku-5-5-v1"),
        ("vertex", "claude-haiku-5-5"),
        ("vertex", "claude-haiku-5-5@20260915"),
    ],
)
def test_a_model_has_one_name(platform: Platform, model_id: str) -> None:
    """Without what a platform puts around it."""
    assert name_of(platform, model_id) == "claude-haiku-5-5"


async def test_a_plain_server_answers_anybody_about_any_model(plain: Wire) -> None:
    """Without a key; its usage is two numbers, it costs nothing, and has no headers of its own."""
    answer = await plain.send("POST", "/v1/messages", headers={}, json=asking(model="qwen3:8b"))
    assert (answer.status, answer.body["model"]) == (200, "qwen3:8b")
    assert answer.body["usage"].keys() == {"input_tokens", "output_tokens"}
    assert not [name for name in answer.headers if "ratelimit" in name or "request" in name]
    (entry,) = (await plain.bill())["entries"]
    assert (entry["cost_nano_usd"], entry["charged"]) == (0, True)


async def test_a_plain_server_is_deaf_to_a_schema_and_hears_of_it_in_the_prompt(
    plain: Wire,
) -> None:
    """Prose where `output_config` asked for JSON; JSON where the system prompt tells the schema."""
    config = {"format": {"type": "json_schema", "schema": SCHEMA}}
    deaf = await plain.ask(output_config=config)
    assert deaf.body["content"][0]["text"][0] != "{"
    told = "Slots are in {braces}. Answer by this schema:\n" + str(SCHEMA).replace("'", '"')
    heard = await plain.ask(system=told.replace("False", "false"))
    assert heard.body["content"][0]["text"].startswith('{"word":')


async def test_a_plain_server_says_no_in_the_dialects_words(plain: Wire) -> None:
    """With a type and no more: an overload is a 503 there."""
    await plain.play({"requests": [1, 1], "fault": "overloaded"})
    answer = await plain.ask()
    assert (answer.status, answer.body["error"]["type"]) == (503, "overloaded_error")
    assert "request_id" not in answer.body
