"""What was said before, as far as is remembered: who says something again counts once. PURE and bounded."""

from typing import Generic, TypeVar

SAID_MAX = 20_000
"""Of each sort: more than can be in flight in a crash, and than there are records of it kept."""
Key = TypeVar("Key")


class Once(Generic[Key]):
    """The keys said last, the first of them first."""

    def __init__(self) -> None:
        """Begin with none."""
        self.forgotten = 0
        """Keys that had to make room for others."""
        self._said: dict[Key, None] = {}

    def first_time(self, key: Key) -> bool:
        """Return whether a key is said for the first time, and remember it; of more than the bound the first goes."""
        if key in self._said:
            return False
        if len(self._said) >= SAID_MAX:
            del self._said[next(iter(self._said))]
            self.forgotten += 1
        self._said[key] = None
        return True

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._said)
