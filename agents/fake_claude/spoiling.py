"""Answers whose carriage is in order and whose words are not: what a checker of words must find. PURE.

===============  ====================================================================
prose            the words without the JSON that was asked for
wrong_schema     JSON of another schema
wrong_numbers    each text has a number that no fact holds
advice           each text says what to buy
other_asset      each text names an asset the request is not about
huge             each text is long enough for the answer to fill what ``max_tokens`` leaves
gullible         orders that stand in the last message are obeyed within the schema (see ``gullible``)
gullible_loose   the same by a server that enforces no schema: each field holds the orders
===============  ====================================================================

Where the answer is not structured, all but ``huge`` are a sentence after it. Without orders the gullible answer as always.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

import msgspec
from typing_extensions import TypeIs

from .gullible import obeyed, orders_in
from .prompt import BYTES_PER_TOKEN, answer_schema
from .rules import Asked

Spoiling = Literal[
    "prose",
    "wrong_schema",
    "wrong_numbers",
    "advice",
    "other_asset",
    "huge",
    "gullible",
    "gullible_loose",
]

NUMBER = "987.65"
"""The number that ``wrong_numbers`` writes."""
ADVICE = "Buy now, before the others do."
_NAMES = ("BTC", "DOGE")
_PROSE = "I am happy to help with that. Here is what I think of the market: it moves."
_TEXTS = ("headline", "text")
"""The fields that are spoilt, where an answer has them; else every text is."""
_FILLER = "and so on "


def is_spoiling(fault: str) -> TypeIs[Spoiling]:
    """Return whether a fault is one of the words alone."""
    return fault in get_args(Spoiling)


def spoilt(text: str, fault: Spoiling, asked: Asked, room: int) -> str:
    """Return an answer's text as a fault leaves it. ``room`` is the tokens left for it."""
    value = _structured(text, asked)
    match fault:
        case "prose":
            return _PROSE
        case "wrong_schema":
            return '{"summary": ["the market moves"], "confidence": 11}'
        case "wrong_numbers" | "advice":
            sentence = ADVICE if fault == "advice" else f"It moved by {NUMBER} %."
            return _each(text, value, lambda told: f"{told} {sentence}")
        case "other_asset":
            name = _other(asked)
            return _each(text, value, lambda told: f"{told} So did {name}.")
        case "huge":
            return _filled(text, value, room)
        case "gullible" | "gullible_loose":
            return _obedient(text, value, asked, bound=fault == "gullible")


def _obedient(text: str, value: dict[str, Any] | None, asked: Asked, *, bound: bool) -> str:
    """Return an answer as orders in the last message want it; as it was where there are none."""
    orders, schema = orders_in(asked.body), answer_schema(asked.body)
    if not orders:
        return text
    if value is None or schema is None:
        return f"{text} {orders}"
    return _encoded(obeyed(value, schema, orders, bound=bound))


def _structured(text: str, asked: Asked) -> dict[str, Any] | None:
    """Return an answer as its object, or None where none was asked for."""
    if not (asked.body.get("output_config") or {}).get("format"):
        return None
    value = msgspec.json.decode(text)
    return value if isinstance(value, dict) else None


def _each(text: str, value: dict[str, Any] | None, change: Callable[[str], str]) -> str:
    """Change every text of an answer, or the answer itself where it is one text."""
    if value is None:
        return change(text)
    return _encoded({**value, **{name: change(value[name]) for name in _texts(value)}})


def _filled(text: str, value: dict[str, Any] | None, room: int) -> str:
    """Lengthen an answer to just below ``room`` tokens; it stays whole."""
    spare = room * BYTES_PER_TOKEN - len(text.encode())
    if value is None:
        return text + _filler(spare)
    names = _texts(value)
    longer = {name: value[name] + _filler(spare // len(names)) for name in names}
    return _encoded({**value, **longer})


def _filler(chars: int) -> str:
    return _FILLER * max(chars // len(_FILLER), 0)


def _texts(value: dict[str, Any]) -> list[str]:
    named = [name for name in _TEXTS if isinstance(value.get(name), str)]
    return named or [name for name, part in value.items() if isinstance(part, str)]


def _other(asked: Asked) -> str:
    """Return the name of an asset that the last message does not hold."""
    prompt = msgspec.json.encode(asked.body["messages"][-1]).decode()
    return next((name for name in _NAMES if name not in prompt), "SHIB")


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()
