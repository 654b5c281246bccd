"""What a partition's `analyses` and `decisions` already say: a start does not say it again. PURE."""

from topics import Analysis, Decision, Tally

IDS_MAX = 200_000
"""Candidates remembered of one partition; of more the oldest are forgotten, and may be said twice."""


class Said:
    """The tails of one partition's two topics, read since before where it is decided."""

    def __init__(self, *, counts_tallies: bool = True, ids_max: int = IDS_MAX) -> None:
        """Begin with nothing said. Tallies speak of offsets: of another log's they would be wrong."""
        self.forgotten = 0
        """Of more candidates than are remembered."""
        self._counts_tallies, self._ids_max = counts_tallies, ids_max
        self._fates: dict[str, str | None] = {}
        """The survivor of each candidate that was taken over; None of one that has an answer."""
        self._analyses: dict[str, Analysis] = {}
        self._spans: dict[int, int] = {}
        """Last offset by first offset, of tallies."""
        self._tallied_to = -1

    def __len__(self) -> int:
        """How many candidates are remembered."""
        return len(self._fates) + len(self._analyses)

    def take(self, told: Analysis | Decision | Tally) -> None:
        """Note what is read: in any order, any number of times."""
        match told:
            case Tally():
                if self._counts_tallies:
                    self._tallied_to = max(self._tallied_to, told.last_offset)
                    self._spans[told.first_offset] = max(
                        told.last_offset, self._spans.get(told.first_offset, -1)
                    )
            case Decision(outcome="coalesced", survivor_id=survivor) if survivor is not None:
                self._fates.setdefault(told.decision_id, survivor)
            case Decision():
                self._fates[told.decision_id] = None
                self._analyses.pop(told.decision_id, None)
            case Analysis():
                if self._fates.get(told.analysis_id, told.analysis_id) is not None:
                    self._analyses.setdefault(told.analysis_id, told)
        while len(self) > self._ids_max:
            oldest: dict[str, str | None] | dict[str, Analysis] = self._fates or self._analyses
            del oldest[next(iter(oldest))]
            self.forgotten += 1

    def is_decided(self, candidate_id: str) -> bool:
        """Return whether nothing more is to be said of a candidate: it, or who took it over, has an answer."""
        seen: set[str] = set()
        while candidate_id not in seen:
            seen.add(candidate_id)
            survivor = self._fates.get(candidate_id, candidate_id)
            if survivor is None or (len(seen) > 1 and candidate_id in self._analyses):
                return True
            candidate_id = survivor
        return False

    def heir_of(self, candidate_id: str) -> str | None:
        """Return who has taken a candidate over; None of one that was not, or has an answer."""
        return self._fates.get(candidate_id)

    def analysis_of(self, candidate_id: str) -> Analysis | None:
        """Return an analysis that was published without its decision: only that one is missing."""
        return self._analyses.get(candidate_id)

    def is_tallied(self, offset: int) -> bool:
        """Return whether a tally speaks of an offset, which made no candidate then and makes none now."""
        return offset <= self._tallied_to and any(
            first <= offset <= last for first, last in self._spans.items()
        )
