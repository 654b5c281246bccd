"""A connection is dead when its silence is far beyond its own pace, not beyond anybody else's."""

import random

import pytest

from streams.collectors.market.silence import DOUBLINGS_MAX, Silence

LEAST_S, MOST_S = 10.0, 120.0


def after(gaps: list[float]) -> Silence:
    silence, now_s = Silence(least_s=LEAST_S, most_s=MOST_S), 0.0
    silence.began(now_s)
    for gap_s in gaps:
        now_s += gap_s
        silence.data(now_s)
    return silence


def test_a_busy_connection_is_given_the_least() -> None:
    assert after([0.05] * 200).limit_s() == LEAST_S


def test_a_quiet_one_is_given_the_most() -> None:
    assert after([30.0] * 50).limit_s() == MOST_S
    assert after([]).limit_s() == MOST_S


def test_between_them_the_limit_is_a_few_times_the_usual_silence() -> None:
    limit_s = after([2.0] * 200).limit_s()
    assert 16 <= limit_s <= 20


@pytest.mark.parametrize("mean_s", [0.5, 1.0, 2.0])
def test_gaps_that_come_by_chance_are_not_taken_for_death(mean_s: float) -> None:
    """Of 20,000 gaps of a market whose trades come by chance, none is beyond the limit in force."""
    chance, silence, now_s = random.Random(7), Silence(least_s=LEAST_S, most_s=MOST_S), 0.0
    silence.began(0.0)
    for _ in range(20_000):
        now_s += chance.expovariate(1 / mean_s)
        assert silence.quiet_s(now_s) < silence.limit_s()
        silence.data(now_s)


def test_a_market_that_stays_quiet_is_reconnected_ever_more_rarely_until_it_speaks() -> None:
    silence = Silence(least_s=LEAST_S, most_s=MOST_S)
    limits = []
    for _ in range(DOUBLINGS_MAX + 2):
        limits.append(silence.limit_s())
        silence.hung_up()
    doubled = [MOST_S * 2**times for times in range(DOUBLINGS_MAX + 1)]
    assert limits == [*doubled, doubled[-1]]
    silence.began(0.0)
    silence.data(1.0)
    assert silence.limit_s() <= MOST_S


def test_what_passes_while_nobody_reads_is_no_silence_of_the_venue() -> None:
    silence = after([0.1] * 100)
    silence.began(5_000.0)
    assert silence.quiet_s(5_001.0) == 1.0
    silence.data(5_000.1)
    assert silence.limit_s() == LEAST_S


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        Silence(least_s=2, most_s=1)
