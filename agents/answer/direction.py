"""Claims of a direction, held against the facts of the moment. PURE.

A text is cut into clauses. In each, a word like "fell" claims something of the slot behind it, or else of the one
before; without a slot, of what the clause is about: then one fact about that has to bear it out. What is denied or only
possible ("did not fall", "may rise") claims nothing.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from msgspec import Struct

from topics import Fact

from .vocabulary import DOWN, UP, words_of

_TOKEN = re.compile(r"\{[^{}]*\}|[A-Za-z]+(?:['\u2019][a-z]+)?|[.;:!?,(\n\u2013\u2014]")
_BREAKS = words_of(
    "and but while though although whereas as yet with on despite after before than at against amid when because"
    " since for"
)
_VOID = words_of(
    "no not never without neither nor cannot may might could would should can if whether rather unless"
)
_CERTAIN = re.compile(
    r"\b(?:no doubt|no question|without (?:a |any )?(?:doubt|question)|if anything|not only|nothing but|no wonder"
    r"|(?:should|must|can|may|might|would) be (?:said|noted|seen)|(?:can|could)(?:not|n['\u2019]t| not) be clearer)\b",
    re.IGNORECASE,
)
"""Holds a word of `_VOID`, and denies nothing."""
_BEFORE_UP_DOWN = words_of(
    "is was are were be been went goes go moved moves move moving ended ends closed closes trades traded trading"
    " stands stood price volume turnover sharply slightly strongly"
)
_FILLERS = words_of("by about around some roughly nearly almost another a further of to")
_LEADS_BACK = 3
"""How many words before a direction its slot may stand: "{return_1m_usdt} lower"."""
_TOPICS = {
    "return": words_of("price prices quote market"),
    "volume": words_of("volume turnover trading activity"),
    "posts": words_of("post posts posting chatter mentions attention"),
    "tone": words_of("tone mood sentiment"),
    "events": words_of("development commits events developers activity"),
    "volatility": words_of("volatility"),
}
_FAMILY = {
    "volume": "volume",
    "volume_ratio": "volume",
    "flow": "volume",
    "level": "volume",
    "posts": "posts",
    "posts_ratio": "posts",
    "events": "events",
    "commits": "events",
    "tone": "tone",
    "return": "return",
    "volatility": "volatility",
}
_OTHER_MEASURES = words_of("spread share range book depth interest venues")
"""What no fact gives a direction of: a claim about it is not held against others."""
Slots = Mapping[str, Fact]


class _Clause(Struct):
    tokens: list[str]
    joint: str
    """What it is joined by to the clause before."""


def wrong_sign_in(text: str, slots: Slots) -> str | None:
    """Return the first claim of a direction that the facts contradict, as it is written."""
    last = ""
    for clause in _clauses(text):
        if _is_void(clause):
            last = ""
            continue
        claims = [i for i, token in enumerate(clause.tokens) if _claims(clause.tokens, i)]
        for i, end in pairwise([*claims, len(clause.tokens)]):
            if not _holds(clause.tokens, i, end, slots):
                return " ".join(clause.tokens)[:80]
        if not claims and last and _goes_on(clause, slots):
            first = slots[_name(clause.tokens[0])]
            if sign_of(first, slots) != _sign(last):
                return f"{last} ... {' '.join(clause.tokens)}"[:80]
        last = clause.tokens[claims[-1]].lower() if claims else last
    return None


def sign_of(fact: Fact, slots: Slots) -> int | None:
    """Return which way a fact points, at its printed precision: 1, -1 or 0; None where it points nowhere."""
    if fact.metric == "return":
        return _signum(round(fact.value, 2))
    if fact.unit == "x":
        return _signum(round(fact.value, 1) - 1)
    if fact.metric == "close":
        moves = (told for told in slots.values() if told.metric == "return")
        same = (t for t in moves if _window_of(t) == _window_of(fact))
        move = next(same, None)
        return None if move is None else sign_of(move, slots)
    return None if fact.baseline is None else _signum(fact.value - fact.baseline)


def _window_of(fact: Fact) -> tuple[str, int, int | None]:
    return fact.subject, fact.window_ms, fact.window_end_ms


def _clauses(text: str) -> Iterator[_Clause]:
    tokens: list[str] = []
    joint = "."
    for token in _TOKEN.findall(_CERTAIN.sub(" ", text)):
        if not token[0].isalpha() and token[0] != "{":
            yield _Clause(tokens, joint)
            tokens, joint = [], token
        elif token.lower() in _BREAKS:
            yield _Clause(tokens, joint)
            tokens, joint = [], token.lower()
        else:
            tokens.append(token)
    yield _Clause(tokens, joint)


def _is_void(clause: _Clause) -> bool:
    words = {token.lower().replace("\u2019", "'") for token in clause.tokens}
    return bool(words & _VOID) or any(word.endswith("n't") for word in words)


def _claims(tokens: list[str], at: int) -> bool:
    word = tokens[at].lower()
    if word not in UP and word not in DOWN:
        return False
    if word not in ("up", "down"):
        return True
    if at + 1 < len(tokens) and tokens[at + 1].lower() == "to" and word == "up":
        return False  # "up to" is as much as
    if at == len(tokens) - 1 and at <= 1:
        return True  # "BTC up", as headlines have it
    behind = next((t for t in tokens[at + 1 :] if t.lower() not in _FILLERS), "")
    before = tokens[at - 1].lower() if at else ""
    return behind.startswith("{") or before in _BEFORE_UP_DOWN or before.startswith("{")


def _holds(tokens: list[str], at: int, end: int, slots: Slots) -> bool:
    claimed = _sign(tokens[at].lower())
    behind = [
        i for i in range(at + 1, end) if tokens[i].startswith("{") and tokens[i - 1] != "from"
    ]
    before = [i for i in range(max(0, at - _LEADS_BACK), at) if tokens[i].startswith("{")]
    target = behind[0] if behind else before[-1] if before else None
    if target is None:
        return _is_borne_out(tokens, claimed, slots)
    if "." in tokens[target]:
        return True  # what is usual, a score or a count of windows is no move
    return sign_of(slots[_name(tokens[target])], slots) == claimed


def _is_borne_out(tokens: list[str], claimed: int, slots: Slots) -> bool:
    words = {token.lower() for token in tokens}
    if words & _OTHER_MEASURES:
        return True
    topics = {topic for topic, of in _TOPICS.items() if words & of}
    signs = {
        family: {
            sign_of(fact, slots)
            for fact in slots.values()
            if _FAMILY.get(fact.metric) == family and fact.window_end_ms is None
        }
        for family in set(_FAMILY.values())
    }
    if not topics:  # "BTC rose": what rises is the price, where anything is known of it
        topics = {"return"} if signs["return"] - {None} else set(signs)
    told: set[int | None] = set().union(*(signs.get(topic, set()) for topic in topics))
    return claimed in told or told <= {None}


def _goes_on(clause: _Clause, slots: Slots) -> bool:
    """Return whether a clause continues the one before: "fell {return_1m} and {return_5m}"."""
    first = clause.tokens[0] if clause.tokens else ""
    if clause.joint not in ("and", ",", "(") or not first.startswith("{") or "." in first:
        return False
    return slots[_name(first)].metric == "return"


def _name(token: str) -> str:
    return token[1:-1].partition(".")[0]


def _sign(word: str) -> int:
    return 1 if word in UP else -1


def _signum(value: float) -> int:
    return (value > 0) - (value < 0)
