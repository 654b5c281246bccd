import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from anthropic import (
    APIStatusError,
    AsyncAnthropic,
    AuthenticationError,
    BadRequestError,
    ContentTooLargeError,
    NotFoundError,
)
from anthropic._constants import ANTHROPIC_API_VERSION

from agents.fake_claude.envelope import VERSIONS

from .wire import HEADERS, Wire, asking

MESSAGES: list[Any] = asking()["messages"]


@pytest.mark.parametrize(
    "key", [{"authorization": "Bearer k"}, {"authorization": "bearer k"}, {"x-api-key": "k"}]
)
async def test_any_key_passes_in_either_header(wire: Wire, key: dict[str, str]) -> None:
    """The SDK sends a bearer token, older clients send x-api-key."""
    headers = {**key, "anthropic-version": "2026-10-21"}
    answer = await wire.send("POST", "/v1/messages", json=asking(), headers=headers)
    assert answer.status == 200


@pytest.mark.parametrize(
    "key",
    [{}, {"authorization": "Bearer "}, {"authorization": "Basic k"}, {"x-api-key": " "}],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/models", "/nowhere"])
async def test_no_key_is_a_401(wire: Wire, key: dict[str, str], path: str) -> None:
    """On every path of the API, before anything else is looked at."""
    answer = await wire.send("POST", path, headers={**key, "anthropic-version": "2026-10-21"})
    assert answer.status == 401
    assert answer.body == {
        "type": "error",
        "error": {"type": "authentication_error", "message": "x-api-key header is required"},
        "request_id": answer.headers["request-id"],
    }


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ({}, "anthropic-version: header is required"),
        ({"anthropic-version": "2020-01-01"}, "valid version"),
    ],
)
async def test_the_version_is_required(wire: Wire, version: dict[str, str], says: str) -> None:
    """And it must be one there is."""
    answer = await wire.send("POST", "/v1/messages", headers={"x-api-key": "k", **version})
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_request_error")
    assert says in answer.body["error"]["message"]


def test_the_installed_sdks_version_is_known() -> None:
    """A new SDK with a new version must be noticed here."""
    assert ANTHROPIC_API_VERSION in VERSIONS


async def test_every_answer_has_a_request_id_of_its_own(wire: Wire) -> None:
    """Answers, refusals and the fake's own paths alike."""
    answers = [
        await wire.ask(), await wire.ask(), await wire.ask(max_tokens="x"),
        await wire.send("GET", "/nowhere"), await wire.send("GET", "/_fake/bill", headers={}),
    ]  # fmt: skip
    ids = {answer.headers["request-id"] for answer in answers}
    assert len(ids) == len(answers)
    assert all(name.startswith("req_") for name in ids)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}'])
async def test_what_is_no_json_is_a_400(wire: Wire, body: bytes) -> None:
    """Said in words, not by a page of the HTTP library."""
    answer = await wire.send("POST", "/v1/messages", data=body)
    assert answer.status == 400
    assert answer.body["error"]["message"].startswith("The request body is not valid JSON")


@pytest.mark.parametrize("levels", [400, 100_000])
async def test_a_body_nested_too_deeply_is_a_400(wire: Wire, levels: int) -> None:
    """Neither the reader nor a check may break on it."""
    body = f'{{"tools": {"[" * levels}{"]" * levels}}}'
    assert (await wire.send("POST", "/v1/messages", data=body)).status == 400
    tool = f'{{"name": "a", "input_schema": {{"a": {"[" * levels}{"]" * levels}}}}}'
    body = f'{{"model": "claude-haiku-5-5", "max_tokens": 1, "messages": [{{"role": "user", "content": "x"}}], "tools": [{tool}]}}'
    assert (await wire.send("POST", "/v1/messages", data=body)).status in {200, 400}


async def test_a_body_over_the_limit_is_a_413(start: Callable[..., Awaitable[str]]) -> None:
    """The limit itself passes."""
    size = len(b'{"x": ""}') + 100
    url = await start(body_bytes_max=size)
    async with aiohttp.ClientSession(url) as session:
        wire = Wire(session)
        allowed = b'{"x": "%s"}' % (b"y" * 100)
        assert (await wire.send("POST", "/v1/messages", data=allowed)).status == 400
        answer = await wire.send("POST", "/v1/messages", data=allowed + b" ")
    assert (answer.status, answer.body["error"]["type"]) == (413, "request_too_large")
    async with AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client:
        with pytest.raises(ContentTooLargeError):
            await client.messages.create(
                model="x", max_tokens=1, messages=[{"role": "user", "content": "y" * 200}]
            )


async def test_requests_at_once_are_bounded(start: Callable[..., Awaitable[str]]) -> None:
    """One more is a 529; the fake's own paths have room, and so has the next when one is done."""
    async with aiohttp.ClientSession(await start(in_flight_max=2)) as session:
        wire = Wire(session)
        await wire.play({"requests": [1, 2], "fault": "hang"})
        hanging = [asyncio.create_task(wire.ask()) for _ in range(2)]
        await wire.bill_when(lambda bill: len(bill["entries"]) == 2)
        assert (await wire.ask()).status == 529
        hanging[0].cancel()
        await wire.bill_when(lambda bill: bill["entries"][0]["delivered"] is False)
        assert (await wire.ask()).status == 200
        hanging[1].cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/complete", 404), ("GET", "/v1/messages", 405), ("DELETE", "/v1/models", 405)],
)
async def test_a_path_there_is_not_is_an_error_of_the_api(
    wire: Wire, method: str, path: str, status: int
) -> None:
    """In the API's form."""
    answer = await wire.send(method, path)
    assert (answer.status, answer.body["type"]) == (status, "error")


async def test_the_sdk_raises_what_it_should(client: AsyncAnthropic, wire: Wire) -> None:
    """Its own classes, with type and request id."""
    cases: list[tuple[dict[str, Any], type[APIStatusError], str]] = [
        ({"model": "claude-9"}, NotFoundError, "not_found_error"),
        ({"max_tokens": -1}, BadRequestError, "invalid_request_error"),
        ({"extra_body": {"temperature": 1}}, BadRequestError, "invalid_request_error"),
        (
            {"extra_headers": {"authorization": "Basic abc"}},
            AuthenticationError,
            "authentication_error",
        ),
    ]
    for change, kind, name in cases:
        asked: dict[str, Any] = {
            "model": "claude-haiku-5-5",
            "max_tokens": 9,
            "messages": MESSAGES,
            **change,
        }
        with pytest.raises(kind) as caught:
            await client.messages.create(**asked)
        assert caught.value.type == name
        assert caught.value.request_id == caught.value.body["request_id"]  # type: ignore[index]
    assert (await wire.bill())["entries"] == []


def test_the_tests_speak_as_the_sdk_does() -> None:
    """Plain requests carry the version the SDK sends."""
    assert HEADERS["anthropic-version"] == ANTHROPIC_API_VERSION
