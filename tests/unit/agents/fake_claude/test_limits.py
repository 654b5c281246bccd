from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.limits import Limits, headers
from agents.fake_claude.usage import Usage

LIMITS = Limits(requests=50, input_tokens=30_000, output_tokens=8_000)


def test_the_headers_are_as_in_a_recorded_answer() -> None:
    """Twelve of them; token remainders in thousands; times in RFC 3339, rounded up."""
    usage = Usage(input_tokens=1_600, cache_read_tokens=9_000, output_tokens=300)
    start_s = datetime(2026, 2, 25, 20, 2, 31, 500_000, tzinfo=UTC).timestamp()
    told = headers(LIMITS, usage, start_s)
    assert {name.removeprefix("anthropic-ratelimit-"): value for name, value in told.items()} == {
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


@settings(deadline=None)
@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_a_remainder_is_never_below_zero_nor_above_its_limit(read: int, written: int) -> None:
    """However much one request took."""
    told = headers(LIMITS, Usage(input_tokens=read, output_tokens=written), 0.0)
    for name in ("requests", "input-tokens", "output-tokens", "tokens"):
        limit = int(told[f"anthropic-ratelimit-{name}-limit"])
        assert 0 <= int(told[f"anthropic-ratelimit-{name}-remaining"]) <= limit
