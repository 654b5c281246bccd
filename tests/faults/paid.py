"""What was sent, whether it might be, and what it cost: the wire, the breakers, the bill and the ledger. PURE."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agents.ask.breaker import State

from .evidence import Account, Billed, Change, Evidence, Sample, Send
from .log import Log
from .trail import ANSWERED
from .verdict import Verdict

UNDER_WAY_S = 0.5
"""A call that had its permit when the breaker opened is on the wire by then, also on a busy machine."""
SHUT = (State.OPEN, State.FORCED_OPEN)
ENDED = ("settled", "released", "charged")
"""States in the ledger after which nothing more is to come."""
NO_END_S = float("inf")


class Spell(NamedTuple):
    """A breaker in one state."""

    state: State
    from_s: float
    to_s: float


def wire(log: Log, sends: Sequence[Send], verdict: Verdict) -> None:
    """Hold every request against the journal, and against the decisions that must name it."""
    counts = Counter(send.attempt_id for send in sends)
    for attempt_id, count in counts.items():
        if count > 1:
            verdict.find("unintended", f"{attempt_id!r} was sent {count} times")
    for send in sends:
        if (wrong := _unintended(log, send)) is not None:
            verdict.find("unintended", f"{send.attempt_id!r} at {send.at_s:.3f} {wrong}")
    for attempt_id in log.intents.keys() - log.results.keys():
        verdict.find("unended", f"{attempt_id} has no result")
    told = log.decisions.values()
    named = Counter(attempt_id for decision in told for attempt_id in decision.attempt_ids)
    for attempt_id in counts:
        if named[attempt_id] != 1:
            verdict.find("unnamed", f"{attempt_id!r} is named by {named[attempt_id]} decisions")
    outcomes = Counter(result.outcome for result in log.results.values())
    verdict.figures |= {"requests": len(sends), "outcomes": dict(outcomes.most_common())}


def sends_of_answers(log: Log, bill: Sequence[Billed], paid_max: int, verdict: Verdict) -> None:
    """Count the paid sends of each answer, by the journal and by the bill; the greater counts."""
    charged = {entry.attempt_id for entry in bill if entry.charged}
    spread: Counter[int] = Counter()
    for decision in log.decisions.values():
        if decision.outcome not in ANSWERED:
            continue
        booked = [a for a in decision.attempt_ids if _cost(log, a) > 0]
        billed = [a for a in decision.attempt_ids if a in charged]
        paid = max(len(booked), len(billed))
        spread[paid] += 1
        if paid > paid_max:
            verdict.find("oversent", f"{decision.decision_id}: {paid} paid sends")
    verdict.figures["answers_by_paid_sends"] = dict(sorted(spread.items()))


def breakers(log: Log, evidence: Evidence, verdict: Verdict) -> None:
    """Hold every request against the state of its agent's breakers at the time it was on the wire."""
    under_way = probes = trials = 0
    openings: Counter[str] = Counter()
    for (agent, breaker), spells in spells_of(evidence.changes).items():
        openings[breaker] += sum(spell.state is State.OPEN for spell in spells)
        sends = [
            send
            for send in evidence.sends
            if send.agent == agent and _heeds(log, send.attempt_id, breaker)
        ]
        for spell in spells:
            within = [send for send in sends if spell.from_s <= send.at_s < spell.to_s]
            if spell.state in SHUT:
                for send in within:
                    since_s = send.at_s - spell.from_s
                    if since_s < UNDER_WAY_S:
                        under_way += 1
                        continue
                    words = (
                        f"{agent}: {send.attempt_id}, {since_s:.2f} s after {breaker} had opened"
                    )
                    verdict.find("sent_while_open", words)
            elif spell.state is State.HALF_OPEN:
                trials, probes = trials + 1, probes + len(within)
                most = _at_once(within)
                if most > evidence.terms.probes:
                    verdict.find(
                        "crowded_probes", f"{agent}: {most} at once in a trial of {breaker}"
                    )
    verdict.figures |= {
        "openings": dict(openings),
        "trials": trials,
        "requests_in_trials": probes,
        "requests_under_way_at_openings": under_way,
    }


def _heeds(log: Log, attempt_id: str, breaker: str) -> bool:
    """Return whether a call needs a breaker's leave: a prompt's only where it asks with that prompt."""
    intent = log.intents.get(attempt_id)
    kind, _, name = breaker.partition("/")
    return kind != "quality" or intent is None or intent[0].prompt_version == name


def spells_of(changes: Sequence[Change]) -> dict[tuple[str, str], list[Spell]]:
    """Return each breaker's states in order; the last has no end."""
    found: dict[tuple[str, str], list[Change]] = defaultdict(list)
    for change in sorted(changes, key=lambda c: c.at_s):
        found[change.agent, change.breaker].append(change)
    return {key: list(_spells(those)) for key, those in found.items()}


def moments(samples: Sequence[Sample], verdict: Verdict) -> None:
    """Hold the ledger against its caps at every moment that was looked at."""
    for sample in samples:
        if sample.used > sample.cap or sample.overrun:
            words = f"{sample.account}: {sample.used} of {sample.cap}, {sample.overrun} over"
            verdict.find("over_cap", words)
    verdict.figures |= {
        "samples": len(samples),
        "most_of_a_cap": max((s.used / max(1, s.cap) for s in samples), default=0.0),
    }


def books(evidence: Evidence, verdict: Verdict) -> None:
    """Hold the ledger against the bill, attempt by attempt and in all."""
    booked, billed = evidence.booked, {entry.attempt_id: entry for entry in evidence.bill}
    for entry in evidence.bill:
        if (wrong := _misbooked(entry, booked.get(entry.attempt_id))) is not None:
            verdict.find("misbooked", f"{entry.attempt_id}: {wrong}")
    for attempt_id, account in booked.items():
        if account.state not in ENDED:
            verdict.find("unended", f"{attempt_id} is {account.state}")
        if account.state == "settled" and account.used_nano_usd and attempt_id not in billed:
            words = f"{attempt_id}: {account.used_nano_usd} settled, and not on the bill"
            verdict.find("misbooked", words)
    settled, charged = _total(booked, "settled"), _total(booked, "charged")
    bill = sum(entry.cost_nano_usd for entry in evidence.bill)
    if settled + charged < bill:
        words = f"the ledger has {settled + charged} nano-dollars, the bill {bill}"
        verdict.find("misbooked", words)
    known = [entry for name, entry in billed.items() if _state(booked, name) == "settled"]
    verdict.figures |= {
        "attempts": dict(Counter(account.state for account in booked.values())),
        "bill_nano_usd": bill,
        "settled_nano_usd": settled,
        "charged_nano_usd": charged,
        "bill_of_settled_nano_usd": sum(entry.cost_nano_usd for entry in known),
        "faults_billed": dict(Counter(e.fault or "none" for e in evidence.bill).most_common()),
    }


def recovery(log: Log, evidence: Evidence, verdict: Verdict) -> None:
    """Measure from the end of the last fault to the first answer of the model, and to the last breaker closed."""
    sent_s = {send.attempt_id: send.at_s for send in evidence.sends}
    healed_s, most_s = evidence.healed_s, evidence.terms.recovery_s
    answered_s = min(
        (
            analysis.produced_ms / 1000
            for analysis in log.analyses.values()
            if analysis.origin == "model" and sent_s.get(analysis.attempt_ids[-1], 0.0) >= healed_s
        ),
        default=NO_END_S,
    )
    closed_s = healed_s
    for spells in spells_of(evidence.changes).values():
        if (
            next((s for s in spells if s.from_s <= healed_s < s.to_s), spells[0]).state
            is State.CLOSED
        ):
            continue
        ends = [s.from_s for s in spells if s.from_s >= healed_s and s.state is State.CLOSED]
        closed_s = max(closed_s, min(ends, default=NO_END_S))
    for what, at_s in (("the model's first answer", answered_s), ("all breakers closed", closed_s)):
        if at_s - healed_s > most_s:
            verdict.find("unrecovered", f"{what} {at_s - healed_s:.1f} s after the fake had healed")
    verdict.figures |= {
        "first_answer_after_s": answered_s - healed_s,
        "breakers_closed_after_s": closed_s - healed_s,
    }


def memory(evidence: Evidence, verdict: Verdict) -> None:
    """Hold each agent's memory at the end against that at half of the time."""
    for agent, marks in evidence.memory_mb.items():
        *_, half, end = [0.0, 0.0, *marks]
        if end > half * (1 + evidence.terms.growth):
            verdict.find("grown", f"{agent}: {half:.1f} MB at half, {end:.1f} MB at the end")
    verdict.figures["memory_mb"] = evidence.memory_mb


def _unintended(log: Log, send: Send) -> str | None:
    """Return how the journal contradicts a request."""
    intent, result = log.intents.get(send.attempt_id), log.results.get(send.attempt_id)
    if intent is None:
        return "without an intent"
    if (early_ms := intent[1] - send.at_s * 1000) > 0:
        return f"was sent {early_ms:.0f} ms before its intent"
    if result is not None and result.known == "released":
        return f"was sent, and released: {result.outcome}"
    return None


def _spells(changes: Sequence[Change]) -> Iterator[Spell]:
    yield Spell(State.CLOSED, 0.0, changes[0].at_s)
    ends = [change.at_s for change in changes[1:]] + [NO_END_S]
    for change, to_s in zip(changes, ends, strict=True):
        yield Spell(change.state, change.at_s, to_s)


def _at_once(sends: Sequence[Send]) -> int:
    """Return the most of these requests that were unanswered at one time."""
    return max(
        (sum(one.at_s <= send.at_s < one.ended_s for one in sends) for send in sends), default=0
    )


def _cost(log: Log, attempt_id: str) -> int:
    result = log.results.get(attempt_id)
    return 0 if result is None else result.cost_nano_usd


def _misbooked(entry: Billed, booked: Account | None) -> str | None:
    """Return how the ledger contradicts an entry of the bill; a refusal that is not charged may be booked."""
    if booked is None:
        return "on the bill and not in the books"
    used, cost = booked.used_nano_usd, entry.cost_nano_usd
    match booked.state:
        case "settled" if used == cost or (used > cost and not entry.charged):
            return None
        case "charged" if used >= cost:
            return None
    return f"{booked.state} with {used}, on the bill with {cost}"


def _total(booked: Mapping[str, Account], state: str) -> int:
    return sum(account.used_nano_usd for account in booked.values() if account.state == state)


def _state(booked: Mapping[str, Account], attempt_id: str) -> str | None:
    found = booked.get(attempt_id)
    return None if found is None else found.state
