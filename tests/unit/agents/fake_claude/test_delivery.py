import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aiohttp
import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message

from agents.fake_claude.delivery import wait_s
from agents.fake_claude.faults import DELAY_S, Step
from agents.fake_claude.settings import FakeClaudeSettings

from .wire import HEADERS, STREAMS, Json, Wire, asking, half_read, read_and_reset

MODEL = "claude-haiku-5-5"
LONG_S = 600.0
"""Nobody waits that long: a test that does has failed."""


async def ask(client: AsyncAnthropic, **changes: Json) -> Message:
    """Ask for a message."""
    asked: dict[str, Any] = asking(**changes)
    return cast("Message", await client.messages.create(**asked))


async def gather(client: AsyncAnthropic) -> Message:
    """Ask for a stream and gather it."""
    async with client.messages.stream(
        model=MODEL, max_tokens=1024, messages=asking()["messages"]
    ) as stream:
        return cast("Message", await stream.get_final_message())


async def events(wire: Wire) -> list[str]:
    """Ask for a stream and return its lines as they come."""
    body = asking(stream=True)
    async with wire.session.post("/v1/messages", json=body, headers=HEADERS) as response:
        assert response.status == 200
        return (await response.text()).splitlines()


def once(fault: str, **keys: object) -> dict[str, Any]:
    """Return a step that hits every request."""
    return {"requests": [1, None], "fault": fault, **keys}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("overloaded", (anthropic._exceptions.OverloadedError, 529, "overloaded_error")),
        ("rate_limited", (anthropic.RateLimitError, 429, "rate_limit_error")),
        ("error", (anthropic.InternalServerError, 500, "api_error")),
    ],
)
async def test_a_request_refused_by_the_script_is_not_billed(
    client: AsyncAnthropic,
    wire: Wire,
    fault: str,
    raised: tuple[type[anthropic.APIStatusError], int, str],
    *,
    streams: bool,
) -> None:
    """The SDK raises the class for it, streamed or not, and the model was never asked."""
    await wire.play(once(fault))
    with pytest.raises(anthropic.APIStatusError) as caught:
        await ask(client, stream=streams)
    assert (type(caught.value), caught.value.status_code, caught.value.type) == raised
    assert (await wire.bill())["entries"] == []


@pytest.mark.parametrize(
    ("keys", "value"),
    [({}, "1"), ({"retry_after_s": 0}, "0"), ({"retry_after_s": 86_400}, "86400")],
)
async def test_a_rate_limit_says_when_to_come_back(
    client: AsyncAnthropic, wire: Wire, keys: dict[str, int], value: str
) -> None:
    """In whole seconds, as the step says."""
    await wire.play(once("rate_limited", **keys))
    with pytest.raises(anthropic.RateLimitError) as caught:
        await ask(client)
    assert caught.value.response.headers["retry-after"] == value


@pytest.mark.parametrize(
    ("keys", "raised", "status"),
    [
        ({"fault": "ramp_limited"}, anthropic.RampLimitExceededError, 429),
        ({"fault": "spend_limited"}, anthropic.EnforcedSpendLimitReachedError, 429),
        ({"code": "contract_spend_limit_reached"}, anthropic.ContractSpendLimitReachedError, 429),
        (
            {"code": "linked_organization_spend_limit_reached"},
            anthropic.LinkedOrganizationSpendLimitReachedError,
            402,
        ),
        (
            {"code": "linked_organization_billing_unavailable"},
            anthropic.LinkedOrganizationBillingUnavailableError,
            402,
        ),
        ({"code": "organization_on_hold"}, anthropic.OrganizationOnHoldError, 400),
        ({"code": "usage_limits"}, anthropic.BadRequestError, 400),
        ({"fault": "error", "status": 503}, anthropic.InternalServerError, 503),
    ],
)
async def test_a_limit_of_money_or_growth_has_its_code(
    client: AsyncAnthropic,
    wire: Wire,
    keys: dict[str, Any],
    raised: type[anthropic.APIStatusError],
    status: int,
) -> None:
    """The SDK raises the very class for it; one of them has no code at all; nothing is billed."""
    await wire.play(once(**{"fault": "spend_limited", **keys}))
    with pytest.raises(raised) as caught:
        await ask(client)
    assert caught.value.status_code == status
    if code := keys.get("code"):
        assert caught.value.error_code == (None if code == "usage_limits" else code)
    assert ("retry-after" in caught.value.response.headers) == (status == 429)
    assert (await wire.bill())["entries"] == []


async def test_json_of_another_shape_is_no_message(client: AsyncAnthropic, wire: Wire) -> None:
    """The loose client makes a message of it that has nothing; the strict one does not; it is billed."""
    await wire.play(once("wrong_shape"))
    if client._strict_response_validation:
        with pytest.raises(anthropic.APIResponseValidationError):
            await ask(client)
    else:
        assert (await ask(client)).content is None
    assert (await events(wire))[0] == "event: completion"
    assert [entry["charged"] for entry in (await wire.bill())["entries"]] == [True, True]


@pytest.mark.parametrize("streams", [False, True])
async def test_a_slow_stream_comes_in_small_parts(wire: Wire, *, streams: bool) -> None:
    """Its first bytes at once, its last after the delay, whole at the end."""
    usual = (await wire.send("POST", "/v1/messages", json=asking(stream=streams))).body
    await wire.play(once("slow_stream", delay_s=0.5))
    began_s = time.monotonic()
    times_s, parts = [], []
    body = asking(stream=streams)
    async with wire.session.post("/v1/messages", json=body, headers=HEADERS) as response:
        async for part in response.content.iter_any():
            times_s.append(time.monotonic() - began_s)
            parts.append(part)
    assert times_s[-1] >= 0.45
    assert len(parts) > 5
    assert times_s[-1] - times_s[0] > 0.2
    text = b"".join(parts).decode()
    assert len(text) == len(usual if streams else json.dumps(usual, separators=(",", ":")))
    (_, entry) = (await wire.bill())["entries"]
    assert (entry["fault"], entry["delivered"]) == ("slow_stream", True)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_stalled_stream_stops_half_way_and_whoever_leaves_pays(
    client: AsyncAnthropic, wire: Wire, *, streams: bool
) -> None:
    """Bytes came, so no first-byte time-out helps; the answer was written and is charged."""
    await wire.play(once("stalled_stream"))
    body = asking(stream=streams)
    async with wire.session.post("/v1/messages", json=body, headers=HEADERS) as response:
        assert response.status == 200
        assert await response.content.readany()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await response.content.read()
    bill = await wire.bill_when(lambda bill: bill["entries"][0]["delivered"] is False)
    assert bill["entries"][0]["charged"]
    assert bill["entries"][0]["cost_nano_usd"] > 0
    with pytest.raises(anthropic.APITimeoutError):
        await client.with_options(timeout=1.0).messages.create(
            model=MODEL, max_tokens=99, messages=asking()["messages"]
        )


async def test_a_page_instead_of_json_is_billed_and_delivered(
    client: AsyncAnthropic, wire: Wire
) -> None:
    """The loose client takes it for the answer, the strict one does not."""
    await wire.play(once("html"))
    if client._strict_response_validation:
        with pytest.raises(anthropic.APIResponseValidationError):
            await ask(client)
    else:
        assert "<html>" in str(await ask(client))
    (entry,) = (await wire.bill())["entries"]
    assert (entry["fault"], entry["charged"], entry["delivered"]) == ("html", True, True)


async def test_half_the_json_is_no_json(client: AsyncAnthropic, wire: Wire) -> None:
    """With the length it has: the connection is in order, the answer is not."""
    await wire.play(once("truncated_json"))
    with pytest.raises(ValueError, match=r"(Unterminated|Expecting)"):
        await ask(client)
    answer = await wire.send("POST", "/v1/messages", json=asking(stream=True))
    assert answer.body.rstrip().splitlines()[-1].startswith("data: {")
    assert not answer.body.rstrip().endswith("}")
    assert [entry["charged"] for entry in (await wire.bill())["entries"]] == [True, True]


async def test_a_refusal_is_an_answer(client: AsyncAnthropic, wire: Wire) -> None:
    """With its reason, no content, and a charge that depends on its category."""
    await wire.play(
        {"requests": [1, 2], "fault": "refusal", "category": "bio"},
        {"requests": [3, 3], "fault": "refusal"},
    )
    for message in (await ask(client), await gather(client), await ask(client)):
        assert (message.stop_reason, message.content) == ("refusal", [])
        assert message.stop_details is not None
    bill = await wire.bill()
    assert [entry["charged"] for entry in bill["entries"]] == [True, True, False]
    assert bill["totals"][MODEL]["requests"] == 2


async def test_a_stream_can_end_before_its_end(client: AsyncAnthropic, wire: Wire) -> None:
    """In order, without a reason: the SDK raises nothing, and only the missing reason tells."""
    await wire.play(once("cut_stream"))
    lines = await events(wire)
    assert "event: message_start" in lines
    assert "event: message_stop" not in lines
    assert (await gather(client)).stop_reason is None
    assert [entry["delivered"] for entry in (await wire.bill())["entries"]] == [True, True]


async def test_a_message_can_be_cut_off(client: AsyncAnthropic, wire: Wire) -> None:
    """Half a body and then no connection: an error of the connection, and billed."""
    await wire.play(once("cut_stream"))
    with pytest.raises(anthropic.APIConnectionError):
        await ask(client)
    (entry,) = (await wire.bill())["entries"]
    assert (entry["fault"], entry["charged"]) == ("cut_stream", True)


async def test_an_overload_can_come_within_a_stream(client: AsyncAnthropic, wire: Wire) -> None:
    """Status 200 and an error event: the SDK knows it by its type alone."""
    await wire.play(once("overloaded_stream"))
    with pytest.raises(anthropic.APIStatusError) as caught:
        await gather(client)
    assert (caught.value.status_code, caught.value.type) == (200, "overloaded_error")
    lines = await events(wire)
    assert lines.index("event: message_start") < lines.index("event: error")
    assert "event: message_stop" not in lines
    with pytest.raises(anthropic._exceptions.OverloadedError):
        await ask(client)
    assert len((await wire.bill())["entries"]) == 2


async def test_a_slow_answer_is_late_by_its_delay(client: AsyncAnthropic, wire: Wire) -> None:
    """And else as it would have been."""
    await wire.play({"requests": [2, 2], "fault": "slow", "delay_s": 0.3})
    usual = await ask(client)
    began_s = time.monotonic()
    slow = await ask(client)
    assert time.monotonic() - began_s >= 0.3
    assert slow.content == usual.content


@pytest.mark.parametrize("streams", [False, True])
async def test_whoever_leaves_a_hanging_request_pays_for_it(
    client: AsyncAnthropic, wire: Wire, *, streams: bool
) -> None:
    """It is on the bill at once, undecided; when the client has gone it is abandoned, and charged."""
    await wire.play(once("hang"))
    waiting = asyncio.create_task(ask(client, stream=streams))
    bill = await wire.bill_when(lambda bill: len(bill["entries"]) == 1)
    assert (bill["entries"][0]["delivered"], bill["entries"][0]["charged"]) == (None, True)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bill = await wire.bill_when(lambda bill: bill["entries"][0]["delivered"] is not None)
    assert (bill["entries"][0]["delivered"], bill["entries"][0]["charged"]) == (False, True)
    assert bill["totals"][MODEL]["requests"] == 1


async def test_whoever_leaves_a_stream_pays_for_all_of_it(
    fake: str, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """The model had written it; it was not delivered, and the server says nothing of it."""
    connection = await half_read(fake)
    connection.transport.abort()
    bill = await wire.bill_when(lambda bill: bill["entries"][-1]["delivered"] is False)
    assert len(bill["entries"]) < STREAMS
    assert bill["entries"][-1]["charged"]
    assert bill["entries"][-1]["usage"]["output_tokens"] > 100_000
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_connection_reset_under_a_stream_is_no_error_of_the_fakes(
    fake: str, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    """While it writes and has no time to notice: billed, not delivered, nothing logged."""
    await asyncio.to_thread(read_and_reset, fake)
    bill = await wire.bill_when(lambda bill: bill["entries"][0]["delivered"] is False)
    assert bill["entries"][0]["charged"]
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def test_a_clients_timeout_abandons_the_request(client: AsyncAnthropic, wire: Wire) -> None:
    """As the SDK's own timeout does it."""
    await wire.play(once("slow", delay_s=LONG_S))
    with pytest.raises(anthropic.APITimeoutError):
        await client.with_options(timeout=1.0).messages.create(
            model=MODEL, max_tokens=9, messages=asking()["messages"]
        )
    bill = await wire.bill_when(lambda bill: bill["entries"][0]["delivered"] is not None)
    assert bill["entries"][0]["delivered"] is False


async def test_a_script_hits_the_requests_it_names_and_a_refused_one_uses_none_up(
    client: AsyncAnthropic, wire: Wire
) -> None:
    """The second right request fails, whatever wrong ones came before."""
    await wire.play({"requests": [2, 2], "fault": "error"})
    await ask(client)
    with pytest.raises(anthropic.BadRequestError):
        await ask(client, max_tokens=-1)
    with pytest.raises(anthropic.InternalServerError):
        await ask(client)
    await ask(client)


async def test_an_answer_takes_its_latency(start: Callable[..., Awaitable[str]]) -> None:
    """So that a demo looks alive."""
    async with aiohttp.ClientSession(await start(latency_ms=200)) as session:
        began_s = time.monotonic()
        assert (await Wire(session).ask()).status == 200
        assert time.monotonic() - began_s >= 0.2


def test_jitter_is_seeded_and_stays_in_its_range() -> None:
    """The same seed waits the same; another seed does not; nothing waits less than nothing."""

    def waits(**settings: int) -> list[float | None]:
        return [wait_s(FakeClaudeSettings(**settings), number, None) for number in range(200)]  # type: ignore[arg-type]

    spread = waits(latency_ms=100, jitter_ms=50, seed=1)
    assert spread == waits(latency_ms=100, jitter_ms=50, seed=1)
    assert spread != waits(latency_ms=100, jitter_ms=50, seed=-2)
    assert all(wait is not None and 0.05 <= wait <= 0.15 for wait in spread)
    assert len(set(spread)) > 50
    assert min(waits(latency_ms=10, jitter_ms=500), key=lambda wait: wait or 0) == 0
    assert waits() == [0.0] * 200


def test_a_hang_waits_for_ever_and_a_slow_step_adds_its_delay() -> None:
    """To the latency there is."""
    settings = FakeClaudeSettings(latency_ms=1_000)
    places = (1, None)
    assert wait_s(settings, 1, Step(fault="hang", requests=places)) is None
    assert wait_s(settings, 1, Step(fault="slow", requests=places)) == 1.0 + DELAY_S
    assert wait_s(settings, 1, Step(fault="slow", requests=places, delay_s=2)) == 3.0
    assert wait_s(settings, 1, Step(fault="html", requests=places)) == 1.0
