"""A state narrative as it is kept: the model's own answer, and the attempt it is of. PURE.

Where it was kept is not trusted: what comes back is read, and judged by the words it was asked by, as a model's answer is.
"""

from collections import deque
from collections.abc import Callable

import msgspec
from cachetools import LRUCache
from msgspec import Struct

from agents.answer.answered import Served
from agents.answer.narrative import Narrative
from agents.ask.prompt import Prompt, narrative_of
from agents.cache.key import Key
from agents.decide.context import Labels
from topics.journal import AttemptId
from topics.units import Word

WATCHED_MAX = 1_000
"""Narratives whose renders are counted; those that were rendered longest ago are forgotten."""


class Kept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands under a key."""

    attempt_id: AttemptId
    provider: Word
    answer: str


class Usable(Struct, frozen=True):
    """A kept answer that holds for its state, whatever asset is in it."""

    kept: Kept
    narrative: Narrative

    def served(self, prompt: Prompt, model: str, age_ms: int) -> Served:
        """Return it as what an analysis says again."""
        return Served(
            attempt_id=self.kept.attempt_id,
            item_key=prompt.item_key,
            provider=self.kept.provider,
            model=model,
            prompt_version=prompt.version,
            age_ms=age_ms,
        )


_decode = msgspec.json.Decoder(Kept).decode


def key_of(prompt: Prompt, model: str, *, simulated: bool) -> Key:
    """Return what an answer to a question about a state is kept under. What our own fake said is never a real model's."""
    name = f"simulated/{model}" if simulated else model
    return Key(prompt.version, prompt.schema.version, name, prompt.item_key)


def packed(kept: Kept) -> bytes:
    """Return an answer as it is kept."""
    return msgspec.json.encode(kept)


def reader_of(labels: Labels, prompt: Prompt) -> Callable[[bytes], Usable | None]:
    """Return what reads a kept answer about a state; None of one that nobody may say."""

    def read(value: bytes) -> Usable | None:
        try:
            kept = _decode(value)
        except msgspec.DecodeError:
            return None
        # Its id begins with the question's: an answer to another one is no answer to this.
        if not kept.attempt_id.startswith(f"{prompt.item_key[:32]}/"):
            return None
        found = narrative_of(kept.answer, labels, prompt)
        return Usable(kept, found) if isinstance(found, Narrative) else None

    return read


class Renders:
    """Of each narrative, how its last renders went: one that mostly fits no asset is worth nobody's while."""

    def __init__(self, renders_min: int, rejection_rate: float) -> None:
        """Begin with none. Of fewer than ``renders_min`` nothing is concluded."""
        self.forgotten = 0
        """Narratives that had to make room."""
        self._min, self._rate = renders_min, rejection_rate
        self._last: LRUCache[str, deque[bool]] = LRUCache(WATCHED_MAX)

    def __len__(self) -> int:
        """How many narratives are watched."""
        return len(self._last)

    def take(self, word: str, *, rejected: bool) -> bool:
        """Note a render; return whether of the last ones more were rejected than may be, and forget them then."""
        last = self._last.get(word)
        if last is None:
            self.forgotten += len(self._last) >= WATCHED_MAX
            last = self._last[word] = deque(maxlen=self._min)
        last.append(rejected)
        if len(last) < self._min or sum(last) <= self._rate * len(last):
            return False
        del self._last[word]
        return True
