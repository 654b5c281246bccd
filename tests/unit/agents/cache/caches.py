"""Caches on a real Redis, and somebody to make values for them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import REGISTRY
from redis import Redis

from agents.cache.flights import Filled, Unfilled
from agents.cache.key import Key, name_of
from agents.cache.narratives import NarrativeCache
from agents.cache.store import Store
from agents.settings import CacheSettings

KEY = Key("state-1", "1", "claude-haiku-5-5", "d1")
NOW_MS = 1_800_000_000_000
PATIENCE_S = 20.0
"""A guard against what hangs."""
SLOW_S = 5.0
"""For a question, on a busy machine."""


def fit(value: bytes) -> str | None:
    """Return what is fit to be said."""
    return value.decode() if value.startswith(b"fine") else None


class Clock:
    """A wall clock that stands still."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ms


class Maker:
    """Makes values, when it is let, and counts them."""

    def __init__(self, text: str = "fine", *, held: bool = False) -> None:
        self.text, self.made = text, 0
        self.go, self.began = asyncio.Event(), asyncio.Event()
        self.outcome: Unfilled[int] | Exception | None = None
        if not held:
            self.go.set()

    async def __call__(self) -> Filled[int] | Unfilled[int]:
        """Make one; the detail is its number."""
        self.made += 1
        self.began.set()
        await self.go.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome or Filled(f"{self.text} {self.made}".encode(), self.made)


class Asker:
    """One cache, as a caller sees it."""

    def __init__(self, cache: NarrativeCache, maker: Maker) -> None:
        self.cache, self.maker = cache, maker

    async def ask(self, key: Key = KEY, left_s: float = PATIENCE_S, **changes: Any) -> Any:
        """Look up, and make what is not there."""
        make = changes.pop("make", self.maker)
        until_s = time.monotonic() + left_s
        return await self.cache.get(key, fit, make, until_s=until_s, **changes)

    async def waiting(self, number: int) -> None:
        """Return when so many wait for values, and one is being made."""
        async with asyncio.timeout(PATIENCE_S):
            while self.cache._making.waiting < number:
                await asyncio.sleep(0.01)
            await self.maker.began.wait()

    async def only_look(self, key: Key = KEY, *, stale: bool = False) -> Any:
        """Look up, and make nothing."""
        return await self.ask(key, make=None, stale=stale)


@asynccontextmanager
async def cache(
    url: str | None,
    prefix: str,
    maker: Maker | None = None,
    *,
    now_ms: Callable[[], int] | None = None,
    call_s: float = SLOW_S,
    **settings: Any,
) -> AsyncIterator[Asker]:
    """Give a cache, and close it."""
    store = None if url is None else Store(url, prefix=prefix, call_s=call_s)
    made = NarrativeCache(CacheSettings(**settings), store, prefix=prefix, now_ms=now_ms or Clock())
    try:
        yield Asker(made, maker or Maker())
    finally:
        await made.close()


def place(client: "Redis", prefix: str, key: Key = KEY) -> str:
    """Return where a value is kept in the epoch of now."""
    epoch = int(client.hget(f"{prefix}narrative:orders", "epoch") or 0)
    return name_of(prefix, epoch, key.word)


def growth(name: str, **labels: str) -> Callable[[], float]:
    """Return a way to tell how much a metric of the cache has grown since now."""

    def value() -> float:
        return REGISTRY.get_sample_value(f"tapereader_agent_cache_{name}", labels) or 0.0

    before = value()
    return lambda: value() - before


def lookups() -> Callable[[], dict[str, float]]:
    """Return a way to tell how many lookups ended in which outcome since now; those of none are left out."""
    names = ("l1", "redis", "joined", "miss", "stale")
    counts = {name: growth("lookups_total", outcome=name) for name in names}
    return lambda: {name: count() for name, count in counts.items() if count()}
