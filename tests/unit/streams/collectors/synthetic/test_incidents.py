"""The schedule of incidents: exact, the same for the same seed, and within its bounds."""

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.synthetic.assets import BY_NAME
from streams.collectors.synthetic.incidents import (
    EXODUS_BEFORE_MS,
    FIRST_SET_MS,
    LATER_PER_HOUR,
    Incident,
    incidents,
)
from streams.collectors.synthetic.run import START_MS

from .folding import HOUR_MS, MINUTE_MS

SEEDS = st.integers(0, 10**6)


def minutes(found: list[Incident]) -> list[tuple[str, str, float, float]]:
    return [
        (i.kind, i.asset, (i.from_ms - START_MS) / MINUTE_MS, (i.to_ms - START_MS) / MINUTE_MS)
        for i in found
    ]


@given(SEEDS)
def test_the_first_set_is_the_same_for_every_seed(seed: int) -> None:
    """Whoever watches 45 minutes sees each kind once, at a known minute."""
    assert minutes(incidents(seed, START_MS, 0.75)) == [
        ("developer_exodus", "UNI", -40, 45),
        ("flash_crash", "SOL", 12, 16),
        ("social_pump", "ADA", 15, 25),
        ("volume_spike", "LINK", 18, 20),
        ("wash_trading", "DOGE", 22, 25),
    ]


@given(SEEDS, st.floats(0.001, 100))
def test_incidents_are_in_order_and_within_the_run(seed: int, hours: float) -> None:
    """None begins after the end or outlasts it; each is of a known asset and says so."""
    found = incidents(seed, START_MS, hours)
    end_ms = START_MS + int(hours * HOUR_MS)
    first_ms = START_MS - EXODUS_BEFORE_MS
    assert all(first_ms <= i.from_ms < i.to_ms <= end_ms for i in found)
    assert [i.from_ms for i in found] == sorted(i.from_ms for i in found)
    assert all(i.asset in BY_NAME and i.words.startswith(i.asset) for i in found)


@given(SEEDS)
def test_later_hours_have_two_each_on_two_assets(seed: int) -> None:
    """Of the first set nothing comes again but by chance."""
    later = [i for i in incidents(seed, START_MS, 60) if i.from_ms >= START_MS + FIRST_SET_MS]
    hours: dict[int, list[str]] = {}
    for incident in later:
        hour = (incident.from_ms - START_MS - FIRST_SET_MS) // HOUR_MS
        hours.setdefault(hour, []).append(incident.asset)
    assert set(hours) >= set(range(59))
    full = [hours[hour] for hour in range(59)]
    assert all(len(set(assets)) == len(assets) == LATER_PER_HOUR for assets in full)


@given(SEEDS)
def test_two_of_a_kind_never_meet_on_one_asset(seed: int) -> None:
    """Nor do two of those that move one market."""
    for one, other in combinations(incidents(seed, START_MS, 60), 2):
        quiet = {one.kind, other.kind} & {"developer_exodus"}
        if one.asset == other.asset and (one.kind == other.kind or not quiet):
            assert one.to_ms <= other.from_ms


def test_all_kinds_come_again_later() -> None:
    """Chance leaves out none of them in a hundred days."""
    later = [i for i in incidents(1, START_MS, 2_400) if i.from_ms >= START_MS + FIRST_SET_MS]
    counts = Counter(i.kind for i in later)
    assert len(counts) == 5
    assert min(counts.values()) > 100


def test_a_seed_is_a_schedule() -> None:
    """The same seed gives the same, another one another."""
    assert incidents(1, START_MS, 20) == incidents(1, START_MS, 20)
    assert incidents(1, START_MS, 20) != incidents(2, START_MS, 20)
