"""The deep dives of one partition as they stood when they were decided on: what a batch asks about. PURE.

The aggregates are folded as the agent folded them, with its recorded decisions as the schedule.
"""

from collections import Counter, deque
from collections.abc import Iterator

from msgspec.structs import replace

from agents.decide.partition import PartitionDecider
from agents.evaluation.questions import Decided
from agents.replay.composing import MissedError, candidate_again
from agents.replay.recorded import Recorded, place_of, supersedes
from agents.settings import AgentSettings
from topics import BY_NAME, Aggregate, Analysis, Decision


class CandidateFold:
    """Folds one partition, and gives each candidate at the place where it was decided on."""

    def __init__(self, settings: AgentSettings, recorded: Recorded, *, read_from: int) -> None:
        """Begin at ``read_from``, the agent's fixed horizon before the span."""
        self.missed = Counter[str]()
        """Deep dives that cannot be asked about again, by what is lacking."""
        span = recorded.span
        self._recorded, self._end = recorded, span.end
        self._decider = PartitionDecider(
            settings, span.partition, read_from=read_from, decide_from=span.begin
        )
        self.taken_back = {
            decision.compared_with: "withdrawn" if decision.reason == "withdrawn" else "superseded"
            for decision in recorded.decisions
            if supersedes(decision) and decision.compared_with is not None
        }
        """Of analyses that stand no more, by id, why."""
        dives = [decision for decision in recorded.decisions if _is_dive(decision)]
        self._due = deque(decision for decision in dives if place_of(decision) is not None)
        if lost := len(dives) - len(self._due):
            self.missed["no_place"] += lost

    def take(self, offset: int, aggregate: Aggregate | None) -> Iterator[Decided]:
        """Yield what was decided on before the next record, and fold it; None is one that cannot be used."""
        yield from self._before(offset)
        if aggregate is None:
            self._decider.skip(offset)
            return
        made = self._decider.take(offset, aggregate, 0.0)
        if made is not None:
            self._decider.corrections.dropped(made)  # nothing is to wait here for its answer
        self._decider.take_tally(0)

    def finish(self) -> Iterator[Decided]:
        """Yield what was decided on at the end of the span; what never became due is missed."""
        yield from self._before(self._end)
        self.missed.update({"no_place": len(self._due)} if self._due else {})
        self._due.clear()

    def _before(self, offset: int) -> Iterator[Decided]:
        while self._due and (place_of(self._due[0]) or 0) <= offset:
            decision = self._due.popleft()
            try:
                yield self._again(decision)
            except MissedError as missed:
                self.missed[missed.lack] += 1

    def _again(self, decision: Decision) -> Decided:
        candidate = candidate_again(decision, self._decider.context_of(decision.asset))
        last = None
        if decision.compared_with is not None:
            data = self._recorded.analysis(decision.compared_with)
            if data is None:
                msg = f"it is told against {decision.compared_with}, which is not there"
                raise MissedError(msg, lack="context")
            found: Analysis = BY_NAME["analyses"].decoder().decode(data)
            last = found
        return Decided(replace(candidate, last=last), decision.decided_ms)


def _is_dive(decision: Decision) -> bool:
    """Return whether a decision ended a deep dive, by whomever it was answered."""
    ended = decision.outcome in {"called", "rules"} and decision.analysis_id is not None
    return ended and decision.product == "deep_dive" and not supersedes(decision)
