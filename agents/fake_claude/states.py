"""What the simulated model writes of a state: its words, each with a slot that goes with it, never a number of its own.

The caller's prompt holds a state, words by what they are of, and slots, each with the word it goes with. The text says
some of these words, in an order that follows from the request, so that another state reads otherwise.
"""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from .dice import Dice
from .prose import CLOSINGS, OPENINGS, objects_of

WORDS_MAX = 32
"""Words of one state that are looked at."""
SLOTS_MAX = 64
"""Slots of one prompt that are looked at."""
TOLD_MAX = 4
"""Words of one text."""
HEADLINE_MAX = 2
"""Words of one headline."""
HEADLINE_CHARS_MAX = 64
"""Characters of it before its slots are filled; so few that a fault of the words has room behind them."""
NAME = "symbol"
"""The slot of the name."""

_WORD = re.compile(r"[a-z]{1,24}")
_SLOT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LINKS = ("", ":")


class State(Struct, frozen=True):
    """What the caller says of something it does not name."""

    words: Mapping[str, str]
    slots: Mapping[str, str]
    """By what the word is of, the first slot that goes with it."""
    is_named: bool
    """Whether there is a slot for the name."""


def state_of(body: dict[str, Any]) -> State | None:
    """Return the state in the last user message of a request, or None."""
    for found in objects_of(body):
        words, items = found.get("state"), found.get("slots")
        if isinstance(words, dict) and isinstance(items, list):
            return _state(words, items)
    return None


def write(path: str, state: State, dice: Dice) -> str:
    """Return the text of an answer's field: a headline is short."""
    name = path.rpartition("/")[2]
    return headline(state, dice) if name == "headline" else text(state, dice)


def headline(state: State, dice: Dice) -> str:
    """Return one line of at most ``HEADLINE_CHARS_MAX`` characters."""
    line = f"{{{NAME}}}" if state.is_named else "Simulated"
    joint = ": "
    for told in _told(state, dice)[:HEADLINE_MAX]:
        if len(line) + len(joint) + len(told) <= HEADLINE_CHARS_MAX:
            line, joint = line + joint + told, ", "
    return line


def text(state: State, dice: Dice) -> str:
    """Return a sentence with up to ``TOLD_MAX`` words of the state, and one that says it is simulated."""
    opening = OPENINGS[dice.throw("opening", len(OPENINGS))]
    closing = CLOSINGS[dice.throw("closing", len(CLOSINGS))]
    whose = f" of {{{NAME}}}" if state.is_named else ""
    told = "; ".join(_told(state, dice)[:TOLD_MAX]) or "nothing is known"
    return f"{opening}{whose}: {told}. {closing}"


def _told(state: State, dice: Dice) -> list[str]:
    """Return the words of a state, in an order of the request's own."""
    names, link = list(state.words), _LINKS[dice.throw("link", len(_LINKS))]
    told = []
    for at in dice.order("words", len(names)):
        name = names[at]
        slot = f" at {{{state.slots[name]}}}" if name in state.slots else ""
        told.append(f"{name}{link} {state.words[name]}{slot}")
    return told


def _state(words: dict[str, Any], items: list[Any]) -> State:
    known = {
        name: word
        for name, word in list(words.items())[:WORDS_MAX]
        if _WORD.fullmatch(name) and isinstance(word, str) and _WORD.fullmatch(word)
    }
    slots: dict[str, str] = {}
    names = []
    for item in items[:SLOTS_MAX]:
        slot, of = (item.get("slot"), item.get("of")) if isinstance(item, dict) else (None, None)
        if isinstance(slot, str) and _SLOT.fullmatch(slot):
            names.append(slot)
            if isinstance(of, str):
                slots.setdefault(of, slot)
    return State(known, slots, NAME in names)
