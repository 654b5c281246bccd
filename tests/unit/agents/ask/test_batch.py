"""A batch as the API shows it: what is read of it, and by what one is told to be ours."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.ask.batch import (
    CLOCK_MS_MAX,
    Batch,
    Sought,
    batch_of,
    digest_of,
    page_of,
    results_of,
)
from agents.ask.wire import NOT_JSON

AT_MS = 1_800_000_000_000
KEYS = st.frozensets(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, max_size=5)


def shown(**changes: object) -> dict[str, object]:
    """Return a batch in the API's words."""
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    at = datetime.fromtimestamp(AT_MS / 1000, UTC).isoformat()
    return {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": counts | {"processing": 3},
        "created_at": at,
        "archived_at": None,
    } | changes


BATCH = Batch(id="msgbatch_1", created_ms=AT_MS, requests=3, has_ended=False, is_archived=False)


def test_what_is_read_of_a_batch() -> None:
    """Its requests are the sum of all that may have become of them."""
    assert batch_of(msgspec.json.encode(shown())) == BATCH
    counts = {"processing": 0, "succeeded": 1, "errored": 2, "canceled": 3, "expired": 4}
    ended = shown(
        processing_status="ended",
        request_counts=counts,
        archived_at=datetime.fromtimestamp(0, UTC).isoformat(),
    )
    assert batch_of(msgspec.json.encode(ended)) == replace(
        BATCH, requests=10, has_ended=True, is_archived=True
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../messages"},
        {"id": ""},
        {"processing_status": "lost"},
        {"created_at": "2027-01-15T08:00:00"},
        {"request_counts": {"processing": -1}},
    ],
)
def test_what_is_no_batch_is_refused(changes: dict[str, object]) -> None:
    """An id becomes a part of a path, and a time without its zone is none."""
    with pytest.raises(NOT_JSON):
        batch_of(msgspec.json.encode(shown(**changes)))


def test_a_page_says_where_the_next_begins() -> None:
    """Behind its last one, if there are more."""
    data = [shown(), shown(id="msgbatch_0")]
    page = page_of(msgspec.json.encode({"data": data, "has_more": True, "last_id": "x"}))
    assert ([one.id for one in page.batches], page.last_id) == (
        ["msgbatch_1", "msgbatch_0"],
        "msgbatch_0",
    )
    assert page_of(msgspec.json.encode({"data": data, "has_more": False})).last_id is None
    assert page_of(msgspec.json.encode({"data": [], "has_more": False})).batches == []


def test_results_are_read_line_by_line() -> None:
    """A message as it came, an error in its words; of two lines with one id the first counts."""
    message = b'{"id":"msg_1","content":[{"text":"\\u2028"}]}'
    lines = [
        b'{"custom_id":"a","result":{"type":"succeeded","message":%s}}' % message,
        b"",
        (
            b'{"custom_id":"b","result":{"type":"errored","error":{"type":"error","error":'
            b'{"type":"api_error","message":"broken"}}}}'
        ),
        b'{"custom_id":"c","result":{"type":"expired"}}',
        b'{"custom_id":"a","result":{"type":"canceled"}}',
    ]
    found = results_of(b"\n".join(lines) + b"\n")
    assert [(one.kind, one.words) for one in found.values()] == [
        ("succeeded", ""),
        ("errored", "api_error: broken"),
        ("expired", ""),
    ]
    assert found["a"].message == message
    with pytest.raises(NOT_JSON):
        results_of(lines[0] + b"\n" + lines[0][:50])


@given(keys=KEYS, data=st.data())
def test_the_digest_of_a_batch_is_of_its_items_and_of_no_others(
    keys: frozenset[str], data: st.DataObject
) -> None:
    """In whatever order they are; without one, or with one more, it is another batch."""
    order = data.draw(st.permutations(sorted(keys)))
    assert digest_of(order) == digest_of(keys)
    less = keys - {data.draw(st.sampled_from(sorted(keys)))}
    assert digest_of(less) != digest_of(keys)


@given(keys=KEYS, since_ms=st.integers(10**12, 10**13), after_ms=st.integers(-(10**6), 10**6))
def test_one_may_be_ours_by_its_time_and_size_and_is_by_its_ids(
    keys: frozenset[str], since_ms: int, after_ms: int
) -> None:
    """No clock is trusted to the minute; some of our ids among others are somebody else's batch."""
    sought = Sought(keys, since_ms)
    batch = replace(BATCH, requests=len(keys), created_ms=since_ms + after_ms)
    assert sought.may_be(batch) == (after_ms >= -CLOCK_MS_MAX) != sought.is_past(batch)
    assert not sought.may_be(replace(batch, requests=len(keys) + 1))
    assert sought.is_it(sorted(keys))
    assert not sought.is_it([*keys, "another"])
    assert not sought.is_it(sorted(keys)[1:])
