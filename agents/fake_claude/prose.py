"""What the simulated model writes: words and slots, never a number of its own.

The caller's prompt holds facts, each with the name of a slot and a label; the text says of some of them that they
read ``{slot}``, and the caller fills the slots. Where the prompt notes what changed, what is unusual, what is at odds and
what is missing, the text tells that, in this order. No text claims a direction or gives advice: it cannot be wrong about
a market it has not looked at.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

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
"""Slots that a text tells of each list of the prompt's own sentences; of some fewer, where it would be too long."""
TEXT_CHARS_MAX = 1_500
"""Characters of a text before its slots are filled."""
MISSING_MAX, MISSING_CHARS_MAX = 8, 120
"""What is missing, of which a text tells, and the characters of each; a longer one is cut, between words."""
STARTS_MAX = 256
"""Places in a prompt where a JSON object is looked for."""

_SLOT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_IN_BRACES = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})")
_WITH_NUMBER = re.compile(r"\([^()]*\d[^()]*\)")
_OF = re.compile(r" \(([^()]{1,40})\)$")
_SPAN = re.compile(r"\b(over|of) (?:the )?(1m|5m|1h|24 hours)(?: to \d\d:\d\d UTC)?(?!\w)")
_SPANS = {"1m": "a minute", "5m": "five minutes", "1h": "an hour", "24 hours": "a day"}
_COUNT = re.compile(r"\b\d[\d,.]*\b")
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
_NOTES = ("unusual", "contradicts", "changed")
"""Lists of sentences with slots that a prompt may hold: a slot is told of the first that has it."""
_BEGINS = {
    "changed": "Other than at the last look",
    "unusual": "Unusual against its own past",
    "contradicts": "At odds with what else is known",
}
"""How the text begins that tells those slots, in the order of the text."""
_WHOLE = "nothing known"
"""How it begins when nothing is missing."""
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
    has_usual: bool = False
    """Whether the prompt says what was usual."""


def write(path: str, facts: list[Fact], dice: Dice, missing: Sequence[str] = ()) -> str:
    """Return the text of an answer's field: ``headline`` and ``text`` tell facts, others hold a phrase."""
    name = path.rpartition("/")[2]
    if name == "headline":
        return headline(facts, dice)
    if name == "text":
        return text(facts, dice, missing)
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


def text(facts: list[Fact], dice: Dice, missing: Sequence[str] = ()) -> str:
    """Return sentences of what the prompt notes, else one of up to ``SLOTS_MAX`` facts, and one that says it is simulated.

    ``missing`` is what the prompt says is missing, in plain words (`missing_of`).
    """
    if not facts and not missing:
        return _NOTHING
    opening = OPENINGS[dice.throw("opening", len(OPENINGS))]
    closing = CLOSINGS[dice.throw("closing", len(CLOSINGS))]
    lacking = [f"Of the data: {'; '.join(missing)}."] if missing else []
    written = ""
    for noted_max in (NOTED_MAX, NOTED_MAX // 2, NOTED_MAX // 4):
        told = [*_noted(facts, noted_max)]
        said = (
            [f"{opening}.", *told] if told or not facts else [f"{opening}: {_some(facts, dice)}."]
        )
        written = " ".join((*said, *lacking, closing))
        if len(written) <= TEXT_CHARS_MAX:
            break
    return written


def facts_of(body: dict[str, Any]) -> list[Fact]:
    """Return the facts in the last user message of a request, in its order."""
    return next((facts for found in objects_of(body) if (facts := _facts(found))), [])


def missing_of(body: dict[str, Any]) -> list[str]:
    """Return what the facts' prompt says is missing, in words alone; nothing where it says that nothing is."""
    for found in objects_of(body):
        if _facts(found):
            data = found.get("data")
            told = data.get("missing") if isinstance(data, dict) else None
            sentences = told[:MISSING_MAX] if isinstance(told, list) else []
            words = [
                _words(_COUNT.sub(_count, each)) for each in sentences if isinstance(each, str)
            ]
            return [each for each in words if each and not each.startswith(_WHOLE)]
    return []


def objects_of(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in the last user message of a request."""
    messages = [message for message in body["messages"] if message["role"] == "user"]
    for block in blocks(messages[-1]["content"]) if messages else ():
        yield from _objects(block.get("text", ""))


def _noted(facts: list[Fact], noted_max: int) -> Iterator[str]:
    """Yield a sentence of each list. What is unusual has to be named, and is not bounded any closer."""
    for note, begins in _BEGINS.items():
        most = NOTED_MAX if note == "unusual" else noted_max
        if told := [_told(fact) + _usual(fact) for fact in facts if fact.note == note][:most]:
            yield f"{begins}: {'; '.join(told)}."


def _some(facts: list[Fact], dice: Dice) -> str:
    verb = _VERBS[dice.throw("verb", len(_VERBS))]
    chosen = _chosen(facts, dice, lambda fact: fact.note != "")
    return "; ".join(f"{fact.label} {verb} {{{fact.slot}}}" for fact in chosen)


def _chosen(facts: list[Fact], dice: Dice, comes_later: Callable[[Fact], bool]) -> list[Fact]:
    """Return the facts a sentence tells, in the prompt's order: by chance, but some come after all others."""
    order = sorted(dice.order("facts", len(facts)), key=lambda at: comes_later(facts[at]))
    return [facts[at] for at in sorted(order[:SLOTS_MAX])]


def _told(fact: Fact) -> str:
    return f"{fact.label} {{{fact.slot}}}"


def _usual(fact: Fact) -> str:
    is_told = fact.note == "unusual" and fact.has_usual
    return f", usually {{{fact.slot}.usual}}" if is_told else ""


def _facts(found: dict[str, Any]) -> list[Fact]:
    items = found.get("facts")
    if not isinstance(items, list):
        return []
    facts: dict[str, Fact] = {}
    notes = _notes(found)
    for item in items[:FACTS_MAX]:
        slot, label = (item.get("slot"), item.get("label")) if isinstance(item, dict) else ("", "")
        if isinstance(slot, str) and isinstance(label, str) and _SLOT.fullmatch(slot):
            facts[slot] = Fact(slot, label, notes.get(slot, ""), "usual" in item)
    instruments = {of for fact in facts.values() for of in _OF.findall(fact.label) if "/" in of}
    of = r" of \1" if len(instruments) > 1 else ""
    return [replace(fact, label=_plain(_OF.sub(of, fact.label))) for fact in facts.values()]


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
    """Return a label's words alone: a digit in it would be a number the model wrote. Windows are named in words."""
    spelt = _SPAN.sub(lambda found: f"{found.group(1)} {_SPANS[found.group(2)]}", label)
    parts = _WITH_NUMBER.sub(" ", spelt).split()
    words = _WORD.findall(" ".join(part for part in parts if not _has_number(part)))
    return _joined(words, LABEL_CHARS_MAX) or "the value"


def _count(found: re.Match[str]) -> str:
    return "one" if found.group() == "1" else "a few"


def _words(sentence: str) -> str:
    """Return a sentence's words and commas alone."""
    parts = [part for part in sentence.split() if not _has_number(part)]
    words = [f"{' '.join(_WORD.findall(part))}{',' * part.endswith(',')}" for part in parts]
    return _joined([word for word in words if word.strip(",")], MISSING_CHARS_MAX)


def _joined(words: Sequence[str], chars_max: int) -> str:
    """Return words as a line of at most so many characters, cut between them."""
    line = ""
    for word in words:
        longer = f"{line} {word}".strip()
        if len(longer) > chars_max:
            break
        line = longer
    return line.rstrip(",")


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
