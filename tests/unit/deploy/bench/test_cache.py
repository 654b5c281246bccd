"""The bench of the cache: what is a hit, what is none, and what stands apart."""

from collections import Counter
from math import log2

import pytest

from deploy.bench.cache import (
    CALL_MS,
    PARTITIONS,
    VARIANTS,
    WORKERS,
    Variant,
    entropy_bits,
    rate_of,
    shown,
    together,
)
from deploy.bench.cache_report import run_cache, table_of
from deploy.bench.market import BEGIN_MS, MINUTE_MS
from deploy.bench.states import Told
from topics import partition_of

UP, DOWN = (("direction", "up"), ("volume", "usual")), (("direction", "down"), ("volume", "usual"))
SHIPPED = VARIANTS[0]


def _worker(asset: str) -> int:
    return partition_of(asset, PARTITIONS) % WORKERS


HERE = [name for name in map("A{}".format, range(99)) if _worker(name) == 0]
THERE = [name for name in map("A{}".format, range(99)) if _worker(name) == 1]


def told(asset: str, minute: float, labels: object = UP, product: str = "state") -> Told:
    made: Told = Told(
        asset,
        BEGIN_MS + round(minute * MINUTE_MS),
        product,  # type: ignore[arg-type]
        "state_changed",
        labels,  # type: ignore[arg-type]
    )
    return made


def counts(*all_told: Told, variant: Variant = SHIPPED) -> tuple[int, int, int, int]:
    rate = rate_of(all_told, variant, asset_hours=1.0)
    return rate.l1, rate.redis, rate.joined, rate.miss


def test_the_first_pays_and_who_comes_meanwhile_joins() -> None:
    """In the same instant or until the answer is there, in any worker; who comes later has a hit."""
    late = CALL_MS / MINUTE_MS
    first = told(HERE[0], 1)
    assert counts(first, told(HERE[1], 1), told(THERE[0], 1)) == (0, 0, 2, 1)
    assert counts(first, told(HERE[1], 1 + late * 0.99)) == (0, 0, 1, 1)
    assert counts(first, told(HERE[1], 1 + late)) == (1, 0, 0, 1)
    assert counts(first, told(THERE[0], 2), told(THERE[1], 3)) == (1, 1, 0, 1)


def test_a_narrative_runs_out() -> None:
    """A tenth more or less than its time after it was made, everywhere."""
    minutes = SHIPPED.ttl_s / 60
    assert counts(told(HERE[0], 0), told(HERE[1], 0.89 * minutes)) == (1, 0, 0, 1)
    assert counts(told(HERE[0], 0), told(THERE[1], 1.12 * minutes)) == (0, 0, 0, 2)
    short = Variant("state", 60.0)
    assert counts(told(HERE[0], 0), told(HERE[1], 2), variant=short) == (0, 0, 0, 2)


def test_keyed_by_asset_each_pays_for_itself() -> None:
    """And has its own again."""
    by_asset = Variant("asset+state", 3_600.0)
    all_told = [told(HERE[0], 1), told(HERE[1], 2), told(HERE[0], 3, DOWN), told(HERE[0], 4)]
    assert counts(*all_told, variant=by_asset) == (1, 0, 0, 3)
    assert counts(*all_told) == (2, 0, 0, 2)


def test_what_is_told_again_unchanged_stands_apart() -> None:
    """In no rate; what is paid for it is paid all the same. A deep dive tells a state too, and is looked up nowhere."""
    again = [told(HERE[0], minute) for minute in (0, 30, 100)]
    rate = rate_of(again, SHIPPED, asset_hours=2.0)
    assert (rate.changes, rate.miss, rate.unchanged, rate.unchanged_calls) == (1, 1, 2, 1)
    assert rate.calls_per_asset_hour == 1.0
    assert (rate.hit_rate, rate.distinct, rate.top_share) == (0.0, 1, 1.0)
    dived = [told(HERE[0], 1, product="deep_dive"), told(HERE[0], 2)]
    rate = rate_of(dived, SHIPPED, asset_hours=1.0)
    assert (rate.changes, rate.unchanged) == (0, 1)


def test_runs_are_put_together_by_their_changes() -> None:
    """Sums are sums, shares are weighted; the rate is the rate of the sums."""
    one = rate_of([told(HERE[0], 1), told(HERE[1], 2)], SHIPPED, asset_hours=1.0)
    other = rate_of(
        [told(HERE[0], n, (UP, DOWN)[n % 2]) for n in range(6)], SHIPPED, asset_hours=3.0
    )
    both = together([one, other])
    assert (both.changes, both.miss, both.asset_hours) == (8, 3, 4.0)
    assert both.hit_rate == 5 / 8
    assert both.top_share == (2 * 1.0 + 6 * 0.5) / 8
    assert both.distinct == round((2 * 1 + 6 * 2) / 8)
    assert shown(both)["hit_rate"] == both.hit_rate


def test_nothing_told_is_no_rate() -> None:
    """And no division."""
    rate = rate_of([], SHIPPED, asset_hours=0.0)
    assert (rate.hit_rate, rate.calls_per_asset_hour, rate.entropy_bits) == (0.0, 0.0, 0.0)
    assert together([rate, rate]).changes == 0


@pytest.mark.parametrize("counted", [(1,), (3, 3), (1, 1, 1, 1), (5, 2, 1)])
def test_the_entropy_is_shannons(counted: tuple[int, ...]) -> None:
    """Of n equally common keys log2 n bits; never more."""
    bits = entropy_bits(Counter(dict(enumerate(counted))))
    if len(set(counted)) == 1:
        assert bits == pytest.approx(log2(len(counted)))
    assert bits <= log2(len(counted)) + 1e-9


def test_seeds_are_played_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each key, time and seed, and for all seeds; each seed is a market of its own."""
    markets = {
        7: [told(HERE[0], 1), told(HERE[1], 2), told(HERE[1], 3, product="deep_dive")],
        8: [told(HERE[0], 1)],
    }
    monkeypatch.setattr("deploy.bench.cache_report.states", lambda seed, **_: iter(markets[seed]))
    said: list[str] = []
    found = run_cache([7, 8], days=1, assets=2, tell=said.append)
    assert [line.partition(" wanted")[0] for line in said] == [
        "seed 7: 2 states and 1 deep dives",
        "seed 8: 1 states and 0 deep dives",
    ]
    runs = found["runs"]
    assert len(runs) == 3 * len(VARIANTS) == table_of(found).row_count
    assert [(run["seed"], run["changes"], run["l1"]) for run in runs[:3]] == [
        (7, 2, 1),
        (8, 1, 0),
        ("all", 3, 1),
    ]
    assert runs[0]["calls_per_asset_hour"] == 1 / 48
