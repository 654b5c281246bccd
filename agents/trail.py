"""What became of each record, as it is told: analyses, decisions, tallies, and dead letters of what nobody could use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from aiokafka.structs import ConsumerRecord
from msgspec.structs import replace

from topics import Analysis, ContractError, DeadLetter, Decision
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .answer.answered import Answered
from .answer.changed import compared
from .answer.correction import correction_of
from .decide.alerts import alert_of
from .decide.candidate import Candidate
from .decide.inbox import Put
from .decide.partition import PartitionDecider
from .decide.superseding import Superseding
from .metrics import AGENT
from .publisher import (
    ROLE,
    Outgoing,
    Publisher,
    analysis_record,
    decision_record,
    letter_record,
    tally_record,
)

Outcome = Literal["called", "cached", "coalesced", "shed", "rules"]


class Trail:
    """Hands the publisher what is to be told, with the offsets that are finished once it is acknowledged."""

    def __init__(
        self,
        broker: BrokerSettings,
        publisher: Publisher,
        deciders: Mapping[int, PartitionDecider],
        *,
        now_ms: Callable[[], int],
    ) -> None:
        """Take the deciders of the partitions that are ours, as they come and go."""
        self._broker, self._publisher = broker, publisher
        self._deciders, self._now_ms = deciders, now_ms

    def is_ours(self, candidate: Candidate) -> bool:
        """Return whether its partition is still ours, without a break since the candidate was made."""
        return self._decider_of(candidate) is not None

    def with_last(self, candidate: Candidate) -> Candidate:
        """Return a candidate that knows the last analysis of its asset, if it knew none."""
        decider = self._decider_of(candidate)
        if decider is None or candidate.last is not None:
            return candidate
        return replace(candidate, last=decider.standing.last(candidate.asset))

    def tell_put(self, put: Put) -> None:
        """Tell what putting a candidate in did to others."""
        if put.absorbed is not None:
            if (decider := self._decider_of(put.absorbed)) is not None:
                decider.corrections.taken_over(put.absorbed, put.waiting)
            # Its offsets go on in the survivor: after a crash both are read again, and no reason is lost.
            if put.absorbed.heir != put.waiting.candidate_id:  # else that was told before
                self._decide(put.absorbed, "coalesced", "newer_candidate", survivor=put.waiting)
        if put.shed is not None:
            self._drop(put.shed)
            self._decide(put.shed, "shed", "inbox_full", finishes=put.shed.offsets)

    def tell(self, candidate: Candidate, analysis: Analysis, answered: Answered) -> None:
        """Tell an analysis and that it was made, and what the revisions that came meanwhile make of it."""
        AGENT.analyses.labels(analysis.product, analysis.origin).inc()
        decider = self._decider_of(candidate)
        if decider is None:
            return
        last = decider.standing.last(candidate.asset)
        # Where a model was asked, its question and its analysis say what changed since the same one.
        if answered.sends and (answered.origin != "rules" or candidate.last is not None):
            last = candidate.last
        analysis = compared(analysis, last)
        decider.corrections.answered(candidate, analysis)
        self._decide(
            candidate,
            "rules" if answered.origin == "rules" else "called",
            answered.reason,
            finishes=candidate.offsets,
            answered=answered,
            decided_ms=analysis.produced_ms,
            first=[analysis_record(self._broker, analysis, candidate.partition)],
            compared_with=analysis.compared_with,
        )
        self.tell_superseding(decider)

    def tell_superseding(self, decider: PartitionDecider) -> None:
        """Tell what takes the place of analyses because of what was read since."""
        while (found := decider.next_superseding()) is not None:
            analysis: Analysis | None = found.said
            first: Sequence[OutRecord] = ()
            if analysis is None:
                analysis = correction_of(found, produced_ms=self._now_ms())
                decider.standing.take(analysis)
                AGENT.analyses.labels(analysis.product, analysis.origin).inc()
                first = (analysis_record(self._broker, analysis, decider.partition),)
            reason = "withdrawn" if found.withdraws else "revised"
            self._decide(
                found.candidate,
                "rules",
                reason,
                said=analysis,
                decided_ms=analysis.produced_ms,
                first=first,
                correcting=found,
            )

    def tell_said(self, candidate: Candidate, analysis: Analysis) -> None:
        """Tell only that an analysis was made, which stands there already: whoever wrote it was ended before."""
        decider = self._decider_of(candidate)
        if decider is None:
            return
        decider.corrections.answered(candidate, analysis)
        outcome: Outcome = "rules" if analysis.origin == "rules" else "called"
        self._decide(
            candidate,
            outcome,
            analysis.origin_reason,
            finishes=candidate.offsets,
            said=analysis,
            decided_ms=analysis.produced_ms,
        )
        self.tell_superseding(decider)

    def tell_ended(self, candidate: Candidate, state: str) -> None:
        """Tell that the only cause of a candidate, an alert, is gone before it was answered."""
        self._drop(candidate)
        self._decide(candidate, "shed", f"alert_{state}", finishes=candidate.offsets)

    def tell_refused(
        self, decider: PartitionDecider, record: ConsumerRecord, refused: ContractError
    ) -> None:
        """Write a dead letter."""
        AGENT.dead_letters.inc()
        letter = letter_record(self._broker, letter_of(record, refused), record.partition)
        self._put([letter], decider, [record.offset])

    def tell_tallies(self, deciders: Iterable[PartitionDecider]) -> None:
        """Tell what made no candidate since the last tallies."""
        for decider in deciders:
            while (taken := decider.take_tally(self._now_ms())) is not None:
                tally, offsets = taken
                self._put([tally_record(self._broker, tally)], decider, offsets)

    def _decider_of(self, candidate: Candidate) -> PartitionDecider | None:
        decider = self._deciders.get(candidate.partition)
        return decider if decider is not None and decider.tenure == candidate.tenure else None

    def _drop(self, candidate: Candidate) -> None:
        if (decider := self._decider_of(candidate)) is not None:
            decider.corrections.dropped(candidate)

    def _decide(
        self,
        candidate: Candidate,
        outcome: Outcome,
        reason: str,
        *,
        finishes: Sequence[int] = (),
        survivor: Candidate | None = None,
        answered: Answered | None = None,
        said: Analysis | None = None,
        decided_ms: int | None = None,
        first: Sequence[OutRecord] = (),
        correcting: Superseding | None = None,
        compared_with: str | None = None,
    ) -> None:
        decider = self._decider_of(candidate)
        if decider is None:
            return  # the partition is another's now, or ours anew: the aggregates are read again
        AGENT.decisions.labels(outcome, reason).inc()
        decision = decision_of(
            candidate,
            outcome,
            reason,
            decided_ms=self._now_ms() if decided_ms is None else decided_ms,
            survivor=survivor,
            answered=answered,
            said=said,
            correcting=correcting,
            compared_with=compared_with,
        )
        records = [decision_record(self._broker, decision)]
        self._put(records, decider, finishes, first, correcting)

    def _put(
        self,
        records: Sequence[OutRecord],
        decider: PartitionDecider,
        finishes: Sequence[int],
        first: Sequence[OutRecord] = (),
        correcting: Superseding | None = None,
    ) -> None:
        def done() -> None:
            for offset in finishes:
                decider.offsets.finish(offset)
            if correcting is not None:
                decider.corrections.settle(correcting.correction, told=True)

        self._publisher.put(Outgoing(first, records, done))


def decision_of(
    candidate: Candidate,
    outcome: Outcome,
    reason: str,
    *,
    decided_ms: int,
    survivor: Candidate | None = None,
    answered: Answered | None = None,
    said: Analysis | None = None,
    correcting: Superseding | None = None,
    compared_with: str | None = None,
) -> Decision:
    """Return the fate of a candidate.

    ``survivor`` is who took it over; ``answered`` what its analysis says, or ``said`` its analysis itself. An analysis
    was ``decided_ms`` when it was produced. What takes the place of another is ``correcting`` it.
    """
    alert_id = alert_of(candidate.candidate_id) if correcting is None else correcting.alert_id
    last = max(0, candidate.read_to - 1)
    asked = candidate if answered is None else answered
    decision = Decision(
        decision_id=candidate.candidate_id,
        asset=candidate.asset,
        product=candidate.product,
        as_of_ms=candidate.as_of_ms,
        outcome=outcome,
        reason=reason,
        survivor_id=None if survivor is None else survivor.candidate_id,
        analysis_id=None if answered is None else candidate.candidate_id,
        item_key=None if answered is None else answered.item_key,
        severity=candidate.severity,
        reasons=list(candidate.reasons),
        aggregate_ids=list(candidate.aggregate_ids),
        aggregates_partition=candidate.partition,
        first_offset=min(candidate.offsets, default=last),
        last_offset=max(candidate.offsets, default=last),
        decided_ms=decided_ms,
        alert_id=alert_id,
        attempt_ids=[] if survivor else asked.attempt_ids,
        read_to=candidate.read_to,
        lead=candidate.lead,
        alert_ids=candidate.alert_ids,
        compared_with=compared_with,
    )
    return decision if said is None else _as_said(decision, said)


def _as_said(decision: Decision, said: Analysis) -> Decision:
    """Return the decision on a candidate that was made again, as it was when its analysis was.

    By then it may have taken others over, with the windows their reasons stand on. And an alert's has no aggregate to
    be made at again: it knows others now than those the analysis is about.
    """
    alert_id = said.trigger.alert_id
    earlier = [fact.aggregate_id for fact in said.facts if fact.window_end_ms is not None]
    as_it_was = replace(
        decision,
        aggregate_ids=list(dict.fromkeys((*earlier, *decision.aggregate_ids))),
        product=said.product,
        analysis_id=said.analysis_id,
        severity=said.severity,
        reasons=list(said.trigger.reasons),
        attempt_ids=list(said.attempt_ids),
        alert_ids=[] if alert_id is None else [alert_id],
        compared_with=said.compared_with,
    )
    if decision.alert_id is None or said.supersedes is not None:
        return as_it_was
    cited = list(dict.fromkeys(fact.aggregate_id for fact in said.facts))
    return replace(as_it_was, read_to=None, aggregate_ids=cited)


def letter_of(record: ConsumerRecord, refused: ContractError) -> DeadLetter:
    """Return the dead letter of a record that could not be used."""
    return DeadLetter(
        reason=refused.reason,
        message=str(refused),
        stage="analyse",
        role=ROLE,
        key=record.key,
        value=record.value or b"",
        time_ms=record.timestamp,
        topic="aggregates",
        partition=record.partition,
        offset=record.offset,
    )
