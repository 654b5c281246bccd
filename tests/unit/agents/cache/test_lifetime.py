"""How long a value is said."""

from hypothesis import given
from hypothesis import strategies as st

from agents.cache.lifetime import JITTER, LATE_MS, Lifetime, lifetime_of
from agents.settings import CacheSettings

LIFETIMES = st.builds(Lifetime, ttl_ms=st.integers(1, 10**10), stale_ms=st.integers(0, 10**10))


@given(LIFETIMES, st.text(max_size=30))
def test_each_name_has_its_own_time_within_the_jitter(lifetime: Lifetime, name: str) -> None:
    """The same for every worker; a tombstone outlives whatever was asked for before it."""
    fresh_ms = lifetime.fresh_ms(name)
    assert abs(fresh_ms - lifetime.ttl_ms) <= JITTER * lifetime.ttl_ms + 1
    assert Lifetime(lifetime.ttl_ms, lifetime.stale_ms).fresh_ms(name) == fresh_ms
    assert lifetime.kept_ms(name) == fresh_ms + lifetime.stale_ms
    assert lifetime.barred_until_ms(0) >= lifetime.kept_ms(name) + LATE_MS


def test_names_do_not_run_out_together() -> None:
    """Spread over all of the jitter."""
    lifetime = lifetime_of(CacheSettings(ttl_s=1_000, stale_s=5))
    times = [lifetime.fresh_ms(f"name {n}") for n in range(500)]
    assert len(set(times)) > 480
    assert min(times) < 905_000
    assert max(times) > 1_095_000
    assert abs(sum(times) / len(times) - 1_000_000) < 10_000
