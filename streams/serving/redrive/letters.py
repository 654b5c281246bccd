"""Dead letters with their places in the log, and which of them are meant. PURE."""

from collections.abc import Iterable

from msgspec import Struct

from topics import DeadLetter


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter where it lies."""

    letter: DeadLetter
    partition: int
    offset: int
    """Its place in the dead letter topic."""
    logged_ms: int
    """When it was written there."""

    @property
    def letter_id(self) -> str:
        """Where the refused record came from, which is what it is."""
        return self.letter.letter_id


class Chosen(Struct, frozen=True, kw_only=True):
    """Which letters are meant: those that fit all that is given."""

    ids: frozenset[str] = frozenset()
    """Empty: any."""
    reason: str | None = None
    stage: str | None = None
    topic: str | None = None
    """The refused record's, as the catalog names it: raw.market."""
    since_ms: int | None = None
    until_ms: int | None = None
    """By when they were written: since <= time < until."""

    def fits(self, found: Letter) -> bool:
        """Return whether a letter is meant."""
        letter = found.letter
        return (
            (not self.ids or found.letter_id in self.ids)
            and self.reason in (None, letter.reason)
            and self.stage in (None, letter.stage)
            and self.topic in (None, letter.topic)
            and (self.since_ms is None or found.logged_ms >= self.since_ms)
            and (self.until_ms is None or found.logged_ms < self.until_ms)
        )


def last_of_each(found: Iterable[Letter]) -> list[Letter]:
    """Return the last letter of each id, in the order of their last: a rebuild writes the same ones again."""
    last: dict[str, Letter] = {}
    for letter in found:
        last.pop(letter.letter_id, None)
        last[letter.letter_id] = letter
    return list(last.values())
