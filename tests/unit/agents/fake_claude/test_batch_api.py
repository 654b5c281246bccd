from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx2
import pytest
from anthropic import (
    AnthropicError,
    APITimeoutError,
    AsyncAnthropic,
    BadRequestError,
    NotFoundError,
)
from anthropic.types.messages.batch_create_params import Request

from .wire import Wire, asking


def requests(*params: dict[str, Any]) -> list[Request]:
    """Return the requests of a batch."""
    return [Request(custom_id=f"c{at}", params=cast("Any", one)) for at, one in enumerate(params)]


async def test_a_batch_is_taken_ended_read_billed_and_deleted(
    client: AsyncAnthropic, wire: Wire
) -> None:
    """By default it has ended when it is first looked at."""
    created = await client.messages.batches.create(requests=requests(asking(), asking(model="no")))
    assert created.processing_status == "in_progress"
    assert created.request_counts.processing == 2
    ended = await client.messages.batches.retrieve(created.id)
    assert ended.processing_status == "ended"
    assert (ended.request_counts.succeeded, ended.request_counts.errored) == (1, 1)
    results = {
        result.custom_id: result.result
        async for result in await client.messages.batches.results(created.id)
    }
    right, wrong = results["c0"], results["c1"]
    assert right.type == "succeeded"
    assert (wrong.type, getattr(wrong, "error").error.type) == ("errored", "not_found_error")  # noqa: B009
    (entry,) = (await wire.bill())["entries"]
    assert (entry["batch_id"], entry["custom_id"]) == (created.id, "c0")
    assert entry["usage"] == right.message.usage.model_dump(exclude={"server_tool_use"})
    assert entry["usage"]["service_tier"] == "batch"
    assert (await client.messages.batches.delete(created.id)).id == created.id
    with pytest.raises(NotFoundError):
        await client.messages.batches.retrieve(created.id)


async def test_the_bill_ends_batches_that_are_due(client: AsyncAnthropic, wire: Wire) -> None:
    """Nobody needs to look at the batch first."""
    await client.messages.batches.create(requests=requests(asking()))
    assert len((await wire.bill())["entries"]) == 1


async def test_batches_are_listed_newest_first(client: AsyncAnthropic) -> None:
    """Over more than one page."""
    made = [await client.messages.batches.create(requests=requests(asking())) for _ in range(3)]
    listed = [batch.id async for batch in client.messages.batches.list(limit=2)]
    assert listed == [batch.id for batch in reversed(made)]


async def test_an_open_batch_has_no_results_and_can_be_cancelled(
    start: Callable[..., Awaitable[str]],
) -> None:
    """With a setting that makes batches take their time."""
    url = await start(batch_s=3_600)
    async with AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client:
        batch = await client.messages.batches.create(requests=requests(asking()))
        with pytest.raises(AnthropicError, match="in_progress"):
            await client.messages.batches.results(batch.id)
        with pytest.raises(BadRequestError, match="has not ended"):
            await client.messages.batches.delete(batch.id)
        cancelled = await client.messages.batches.cancel(batch.id)
        assert cancelled.processing_status == "canceling"
        assert cancelled.cancel_initiated_at is not None


async def test_results_that_are_not_there_are_a_404(start: Callable[..., Awaitable[str]]) -> None:
    """For one who does not ask the batch first."""
    url = await start(batch_s=3_600)
    async with AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client:
        batch = await client.messages.batches.create(requests=requests(asking()))
        with pytest.raises(NotFoundError, match="no results yet"):
            await client.get(f"/v1/messages/batches/{batch.id}/results", cast_to=object)


@pytest.mark.parametrize(
    ("fault", "taken"),
    [
        ("dropped", False),
        ("refused", False),
        ("taken_and_dropped", True),
        ("taken_and_failed", True),
    ],
)
async def test_a_create_goes_wrong_before_or_after_the_batch_is_taken(
    client: AsyncAnthropic, wire: Wire, fault: str, *, taken: bool
) -> None:
    """What the client is told is the same, and only the list says which it was. The next one goes well."""
    await wire.spoil_batches(creates=[fault])
    with pytest.raises(AnthropicError):
        await client.messages.batches.create(requests=requests(asking()))
    assert len([b async for b in client.messages.batches.list()]) == taken
    await client.messages.batches.create(requests=requests(asking()))
    assert len([b async for b in client.messages.batches.list()]) == taken + 1


async def test_a_create_may_never_be_answered(client: AsyncAnthropic, wire: Wire) -> None:
    """The batch is taken all the same."""
    await wire.spoil_batches(creates=["taken_and_hung"])
    with pytest.raises(APITimeoutError):
        await client.messages.batches.create(requests=requests(asking()), timeout=1.0)
    assert len([b async for b in client.messages.batches.list()]) == 1


async def test_requests_of_a_batch_end_as_the_script_says(
    client: AsyncAnthropic, wire: Wire
) -> None:
    """What is not answered is not billed; what is answered badly is. A batch of before is not harmed."""
    sound = await client.messages.batches.create(requests=requests(asking()))
    script = {"0": "errored", "1": "expired", "2": "canceled", "3": "refusal", "4": "prose"}
    await wire.spoil_batches(requests=script)
    batch = await client.messages.batches.create(requests=requests(*[asking()] * 6))
    results = {
        result.custom_id: result.result
        async for result in await client.messages.batches.results(batch.id)
    }
    assert [results[f"c{n}"].type for n in range(6)] == [
        "errored",
        "expired",
        "canceled",
        *["succeeded"] * 3,
    ]
    assert getattr(results["c3"], "message").stop_reason == "refusal"  # noqa: B009
    counts = (await client.messages.batches.retrieve(batch.id)).request_counts
    assert (counts.errored, counts.expired, counts.canceled, counts.succeeded) == (1, 1, 1, 3)
    bill = await wire.bill()
    assert [e["custom_id"] for e in bill["entries"] if e["charged"]] == ["c0", "c4", "c5"]
    assert bill["entries"][0]["batch_id"] == sound.id


async def test_results_may_be_cut(client: AsyncAnthropic, wire: Wire) -> None:
    """Once; they can be read again."""
    batch = await client.messages.batches.create(requests=requests(*[asking()] * 4))
    await wire.spoil_batches(reads=["cut"])
    with pytest.raises(httpx2.HTTPError):
        _ = [one async for one in await client.messages.batches.results(batch.id)]
    assert len([one async for one in await client.messages.batches.results(batch.id)]) == 4


async def test_a_script_of_batches_that_is_none_is_refused(wire: Wire) -> None:
    """It says what is wrong, and the one before is played on."""
    await wire.spoil_batches(creates=["refused"])
    answer = await wire.send("PUT", "/_fake/batches", json={"creates": ["lost"]}, headers={})
    assert (answer.status, "lost" in answer.body["error"]["message"]) == (400, True)
    one = {"custom_id": "c", "params": asking()}
    sent = await wire.send("POST", "/v1/messages/batches", json={"requests": [one]})
    assert sent.status == 529
