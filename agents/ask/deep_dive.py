"""What the model is told of one asset for a deep dive: its facts, and what they say together. PURE.

What changed since the asset's last analysis, what is unusual and what contradicts what is found by code, and told in
sentences of ours with open slots. Of the last analysis only its facts, reasons, direction and data are told: its words
may be a model's, and would be an instruction's way from one question to the next.
"""

import msgspec
from msgspec import Struct

from agents.answer.anomalies import anomalies_of
from agents.answer.changed import changed_in
from agents.answer.crosschecks import crosschecks_of
from agents.answer.reading import direction_of, told_of
from agents.answer.slots import SLOT, shown
from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of
from agents.decide.printing import label_of, printed
from agents.decide.quality import PLURALS
from agents.decide.worth import by_worth
from topics import Fact

from .context_budget import kept_within, tokens_at_most

NOTHING_MISSING = "nothing known to be missing"
FRAME_TOKENS = 64
"""Kept for the marker, and for what is said where nothing is missing."""
Notes = dict[str, list[str]]
"""What is said of the facts by code, by what it is: sentences with slots."""


class Question(Struct, frozen=True):
    """A deep dive's question, but for its marker, and the slots it lets the model use."""

    asked: dict[str, object]
    slots: tuple[str, ...]


def question_of(candidate: Candidate, tokens_max: int) -> Question:
    """Return what to ask about a candidate in at most so many tokens.

    Of the facts those are told that are worth the most, in the order the analysis has them, under the names they have
    there: what is left out renames nothing. A sentence is told with all of its slots or not at all.
    """
    slots = slots_of(candidate.facts)
    notes = _notes_of(candidate, slots)
    facts = [_told(slot, fact) for slot, fact in slots.items()]
    tokens = [tokens_at_most(_text(fact)) + 1 for fact in facts]  # one for the comma
    around = tokens_at_most(_text(_asked(candidate, [], notes, left_out=len(facts))))
    order = _order_of(candidate, slots, notes)
    kept = kept_within(tokens_max - around - FRAME_TOKENS, order, tokens)
    told = tuple(slot for at, slot in enumerate(slots) if at in kept)
    return Question(
        _asked(
            candidate,
            [fact for at, fact in enumerate(facts) if at in kept],
            {name: [s for s in said if _slots_in(s) <= set(told)] for name, said in notes.items()},
            left_out=len(facts) - len(kept),
        ),
        told,
    )


def _asked(
    candidate: Candidate, facts: list[dict[str, str | int]], notes: Notes, *, left_out: int
) -> dict[str, object]:
    return {
        "asset": candidate.asset,
        "reasons": list(candidate.reasons),
        "facts": facts,
        **notes,
        "data": {
            "completeness": candidate.quality.completeness,
            "missing": _missing(candidate, left_out) or [NOTHING_MISSING],
        },
    }


def _told(slot: str, fact: Fact) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        "slot": slot,
        "label": label_of(fact),
        "value": printed(fact),
    }
    if fact.baseline is not None:
        usual = msgspec.structs.replace(fact, value=fact.baseline)
        told |= {"usual": printed(usual), "windows": fact.sample_size}
    if (score := shown(fact, "z")) is not None:
        told["z"] = score
    return told


def _notes_of(candidate: Candidate, slots: dict[str, Fact]) -> Notes:
    told = told_of(candidate.facts)
    return {
        "changed": _changed(candidate, slots),
        "unusual": [found.words for found in anomalies_of(told)],
        "contradicts": crosschecks_of(told),
    }


def _changed(candidate: Candidate, slots: dict[str, Fact]) -> list[str]:
    """Return what is different since the asset's last analysis, what moved with its slot."""
    last = candidate.last
    if last is None:
        return []
    names = {fact: slot for slot, fact in slots.items()}
    return changed_in(
        last,
        direction=direction_of(candidate.facts),
        severity=candidate.severity,
        reasons=candidate.reasons,
        facts=candidate.facts,
        quality=candidate.quality,
        moved=lambda old, new: f"{label_of(new)} {{{names[new]}}}, was {printed(old)}",
    )


def _missing(candidate: Candidate, left_out: int) -> list[str]:
    """Return what the model must know that it does not know."""
    known = {fact.aggregate_id.partition("/")[0] for fact in candidate.facts}
    return [
        *(words for words in candidate.quality.words.split("; ") if words),
        *(f"nothing is known of {words}" for kind, words in PLURALS.items() if kind not in known),
        *([f"{left_out} fact{'' if left_out == 1 else 's'} left out"] if left_out else []),
    ]


def _order_of(candidate: Candidate, slots: dict[str, Fact], notes: Notes) -> list[int]:
    named = {slot for said in notes.values() for words in said for slot in _slots_in(words)}
    return by_worth(
        candidate.facts,
        lead=told_of(candidate.facts).lead,
        reasons=candidate.reasons,
        named={at for at, slot in enumerate(slots) if slot in named},
    )


def _slots_in(words: str) -> set[str]:
    return {found.group(1) for found in SLOT.finditer(words)}


def _text(asked: object) -> str:
    return msgspec.json.encode(asked).decode()
