"""What came of a replay of analyses, counted and in words: PURE."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from agents.replay.strict import Again, Miss

MISSES_MAX = 1_000
"""Misses that are kept in words; more are counted."""


class Agreement:
    """What was said again, and what could not be."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self.aggregates = 0
        """Of the range; those before it, which only warm up, are not counted."""
        self.unreadable = 0
        """Records that nobody could use: they have dead letters."""
        self.outcomes = Counter[str]()
        """Decisions that hold."""
        self.origins = Counter[str]()
        """Analyses that are equal."""
        self.missed = 0
        self.misses: list[Miss] = []

    def take(self, told: Again | Miss) -> None:
        """Count what a partition's replay says."""
        match told:
            case Miss():
                self.missed += 1
                if len(self.misses) < MISSES_MAX:
                    self.misses.append(told)
            case Again(decision=decision, analysis=analysis):
                self.outcomes[decision.outcome] += 1
                if analysis is not None:
                    self.origins[analysis.origin] += 1

    def lines(self, shown_max: int) -> Iterator[str]:
        """Yield it in words, the misses first."""
        for miss in self.misses[:shown_max]:
            yield f"{miss.lack} {miss.name}: {miss.words}"
        if self.missed > shown_max:
            yield f"... and {self.missed - shown_max} more"
        unreadable = f", {self.unreadable} of them unreadable" if self.unreadable else ""
        yield f"{self.aggregates} aggregates{unreadable}; {_counted(self.outcomes, 'decisions')}"
        yield f"{_counted(self.origins, 'analyses')}, equal to those recorded"
        yield f"0 calls to a model, {self.missed} misses"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "aggregates": self.aggregates,
            "unreadable": self.unreadable,
            "decisions": dict(self.outcomes),
            "analyses": dict(self.origins),
            "calls": 0,
            "missed": self.missed,
            "misses": [{"lack": m.lack, "name": m.name, "words": m.words} for m in self.misses],
        }


def _counted(counts: Counter[str], of_what: str) -> str:
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"{counts.total()} {of_what}" + (f" ({listed})" if listed else "")
