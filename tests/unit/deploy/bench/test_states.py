"""The market that states are counted in: the same for a seed, of windows as there are, and told in few states."""

from itertools import islice

import pytest

from agents.decide.sound import unsound
from deploy.bench.states import ASSETS, Market, states, variety_of
from topics import BY_NAME, Aggregate, encode


def windows(seed: int, minutes: int, assets: int = 3) -> list[Aggregate]:
    """Return the windows of a market's first minutes."""
    market = Market(seed, assets)
    return [window for number in range(minutes) for window in market.minute(number)]


def test_a_seed_is_a_market() -> None:
    """The same windows each time, and others of another seed."""
    assert windows(1, 10) == windows(1, 10)
    assert windows(1, 10) != windows(2, 10)


def test_its_windows_are_such_as_the_agent_reads() -> None:
    """By the contract and by what can be computed with; each once, and an asset's larger ones before the minute."""
    made = windows(3, 130)
    decode = BY_NAME["aggregates"].decoder().decode
    for window in made:
        assert decode(encode(window)) == window
        assert unsound(window) is None
    ids = [window.aggregate_id for window in made]
    assert len(set(ids)) == len(ids)
    sizes = [w.window_ms for w in made if w.kind == "market" and w.asset == "A000"]
    assert sizes[59 + 11 : 59 + 14] == [3_600_000, 300_000, 60_000]


def test_it_is_told_in_few_states() -> None:
    """And what is told of it is what the gate says, in order of time."""
    told = list(islice(states(5, days=1, warm_days=0, assets=4), 400))
    assert told == list(islice(states(5, days=1, warm_days=0, assets=4), 400))
    assert [one.as_of_ms for one in told] == sorted(one.as_of_ms for one in told)
    assert {one.reason for one in told} >= {"state_first", "state_changed"}
    variety = variety_of(one.labels for one in told)
    assert variety.told == 400
    assert variety.distinct < 100
    assert ASSETS == 50


def test_the_variety_of_states_is_counted() -> None:
    """How many, how common the commonest is, and how many bits it takes to tell which."""
    one, other = (("direction", "up"),), (("direction", "down"),)
    variety = variety_of([one, one, one, other])
    assert (variety.told, variety.distinct, variety.top_share) == (4, 2, 0.75)
    assert variety.entropy_bits == pytest.approx(0.811, abs=1e-3)
    assert variety_of([]).told == 0
