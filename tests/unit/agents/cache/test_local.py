"""Values in a process's memory, beside a list that forgets nothing."""

import gc
import tracemalloc
from collections import OrderedDict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agents.cache.codec import VALUE_BYTES_MAX, Entry
from agents.cache.local import ENTRY_BYTES, LocalCache
from agents.settings import CacheSettings

ROOM = 3 * (ENTRY_BYTES + 50)
NAMES = st.sampled_from("abcdefgh")


def entry(size: int = 10, made_ms: int = 0) -> Entry:
    return Entry(b"x" * size, made_ms)


class SameValues(RuleBasedStateMachine):
    """Any puts, gets, drops and waits: it holds what the newest few of a list hold, and no more bytes than it may."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.cache = LocalCache(ROOM)
        self.model: OrderedDict[str, tuple[Entry, int, int]] = OrderedDict()
        self.evicted = 0

    def expire(self) -> None:
        for name in [n for n, (_, until_ms, _) in self.model.items() if until_ms <= self.now_ms]:
            del self.model[name]

    @rule(name=NAMES, size=st.sampled_from([0, 10, 49, 400, ROOM]), for_ms=st.integers(0, 20))
    def put(self, name: str, size: int, for_ms: int) -> None:
        """In the place of what was there."""
        made = entry(size, self.now_ms)
        until_ms = self.now_ms + for_ms
        self.cache.put(name, made, until_ms=until_ms, now_ms=self.now_ms)
        self.expire()
        self.model.pop(name, None)
        taken = ENTRY_BYTES + len(name) + size
        if taken > ROOM or for_ms == 0:
            return
        while sum(size for _, _, size in self.model.values()) + taken > ROOM:
            self.model.popitem(last=False)
            self.evicted += 1
        self.model[name] = (made, until_ms, taken)

    @rule(name=NAMES, back_ms=st.sampled_from([0, 0, 5]))
    def get(self, name: str, back_ms: int) -> None:
        """Perhaps by a clock that was read earlier."""
        self.expire()
        found = self.cache.get(name, self.now_ms - back_ms)
        expected = self.model.get(name)
        assert found == (None if expected is None else expected[0])
        if expected is not None:
            self.model.move_to_end(name)

    @rule(name=NAMES)
    def drop(self, name: str) -> None:
        """Whether it is there or not."""
        self.cache.drop(name)
        self.model.pop(name, None)

    @rule(ms=st.integers(1, 30))
    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.now_ms += ms
        self.cache.get("", self.now_ms)
        self.expire()

    @invariant()
    def the_bound_holds(self) -> None:
        """Counted as the model counts."""
        assert self.cache.size == sum(size for _, _, size in self.model.values()) <= ROOM
        assert len(self.cache) == len(self.model)
        assert self.cache.evictions == self.evicted


TestSameValues = SameValues.TestCase


def test_at_the_bound_the_least_used_goes() -> None:
    """And is counted; one byte less and all stay."""
    size = ENTRY_BYTES + 1 + 10
    for room, left in ((3 * size, 3), (3 * size - 1, 2)):
        cache = LocalCache(room)
        for name in "abc":
            cache.put(name, entry(), until_ms=10, now_ms=0)
            assert cache.get("a", 0) is not None
        assert (len(cache), cache.evictions) == (left, 3 - left)
        assert (cache.get("b", 0) is None) == (left == 2)


def test_time_does_not_go_back() -> None:
    """What was over by a later clock is not kept by an earlier one."""
    cache = LocalCache(ROOM)
    assert cache.get("a", 100) is None
    cache.put("a", entry(), until_ms=99, now_ms=50)
    assert (len(cache), cache.get("a", 50)) == (0, None)


def test_what_is_kept_takes_no_more_than_is_counted() -> None:
    """With every object that keeping it makes; the least bound of the settings holds the longest value."""
    gc.collect()
    tracemalloc.start()
    try:
        cache = LocalCache(4_000_000)
        before, _ = tracemalloc.get_traced_memory()
        number = 0
        while not cache.evictions:
            name = f"{'n' * 150}{number}"
            cache.put(name, Entry(bytes(500), number), until_ms=10**12 + number, now_ms=0)
            number += 1
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before <= cache.size
    least = LocalCache(CacheSettings(local_bytes_max=65_536).local_bytes_max)
    least.put("n" * 400, entry(VALUE_BYTES_MAX), until_ms=1, now_ms=0)
    assert len(least) == 1
