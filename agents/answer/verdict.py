"""The model's answer: read, checked, and rendered. What fails names its reason, and rules answer. PURE.

The model writes words and slots; code writes every number. The checks hold a text against the facts of the moment it is
rendered in, so they run at every render, also of words that were written for an earlier minute.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of
from topics import Fact, Outlook

from .direction import wrong_sign_in
from .figures import ungrounded_in
from .leaks import Confidential, leak_in
from .names import other_asset_in, own_names, plain, without
from .reading import evidence, told_of
from .slots import SLOT, merged_in, rendered, unknown_in, wrong_unit_in, wrong_window_in
from .thorough import lack_in, unsaid_in
from .words import HEADLINE_MAX, OUTLOOK_MS, TEXT_MAX, Words

Reason = Literal[
    "schema_break",  # not the JSON that was asked for, or longer, or blank
    "unknown_slot",  # a slot that no fact fills
    "broken_slot",  # a brace that opens or closes no slot
    "odd_character",  # markup, an invisible character, another script, a letter that only looks like one of ours
    "wrong_unit",  # a unit, scale or currency beside a slot that is not the slot's
    "wrong_window",  # a number of a minute that is said to be of an hour
    "ungrounded_number",  # a number outside the slots, in digits or in words
    "other_asset",  # a ticker, cashtag or name of another asset
    "advice",  # what to do, or what will be
    "link",  # an address, handle or place elsewhere
    "wrong_sign",  # "fell" beside a number that rose, or where nothing fell
    "leak",  # the question's marker, our instructions, or a stranger's post come back
    "incomplete",  # a deep dive that does not name what is most unusual, or what its data lack
    "too_long",  # beyond the contract's bounds once the slots are filled
    "wrong_label",  # a state is called what it is not
    "render_rejected",  # a narrative that does not fit the facts of the moment
]
"""Why an answer is not used: a closed set, and the `origin_reason` of the rules analysis in its place."""
REASONS: tuple[Reason, ...] = get_args(Reason)

_TRADE = (
    r"buy(?!ing pressure|ing interest| pressure| orders?\b| side|-side)(?:s|ing)?"
    r"|sell(?!ing pressure|ing interest| pressure| orders?\b| side|-side|-off| ?offs?\b)(?:s|ing)?"
    r"|invest(?:s|ing|ment)?|accumulat(?:e|es|ing)|hodl\w*|targets?|positions?|stop[- ]loss(?:es)?"
    r"|take[- ]profits?|(?:going|go|stay|get) (?:long|short)|entry (?:point|level)s?|load up|cash out"
)
_ADVICE = re.compile(
    rf"\b(?:{_TRADE}|hold (?:on|your|it|tight|for|onto)|holding (?:on|it|for)|(?:should|must|to|worth|keep) hold(?:ing)?"
    r"|(?:should|must) (?:exit|enter|wait|consider|act|be (?:bought|sold))|recommend\w*|advis(?:e|es|ed|able)"
    r"|purchas(?:e|es|ing)|acquir(?:e|ing)|(?:get|getting) (?:in|out)\b|stay (?:away|out)|wait for|avoid(?:ing)? (?:it|this)"
    r"|(?:dump|ditch|short|keep|stake|trade|hedge) (?:it|this|your?|now|here)|(?:lock|cash|ape|scal(?:e|ing)|go|jump) in\b"
    r"|(?:cut|take|book) (?:your |the |some )?(?:loss(?:es)?|profits?|gains)|load the|de-risk\w*|lighten up|add to your"
    r"|(?:reduc|trimm?|add|cutt?)(?:e|ing)? (?:your |the )?exposure|diversify|leverage[sd]?|(?:use|with) leverage"
    r"|(?:good|great|attractive|ideal) (?:entry|exit|time|moment|opportunity)|opportunity|bargain|(?:is|are|looks?) cheap"
    r"|guaranteed?|undervalued|overvalued|moon(?:ing)?|join (?:us|our|the)|don['\u2019]t miss|act now)\b"
    r"|(?:^|[.;:!?]\s+)(?:hold|exit|enter|short|bid|avoid|sell|wait)(?=\s*[.,;:!?]|\s*$| (?:now|here|it|this|the|your)\b)",
    re.IGNORECASE,
)
_FORECAST = re.compile(
    r"\b(?:(?:will|shall|going to|set to|bound to|about to|poised to|likely to|sure to|certain to|expected to) (?:\w+ )?"
    r"(?:rise|fall|drop|climb|gain|surge|rally|jump|soar|crash|dip|slide|slip|sink|decline|increase|decrease|plunge|double"
    r"|recover|rebound|bounce|continue|reverse|moon|follow|come|go (?:up|down|higher|lower)|be (?:higher|lower))"
    r"|(?:recovery|rebound|bounce|crash|fall|rise|drop|rally|reversal) is (?:coming|imminent|near|ahead|likely|certain)"
    r"|expect(?:s|ing)? (?:a|an|the|it|further|more|another|prices?))\b",
    re.IGNORECASE,
)
"""What is said of an hour that nobody has seen yet; the outlook has a field of its own."""
_WHETHER = re.compile(r"\bwhether\b[^.;:,!?]*", re.IGNORECASE)
"""A question that is left open foretells nothing."""
_LINK = re.compile(
    r"\w:/|\bwww\b|\bh(?:xx|tt)ps?\b|\b[\w-]+\.[a-z]{2,}|@\w|[A-Za-z]{31,}"
    r"|\b(?:dot|point)\)?[ -]?(?:com|io|org|net|me|xyz)\b|[.,] ?(?:com|io|org|xyz|gg)\b"
    r"|\b(?:telegram|discord|whatsapp)\b",
    re.IGNORECASE,
)
"""Among them an address in letters alone: no English word is so long; and where groups meet."""
_SPACED = re.compile(r"\b[a-z](?:[ ._'-][a-z]\b){2,}", re.IGNORECASE)
"""A word whose letters are set apart: no other check could read it."""
_PUNCTUATION = frozenset(" ,.;:!?'\"()/%+&\u2013\u2014\u2018\u2019\u201c\u201d\u2026$€£-")
_TYPESET = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2010": "-", "\u2011": "-", "\u2212": "-", "\n": " "}
)
"""Spaces and hyphens that typesetting prefers and prose does not need; a text is one paragraph."""
_ACCENTED_MAX = "\u017f"


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

    reason: Reason
    message: str


def judge(
    text: str,
    candidate: Candidate,
    confidential: Confidential | None = None,
    told: Collection[str] | None = None,
) -> Words | Rejected:
    """Return the model's words with every slot filled, or why they cannot be used.

    ``confidential`` is what the question held that the answer must not; ``told`` are the slots it let the answer use: of
    a fact that was left out nothing was known.
    """
    try:
        answer = _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return Rejected("schema_break", str(error))
    headline, body = typeset(answer.headline), typeset(answer.text)
    slots = slots_of(candidate.facts)
    if told is not None:
        slots = {name: fact for name, fact in slots.items() if name in told}
    found = unusable(headline, body, confidential, lambda text: check(text, slots, candidate.asset))
    if found is None and candidate.product == "deep_dive":
        said = f"{headline} {body}"
        unsaid = unsaid_in(said, told_of(candidate.facts), slots) or lack_in(
            said, candidate.quality
        )
        found = None if unsaid is None else Rejected("incomplete", f"{unsaid} is not named")
    return found or _words(answer, rendered(headline, slots), rendered(body, slots), candidate)


def unusable(
    headline: str,
    body: str,
    confidential: Confidential | None,
    wrong_in: Callable[[str], Rejected | None],
) -> Rejected | None:
    """Return why the two texts of an answer cannot be used, or None; ``wrong_in`` says what is wrong with one of them."""
    if not (headline.strip() and body.strip()):
        return Rejected("schema_break", "a blank text")
    # Whatever else is wrong with it: letters set apart may be the marker.
    if confidential and (leak := leak_in(f"{headline} {body}", confidential)):
        return Rejected("leak", f"the {leak} came back")
    return wrong_in(headline) or wrong_in(body)


def _words(answer: Answer, headline: str, body: str, candidate: Candidate) -> Words | Rejected:
    for part, text, most in (("headline", headline, HEADLINE_MAX), ("text", body, TEXT_MAX)):
        if len(text) > most:
            return Rejected("too_long", f"the {part} has {len(text)} characters once filled")
    return Words(
        headline=headline,
        text=body,
        confidence="medium" if answer.confidence == "high" else answer.confidence,
        confidence_basis=candidate.quality.words or "the model's own, capped at medium",
        outlook=_outlook(answer, candidate.facts),
    )


def _outlook(answer: Answer, facts: Iterable[Fact]) -> Outlook:
    """Return the model's outlook. Where neither price nor takers point anywhere, posts would be what it rests on: none."""
    is_borne = bool(evidence(told_of(facts)))
    return Outlook(
        direction=answer.outlook if is_borne else "unclear",
        horizon_ms=OUTLOOK_MS,
        probability=_PROBABILITY[answer.outlook_strength if is_borne else "none"],
    )


def typeset(text: str) -> str:
    """Return a text with plain spaces and hyphens, in one paragraph."""
    return text.translate(_TYPESET)


def check(part: str, slots: Mapping[str, Fact], asset: str) -> Rejected | None:
    """Return why a text with its slots open may not be rendered with these facts, or None."""
    own = own_names(asset, slots.values())
    bare = without(own, SLOT.sub(" ", part))
    folded = plain(bare)
    checks: tuple[tuple[Reason, Callable[[], str | None]], ...] = (
        ("unknown_slot", lambda: unknown_in(part, slots)),
        ("broken_slot", lambda: next((char for char in bare if char in "{}"), None)),
        ("wrong_unit", lambda: wrong_unit_in(part, slots)),
        ("wrong_window", lambda: wrong_window_in(part, slots)),
        ("ungrounded_number", lambda: merged_in(part)),
        ("ungrounded_number", lambda: ungrounded_in(_behind_units(part, own), slots.values())),
        ("link", lambda: _match(_LINK, folded)),
        ("odd_character", lambda: next((char for char in bare if _is_odd(char)), None)),
        ("odd_character", lambda: _match(_SPACED, folded)),
        ("advice", lambda: _match(_ADVICE, folded)),
        ("advice", lambda: _match(_FORECAST, _WHETHER.sub(" ", folded))),
        ("other_asset", lambda: other_asset_in(bare, own)),
        ("wrong_sign", lambda: wrong_sign_in(part, slots)),
    )
    for reason, find in checks:
        if (found := find()) is not None:
            return Rejected(reason, repr(found[:100]))
    return None


def _behind_units(part: str, own: tuple[str, ...]) -> str:
    """Return a text without its slots, the units that repeat theirs, and its own names."""
    return without(own, _SLOT_WITH_UNIT.sub(" ", part))


_SLOT_WITH_UNIT = re.compile(
    SLOT.pattern + r"(?:[ -]?(?:%|percent|per cent|pct|bps|basis points)(?!\w))?"
)


def _match(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group() if found else None


def _is_odd(char: str) -> bool:
    """Return whether plain English prose has no need of a character.

    An accented letter is one that is a letter of ours without its accent.
    """
    if char in _PUNCTUATION or (char.isascii() and char.isalnum()):
        return False
    base = unicodedata.normalize("NFD", char)[0]
    return not (char <= _ACCENTED_MAX and base.isascii() and base.isalpha())
