"""How far a source that asks, rather than listens, has covered each thing it asks about: PURE.

A target is what is asked for in one go: a feed, a repository, a market. What is promised is how far the least
covered target has come. One that fails for longer than the hold no longer holds the others back: what it is missing
becomes a gap mark of each of its subjects, which grows until the target is covered again or given up.
"""

from collections.abc import Sequence

from msgspec import Struct

from topics import GapDetected, GapFilled, GapMark, GapPermanent

TARGETS_MAX = 10_000
"""Of one source; each has a place in memory and in the round of questions."""
GROW_MS = 60_000
"""A gap that goes on is told again, with its later end, this often."""


class _Target(Struct):
    subjects: tuple[str, ...]
    covered_ms: int
    clear_ms: int = 0
    """Nothing before this time can be missing, though nothing was sent since `covered_ms`."""
    gap_from_ms: int | None = None
    """Where the gap that has been told begins."""
    gap_to_ms: int = 0


class Coverage:
    """The targets of one source, and what may be promised of all of them."""

    def __init__(self, source: str, venue: str, *, hold_ms: int, lateness_ms: int) -> None:
        """Begin without targets. ``lateness_ms`` is how far behind what is covered the promises stay."""
        self._source, self._venue = source, venue
        self._hold_ms, self._lateness_ms = hold_ms, lateness_ms
        self._targets: dict[str, _Target] = {}
        self._told_ms: int | None = None

    def follow(self, target: str, subjects: Sequence[str], from_ms: int) -> None:
        """Take a target whose events up to ``from_ms`` are nobody's business, or sent already.

        Raises:
            ValueError: There are too many targets.
        """
        if target not in self._targets and len(self._targets) >= TARGETS_MAX:
            msg = f"{self._source}: at most {TARGETS_MAX} things to ask about"
            raise ValueError(msg)
        self._targets[target] = _Target(tuple(subjects), from_ms)

    def reopen(self, target: str, from_ms: int, to_ms: int) -> None:
        """Take up a gap of a target that was told before a restart, so that it is ended under its own id."""
        asked = self._targets[target]
        asked.covered_ms = asked.gap_from_ms = from_ms
        asked.gap_to_ms = to_ms

    def covered_ms(self, target: str) -> int:
        """Return up to which time everything of a target has been sent."""
        return self._targets[target].covered_ms

    def covered(self, target: str, through_ms: int, *, lost: str | None = None) -> list[GapMark]:
        """Say that all of a target before ``through_ms`` has been yielded; return the marks to yield behind it.

        With ``lost``, a reason, only what is there from now on has been: what a told gap misses will never come.
        """
        asked = self._targets[target]
        asked.covered_ms = max(asked.covered_ms, through_ms)
        return self._reached(target, asked, through_ms, lost)

    def clear(self, target: str, until_ms: int, *, lost: str | None = None) -> list[GapMark]:
        """Say that nothing of a target can have happened between what is covered and ``until_ms``.

        Promises go on with it; a gap that begins later still begins with what is covered.
        """
        asked = self._targets[target]
        asked.clear_ms = max(asked.clear_ms, until_ms)
        return self._reached(target, asked, until_ms, lost)

    def lost(self, target: str, to_ms: int, reason: str) -> list[GapMark]:
        """Say that what is between the covered time and ``to_ms`` will never come, and return the marks of that.

        Of a gap that was told, what has come since is no loss: the rest has a mark of its own.
        """
        asked = self._targets[target]
        from_ms = asked.covered_ms
        if to_ms <= from_ms:
            return []
        asked.covered_ms = to_ms
        if asked.gap_from_ms is None or asked.gap_from_ms == from_ms:
            asked.gap_from_ms, asked.gap_to_ms = from_ms, to_ms
            return self._end(target, asked, reason)
        marks = self._permanent(target, asked, from_ms, to_ms, reason)
        return marks if to_ms < asked.gap_to_ms else marks + self._end(target, asked, None)

    def advance(self, now_ms: int) -> tuple[list[GapMark], int | None]:
        """Return the marks of what has fallen behind, and the promise if it rose since the last call."""
        marks: list[GapMark] = []
        least_ms: int | None = None
        for name, asked in self._targets.items():
            known_ms = max(asked.covered_ms, asked.clear_ms)
            if now_ms - known_ms <= self._hold_ms:
                least_ms = known_ms if least_ms is None else min(least_ms, known_ms)
            elif asked.gap_from_ms is None or now_ms >= asked.gap_to_ms + GROW_MS:
                asked.gap_from_ms = (
                    asked.covered_ms if asked.gap_from_ms is None else asked.gap_from_ms
                )
                asked.gap_to_ms = now_ms
                marks += self._detected(name, asked)
        if least_ms is None:
            return marks, None
        through_ms = max(0, least_ms - self._lateness_ms)
        if self._told_ms is not None and through_ms <= self._told_ms:
            return marks, None
        self._told_ms = through_ms
        return marks, through_ms

    def _reached(
        self, target: str, asked: _Target, through_ms: int, lost: str | None
    ) -> list[GapMark]:
        if asked.gap_from_ms is None or through_ms < asked.gap_to_ms:
            return []
        if lost is not None:
            asked.gap_to_ms = through_ms
        return self._end(target, asked, lost)

    def _detected(self, target: str, asked: _Target) -> list[GapMark]:
        from_ms = asked.covered_ms if asked.gap_from_ms is None else asked.gap_from_ms
        return [
            GapDetected(
                gap_id=self._gap_id(target, subject, from_ms),
                subject=subject,
                source=self._source,
                venue=self._venue,
                from_ms=from_ms,
                to_ms=asked.gap_to_ms,
            )
            for subject in asked.subjects
        ]

    def _end(self, target: str, asked: _Target, lost: str | None) -> list[GapMark]:
        from_ms = asked.covered_ms if asked.gap_from_ms is None else asked.gap_from_ms
        to_ms = asked.gap_to_ms
        asked.gap_from_ms, asked.gap_to_ms = None, 0
        if lost is not None:
            return self._permanent(target, asked, from_ms, to_ms, lost)
        return [
            GapFilled(
                gap_id=self._gap_id(target, subject, from_ms),
                subject=subject,
                source=self._source,
                venue=self._venue,
                from_ms=from_ms,
                to_ms=to_ms,
            )
            for subject in asked.subjects
        ]

    def _permanent(
        self, target: str, asked: _Target, from_ms: int, to_ms: int, reason: str
    ) -> list[GapMark]:
        return [
            GapPermanent(
                gap_id=self._gap_id(target, subject, from_ms),
                subject=subject,
                source=self._source,
                venue=self._venue,
                from_ms=from_ms,
                to_ms=to_ms,
                reason=reason[:200],
            )
            for subject in asked.subjects
        ]

    def _gap_id(self, target: str, subject: str, from_ms: int) -> str:
        return f"{self._venue}/{subject}/{target[:80]}/{from_ms}"
