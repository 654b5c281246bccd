"""Whether the provider caches our prompts: it says nothing when it does not. PURE.

A prefix that is shorter than the model's least, or that changes from call to call, is silently not cached: no error, no
warning, and each call pays for all of it. The only sign is a usage in which nothing was written to the cache and nothing
was read from it. One such call shows that: what has run out is written anew.
"""

from typing import Literal

from topics import Usage

WATCHED_MAX = 64
"""Prompts that are watched, each by model and version; of more the one not heard of for longest is forgotten."""

Turn = Literal["lost", "back"]


class CacheWatch:
    """Counts answered calls in a row that neither read nor wrote the prompt cache, of each model and prompt by itself."""

    def __init__(self, calls_max: int) -> None:
        """Watch for so many; 0 watches for none."""
        self._calls_max = calls_max
        self._in_a_row: dict[tuple[str, str], int] = {}

    def take(self, model: str, version: str, usage: Usage) -> Turn | None:
        """Note an answered call, and return whether the cache was found to be `lost` or `back` by it."""
        asked = (model, version)
        before = self._in_a_row.pop(asked, 0)
        cached = usage.cache_creation_input_tokens or usage.cache_read_input_tokens
        self._in_a_row[asked] = 0 if cached else before + 1
        if len(self._in_a_row) > WATCHED_MAX:
            del self._in_a_row[next(iter(self._in_a_row))]
        was, now = self._is_lost(before), asked in self.lost
        return None if was == now else "lost" if now else "back"

    @property
    def lost(self) -> dict[tuple[str, str], int]:
        """What is not cached, by model and prompt, with how many calls in a row were not."""
        return {asked: n for asked, n in self._in_a_row.items() if self._is_lost(n)}

    def words(self) -> str:
        """Return what is wrong, in a sentence; nothing where nothing is."""
        told = (
            f"{model} does not cache {version} ({n} calls in a row)"
            for (model, version), n in sorted(self.lost.items())
        )
        return "; ".join(told)

    def _is_lost(self, in_a_row: int) -> bool:
        return 0 < self._calls_max <= in_a_row
