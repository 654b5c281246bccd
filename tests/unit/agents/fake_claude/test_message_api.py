import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aiohttp
import pytest
from anthropic import (
    APIStatusError,
    APITimeoutError,
    AsyncAnthropic,
    BadRequestError,
    RateLimitError,
)
from anthropic.types import Message, TextBlock

from agents.fake_claude.prompt import canonical, tokens_of

from .wire import Json, Wire, asking

MODEL = "claude-haiku-5-5"
FIELDS = ["headline", "text", "confidence", "drivers", "risk"]
ANALYSIS = {
    "type": "object",
    "properties": {
        "headline": {"type": "string"},
        "text": {"type": "string"},
        "confidence": {"enum": ["low", "medium", "high"]},
        "drivers": {"type": "array", "items": {"enum": ["price", "volume", "social"]}},
        "risk": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": FIELDS,
    "additionalProperties": False,
}
FORM: Any = {"effort": "low", "format": {"type": "json_schema", "schema": ANALYSIS}}
FACTS = [
    {"slot": "ret_1m", "label": "price return (1 m)"},
    {"slot": "volume_1m", "label": "volume"},
    {"slot": "tone_1h", "label": "social tone"},
    {"slot": "commits_1h", "label": "development activity"},
]


def prompt() -> list[Any]:
    """Return the messages of an analysis."""
    text = f"State of the market:\n{json.dumps({'facts': FACTS})}\nAnswer in the given form."
    return [{"role": "user", "content": text}]


async def analysis(client: AsyncAnthropic, **changes: Json) -> Message:
    """Ask for an analysis as the agent does."""
    asked: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 2_000,
        "system": "You write words and slots.",
        "messages": prompt(),
        "thinking": {"type": "adaptive"},
        "output_config": FORM,
        **changes,
    }
    return cast("Message", await client.messages.create(**asked))


def text_of(message: Message) -> str:
    """Return the text of a message, thinking apart."""
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


async def test_an_analysis_can_be_read_and_has_its_form(client: AsyncAnthropic) -> None:
    """Words and given slots, every field there, the end reached."""
    message = await analysis(client)
    assert message.stop_reason == "end_turn"
    answer = json.loads(text_of(message))
    assert answer.keys() >= set(FIELDS)
    assert answer["headline"].startswith("Simulated")
    assert len(answer["headline"]) <= 100
    for field in ("headline", "text"):
        assert any(f"{{{fact['slot']}}}" in answer[field] for fact in FACTS)
    assert answer["confidence"] in {"low", "medium", "high"}


async def test_the_same_question_has_the_same_answer(
    client: AsyncAnthropic, start: Callable[..., Awaitable[str]]
) -> None:
    """Again, streamed, and by another fake; only its id differs."""
    once, twice = await analysis(client), await analysis(client)
    assert once.id != twice.id
    assert once.model_dump(exclude={"id"}) == twice.model_dump(exclude={"id"})
    stream = cast("Any", await analysis(client, stream=True))
    text = ""
    async for event in stream:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            text += event.delta.text
    assert text == text_of(once)
    async with AsyncAnthropic(api_key="k", base_url=await start(seed=5), max_retries=0) as other:
        assert text_of(await analysis(other)) == text_of(once)


async def test_the_sdk_gathers_a_stream_into_the_message(client: AsyncAnthropic) -> None:
    """By its own helper, thinking shown, usage whole."""
    asked: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 2_000,
        "messages": prompt(),
        "thinking": {"type": "adaptive", "display": "summarized"},
    }
    plain = await client.messages.create(**asked)
    async with client.messages.stream(**asked) as stream:
        gathered = await stream.get_final_message()
    kinds = [block.type for block in gathered.content]
    assert kinds == ["thinking", "text"]
    assert text_of(cast("Message", gathered)) == text_of(plain)
    assert gathered.usage.output_tokens == plain.usage.output_tokens
    assert gathered.usage.output_tokens_details == plain.usage.output_tokens_details
    assert gathered.stop_reason == "end_turn"


async def test_a_forced_tool_is_called_over_a_stream(client: AsyncAnthropic) -> None:
    """Its input comes in parts and is whole at the end."""
    schema: Any = {
        "type": "object",
        "properties": {"text": {"type": "string"}},
        "required": ["text"],
    }
    async with client.messages.stream(
        model=MODEL, max_tokens=2_000, messages=prompt(),
        tools=[{"name": "note", "input_schema": schema}], tool_choice={"type": "any"},
    ) as stream:  # fmt: skip
        message = await stream.get_final_message()
    call = message.content[-1]
    assert call.type == "tool_use"
    assert "{" in str(call.input["text"])
    assert message.stop_reason == "tool_use"


async def test_an_answer_carries_the_rate_limits(client: AsyncAnthropic) -> None:
    """Twelve headers, on a stream too; the SDK reads none of them, so they are read raw."""
    messages: Any = asking()["messages"]
    for streams in (False, True):
        asked: Any = {"model": MODEL, "max_tokens": 999, "messages": messages, "stream": streams}
        raw = await client.messages.with_raw_response.create(**asked)
        limits = {n: v for n, v in raw.headers.items() if n.startswith("anthropic-ratelimit-")}
        assert len(limits) == 12
        assert int(limits["anthropic-ratelimit-requests-remaining"]) > 0
        assert int(limits["anthropic-ratelimit-tokens-remaining"]) % 1_000 == 0
        assert raw.request_id == raw.headers["request-id"]
        if streams:
            await (await raw.parse()).close()


async def test_a_count_is_what_the_message_is_billed(client: AsyncAnthropic, wire: Wire) -> None:
    """And costs nothing."""
    asked: Any = {
        "model": MODEL,
        "messages": prompt(),
        "system": "You write words and slots.",
        "output_config": {"format": {"type": "json_schema", "schema": ANALYSIS}},
    }
    counted = await client.messages.count_tokens(**asked)
    assert (await wire.bill())["entries"] == []
    message = await client.messages.create(max_tokens=2_000, **asked)
    assert message.usage.input_tokens == counted.input_tokens


async def test_a_count_refuses_what_a_message_refuses(client: AsyncAnthropic) -> None:
    """Forced tools on a big model."""
    with pytest.raises(BadRequestError, match="not supported for this model"):
        await client.messages.count_tokens(
            model="claude-opus-5-5", messages=prompt(),
            tools=[{"name": "a", "input_schema": {"type": "object"}}], tool_choice={"type": "any"},
        )  # fmt: skip


async def test_the_bill_says_what_the_client_was_told(client: AsyncAnthropic, wire: Wire) -> None:
    """Id, model, usage; streamed or not; in order. Refused requests are not on it."""
    plain = await analysis(client, metadata={"user_id": "attempt-1"})
    async with client.messages.stream(model=MODEL, max_tokens=999, messages=prompt()) as stream:
        streamed = await stream.get_final_message()
    with pytest.raises(BadRequestError):
        await analysis(client, max_tokens=-1)
    bill = await wire.bill()
    first, second = bill["entries"]
    assert (first["message_id"], first["user_id"]) == (plain.id, "attempt-1")
    assert first["request_id"] == plain._request_id
    assert first["usage"] == plain.usage.model_dump(exclude={"server_tool_use"})
    assert (second["message_id"], second["user_id"]) == (streamed.id, None)
    assert second["usage"]["output_tokens"] == streamed.usage.output_tokens
    for entry in (first, second):
        assert (entry["model"], entry["charged"], entry["delivered"]) == (MODEL, True, True)
        assert (entry["fault"], entry["batch_id"]) == (None, None)
    assert bill["totals"][MODEL]["requests"] == 2
    assert bill["totals"][MODEL]["output_tokens"] == (
        plain.usage.output_tokens + streamed.usage.output_tokens
    )


async def test_the_bill_is_bounded(start: Callable[..., Awaitable[str]]) -> None:
    """What is dropped is counted and stays in the totals."""
    async with aiohttp.ClientSession(await start(bill_entries_max=2)) as session:
        wire = Wire(session)
        for _ in range(3):
            await wire.ask()
        bill = await wire.bill()
    assert (len(bill["entries"]), bill["dropped"]) == (2, 1)
    assert bill["totals"][MODEL]["requests"] == 3


async def test_a_prompt_is_cached_and_paid_for_as_the_client_is_told(
    client: AsyncAnthropic, wire: Wire
) -> None:
    """Written, then read, streamed or not; the two sides agree to the nano-dollar by the client's own name."""
    system: Any = [
        {"type": "text", "text": "word " * 600, "cache_control": {"type": "ephemeral"}},
    ]
    usages = []
    for at in range(3):
        asked: Any = {
            "system": system,
            "output_config": FORM,
            "metadata": {"user_id": f"attempt-{at}"},
        }
        if at == 2:
            async with client.messages.stream(
                model=MODEL, max_tokens=999, messages=prompt(), **asked
            ) as stream:
                usages.append((await stream.get_final_message()).usage)
        else:
            usages.append((await analysis(client, **asked)).usage)
    written = [usage.cache_creation_input_tokens for usage in usages]
    size = 750 + tokens_of(canonical(ANALYSIS))  # the schema stands before the system prompt
    assert written == [size, 0, 0]
    assert [usage.cache_read_input_tokens for usage in usages] == [0, size, size]
    assert usages[0].cache_creation is not None
    assert usages[0].cache_creation.ephemeral_5m_input_tokens == size
    entries = (await wire.bill())["entries"]
    assert [entry["user_id"] for entry in entries] == [f"attempt-{at}" for at in range(3)]
    for entry, usage in zip(entries, usages, strict=True):
        assert entry["cost_nano_usd"] == (
            100 * usage.input_tokens
            + 125 * (usage.cache_creation_input_tokens or 0)
            + 10 * (usage.cache_read_input_tokens or 0)
            + 500 * usage.output_tokens
        )
    total = (await wire.bill())["totals"][MODEL]["cost_nano_usd"]
    assert total == sum(entry["cost_nano_usd"] for entry in entries)


async def test_a_prompt_whose_answer_never_began_is_not_cached(
    client: AsyncAnthropic, wire: Wire
) -> None:
    """One that hung, or was refused before the model saw it."""
    cached: Any = {"cache_control": {"type": "ephemeral"}, "system": "word " * 600}
    await wire.play(
        {"requests": [1, 1], "fault": "hang"}, {"requests": [2, 2], "fault": "overloaded"}
    )
    with pytest.raises(APITimeoutError):
        await analysis(client.with_options(timeout=1.0), **cached)
    with pytest.raises(APIStatusError):
        await analysis(client, **cached)
    assert (await analysis(client, **cached)).usage.cache_read_input_tokens == 0
    assert (await analysis(client, **cached)).usage.input_tokens == 0


async def until_refused(client: AsyncAnthropic) -> tuple[int, RateLimitError]:
    """Ask until there is no more; return how often there was, and the refusal."""
    for taken in range(100):
        try:
            await client.messages.create(model=MODEL, max_tokens=9, messages=asking()["messages"])
        except RateLimitError as error:
            return taken, error
    pytest.fail("never refused")


async def test_a_limit_refuses_and_bills_nothing_and_lets_in_again(
    start: Callable[..., Awaitable[str]],
) -> None:
    """As the SDK sees it: a 429 with a time, after which there is room."""
    url = await start(requests_per_minute=60)
    async with (
        AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as limited,
        aiohttp.ClientSession(url) as session,
    ):
        taken, refusal = await until_refused(limited)
        assert 60 <= taken < 100
        assert refusal.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert len((await Wire(session).bill())["entries"]) == taken
        await asyncio.sleep(float(refusal.response.headers["retry-after"]))
        assert (await Wire(session).ask()).status == 200


@pytest.mark.parametrize(
    ("ttls", "says"),
    [
        (["5m"] * 5, "A maximum of 4 blocks with cache_control may be provided. Found 5."),
        (["1h", "5m", "1h"], "must not come after a ttl='5m' block"),
    ],
)
async def test_breakpoints_are_few_and_in_order(
    client: AsyncAnthropic, ttls: list[str], says: str
) -> None:
    """As the API has it."""
    system = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": ttl}}
        for ttl in ttls
    ]
    with pytest.raises(BadRequestError, match=says):
        await analysis(client, system=system)
    await analysis(client, system=system[:2])
