"""The analyses of one partition said again: the same aggregates folded, the recorded decisions as the schedule. PURE.

Nobody is asked: where a model was, its answer is taken from the journal, judged again, and its slots are filled again.
So an analysis comes out as it was, to the byte, or what stands in the way is named.
"""

from collections import deque
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from agents.decide.context import AssetContext
from agents.decide.partition import PartitionDecider
from agents.settings import AgentSettings
from topics import Aggregate, Analysis, Decision, encode

from .composing import MissedError, analysis_again, correction_again
from .recorded import Recorded, place_of, supersedes

VALUE_CHARS_MAX = 200
"""Of a value that differs, in words."""

Lack = Literal["aggregate", "context", "journal", "question", "verdict", "analysis", "decision"]


class Miss(Struct, frozen=True):
    """What cannot be said again, or not in the same words."""

    lack: Lack
    """What is lacking, or is not as it was: an aggregate's decision, a decision's context, and so on."""
    name: str
    """The id of the aggregate, decision or analysis."""
    words: str


class Again(Struct, frozen=True):
    """A decision that holds, and the analysis that follows from it, if one does."""

    decision: Decision
    analysis: Analysis | None = None


class PartitionReplay:
    """Folds one partition as the agent did, and answers where the record says that it answered."""

    def __init__(self, settings: AgentSettings, recorded: Recorded, *, read_from: int) -> None:
        """Begin at ``read_from``, the agent's fixed horizon before the span."""
        self._settings, self._recorded, self._span = settings, recorded, recorded.span
        self._decider = PartitionDecider(
            settings, self._span.partition, read_from=read_from, decide_from=self._span.begin
        )
        decisions = recorded.decisions
        self._revising = {d.last_offset for d in decisions if supersedes(d) and d.alert_id is None}
        self._revisions: dict[int, Aggregate] = {}
        self._due = deque(d for d in decisions if place_of(d) is not None)
        self._sought: dict[str, list[Decision]] = {}
        """Decisions whose place is not recorded, by asset."""
        for decision in decisions:
            if place_of(decision) is None:
                self._sought.setdefault(decision.asset, []).append(decision)

    def take(self, offset: int, aggregate: Aggregate | None) -> list[Again | Miss]:
        """Fold the next record, None where it cannot be used; return what was due before it, and what it makes due."""
        told = self._due_before(offset)
        if aggregate is None:
            self._decider.skip(offset)
            return told
        if self._sought and offset >= self._span.begin:
            told += self._found(aggregate.asset)
        if offset in self._revising:
            self._revisions[offset] = aggregate
        made = self._decider.take(offset, aggregate, 0.0)
        if made is not None:
            self._decider.corrections.dropped(made)  # nothing is to wait here for its answer
        tallied = self._decider.take_tally(0) is not None
        if made is not None and not self._recorded.is_decided(made.candidate_id):
            told.append(_undecided(offset, aggregate, f": the gate makes it {made.candidate_id}"))
        elif tallied and not self._recorded.accounts_for(offset):
            told.append(_undecided(offset, aggregate, ""))
        return told

    def finish(self) -> list[Again | Miss]:
        """Return what is due at the end of the span, and what never became so."""
        told = self._due_before(self._span.end)
        for asset in list(self._sought):
            told += self._found(asset)
        told += [
            Miss("context", decision.decision_id, "no place in the range has what it is about")
            for decision in (*self._due, *(d for left in self._sought.values() for d in left))
        ]
        told += [
            Miss("decision", name, "an analysis that no decision names")
            for name in self._recorded.strays
        ]
        return told

    def _due_before(self, offset: int) -> list[Again | Miss]:
        """Return what was decided on what has been folded by now, which is all below an offset."""
        told = []
        while self._due and (place_of(self._due[0]) or 0) <= offset:
            decision = self._due.popleft()
            told.append(self._again(decision, self._decider.context_of(decision.asset)))
        return told

    def _found(self, asset: str) -> Iterator[Again | Miss]:
        """Yield what was decided on just what is known now of an asset."""
        context = self._decider.context_of(asset)
        latest = {*context.latest_ids(), *context.noted}
        left = []
        for decision in self._sought.pop(asset, ()):
            if latest.issuperset(decision.aggregate_ids):
                yield self._again(decision, context)
            else:
                left.append(decision)
        if left:
            self._sought[asset] = left

    def _again(self, decision: Decision, context: AssetContext) -> Again | Miss:
        """Return what a decision says, once its analysis is the recorded one."""
        if decision.analysis_id is None:
            return Again(decision)
        try:
            if supersedes(decision):
                revision = self._revisions.get(decision.last_offset)
                analysis = correction_again(
                    decision, revision, context, self._recorded, self._settings
                )
            else:
                analysis = analysis_again(decision, context, self._recorded, self._settings)
        except MissedError as missed:
            return Miss(missed.lack, decision.decision_id, str(missed))
        was = self._recorded.analysis(analysis.analysis_id)
        if was is None:
            return Miss(
                "analysis", analysis.analysis_id, "its decision names it, and it is not there"
            )
        if (differs := difference(was, encode(analysis))) is not None:
            return Miss("analysis", analysis.analysis_id, differs)
        return Again(decision, analysis)


def difference(was: bytes, again: bytes) -> str | None:
    """Return the first field in which two records differ, with both values; None if they are the same bytes."""
    if was == again:
        return None
    before, after = msgspec.json.decode(was), msgspec.json.decode(again)
    for name in (*after, *(name for name in before if name not in after)):
        if before.get(name) != after.get(name) or (name in before) != (name in after):
            return f"{name} was {_shown(before, name)} and is {_shown(after, name)} when said again"
    return "the same fields were written in another way"


def _shown(fields: dict[str, object], name: str) -> str:
    if name not in fields:
        return "not there"
    text = msgspec.json.encode(fields[name]).decode()
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}..."


def _undecided(offset: int, aggregate: Aggregate, more: str) -> Miss:
    words = f"at offset {offset}, has neither a decision nor a tally{more}"
    return Miss("aggregate", aggregate.aggregate_id, words)
