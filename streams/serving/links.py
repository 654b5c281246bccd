"""Which of the records that are remembered belong together. PURE: as bounded as the records themselves."""

from collections import Counter


class Links:
    """From one thing to several others, each as often as a record says so."""

    def __init__(self) -> None:
        """Begin with none."""
        self._links: dict[str, Counter[str]] = {}

    def __len__(self) -> int:
        """Return of how many things there are links."""
        return len(self._links)

    def add(self, one: str | None, other: str) -> None:
        """Take it that a record says that two belong together; of nothing there is nothing to say."""
        if one is not None:
            self._links.setdefault(one, Counter())[other] += 1

    def remove(self, one: str | None, other: str) -> None:
        """Take it that a record that said so is remembered no more."""
        found = self._links.get(one or "")
        if one is None or found is None:
            return
        found[other] -= 1
        if found[other] <= 0:
            del found[other]
        if not found:
            del self._links[one]

    def of(self, one: str) -> tuple[str, ...]:
        """Return what belongs to a thing, by name."""
        return tuple(sorted(self._links.get(one, ())))
