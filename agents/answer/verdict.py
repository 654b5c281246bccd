"""The model's answer: read, checked, and rendered. What fails names its reason, and rules answer. PURE.

The model writes words and slots; code writes every number.
"""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agents.decide.candidate import Candidate
from agents.decide.facts import printed, slots_of
from topics import Fact, Outlook

from .rules import HEADLINE_MAX, Words

OUTLOOK_MS = 3_600_000
"""How far ahead an outlook looks."""

TEXT_MAX = 4_000
"""Characters of a text once its slots are filled: the contract's bound."""

_SLOT = re.compile(r"\{([a-z0-9_]+)\}")
_ADVICE = re.compile(
    r"\b(buy(s|ing)?|sell(s|ing)?|invest(s|ing)?|accumulat(e|es|ing)|hold(s|ing)?|targets?|positions?"
    r"|stop[- ]loss(es)?|take[- ]profits?)\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"\w:/|\bwww\b|\b[\w-]+\.[a-z]{2,}|@\w", re.IGNORECASE)
_ODD = re.compile(
    r"[^A-Za-z\u00c0-\u024f ,.;:!?'\"()/%+&\u2013\u2014\u2018\u2019\u201c\u201d\u2026$€£-]"
)
"""What plain English prose has no need of: markup, control and invisible characters, other scripts."""


class Answer(Struct, forbid_unknown_fields=True):
    """What the model is asked to return. The server does not enforce lengths; this does."""

    headline: Annotated[str, Meta(min_length=1, max_length=120)]
    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    confidence: Literal["low", "medium", "high"]
    outlook: Literal["up", "down", "unclear"]
    outlook_strength: Literal["none", "slight", "clear"]


ANSWER_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["headline", "text", "confidence", "outlook", "outlook_strength"],
    "properties": {
        "headline": {"type": "string", "description": "At most 100 characters, with slots."},
        "text": {"type": "string", "description": "At most 1500 characters, with slots."},
        "confidence": {"type": "string", "enum": ["low", "medium", "high"]},
        "outlook": {"type": "string", "enum": ["up", "down", "unclear"]},
        "outlook_strength": {"type": "string", "enum": ["none", "slight", "clear"]},
    },
}
"""The same as `Answer`, flat and all required, as the API wants it; a test holds them together."""

_PROBABILITY = {"none": 0.5, "slight": 0.55, "clear": 0.65}
_decode = msgspec.json.Decoder(Answer).decode


class Rejected(Struct, frozen=True):
    """The answer cannot be used; ``reason`` is the origin reason of the rules analysis that replaces it."""

    reason: str
    message: str


def judge(text: str, candidate: Candidate) -> Words | Rejected:
    """Return the model's words with every slot filled, or why they cannot be used."""
    try:
        answer = _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return Rejected("schema_break", str(error))
    if not (answer.headline.strip() and answer.text.strip()):
        return Rejected("schema_break", "a blank text")
    slots = slots_of(candidate.facts)
    for part in (answer.headline, answer.text.replace("\n", " ")):
        if (rejected := _check(part, slots, candidate.asset)) is not None:
            return rejected
    headline, words = _fill(answer.headline, slots), _fill(answer.text, slots)
    if len(headline) > HEADLINE_MAX:
        return Rejected("too_long", f"the headline has {len(headline)} characters once filled")
    if len(words) > TEXT_MAX:
        return Rejected("too_long", f"the text has {len(words)} characters once filled")
    outlook = Outlook(
        direction=answer.outlook,
        horizon_ms=OUTLOOK_MS,
        probability=_PROBABILITY[answer.outlook_strength],
    )
    return Words(
        headline=headline,
        text=words,
        confidence="medium" if answer.confidence == "high" else answer.confidence,
        confidence_basis=candidate.quality.words or "the model's own, capped at medium",
        outlook=outlook,
    )


def _check(part: str, slots: dict[str, Fact], asset: str) -> Rejected | None:
    unknown = [name for name in _SLOT.findall(part) if name not in slots]
    if unknown:
        return Rejected("unknown_slot", f"no such fact: {', '.join(unknown[:3])}")
    bare = _without(asset, _SLOT.sub("", part))
    if "{" in bare or "}" in bare:
        return Rejected("broken_slot", "a brace that opens or closes no slot")
    if found := next((char for char in bare if char.isnumeric()), None):
        return Rejected("ungrounded_number", f"{found!r} outside the slots")
    for reason, pattern in (("advice", _ADVICE), ("link", _LINK), ("odd_character", _ODD)):
        if (match := pattern.search(bare)) is not None:
            return Rejected(reason, repr(match.group()))
    return None


def _without(asset: str, part: str) -> str:
    """Return a text without the asset's name, which may hold a digit; a name of digits alone stays."""
    if asset.isdigit():
        return part
    return re.sub(rf"(?<![\w.]){re.escape(asset)}(?!\w)", "", part)


def _fill(part: str, slots: dict[str, Fact]) -> str:
    return _SLOT.sub(lambda found: printed(slots[found.group(1)]), part)
