"""What a partition's topics say of a span of its aggregates: the schedule of a replay, and what it is held against. PURE.

Of several records with one id the one at the lowest offset counts, of decisions and of analyses. One exception: a
candidate that was taken over, whose survivor had no answer when its process died, is made again by the next start and
may be answered then; its answer counts, since there is an analysis.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from msgspec import Struct

from topics import Analysis, Decision, Intent, PipelineError, Result, Tally

RECORDS_MAX = 500_000
"""Of one partition: a week of a decision each second. A longer range is replayed in parts."""


class RecordedError(PipelineError):
    """There is more of a span than is held at once."""


class Span(Struct, frozen=True, kw_only=True):
    """Aggregates of one partition, by offset: from ``begin`` to before ``end``."""

    partition: int
    begin: int
    end: int


class Recorded:
    """Takes the decisions, then the analyses, then the journal: each is kept only if one before asks for it."""

    def __init__(self, span: Span, records_max: int = RECORDS_MAX) -> None:
        """Begin with nothing recorded."""
        self.span = span
        self._records_max = records_max
        self._decisions: dict[str, Decision] = {}
        self._elsewhere: set[str] = set()
        """Ids of decisions on other spans."""
        self._own: set[int] = set()
        """Offsets that made a candidate which was decided on."""
        self._tallies: dict[str, Tally] = {}
        self._spans: set[tuple[int, int]] = set()
        """First and last offset of every tally: a start that tallies again may reach further under the same id."""
        self._united: list[tuple[int, int]] | None = None
        self._analyses: dict[str, bytes] = {}
        self._compared: set[str] = set()
        """Ids of analyses that others are told against."""
        self._strays: dict[str, None] = {}
        self._intents: dict[str, Intent | None] = {}
        self._results: dict[str, Result] = {}

    def take_told(self, told: Decision | Tally) -> None:
        """Take the next record of `decisions`.

        Raises:
            RecordedError: There are more than are held.
        """
        if isinstance(told, Tally):
            if told.last_offset >= self.span.begin and told.first_offset < self.span.end:
                self._tallies.setdefault(told.tally_id, told)
                self._spans.add((told.first_offset, told.last_offset))
                self._united = None
        elif not self._is_in_span(told):
            self._elsewhere.add(told.decision_id)
        else:
            self._take_decision(told)
        self._refuse_more(len(self._decisions) + len(self._elsewhere) + len(self._spans))

    def take_analysis(self, analysis: Analysis, data: bytes) -> None:
        """Take the next record of `analyses`, with its bytes.

        Raises:
            RecordedError: There are more than are held.
        """
        name = analysis.analysis_id
        if name in self._decisions or name in self._compared:
            self._analyses.setdefault(name, data)
        if not self.is_decided(name):
            self._strays.setdefault(name)
            self._refuse_more(len(self._strays))

    def take_late(self, told: Decision | Tally) -> None:
        """Take a record of `decisions` that was written while the analyses were read: what it decides is no stray."""
        if isinstance(told, Decision):
            self._strays.pop(told.decision_id, None)

    def take_entry(self, entry: Intent | Result) -> None:
        """Take the next record of the journal."""
        if entry.attempt_id not in self._intents:
            return
        if isinstance(entry, Result):
            self._results.setdefault(entry.attempt_id, entry)
        elif self._intents[entry.attempt_id] is None:
            self._intents[entry.attempt_id] = entry

    @property
    def decisions(self) -> list[Decision]:
        """The decisions of the span, by the place of what they know."""
        return sorted(self._decisions.values(), key=lambda decision: place_of(decision) or 0)

    @property
    def tallies(self) -> list[Tally]:
        """The tallies that speak of the span."""
        return list(self._tallies.values())

    @property
    def strays(self) -> Iterator[str]:
        """Ids of analyses that nobody decided on."""
        yield from self._strays

    def is_decided(self, candidate_id: str) -> bool:
        """Return whether there is a decision on a candidate."""
        return candidate_id in self._decisions or candidate_id in self._elsewhere

    def accounts_for(self, offset: int) -> bool:
        """Return whether a tally or a decision speaks of an aggregate that now makes no candidate."""
        if offset in self._own:
            return True
        if self._united is None:
            self._united = _united(self._spans)
        at = bisect_right(self._united, offset, key=lambda span: span[0]) - 1
        return at >= 0 and offset <= self._united[at][1]

    def analysis(self, analysis_id: str) -> bytes | None:
        """Return the analysis that counts, as it stands there."""
        return self._analyses.get(analysis_id)

    def intent(self, attempt_id: str) -> Intent | None:
        """Return what was asked."""
        return self._intents.get(attempt_id)

    @property
    def unfound(self) -> list[str]:
        """Attempts that are asked for and not there yet. Words that were said again may be of any asset's attempt."""
        return [
            a for a, intent in self._intents.items() if intent is None or a not in self._results
        ]

    def result(self, attempt_id: str) -> Result | None:
        """Return what came back; the first counts."""
        return self._results.get(attempt_id)

    def _take_decision(self, decision: Decision) -> None:
        if decision.alert_id is None:
            self._own.add(decision.last_offset)
        known = self._decisions.get(decision.decision_id)
        if known is None or (known.analysis_id is None and decision.analysis_id is not None):
            self._decisions[decision.decision_id] = decision
            if decision.compared_with is not None:
                self._compared.add(decision.compared_with)
            self._intents.update(dict.fromkeys(decision.attempt_ids))
            if decision.narrative_attempt_id is not None:
                self._intents.setdefault(decision.narrative_attempt_id)

    def _is_in_span(self, decision: Decision) -> bool:
        place = place_of(decision)
        last = decision.last_offset if place is None else place - 1
        return self.span.begin <= last < self.span.end

    def _refuse_more(self, count: int) -> None:
        if count > self._records_max:
            msg = f"partition {self.span.partition}: more than {self._records_max} records of the range; give a shorter one"
            raise RecordedError(msg)


def place_of(decision: Decision) -> int | None:
    """Return the offset below which the aggregates are what a decision knows.

    None where that is not recorded: it is known by the ids of the aggregates then.
    """
    if decision.read_to is not None:
        return decision.read_to
    return decision.last_offset + 1 if decision.alert_id is None else None


def supersedes(decision: Decision) -> bool:
    """Return whether a decision is that later data contradict an analysis."""
    is_told = decision.outcome in ("rules", "cached")
    return is_told and decision.reason in ("revised", "withdrawn")


def _united(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that do not overlap, in order."""
    united: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if united and first <= united[-1][1] + 1:
            united[-1] = (united[-1][0], max(last, united[-1][1]))
        else:
            united.append((first, last))
    return united
