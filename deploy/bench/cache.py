"""How often a state was told before: the cache of narratives over a market that is made of a seed. PURE.

The clock is virtual. Names, times and memory are those of `agents/cache`; Redis is a table that forgets nothing early,
and every call ends well, `CALL_MS` after it began. A window's end is the same instant for all assets: those that come
to one state together wait for one call, and that is no hit.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from hashlib import sha256
from math import log2
from typing import Any, Literal

from msgspec import Struct, structs
from msgspec.structs import replace

from agents.cache.codec import Entry
from agents.cache.key import Key, name_of
from agents.cache.lifetime import lifetime_of
from agents.cache.local import LocalCache
from agents.decide.fingerprint import differs
from agents.settings import CacheSettings
from topics import partition_of

from .states import Told

WORKERS, PARTITIONS = 2, 12
"""Agents that share the assets; each has a memory of its own."""
CALL_MS = 2_000
VALUE = bytes(700)
"""As long as a narrative."""
HOUR_MS = 3_600_000
SHORT_S = 900.0
"""The other time that is compared: fifteen minutes."""
Keyed = Literal["state", "asset+state"]
Source = Literal["l1", "redis", "joined", "miss"]


class Variant(Struct, frozen=True):
    """What narratives are kept under, and for how long they are fresh."""

    keyed: Keyed
    ttl_s: float


VARIANTS = tuple(
    Variant(keyed, ttl_s)
    for keyed in ("state", "asset+state")
    for ttl_s in (CacheSettings().ttl_s, SHORT_S)
)
"""The first is what is shipped."""


class Rate(Struct, frozen=True, kw_only=True):
    """What came of the lookups of one run. ``l1`` to ``miss`` are of state changes that passed the gate, no others."""

    l1: int
    redis: int
    joined: int
    miss: int
    unchanged: int
    """States told again because their time was over; looked up as well."""
    unchanged_calls: int
    """Calls made for those."""
    distinct: int
    """Keys, of the changes."""
    entropy_bits: float
    """Of the key of a change: how many bits it takes to say which."""
    top_share: float
    """Of the commonest key, among the changes."""
    asset_hours: float
    journal: int = 0
    """A replay's; there is none here."""
    stale: int = 0
    """While a breaker is open; there is none here."""

    @property
    def changes(self) -> int:
        """All of them."""
        return self.l1 + self.redis + self.joined + self.miss

    @property
    def hit_rate(self) -> float:
        """(l1 + redis) / (l1 + redis + joined + miss)."""
        return (self.l1 + self.redis) / self.changes if self.changes else 0.0

    @property
    def calls_per_asset_hour(self) -> float:
        """Calls that are paid for, those for unchanged states included."""
        return (self.miss + self.unchanged_calls) / self.asset_hours if self.asset_hours else 0.0


class _Agents:
    """What agents keep, from cold."""

    def __init__(self, settings: CacheSettings) -> None:
        self._lifetime = lifetime_of(settings)
        self._local = [LocalCache(settings.local_bytes_max) for _ in range(WORKERS)]
        self._redis: dict[str, Entry] = {}

    def look(self, asset: str, name: str, now_ms: int) -> Source:
        """Return where a narrative was found; one that is still being made has a time to come."""
        local = self._local[partition_of(asset, PARTITIONS) % WORKERS]
        places: Mapping[Source, Entry | None] = {
            "l1": local.get(name, now_ms),
            "redis": self._redis.get(name),
        }
        for source, entry in places.items():
            if entry is not None and entry.age_ms(now_ms) < self._lifetime.fresh_ms(name):
                self._remember(local, name, entry, now_ms)
                return source if entry.made_ms <= now_ms else "joined"
        made = self._redis[name] = Entry(VALUE, now_ms + CALL_MS)
        self._remember(local, name, made, now_ms)
        return "miss"

    def _remember(self, local: LocalCache, name: str, entry: Entry, now_ms: int) -> None:
        until_ms = entry.made_ms + self._lifetime.kept_ms(name)
        local.put(name, entry, until_ms=until_ms, now_ms=now_ms)


def rate_of(told: Iterable[Told], variant: Variant, *, asset_hours: float) -> Rate:
    """Return what comes of the lookups for what a gate wanted told, in its order; deep dives are not looked up."""
    settings = CacheSettings(ttl_s=variant.ttl_s)
    agents, said = _Agents(settings), dict[str, Told]()
    sources: Counter[Source] = Counter()
    again: Counter[Source] = Counter()
    keys: Counter[Hashable] = Counter()
    for one in told:
        before = said.get(one.asset)
        said[one.asset] = one
        if one.product != "state":
            continue
        name = _name_of(one, variant.keyed)
        source = agents.look(one.asset, name, one.as_of_ms)
        if before is None or differs(one.labels, before.labels):
            sources[source] += 1
            keys[name] += 1
        else:
            again[source] += 1
    return Rate(
        **{source: sources[source] for source in ("l1", "redis", "joined", "miss")},
        unchanged=again.total(),
        unchanged_calls=again["miss"],
        distinct=len(keys),
        entropy_bits=entropy_bits(keys),
        top_share=max(keys.values(), default=0) / max(1, keys.total()),
        asset_hours=asset_hours,
    )


def entropy_bits(counts: Counter[Hashable]) -> float:
    """Return Shannon's entropy of what was counted, in bits."""
    total = counts.total()
    return -sum(count / total * log2(count / total) for count in counts.values())


def together(rates: Iterable[Rate]) -> Rate:
    """Return runs as one: sums, and means weighted by changes; each run's keys are its own."""
    runs = list(rates)
    changes = sum(run.changes for run in runs)

    def mean(value: Callable[[Rate], float]) -> float:
        return sum(value(run) * run.changes for run in runs) / max(1, changes)

    sums: dict[str, Any] = {
        name: sum(getattr(run, name) for run in runs) for name in structs.asdict(runs[0])
    }
    return replace(
        Rate(**sums),
        distinct=round(mean(lambda run: run.distinct)),
        entropy_bits=mean(lambda run: run.entropy_bits),
        top_share=mean(lambda run: run.top_share),
    )


def shown(rate: Rate) -> dict[str, float]:
    """Return a rate as it is reported: what was counted, and what follows."""
    return {
        "changes": rate.changes,
        "hit_rate": rate.hit_rate,
        "calls_per_asset_hour": rate.calls_per_asset_hour,
        **structs.asdict(rate),
    }


def _name_of(one: Told, keyed: Keyed) -> str:
    question: tuple[object, ...] = (one.labels,) if keyed == "state" else (one.asset, one.labels)
    digest = sha256(repr(question).encode()).hexdigest()
    return name_of("", 1, Key("state", "1", "model", digest).word)
