"""What takes the place of an analysis when later data contradict it: the candidate of it, or nothing. PURE.

Nothing, where no fact is printed otherwise and every reason holds. Where none holds it is withdrawn, else superseded
with the reasons that hold. What was withdrawn stays so: where a later revision shows it again, the gate asks anew.
"""

from collections.abc import Container

from msgspec import Struct

from topics import Aggregate, Analysis, Severity

from .alerts import alert_reason
from .candidate import AlertCause, Candidate, worse
from .context import Labels
from .findings import Ground
from .standing import Chain, quality_after, reads_otherwise, revised_facts

STATE, ALERT = "state_", alert_reason("")
"""What reasons begin with that no finding of the gate stands behind. How an asset is may always be said."""
LAST = 2**63 - 1
"""An offset behind all others: as things are now."""


class Correction(Struct, frozen=True):
    """Something that may change what was said: a revision of a window, or an alert that is taken back."""

    cause: str
    """The aggregate's id, or the alert's."""
    offset: int | None = None
    aggregate: Aggregate | None = None

    @property
    def at(self) -> int:
        """The offset up to which revisions count."""
        return LAST if self.offset is None else self.offset


class Superseding(Struct, frozen=True):
    """What takes the place of an analysis."""

    candidate: Candidate
    """It, as rules are to answer it: its id, the facts as revised, the reasons that hold; of a withdrawal those gone."""
    before: Analysis
    correction: Correction
    withdraws: bool
    said: Analysis | None = None
    """It, where it was published already and its decision was not."""
    labels: Labels = ()
    """Of a state that is told by the same words as it was first: these,"""
    lead: str | None = None
    """and the instrument they are of. What was said of the state holds then, with other numbers."""

    @property
    def alert_id(self) -> str | None:
        """The alert that was taken back; None where an aggregate was revised."""
        return self.correction.cause if self.correction.offset is None else None


class Support(Struct, frozen=True):
    """What the reasons of an analysis rest on: its own findings and alerts, and those of what it took over."""

    grounds: tuple[Ground, ...]
    alerts: tuple[str, ...]
    retracted: Container[str]

    def holds(self, reason: str, at: int) -> bool:
        """Return whether a reason holds by the revisions up to an offset; one of which nothing is known does."""
        if reason.startswith(STATE):
            return True
        if reason.startswith(ALERT):
            known = [one for one in self.alerts if _asks_by(one, reason)]
            return not known or any(one not in self.retracted for one in known)
        found = [ground.at(at) for ground in self.grounds if ground.reason == reason]
        return not found or any(grade is not None for grade in found)

    def severity(self, reasons: tuple[str, ...], at: int) -> Severity | None:
        """Return how severe the findings behind reasons are; None where something else is behind one."""
        severity: Severity | None = None
        for reason in reasons:
            grades = [g.at(at) for g in self.grounds if g.reason == reason]
            known = [grade for grade in grades if grade is not None]
            if reason.startswith(STATE):
                known.append("info")
            if not known:
                return None
            for grade in known:
                severity = grade if severity is None else worse(severity, grade)
        return severity

    def alert_id(self, before: Analysis) -> str | None:
        """Return the alert an analysis answers by name, or another of its that was not taken back."""
        named = before.trigger.alert_id
        if named is None or named not in self.retracted:
            return named
        return next((one for one in self.alerts if one not in self.retracted), None)


def superseding_of(
    chain: Chain, correction: Correction, support: Support, *, partition: int, tenure: int
) -> Superseding | None:
    """Return what takes the place of the last of a chain because of a correction."""
    before, revision = chain.tip, correction.aggregate
    if before.status != "current":
        return None
    facts, quality = tuple(before.facts), before.data_quality
    if revision is not None and chain.is_revised_by(revision):
        facts, quality = revised_facts(facts, revision), quality_after(quality, revision)
    reasons = tuple(before.trigger.reasons)
    holding = tuple(reason for reason in reasons if support.holds(reason, correction.at))
    if holding == reasons and not reads_otherwise(before.facts, facts):
        return None
    severity = support.severity(holding, correction.at) or before.severity
    alert_id = support.alert_id(before) if holding else before.trigger.alert_id
    cause = AlertCause(alert_id=alert_id or "", severity=severity, since_ms=before.as_of_ms)
    made = Candidate(
        candidate_id=chain.next_id,
        asset=before.asset,
        product=before.product,
        as_of_ms=before.as_of_ms,
        severity=severity,
        reasons=holding or reasons,
        facts=facts,
        quality=quality,
        aggregate_ids=tuple(dict.fromkeys(fact.aggregate_id for fact in facts)),
        partition=partition,
        offsets=() if correction.offset is None else (correction.offset,),
        tenure=tenure,
        enqueued_s=0.0,
        deadline_s=0.0,
        alerts=() if alert_id is None else (cause,),
    )
    return Superseding(made, before, correction, withdraws=not holding)


def said_again(
    said: Analysis, correction: Correction, *, partition: int, tenure: int
) -> Superseding:
    """Return what was published of a correction without its decision, as that is to name it."""
    made = Candidate(
        candidate_id=said.analysis_id,
        asset=said.asset,
        product=said.product,
        as_of_ms=said.as_of_ms,
        severity=said.severity,
        reasons=tuple(said.trigger.reasons),
        facts=tuple(said.facts),
        quality=said.data_quality,
        aggregate_ids=tuple(dict.fromkeys(fact.aggregate_id for fact in said.facts)),
        partition=partition,
        offsets=() if correction.offset is None else (correction.offset,),
        tenure=tenure,
        enqueued_s=0.0,
        deadline_s=0.0,
    )
    return Superseding(made, said, correction, withdraws=said.status == "withdrawn", said=said)


def _asks_by(alert_id: str, reason: str) -> bool:
    """Return whether an alert's rule gives that reason. A rule's name may hold a `/`, as the id does behind it."""
    parts = alert_id.split("/")
    return any(alert_reason("/".join(parts[:n])) == reason for n in range(1, len(parts)))
