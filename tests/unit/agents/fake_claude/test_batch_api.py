from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from anthropic import AnthropicError, AsyncAnthropic, BadRequestError, NotFoundError
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
