"""Buckets that refill all the time: never faster than allowed, and never stuck."""

from hypothesis import given
from hypothesis import strategies as st

from agents.account.pacing import PAUSE_MS_MAX, SCALE, Amounts, Pacing, Rates, Told, told_of

NOON_MS = 1_800_014_400_000
RATES = Rates(Amounts(60, 6_000, 1_200), 100)
ONE = Amounts(1)


def test_the_burst_at_once_and_then_the_rate() -> None:
    """A tenth of a minute's worth, then one a second."""
    pacing = Pacing(RATES)
    assert [pacing.take(ONE, NOON_MS) for _ in range(7)] == [0] * 6 + [1_000]
    assert pacing.take(ONE, NOON_MS + 999) == 1
    assert pacing.take(ONE, NOON_MS + 1_000) == 0
    assert pacing.take(ONE, NOON_MS + 1_000) == 1_000


def test_all_or_nothing() -> None:
    """Where output lacks, no request and no input is taken."""
    pacing = Pacing(RATES)
    assert pacing.take(Amounts(1, 600, 120), NOON_MS) == 0
    for _ in range(50):
        assert pacing.take(Amounts(1, 0, 10), NOON_MS) == 500
    assert pacing.take(Amounts(5, 0, 0), NOON_MS) == 0


def test_a_call_beyond_the_burst_goes_when_the_bucket_is_full_and_is_paid_off() -> None:
    """Else it would wait for ever; the next waits for its debt."""
    pacing = Pacing(RATES)
    assert pacing.take(Amounts(1, 6_000, 0), NOON_MS) == 0
    assert pacing.take(Amounts(1, 600, 0), NOON_MS) == 60_000


def test_without_a_rate_there_is_no_wait_until_the_provider_says_so() -> None:
    """A 429 pauses; its headers make a bucket where there was none."""
    pacing = Pacing(Rates())
    assert all(pacing.take(Amounts(1, 10**9, 10**9), NOON_MS) == 0 for _ in range(1_000))
    pacing.pause(5_000, NOON_MS)
    assert pacing.take(ONE, NOON_MS + 1) == 4_999
    pacing.heed(Told((60, None, None), (2, None, None)), NOON_MS + 5_000)
    assert [pacing.take(ONE, NOON_MS + 5_000) for _ in range(3)] == [0, 0, 1_000]


def test_a_pause_is_bounded_and_never_shortened() -> None:
    """A retry-after of a day is an hour; a shorter one that comes later changes nothing."""
    pacing = Pacing(RATES)
    pacing.pause(86_400_000, NOON_MS)
    pacing.pause(1, NOON_MS)
    assert pacing.take(ONE, NOON_MS) == PAUSE_MS_MAX


def test_a_clock_that_was_far_ahead_stops_nothing_when_it_is_set_right() -> None:
    """One wrong clock's answer would else stop the refill, and its silence the calls, for as long as it was ahead."""
    pacing = Pacing(RATES)
    assert [pacing.take(ONE, NOON_MS) for _ in range(6)] == [0] * 6
    pacing.pause(1, NOON_MS + 86_400_000)
    assert pacing.take(ONE, NOON_MS) == PAUSE_MS_MAX
    later_ms = NOON_MS + PAUSE_MS_MAX
    assert [pacing.take(ONE, later_ms) for _ in range(7)] == [0] * 6 + [1_000]
    assert pacing.take(ONE, later_ms + 1_000) == 0


def test_a_clock_that_goes_back_adds_nothing() -> None:
    """Between two workers: nothing is refilled twice."""
    pacing = Pacing(RATES)
    assert [pacing.take(ONE, NOON_MS) for _ in range(6)] == [0] * 6
    assert pacing.take(ONE, NOON_MS - 5_000) == 1_000
    assert pacing.take(ONE, NOON_MS) == 1_000


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 500), st.integers(0, 90)), max_size=60)
)
def test_no_span_lets_through_more_than_its_rate_and_the_burst(
    calls: list[tuple[int, int, int]],
) -> None:
    """Of each kind, over any span from the start: rate x span + burst, and one call beyond it at most."""
    pacing, now_ms = Pacing(RATES), NOON_MS
    taken = [0, 0, 0]
    for span_ms, input_tokens, output_tokens in calls:
        now_ms += span_ms
        need = Amounts(1, input_tokens, output_tokens)
        if pacing.take(need, now_ms) == 0:
            taken = [sum(pair) for pair in zip(taken, need, strict=True)]
        for used, rate in zip(taken, RATES.per_min, strict=True):
            assert used * SCALE <= rate * (now_ms - NOON_MS) + (rate // 10) * SCALE


@given(
    st.tuples(*[st.one_of(st.none(), st.integers(0, 10**7))] * 3),
    st.tuples(*[st.one_of(st.none(), st.integers(0, 10**7))] * 3),
)
def test_headers_lower_and_never_raise(limits: object, remaining: object) -> None:
    """Whatever they say, nobody waits less for it."""
    told, heard = Pacing(RATES), Pacing(RATES)
    for pacing in (told, heard):
        pacing.take(Amounts(3, 250, 50), NOON_MS)
    heard.heed(Told(limits, remaining), NOON_MS)  # type: ignore[arg-type]
    for plain, lowered in zip(told.buckets, heard.buckets, strict=True):
        assert lowered.level <= plain.level
        assert 0 < lowered.per_min <= plain.per_min


def test_headers_are_read_by_their_names() -> None:
    """What is no number, or absurd, says nothing."""
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-input-tokens-limit": "many",
        "anthropic-ratelimit-output-tokens-remaining": " 8000 ",
        "anthropic-ratelimit-output-tokens-limit": "9" * 30,
        "anthropic-ratelimit-tokens-limit": "1",
    }
    assert told_of(headers) == Told((50, None, None), (49, None, 8_000))
    assert told_of({}) == Told()
