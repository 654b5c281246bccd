from typing import Any

import pytest

from agents.fake_claude.batches import BATCHES_MAX, CANCELING_S, REQUESTS_MAX, Batches
from agents.fake_claude.errors import ApiError
from agents.fake_claude.ids import Ids
from agents.fake_claude.models import MODELS

from .wire import asking

ORIGIN = "http://127.0.0.1:1"
START_S = 1_000.0
WAIT_S = 60.0


def store(batch_s: float = WAIT_S) -> Batches:
    """Return a store without batches."""
    return Batches(MODELS, Ids("test"), batch_s=batch_s, examples=frozenset())


def requests(*params: dict[str, Any]) -> dict[str, Any]:
    """Return the body that creates a batch."""
    return {"requests": [{"custom_id": f"c{at}", "params": one} for at, one in enumerate(params)]}


def test_a_batch_ends_when_its_time_has_come() -> None:
    """Not before, and once."""
    batches = store()
    batch = batches.create(requests(asking()), START_S)
    assert batches.end(START_S + WAIT_S - 0.1) == []
    view = batch.view(ORIGIN)
    assert (view["processing_status"], view["results_url"]) == ("in_progress", None)
    assert view["request_counts"]["processing"] == 1
    assert batches.end(START_S + WAIT_S) == [batch]
    assert batches.end(START_S + WAIT_S) == []
    view = batch.view(ORIGIN)
    assert view["processing_status"] == "ended"
    assert view["results_url"] == f"{ORIGIN}/v1/messages/batches/{batch.id}/results"
    assert view["request_counts"] == {
        "processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0,
    }  # fmt: skip


def test_a_wrong_request_is_an_error_of_its_own() -> None:
    """The others are answered; only they are billed, at the batch's tier."""
    batches = store()
    named = asking(metadata={"user_id": "ours"})
    batch = batches.create(requests(asking(model="no"), named, asking(stream=True)), START_S)
    batches.end(START_S + WAIT_S)
    assert batch.results is not None
    kinds = {line["custom_id"]: line["result"]["type"] for line in batch.results}
    assert kinds == {"c0": "errored", "c1": "succeeded", "c2": "errored"}
    assert batch.results[0]["result"]["error"]["error"]["type"] == "not_found_error"
    (used,) = batch.used
    assert (used.custom_id, used.user_id, used.usage.service_tier) == ("c1", "ours", "batch")
    assert batch.results[1]["result"]["message"]["usage"]["service_tier"] == "batch"


def test_a_cancelled_batch_ends_soon_and_costs_nothing() -> None:
    """It is canceling until then; to cancel it twice changes nothing."""
    batches = store()
    batch = batches.create(requests(asking()), START_S)
    assert batches.cancel(batch.id, START_S + 1).status == "canceling"
    batches.cancel(batch.id, START_S + 1.5)
    batches.end(START_S + 1 + CANCELING_S)
    assert batch.status == "ended"
    assert batch.view(ORIGIN)["request_counts"]["canceled"] == 1
    assert batch.used == []


def test_only_an_open_batch_is_cancelled_and_only_an_ended_one_deleted() -> None:
    """Either is a 400 else, and a 404 once it is gone."""
    batches = store()
    batch = batches.create(requests(asking()), START_S)
    with pytest.raises(ApiError, match="has not ended"):
        batches.delete(batch.id, START_S)
    batches.end(START_S + WAIT_S)
    with pytest.raises(ApiError, match="cannot be canceled"):
        batches.cancel(batch.id, START_S + WAIT_S)
    assert batches.delete(batch.id, START_S)["type"] == "message_batch_deleted"
    with pytest.raises(ApiError) as caught:
        batches.find(batch.id, START_S)
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "requests: a list of 1"),
        ({"requests": []}, "requests: a list of 1"),
        ({"requests": [{"custom_id": "a"}]}, "requests.0: custom_id and params are required"),
        ({"requests": [5]}, "requests.0: custom_id and params are required"),
        (
            {"requests": [{"custom_id": "", "params": {}}]},
            "requests.0.custom_id: a string of 1 to 64",
        ),
        (
            {"requests": [{"custom_id": "x" * 65, "params": {}}]},
            "requests.0.custom_id: a string of 1 to 64",
        ),
        (
            {"requests": [{"custom_id": "a", "params": {}}] * 2},
            "requests.1.custom_id: 'a' is not unique",
        ),
    ],
)
def test_a_batch_that_is_no_list_of_named_requests_is_a_400(body: object, says: str) -> None:
    """At once, unlike what is wrong within a request."""
    with pytest.raises(ApiError) as caught:
        store().create(body, START_S)
    assert (caught.value.status, caught.value.message[: len(says)]) == (400, says)


def test_the_requests_of_a_batch_are_bounded() -> None:
    """One more is refused."""
    with pytest.raises(ApiError, match=f"1 to {REQUESTS_MAX}"):
        store().create(requests(*[{}] * (REQUESTS_MAX + 1)), START_S)


def test_batches_are_bounded() -> None:
    """An ended one makes room for a new one; where all are open the new one is refused."""
    batches = store()
    first = batches.create(requests({}), START_S)
    batches.end(START_S + WAIT_S)
    for _ in range(BATCHES_MAX):
        batches.create(requests({}), START_S + WAIT_S)
    assert len(batches.newest_first()) == BATCHES_MAX
    with pytest.raises(ApiError, match="was not found"):
        batches.find(first.id, START_S)
    with pytest.raises(ApiError) as caught:
        batches.create(requests({}), START_S + WAIT_S)
    assert caught.value.status == 429
