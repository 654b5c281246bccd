"""Batches by the SDK: what is sent, to whom, and what is known when there is no answer."""

from typing import Any

import msgspec
import pytest
from aiohttp import web

from agents.ask.batch import Request
from agents.ask.batches import BatchError, ClaudeBatches
from agents.ask.claude import Claude
from agents.ask.prompt import prompt_of
from tests.unit.agents.candidates import candidate
from tests.unit.agents.serving import server

from .test_batch import shown

MODEL = "claude-haiku-5-5"
PROMPT = prompt_of(candidate(), MODEL)
REQUEST = Request(prompt=PROMPT, attempt_id="a/1", output_tokens_max=500)
UNUSED = "http://127.0.0.1:9"


def batches(url: str, **changes: Any) -> ClaudeBatches:
    """Return the batches at an address."""
    return ClaudeBatches(base_url=url, api_key="key", model_id=MODEL, **changes)


@pytest.mark.parametrize("output_config", [True, False])
async def test_a_question_in_a_batch_is_the_one_that_is_sent_by_itself(
    *, output_config: bool
) -> None:
    """To the byte, under its item key; to the given address with the given key."""
    seen: list[tuple[str, str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.path, request.headers["authorization"], await request.json()))
        return web.json_response(shown())

    async with server(answer) as url:
        api = batches(url, output_config=output_config)
        assert (await api.create([REQUEST])).id == "msgbatch_1"
        await api.close()
        alone = Claude(
            provider="anthropic",
            name=MODEL,
            base_url=url,
            api_key="key",
            output_config=output_config,
        )
        await alone.ask(PROMPT, attempt_id="a/1", output_tokens_max=500, timeout_s=20)
        await alone.close()
    (path, key, sent), (_, _, by_itself) = seen
    assert (path, key) == ("/v1/messages/batches", "Bearer key")
    assert sent == {"requests": [{"custom_id": PROMPT.item_key, "params": by_itself}]}


async def test_results_are_read_at_our_address_whatever_the_provider_names() -> None:
    """The key would go wherever that is."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        if request.path.endswith("results"):
            return web.Response(body=b'{"custom_id":"a","result":{"type":"expired"}}\n')
        ended = shown(processing_status="ended", results_url=f"{UNUSED}/elsewhere")
        return web.Response(body=msgspec.json.encode(ended), content_type="application/json")

    async with server(answer) as url:
        api = batches(url)
        batch = await api.find("msgbatch_1")
        assert (await api.results(batch.id))["a"].kind == "expired"
        await api.close()
    assert seen == ["/v1/messages/batches/msgbatch_1", "/v1/messages/batches/msgbatch_1/results"]


@pytest.mark.parametrize(
    ("status", "body", "outcome", "was_refused"),
    [
        (200, "<html>", "unreadable", False),
        (200, "{}", "unreadable", False),
        (500, "{}", "server_error", False),
        (504, "{}", "gateway_timeout", False),
        (302, "", "redirected", True),
        (400, "{}", "bad_request", True),
        (401, "{}", "unauthenticated", True),
        (404, "{}", "model_not_found", True),
        (413, "{}", "too_large", True),
        (429, "{}", "rate_limited", True),
    ],
)
async def test_without_an_answer_it_is_known_whether_there_can_be_a_batch(
    status: int, body: str, outcome: str, *, was_refused: bool
) -> None:
    """What was refused has created none; of anything else nobody knows."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    async with server(answer) as url:
        api = batches(url)
        with pytest.raises(BatchError, match="was not created") as refused:
            await api.create([REQUEST])
        await api.close()
    assert (refused.value.outcome, refused.value.was_refused) == (outcome, was_refused)


async def test_where_nobody_listens_there_is_none() -> None:
    """What is never connected is not sent."""
    api = batches(UNUSED)
    with pytest.raises(BatchError) as refused:
        await api.create([REQUEST])
    await api.close()
    assert (refused.value.outcome, refused.value.was_refused) == ("unreachable", True)
