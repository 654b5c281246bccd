"""What the simulated model writes: words and slots, never a number of its own.

The caller's prompt holds facts, each with the name of a slot and a label; the text says of some of them that they
read ``{slot}``, and the caller fills the slots. No text claims a direction, gives advice or names an asset: it cannot
be wrong about a market it has not looked at.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from .dice import Dice
from .prompt import blocks

HEADLINE_CHARS_MAX = 100
"""Characters of a headline before its slots are filled."""
LABEL_CHARS_MAX = 48
"""A longer label is cut, between words."""
FACTS_MAX = 256
"""Facts of one prompt that are looked at."""
SLOTS_MAX = 3
"""Slots of one text."""
NOTED_MAX = 8
"""Slots that a text tells of each list of the prompt's own sentences."""
STARTS_MAX = 256
"""Places in a prompt where a JSON object is looked for."""

_SLOT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_IN_BRACES = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})")
_WITH_NUMBER = re.compile(r"\([^()]*\d[^()]*\)")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_JSON = json.JSONDecoder()

_VERBS = ("at", "now at", "measured at", "put at")
OPENINGS = ("Simulated reading", "Simulated note", "Simulated summary")
CLOSINGS = (
    "No model was asked; the words are a stand-in and the numbers are measured.",
    "The words are simulated; only the numbers are measured.",
    "This text is a stand-in for a model's; its numbers are measured.",
)
_NOTHING = "Simulated reading: no facts were given."
_NOTES = {
    "unusual": "Unusual against its own past",
    "contradicts": "Held against each other",
    "changed": "Other than before",
}
"""Lists of sentences with slots that a prompt may hold, and how the text begins that tells those slots."""
_PHRASES = (
    "a simulated remark",
    "words of a stand-in model",
    "simulated text without meaning",
    "a placeholder for a model's words",
)


class Fact(Struct, frozen=True):
    """Something the caller measured: where its value goes, what it is called, and what is noted of it."""

    slot: str
    label: str
    note: str = ""
    """The list of the prompt whose sentences hold it, a name of `_NOTES`; of several the first."""


def write(path: str, facts: list[Fact], dice: Dice) -> str:
    """Return the text of an answer's field: ``headline`` and ``text`` tell facts, others hold a phrase."""
    name = path.rpartition("/")[2]
    if name == "headline":
        return headline(facts, dice)
    if name == "text":
        return text(facts, dice)
    return _PHRASES[dice.throw(path, len(_PHRASES))]


def headline(facts: list[Fact], dice: Dice) -> str:
    """Return one line of at most ``HEADLINE_CHARS_MAX`` characters."""
    opening = f"{OPENINGS[dice.throw('opening', len(OPENINGS))]}: "
    told = ""
    for fact in _chosen(facts, dice, lambda fact: fact.note != "unusual"):
        longer = f"{told}, {_told(fact)}" if told else _told(fact)
        if len(opening) + len(longer) <= HEADLINE_CHARS_MAX:
            told = longer
    return opening + (told or "see the text") if facts else _NOTHING


def text(facts: list[Fact], dice: Dice) -> str:
    """Return a sentence with up to ``SLOTS_MAX`` slots, one for each list of sentences that the prompt has, and one that says it is simulated."""
    verb = _VERBS[dice.throw("verb", len(_VERBS))]
    chosen = _chosen(facts, dice, lambda fact: fact.note != "")
    parts = [f"{fact.label} {verb} {{{fact.slot}}}" for fact in chosen]
    if not parts:
        return _NOTHING
    opening = OPENINGS[dice.throw("opening", len(OPENINGS))]
    closing = CLOSINGS[dice.throw("closing", len(CLOSINGS))]
    return " ".join((f"{opening}: {'; '.join(parts)}.", *_noted(facts), closing))


def facts_of(body: dict[str, Any]) -> list[Fact]:
    """Return the facts in the last user message of a request, in its order."""
    return next((facts for found in objects_of(body) if (facts := _facts(found))), [])


def objects_of(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in the last user message of a request."""
    messages = [message for message in body["messages"] if message["role"] == "user"]
    for block in blocks(messages[-1]["content"]) if messages else ():
        yield from _objects(block.get("text", ""))


def _noted(facts: list[Fact]) -> Iterator[str]:
    for note, begins in _NOTES.items():
        if told := [_told(fact) for fact in facts if fact.note == note][:NOTED_MAX]:
            yield f"{begins}: {'; '.join(told)}."


def _chosen(facts: list[Fact], dice: Dice, comes_later: Callable[[Fact], bool]) -> list[Fact]:
    """Return the facts a sentence tells, in the prompt's order: by chance, but some come after all others."""
    order = sorted(dice.order("facts", len(facts)), key=lambda at: comes_later(facts[at]))
    return [facts[at] for at in sorted(order[:SLOTS_MAX])]


def _told(fact: Fact) -> str:
    return f"{fact.label} {{{fact.slot}}}"


def _facts(found: dict[str, Any]) -> list[Fact]:
    items = found.get("facts")
    if not isinstance(items, list):
        return []
    facts: dict[str, Fact] = {}
    notes = _notes(found)
    for item in items[:FACTS_MAX]:
        slot, label = (item.get("slot"), item.get("label")) if isinstance(item, dict) else ("", "")
        if isinstance(slot, str) and isinstance(label, str) and _SLOT.fullmatch(slot):
            facts[slot] = Fact(slot, _plain(label), notes.get(slot, ""))
    return list(facts.values())


def _notes(found: dict[str, Any]) -> dict[str, str]:
    """Return the slots that the prompt's own sentences hold, each with the first list that has it."""
    notes: dict[str, str] = {}
    for note in _NOTES:
        sentences = found.get(note)
        for sentence in sentences[:FACTS_MAX] if isinstance(sentences, list) else ():
            if isinstance(sentence, str):
                for slot in _IN_BRACES.findall(sentence):
                    notes.setdefault(slot, note)
    return notes


def _plain(label: str) -> str:
    """Return a label's words alone: a digit in it would be a number the model wrote."""
    parts = _WITH_NUMBER.sub(" ", label).split()
    words = _WORD.findall(" ".join(part for part in parts if not _has_number(part)))
    plain = ""
    for word in words:
        longer = f"{plain} {word}".strip()
        if len(longer) > LABEL_CHARS_MAX:
            break
        plain = longer
    return plain or "the value"


def _has_number(part: str) -> bool:
    return any(char.isnumeric() for char in part)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a text, the outermost first."""
    start = text.find("{")
    for _ in range(STARTS_MAX):
        if start < 0:
            return
        try:
            found, end = _JSON.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield found
        start = text.find("{", end)
