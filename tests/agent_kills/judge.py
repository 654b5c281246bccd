"""What the topics, the provider's bill and the ledger hold, against what must be there."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from tests.integration.agent_runs import Place
from topics import Analysis, Decision, Result, Tally

from .logs import Control, Logs, Told

_EXAMPLES_MAX = 5
CORRECTIONS = {"revised", "withdrawn"}
"""Reasons of decisions that a revision causes."""
_CUT_OFF = {"answered", "abandoned"}
"""Outcomes of calls that went well, as far as they went."""


class Paid(Struct, frozen=True):
    """One call of the bill, and what the ledger says of it."""

    attempt_id: str
    billed_nano_usd: int
    state: str | None
    """None where the ledger does not know it."""
    booked_nano_usd: int


class Verdict(Struct):
    """Counts; all of the first block are zero for a faultless run."""

    lost: int = 0
    """Records that no decision, tally or dead letter finishes."""
    unanswered: int = 0
    """Candidates without a decision of their own or of who took them over."""
    strange: int = 0
    """Decisions, tallies and dead letters of what the control run says otherwise."""
    hollow: int = 0
    """Decisions whose analysis is not there."""
    crossed: int = 0
    """Ids whose first decision does not speak of their first analysis, which is the one that counts."""
    uncharged: int = 0
    """Paid calls that the ledger does not hold in full."""
    mischarged: int = 0
    """Paid calls whose cost is known, and booked otherwise."""

    differing: int = 0
    """Analyses that repeat an id with other bytes, at a higher offset: a zombie's."""
    wasted: int = 0
    """Paid calls that no decision names, and that did not fail by themselves."""
    doubled: int = 0
    """Analyses that repeat an id, whatever their bytes."""
    redecided: int = 0
    """Decisions that repeat an id with an outcome of their own."""

    records: int = 0
    candidates: int = 0
    alerts: int = 0
    analyses: int = 0
    called: int = 0
    """Analyses by the model."""
    billed: int = 0
    bill_nano_usd: int = 0
    booked_nano_usd: int = 0
    """Settled and charged, of all attempts."""
    charged: int = 0
    """Calls of the bill that are charged in full, because nobody knows what they cost."""
    examples: list[str] = field(default_factory=list)

    @property
    def faultless(self) -> bool:
        wrong = self.lost + self.unanswered + self.strange + self.hollow + self.crossed
        return not (wrong + self.uncharged + self.mischarged)

    def note(self, words: str, found: Iterable[object]) -> int:
        """Keep an example, and return how many there are."""
        every = sorted(map(str, found))
        if every and len(self.examples) < _EXAMPLES_MAX:
            self.examples.append(f"{words}: {len(every)}, as {'; '.join(every[:3])}"[:600])
        return len(every)


def judge(logs: Logs, control: Control, paid: Sequence[Paid], booked_nano_usd: int) -> Verdict:
    """Compare. All that was read must have been finished, and no reservation be open."""
    verdict = Verdict(
        records=len(control.places),
        candidates=len(control.candidates),
        alerts=len(control.alerts),
        analyses=len(logs.analyses),
        called=sum(analysis.origin == "model" for _, analysis in logs.of(Analysis)),
        booked_nano_usd=booked_nano_usd,
    )
    _finished(verdict, logs, control)
    _answered(verdict, logs, control)
    _repeated(verdict, logs)
    _paid(verdict, logs, paid)
    return verdict


def final(decisions: Iterable[tuple[Told, Decision]]) -> dict[str, list[tuple[Told, Decision]]]:
    """Return the decisions that end a candidate, by its id, in the order of the log."""
    found: dict[str, list[tuple[Told, Decision]]] = defaultdict(list)
    for told, decision in decisions:
        if decision.outcome != "coalesced":
            found[decision.decision_id].append((told, decision))
    return found


def heirs(decisions: Iterable[tuple[Told, Decision]]) -> dict[str, set[str]]:
    """Return who took a candidate over, by its id: after a restart it may be another."""
    found: dict[str, set[str]] = defaultdict(set)
    for _, decision in decisions:
        if decision.outcome == "coalesced" and decision.survivor_id is not None:
            found[decision.decision_id].add(decision.survivor_id)
    return found


def ends_of(candidate_id: str, survivors: Mapping[str, set[str]], ended: Iterable[str]) -> set[str]:
    """Return the ids of the decisions that end a candidate, its own or of who took it over."""
    reached, ahead = set[str](), [candidate_id]
    while ahead:
        one = ahead.pop()
        if one not in reached:
            reached.add(one)
            ahead += survivors.get(one, ())
    return reached & set(ended)


def _finished(verdict: Verdict, logs: Logs, control: Control) -> None:
    """Every record is finished by what the control run says of it."""
    decided, strange = set[Place](), list[str]()
    for _, decision in logs.of(Decision):
        corrects = decision.reason in CORRECTIONS
        if decision.alert_id is not None:
            if decision.decision_id not in control.alerts and not corrects:
                strange.append(decision.decision_id)
            continue
        place = Place(decision.aggregates_partition, decision.last_offset)
        decided.add(place)
        # A correction is made by a revision, which makes no candidate.
        if not (place in control.tallied if corrects else is_made_at(control, decision, place)):
            strange.append(f"{decision.decision_id} at {place}")
    tallied, uncounted = _tallied(logs, control, strange)
    strange += [f"a dead letter of {place}" for place in set(logs.letters) - control.refused]
    missing = control.places - decided - tallied - set(logs.letters)
    verdict.lost = verdict.note("lost", missing) + uncounted
    verdict.strange = verdict.note("strange", strange)


def is_made_at(control: Control, decision: Decision, place: Place) -> bool:
    """Return whether the control run makes this candidate of this record."""
    return control.candidates.get(place) == decision.decision_id


def _tallied(logs: Logs, control: Control, strange: list[str]) -> tuple[set[Place], int]:
    """Return what tallies speak of, and how many of that they do not count.

    A tally need not count again what one before it has counted.
    """
    covered, uncounted = set[Place](), 0
    offsets: dict[int, list[int]] = defaultdict(list)
    for place in sorted(control.tallied):
        offsets[place.partition].append(place.offset)
    for _, tally in logs.of(Tally):
        partition = tally.aggregates_partition
        spanned = {
            Place(partition, offset)
            for offset in offsets[partition]
            if tally.first_offset <= offset <= tally.last_offset
        }
        counted = tally.folded + tally.uninteresting
        if counted > len(spanned):
            strange.append(f"{tally.tally_id} counts {counted} of {len(spanned)}")
        uncounted += max(0, len(spanned - covered) - counted)
        covered |= spanned
    return covered, uncounted


def _answered(verdict: Verdict, logs: Logs, control: Control) -> None:
    """Every candidate has its end, and every end that says so its analysis."""
    decisions = logs.of(Decision)
    ended, survivors = final(decisions), heirs(decisions)
    candidates = {*control.candidates.values(), *control.alerts}
    unanswered = [one for one in candidates if not ends_of(one, survivors, ended)]
    verdict.unanswered = verdict.note("unanswered", unanswered)
    said = {analysis.analysis_id for _, analysis in logs.of(Analysis)}
    due = {d.analysis_id for ends in ended.values() for _, d in ends if d.analysis_id is not None}
    verdict.hollow = verdict.note("without its analysis", due - said)


def _repeated(verdict: Verdict, logs: Logs) -> None:
    """Of several analyses with one id the first counts, and is the one that is decided on."""
    said: dict[str, list[tuple[Told, Analysis]]] = defaultdict(list)
    for told, analysis in logs.of(Analysis):
        said[analysis.analysis_id].append((told, analysis))
    ended, crossed = final(logs.of(Decision)), []
    for candidate_id, every in said.items():
        (first, analysis), *others = every
        verdict.doubled += len(others)
        verdict.differing += sum(told.value != first.value for told, _ in others)
        for _, decision in ended.get(candidate_id, [])[:1]:
            spoken_of = (decision.decided_ms, decision.attempt_ids)
            if spoken_of != (analysis.produced_ms, analysis.attempt_ids):
                crossed.append(candidate_id)
    verdict.crossed = verdict.note("crossed", crossed)
    verdict.redecided = sum(len(every) - 1 for every in ended.values())


def _paid(verdict: Verdict, logs: Logs, paid: Sequence[Paid]) -> None:
    """Every paid call is in the books: to the nano-dollar where its cost is known, in full where it is not."""
    known = [one for one in paid if one.state == "settled"]
    unknown = [one for one in paid if one.state == "charged"]
    held = {one.attempt_id for one in (*known, *unknown)}
    uncharged = [f"{one.attempt_id} is {one.state}" for one in paid if one.attempt_id not in held]
    uncharged += [one.attempt_id for one in unknown if one.booked_nano_usd < one.billed_nano_usd]
    twice = len(paid) - len({one.attempt_id for one in paid})
    verdict.billed, verdict.charged = len(paid), len(unknown)
    verdict.bill_nano_usd = sum(one.billed_nano_usd for one in paid)
    short = ["all together"] if verdict.booked_nano_usd < verdict.bill_nano_usd else []
    verdict.uncharged = verdict.note("not charged", [*uncharged, *short]) + twice
    verdict.mischarged = verdict.note(
        "charged otherwise",
        [one.attempt_id for one in known if one.booked_nano_usd != one.billed_nano_usd],
    )
    named = {attempt_id for _, d in logs.of(Decision) for attempt_id in d.attempt_ids}
    failed = {result.attempt_id for _, result in logs.of(Result) if result.outcome not in _CUT_OFF}
    verdict.wasted = len({one.attempt_id for one in paid} - named - failed)
