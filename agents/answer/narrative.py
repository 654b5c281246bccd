"""A state narrative: words with slots about a state in coarse words, judged by it alone, and rendered for an asset. PURE.

The narrative knows no asset and no number, so it may serve any asset in that state, and any minute. `judge` holds an
answer against the words it was asked by: facts that agree with them (`_specimen`) stand for those of any asset.
`render` holds it against the facts of the moment, every time: slots, signs and units. What does not fit is refused
under one name, and rules answer.
"""

import re
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agents.decide.candidate import Candidate
from agents.decide.context import Labels
from topics import Fact

from .direction import wrong_sign_in
from .leaks import Confidential
from .reading import FIVE_MS, HOUR_MS, MINUTE_MS, told_of
from .rules import confidence_of
from .slots import rendered
from .verdict import Reason, Rejected, check, typeset, unusable
from .words import HEADLINE_MAX, TEXT_MAX, Words

SYMBOL = "{symbol}"
"""The slot of the asset's name."""
_STAND_IN = "SYMBOL"
"""What stands there while a narrative is judged; an answer that has it wrote a name where the slot belongs."""


class Slot(Struct, frozen=True):
    """A number that a narrative may show, named without an instrument."""

    name: str
    metric: str
    window_ms: int
    of: str
    """What word it goes with: without that word there is no such number."""
    words: str
    has_usual: bool = False
    """Whether what is usual of it can be shown as well."""


SLOTS = (
    Slot("return_1m", "return", MINUTE_MS, "direction", "price change over 1m"),
    Slot("close_1m", "close", MINUTE_MS, "direction", "last price"),
    Slot("range_1m", "range", MINUTE_MS, "direction", "high above low over 1m"),
    Slot("volume_ratio_1m", "volume_ratio", MINUTE_MS, "volume", "volume over 1m against usual"),
    Slot("volatility_5m", "volatility", FIVE_MS, "volatility", "realised volatility over 5m", True),  # noqa: FBT003
    Slot("return_1h", "return", HOUR_MS, "regime", "price change over 1h"),
    Slot("posts_5m", "posts", FIVE_MS, "posts", "posts over 5m", True),  # noqa: FBT003
    Slot("tone_5m", "tone", FIVE_MS, "tone", "tone of posts over 5m"),
    Slot("events_1h", "events", HOUR_MS, "development", "development events over 1h", True),  # noqa: FBT003
)
"""All of them, in the order in which they are told."""

_SIGNS = {
    "up": 1, "rising": 1, "high": 1, "positive": 1,
    "down": -1, "falling": -1, "low": -1, "negative": -1,
}  # fmt: skip
"""Which way a word points; the others point nowhere."""
_UNITS = {"return": "%", "range": "%", "volatility": "%", "volume_ratio": "x", "tone": "tone"}
_FAMILIES = ("return", "volume_ratio", "volatility", "posts", "tone", "events")
"""What a text may claim a direction of."""


def _beside(words: str, nouns: str) -> str:
    """Return a pattern of a word before what it is said of, or behind it."""
    is_ = "is|are|was|were|stays|remains|runs"
    return rf"(?:{words}) (?:\w+ )?(?:{nouns})|(?:{nouns}) (?:of \w+ )?(?:(?:{is_}) )?(?:{words})"


_CALLED: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), of, word)
    for pattern, of, word in (
        (r"volatile|turbulent|choppy|erratic|wild(?:ly)?", "volatility", "high"),
        (_beside("heavy|high|elevated|brisk", "volume|turnover"), "volume", "high"),
        (_beside("thin|light|low|weak", "volume|turnover"), "volume", "low"),
        (r"up-?trend\w*|trend\w* (?:up|higher)\w*", "regime", "rising"),
        (r"down-?trend\w*|trend\w* (?:down|lower)\w*", "regime", "falling"),
        (r"sideways|ranging", "regime", "sideways"),
        (_beside("positive|upbeat|cheerful|glad", "tone|mood|sentiment"), "tone", "positive"),
        (_beside("negative|gloomy|sour|bleak", "tone|mood|sentiment"), "tone", "negative"),
    )
)
"""Words that say of a state what it is, where another word stands for it or none."""


class Narrative(Struct, frozen=True, forbid_unknown_fields=True):
    """What the model is asked to return. The server does not enforce lengths; this does."""

    headline: Annotated[str, Meta(min_length=1, max_length=100)]
    text: Annotated[str, Meta(min_length=1, max_length=600)]


NARRATIVE_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["headline", "text"],
    "properties": {
        "headline": {"type": "string", "description": "At most 90 characters, with slots."},
        "text": {"type": "string", "description": "At most 500 characters, with slots."},
    },
}
"""The same as `Narrative`, as the API wants it; a test holds them together."""

_decode = msgspec.json.Decoder(Narrative).decode


def slots_for(labels: Labels) -> tuple[Slot, ...]:
    """Return the slots that a narrative of a state may have, besides the asset's name."""
    known = {of for of, _ in labels}
    return tuple(slot for slot in SLOTS if slot.of in known)


def judge(
    text: str, labels: Labels, confidential: Confidential | None = None
) -> Narrative | Rejected:
    """Return the narrative in an answer about a state, or why it cannot be used of any asset.

    ``confidential`` is what the question held that the answer must not.
    """
    try:
        answer = _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return Rejected("schema_break", str(error))
    made = Narrative(typeset(answer.headline), typeset(answer.text))
    found = unusable(made.headline, made.text, confidential, lambda text: _wrong_in(text, labels))
    return found or made


def render(narrative: Narrative, candidate: Candidate) -> Words | Rejected:
    """Return a narrative as an analysis of a candidate, its numbers those of the candidate's facts.

    Refused where a slot, a sign or a unit does not hold for these facts, with the one reason `render_rejected`; the
    message says which.
    """
    told = told_of(candidate.facts)
    if told.lead != candidate.lead:
        return _refused(
            "unknown_slot", f"the facts are of {told.lead}, the words of {candidate.lead}"
        )
    slots: dict[str, Fact] = {}
    for slot in slots_for(candidate.labels):
        if (fact := told.fact(slot.metric, slot.window_ms)) is not None:
            slots[slot.name] = fact
    parts = []
    for part, most in ((narrative.headline, HEADLINE_MAX), (narrative.text, TEXT_MAX)):
        named = part.replace(SYMBOL, candidate.asset)
        if (found := check(named, slots, candidate.asset)) is not None:
            return _refused(found.reason, found.message)
        parts.append(rendered(named, slots))
        if len(parts[-1]) > most:
            return _refused("too_long", f"{len(parts[-1])} characters once filled")
    headline, text = parts
    if candidate.quality.words:
        text = f"{text} Mind the data: {candidate.quality.words}."
    confidence, basis = confidence_of(candidate)
    return Words(
        headline=headline, text=text[:TEXT_MAX], confidence=confidence, confidence_basis=basis
    )


def _refused(reason: Reason, message: str) -> Rejected:
    return Rejected("render_rejected", f"{reason}: {message}")


def _wrong_in(part: str, labels: Labels) -> Rejected | None:
    """Return why a text may not be said of a state, or None."""
    if _STAND_IN in part:
        return Rejected("other_asset", repr(_STAND_IN))
    named = part.replace(SYMBOL, _STAND_IN)
    slots = _specimen(labels)
    if (found := check(named, slots, _STAND_IN)) is not None:
        return found
    if (claim := wrong_sign_in(named, slots | _unmoved())) is not None:
        return Rejected("wrong_sign", repr(claim[:100]))
    words = dict(labels)
    for pattern, of, word in _CALLED:
        if (called := pattern.search(named)) is not None and words.get(of) != word:
            return Rejected("wrong_label", f"{called.group()!r}, of {of}: {words.get(of)}")
    return None


def _specimen(labels: Labels) -> dict[str, Fact]:
    """Return facts that agree with the words of a state, by slot: what all assets in it have in common."""
    words = dict(labels)
    return {slot.name: _fact(slot, _SIGNS.get(words[slot.of], 0)) for slot in slots_for(labels)}


def _unmoved() -> dict[str, Fact]:
    """Return facts that point nowhere, of all there is: what no word bears out may not be claimed."""
    return {
        f"_{metric}": _fact(Slot("", metric, MINUTE_MS, "", "", has_usual=True), 0)
        for metric in _FAMILIES
    }


def _fact(slot: Slot, sign: int) -> Fact:
    """Return a fact that points that way: a price change by its sign, else by what is usual."""
    value = 1.0 + 0.5 * sign
    if slot.metric in ("return", "tone"):
        value = 0.5 * sign
    return Fact(
        metric=slot.metric,
        value=value,
        unit=_UNITS.get(slot.metric, "" if slot.metric == "close" else "count"),
        window_ms=slot.window_ms,
        baseline=value - 0.5 * sign if slot.has_usual else None,
        subject="",
        aggregate_id="",
        revision=0,
    )
