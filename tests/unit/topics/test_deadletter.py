"""Records nobody could use come back as they were."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics import DeadLetter
from topics.catalog import RECORD_BYTES_MAX
from topics.deadletter import (
    ATTEMPT_MAX,
    CUT_BYTES,
    MESSAGE_CHARS_MAX,
    ORIGINAL_BYTES_MAX,
    ORIGINAL_CHARS_MAX,
    REASONS,
    Redriven,
    from_record,
    redriven_headers,
    redriven_of,
    to_record,
)
from topics.envelope import header

TIMES = st.integers(0, 253_402_300_799_999)
KEYS = st.none() | st.binary(max_size=30)
READ_BACK = st.builds(
    DeadLetter,
    reason=st.sampled_from(sorted(REASONS)) | st.text(min_size=1, max_size=30),
    message=st.text(max_size=MESSAGE_CHARS_MAX),
    stage=st.sampled_from(["collect", "fold", "analyse"]),
    role=st.sampled_from(["collect", "streams", "agent"]),
    key=KEYS,
    value=st.binary(max_size=300),
    time_ms=TIMES,
    topic=st.text(min_size=1, max_size=30),
    partition=st.integers(0, 999),
    offset=st.integers(0, 2**63 - 1),
    attempt=st.integers(1, 100),
    original=st.none() | st.text(min_size=1, max_size=30),
)
COLLECTED = st.builds(
    DeadLetter,
    reason=st.just("malformed"),
    message=st.just("not JSON"),
    stage=st.just("collect"),
    role=st.just("collect"),
    key=KEYS,
    value=st.binary(max_size=300),
    time_ms=TIMES,
    origin=st.text(min_size=1, max_size=60),
)


def letter(**changes: object) -> DeadLetter:
    fields: dict[str, object] = {
        "reason": "invalid",
        "message": "Object missing required field `price`",
        "stage": "fold",
        "role": "streams",
        "key": b"BTC",
        "value": b'{"type":"trade"}',
        "time_ms": 1_790_000_040_007,
        "topic": "tapereader.raw.market",
        "partition": 3,
        "offset": 4711,
    }
    return DeadLetter(**(fields | changes))  # type: ignore[arg-type]


@settings(deadline=None)
@given(READ_BACK | COLLECTED)
def test_a_letter_comes_back_as_it_was(sent: DeadLetter) -> None:
    """Key, value and every word about it, for those of a topic and those of a collector."""
    key, value, headers = to_record(sent)
    assert from_record(key, value, headers, sent.time_ms) == sent


def test_the_headers_are_kafka_connects_and_ours() -> None:
    """Connect's tools read the first, the redrive and the people the others. The value is untouched."""
    key, value, headers = to_record(letter())
    assert (key, value) == (b"BTC", b'{"type":"trade"}')
    assert [h for h in headers if not h[0].startswith(("ce_", "traceparent"))] == [
        ("__connect.errors.topic", b"tapereader.raw.market"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"4711"),
        ("__connect.errors.connector.name", b"streams"),
        ("__connect.errors.stage", b"FOLD"),
        ("__connect.errors.exception.class.name", b"invalid"),
        ("__connect.errors.exception.message", b"Object missing required field `price`"),
        ("tapereader.reason", b"invalid"),
        ("tapereader.stage", b"fold"),
        ("tapereader.attempt", b"1"),
    ]
    assert header(headers, "ce_id") == b"tapereader.raw.market/3/4711"
    assert header(headers, "ce_type") == b"tapereader.deadletter"
    assert header(headers, "ce_time") == b"2026-09-21T14:14:00.007Z"


def test_an_original_at_the_bound_is_whole() -> None:
    """It can be redriven."""
    value = b"x" * ORIGINAL_BYTES_MAX
    key, kept, headers = to_record(letter(value=value))
    assert kept == value
    assert not from_record(key, kept, headers, 0).truncated


def test_an_original_beyond_the_bound_is_cut_and_says_so() -> None:
    """Length and digest are those of the original, so that it can be found again."""
    value = b"x" * ORIGINAL_BYTES_MAX + b"y"
    key, kept, headers = to_record(letter(value=value))
    back = from_record(key, kept, headers, 0)
    assert kept == value[:CUT_BYTES]
    assert back.truncated
    assert back.length == ORIGINAL_BYTES_MAX + 1
    assert back.digest == sha256(value).hexdigest()


def test_the_longest_letter_fits_a_record() -> None:
    """A dead letter that the broker refuses would stop the reader that writes it."""
    sent = letter(value=b"x" * ORIGINAL_BYTES_MAX, message="\U0001f300" * 10_000)
    key, value, headers = to_record(sent)
    size = len(key or b"") + len(value) + sum(len(name) + len(text) for name, text in headers)
    assert size < RECORD_BYTES_MAX


def test_a_message_is_cut_at_its_bound() -> None:
    """It may quote what it refuses, and that may be long."""
    _, _, headers = to_record(letter(message="m" * (MESSAGE_CHARS_MAX + 1)))
    message = header(headers, "__connect.errors.exception.message")
    assert message == b"m" * MESSAGE_CHARS_MAX


def test_a_message_that_utf8_cannot_write_is_written_all_the_same() -> None:
    """The letter must get out whatever it quotes."""
    _, _, headers = to_record(letter(message="half \ud83d"))
    assert header(headers, "__connect.errors.exception.message") == b"half ?"


def test_a_letter_from_before_1970_gets_out() -> None:
    """Kafka gives -1 to a record without a timestamp."""
    _, _, headers = to_record(letter(time_ms=-1))
    assert header(headers, "ce_time") == b"1970-01-01T00:00:00.000Z"


def test_nobody_claims_to_know_what_the_bytes_are() -> None:
    """The value is the original, which may be no JSON at all."""
    _, _, headers = to_record(letter())
    assert header(headers, "content-type") is None


def test_a_collectors_letter_is_named_by_its_origin() -> None:
    """It was never in a topic."""
    origin = "binance/1/17/42"
    assert letter(origin=origin, topic=None, partition=None, offset=None).letter_id == origin


def test_a_record_without_a_reason_is_no_dead_letter() -> None:
    """Somebody else wrote it; the error says what is missing."""
    with pytest.raises(ValueError, match=r"it has no tapereader\.reason header"):
        from_record(b"k", b"v", [("ce_id", b"1")], 0)


@given(
    st.builds(
        Redriven,
        attempt=st.integers(2, ATTEMPT_MAX),
        original=st.text(st.characters(codec="utf-8"), min_size=1, max_size=ORIGINAL_CHARS_MAX),
        letter_id=st.text(st.characters(codec="utf-8")),
        redrive_id=st.text(st.characters(codec="utf-8")),
    )
)
def test_a_redriven_record_says_where_it_comes_from(redriven: Redriven) -> None:
    """Its letter, its first letter, its attempt, and the act."""
    assert redriven_of(redriven_headers(redriven)) == redriven


@pytest.mark.parametrize(
    ("attempt", "original"),
    [
        *((wrong, b"t/0/1") for wrong in (b"", b"1", b"0", b"-2", b"2.0", b"1001", b"00002", b" 2", "²".encode(), b"\xff")),
        (b"2", b""),
        (b"2", b"x" * (ORIGINAL_CHARS_MAX + 1)),
        (None, b"t/0/1"),
    ],
)  # fmt: skip
def test_headers_that_do_not_say_it_well_are_no_redrives(
    attempt: bytes | None, original: bytes
) -> None:
    """Whoever can write to a raw topic can write them: nothing but a small number is believed."""
    told = [("tapereader.attempt", attempt), ("tapereader.original", original)]
    assert redriven_of(told) is None
    assert redriven_of([]) is None
    assert redriven_of([*told, ("tapereader.attempt", b"2"), ("tapereader.original", b"o")])
