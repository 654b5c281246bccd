"""What GitHub still allows, shared and spread."""

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.development.allowance import (
    HOUR_S,
    PAUSE_S,
    PAUSE_S_MAX,
    SPREAD,
    Allowance,
)
from streams.collectors.development.rest import allowance_of


def spend(allowance: Allowance, until_s: float, *, free: bool = False) -> list[float]:
    """Ask as fast as is allowed; return when."""
    now_s, asked, left = 0.0, [], allowance.limit
    while now_s < until_s:
        wait_s = allowance.wait_s(now_s)
        if wait_s > 0:
            now_s += wait_s + 1e-6
            continue
        now_s += allowance.asked(now_s)
        asked.append(now_s)
        left -= 0 if free else 1
        allowance.answered()
        reset_in_s = HOUR_S - now_s % HOUR_S
        allowance.told(str(allowance.limit), str(left), reset_in_s, now_s)
        now_s += 0.3
    return asked


@given(limit=st.integers(20, 400))
def test_an_hour_is_never_overspent_and_lasts_to_its_end(limit: int) -> None:
    asked = spend(Allowance(limit), HOUR_S - 1)
    assert len(asked) <= limit
    burst = [at_s for at_s in asked if at_s < HOUR_S / 20]
    assert len(burst) <= limit * (1 - SPREAD) + limit * SPREAD / 20 + 2
    assert any(at_s > HOUR_S * 0.9 for at_s in asked)


def test_what_is_free_is_only_spaced() -> None:
    assert len(spend(Allowance(60), 60.0, free=True)) > 150


def test_nothing_is_left_until_the_hour_ends() -> None:
    allowance = Allowance(60)
    allowance.told("60", "0", 120.0, 0.0)
    assert allowance.wait_s(0.0) == 120.0
    assert allowance.wait_s(119.0) == 1.0
    assert allowance.wait_s(120.0) == 0.0


def test_questions_under_way_count() -> None:
    allowance = Allowance(60)
    allowance.told("60", "1", 0.001, 0.0)
    allowance.asked(0.0)
    assert allowance.wait_s(0.0) > 0.0


def test_a_pause_is_what_was_told_or_grows_to_its_bound() -> None:
    allowance = Allowance(60)
    assert allowance.limited(7.0, 0.0) == 7.0
    assert allowance.wait_s(1.0) == 6.0
    assert allowance.limited(None, 0.0) == 2 * PAUSE_S
    assert [allowance.limited(None, 0.0) for _ in range(9)][-1] == PAUSE_S_MAX
    allowance.allowed()
    assert allowance.limited(None, 0.0) == PAUSE_S
    assert allowance.limited(10.0**9, 0.0) == HOUR_S


@given(limit=st.text(max_size=30), remaining=st.text(max_size=30), reset_in_s=st.floats())
def test_hostile_headers_neither_stop_for_ever_nor_free_everything(
    limit: str, remaining: str, reset_in_s: float
) -> None:
    allowance = Allowance(60)
    allowance.told(limit, remaining, reset_in_s, 0.0)
    assert 0.0 <= allowance.wait_s(0.0) <= HOUR_S


def test_everybody_with_one_token_shares_one() -> None:
    one = allowance_of("http://a", "t", 5_000)
    assert allowance_of("http://a", "t", 5_000) is one
    assert allowance_of("http://a", "u", 5_000) is not one
    assert allowance_of("http://a", None, 60) is not one
