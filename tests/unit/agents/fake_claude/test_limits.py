from datetime import UTC, datetime
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.errors import ApiError
from agents.fake_claude.limits import Buckets, Limits
from agents.fake_claude.usage import Usage

LIMITS = Limits(requests=50, input_tokens=30_000, output_tokens=8_000)
START_S = datetime(2026, 2, 25, 20, 2, 31, 500_000, tzinfo=UTC).timestamp()
PREFIX = "anthropic-ratelimit-"


def used(read: int = 0, written: int = 0, cached: int = 0) -> Usage:
    """Return a usage."""
    return Usage(input_tokens=read, output_tokens=written, cache_read_tokens=cached)


def refused(buckets: Buckets, usage: Usage, now_s: float, max_tokens: int = 0) -> ApiError:
    """Return the answer to a request there is no room for."""
    with pytest.raises(ApiError) as caught:
        buckets.take("haiku", usage, max_tokens, now_s)
    assert (caught.value.status, caught.value.kind) == (429, "rate_limit_error")
    return caught.value


def test_the_headers_are_as_in_a_recorded_answer() -> None:
    """Twelve of them; token remainders in thousands; times in RFC 3339, rounded up; what the cache gave is free."""
    told = Buckets(LIMITS).take("haiku", used(1_600, 300, cached=9_000), 0, START_S)
    assert {name.removeprefix(PREFIX): value for name, value in told.items()} == {
        "requests-limit": "50",
        "requests-remaining": "49",
        "requests-reset": "2026-02-25T20:02:33Z",
        "input-tokens-limit": "30000",
        "input-tokens-remaining": "28000",
        "input-tokens-reset": "2026-02-25T20:02:35Z",
        "output-tokens-limit": "8000",
        "output-tokens-remaining": "8000",
        "output-tokens-reset": "2026-02-25T20:02:34Z",
        "tokens-limit": "38000",
        "tokens-remaining": "36000",
        "tokens-reset": "2026-02-25T20:02:35Z",
    }


@pytest.mark.parametrize(
    ("usage", "words", "after_s"),
    [
        (used(1, 1), "50 requests per minute", 2),
        (used(10_001), "30000 input tokens per minute", 21),
        (used(0, 4_000), "8000 output tokens per minute", 30),
        (used(10**9), "30000 input tokens per minute", 60),
    ],
)
def test_what_a_bucket_has_too_little_for_is_refused_until_it_has(
    usage: Usage, words: str, after_s: int
) -> None:
    """Which limit, when it will do, and the headers as they stand; what no full bucket holds never will."""
    buckets = Buckets(LIMITS)
    if usage.total_input_tokens == usage.output_tokens:
        for _ in range(50):
            buckets.take("haiku", used(), 0, START_S)
    else:
        buckets.take("haiku", used(30_000, 8_000), 0, START_S)
    error = refused(buckets, usage, START_S)
    assert words in error.message
    assert error.headers["retry-after"] == str(after_s)
    assert len([name for name in error.headers if name.startswith(PREFIX)]) == 12
    refused(buckets, usage, START_S + after_s - 1.01)
    if usage.total_input_tokens <= LIMITS.input_tokens:
        buckets.take("haiku", usage, 0, START_S + after_s)


def test_a_refused_request_takes_nothing() -> None:
    """Not even of the buckets that had enough."""
    buckets = Buckets(LIMITS)
    buckets.take("haiku", used(0, 8_000), 0, START_S)
    for _ in range(100):
        refused(buckets, used(30_000, 1), START_S)
    told = buckets.take("haiku", used(), 0, START_S)
    assert told[f"{PREFIX}requests-remaining"] == "48"
    assert told[f"{PREFIX}input-tokens-remaining"] == "30000"


def test_each_line_of_models_has_its_own_buckets() -> None:
    """And a reset fills all."""
    buckets = Buckets(LIMITS)
    buckets.take("haiku", used(30_000), 0, START_S)
    buckets.take("opus", used(30_000), 0, START_S)
    refused(buckets, used(1_000), START_S)
    buckets.clear()
    buckets.take("haiku", used(30_000), 0, START_S)


def test_room_for_max_tokens_may_be_asked_for_but_is_not_taken() -> None:
    """Only what the answer had is."""
    limits = Limits(requests=50, input_tokens=1, output_tokens=8_000, reserves_max_tokens=True)
    buckets = Buckets(limits)
    refused(buckets, used(0, 1), START_S, max_tokens=8_001)
    for _ in range(4):
        buckets.take("haiku", used(0, 1_000), 5_000, START_S)
    refused(buckets, used(0, 1_000), START_S, max_tokens=5_000)
    Buckets(LIMITS).take("haiku", used(0, 1), 8_001, START_S)


def test_a_clock_that_is_set_back_fills_nothing() -> None:
    """And the buckets go on from there."""
    buckets = Buckets(LIMITS)
    buckets.take("haiku", used(30_000), 0, START_S)
    refused(buckets, used(15_000), START_S - 600)
    buckets.take("haiku", used(15_000), 0, START_S - 570)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 40_000), st.integers(0, 9_000)), max_size=40
    )
)
def test_no_minute_gives_more_than_a_full_bucket_and_a_minutes_refill(
    asked: list[tuple[int, int, int]],
) -> None:
    """Between any two requests; a remainder is never below zero nor above its limit; waiting as told is enough."""
    buckets, now_s = Buckets(LIMITS), START_S
    given_: list[tuple[float, int, int]] = []
    for gap_s, read, written in asked:
        now_s += gap_s
        try:
            told = buckets.take("haiku", used(read, written), 0, now_s)
        except ApiError as error:
            told = error.headers
            if read <= LIMITS.input_tokens and written <= LIMITS.output_tokens:
                now_s += int(told["retry-after"])
                buckets.take("haiku", used(read, written), 0, now_s)
                given_.append((now_s, read, written))
        else:
            given_.append((now_s, read, written))
        for name in ("requests", "input-tokens", "output-tokens", "tokens"):
            limit = int(told[f"{PREFIX}{name}-limit"])
            assert 0 <= int(told[f"{PREFIX}{name}-remaining"]) <= limit
    for at, (from_s, _, _) in enumerate(given_):
        for upto in range(at + 1, len(given_) + 1):
            part = given_[at:upto]
            minutes = (part[-1][0] - from_s) / 60
            assert len(part) <= 50 * (1 + minutes) + 1e-6
            assert sum(read for _, read, _ in part) <= 30_000 * (1 + minutes) + 1e-3
            assert sum(written for _, _, written in part) <= 8_000 * (1 + minutes) + 1e-3
    assert now_s < inf
