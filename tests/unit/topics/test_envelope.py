"""The headers of everything but the raw topics."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from topics.envelope import header, headers, rfc3339, traceparent

LAST_MS = 253_402_300_799_999
"""The end of the year 9999: RFC 3339 has four digits for a year."""


def test_the_headers_are_cloudevents_in_binary_mode() -> None:
    """The names and values of the CloudEvents Kafka binding, version 1.0, and a W3C trace."""
    made = headers(
        event_id="market/BTC/60000",
        event_type="aggregate",
        source="streams",
        time_ms=1_790_000_040_007,
    )
    assert made == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"market/BTC/60000"),
        ("ce_type", b"tapereader.aggregate"),
        ("ce_source", b"/tapereader/streams"),
        ("ce_time", b"2026-09-21T14:14:00.007Z"),
        ("content-type", b"application/json"),
        ("traceparent", b"00-0b1bc462280497c13e118ce707cd8d86-7268401c14f13b69-01"),
    ]


@settings(deadline=None)
@given(st.text(max_size=50))
def test_a_trace_has_the_form_of_the_w3c(event_id: str) -> None:
    """Version 00, sampled, and ids that are not zero."""
    made = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-01", traceparent(event_id))
    assert made
    assert int(made[1], 16) > 0
    assert int(made[2], 16) > 0


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_a_trace_is_a_function_of_the_id(one: str, other: str) -> None:
    """The same event has the same trace in every run; two events have two."""
    assert (traceparent(one) == traceparent(other)) == (one == other)


@settings(deadline=None)
@given(st.integers(0, LAST_MS))
def test_a_time_comes_back_to_the_millisecond(time_ms: int) -> None:
    """No float is on the way."""
    back = datetime.fromisoformat(rfc3339(time_ms)) - datetime.fromtimestamp(0, UTC)
    assert back // timedelta(milliseconds=1) == time_ms


@settings(deadline=None)
@given(st.integers(0, LAST_MS), st.integers(0, LAST_MS))
def test_times_sort_as_their_texts(one: int, other: int) -> None:
    """All have one length and one zone."""
    assert (one < other) == (rfc3339(one) < rfc3339(other))


def test_the_first_header_of_a_name_is_found() -> None:
    """Kafka allows a name twice; the first was written first."""
    found = [("a", b"1"), ("b", b"2"), ("a", b"3")]
    assert header(found, "a") == b"1"
    assert header(found, "c") is None
