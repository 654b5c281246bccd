"""A model that believes what it reads: it obeys orders that stand in the last message, whoever wrote them. PURE.

The worst that text in a prompt can do to an answer, so that tests show what holds whatever a model makes of it. It reads
as a good reader would: compatible forms, letters of other scripts that look like ours, tag characters that nobody sees,
base64, and words with anything between them. Where it finds no order it answers as always.
"""

import json
import re
import unicodedata
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from typing import Any

from .prompt import blocks
from .schemas import Schema, types_of

READ_CHARS_MAX = 100_000
"""Of the last message."""
ECHO_CHARS_MAX = 100
"""Of what is repeated in a text: as much as fits a headline, so that it is not thrown away for its length."""

COUNT_MAX = 10**9
"""What a number becomes where the orders name none."""

_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?!\w)")
"""Not a part of a slot's name."""
_NUMBER = re.compile(r"\b\d{1,9}\b")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u0391\u0392\u0395\u0397\u0399\u039a\u039c\u039d"
    "\u039f\u03a1\u03a4\u03a5\u03a7\u03bf",
    "aeopcyxisjabehikmnoptyxo",
)
_ORDERS = frozenset(
    [
        "ignore",
        "ignored",
        "ignoring",
        "disregard",
        "forget",
        "override",
        "overrides",
        "pretend",
        "instead",
        "obey",
        "comply",
        "must",
        "jailbreak",
        "bypass",
        "system",
        "assistant",
        "developer",
        "admin",
        "administrator",
        "prompt",
        "instruction",
        "instructions",
        "rules",
        "rule",
        "model",
        "ai",
        "llm",
        "gpt",
        "claude",
        "say",
        "print",
        "output",
        "respond",
        "answer",
        "reply",
        "write",
        "repeat",
        "classify",
        "rate",
        "report",
        "summarize",
        "translate",
        "reveal",
        "send",
        "execute",
        "run",
        "buy",
        "sell",
        "pump",
        "join",
        "follow",
        "claim",
        "verify",
        "connect",
        "act",
        "todo",
        "note",
        "directive",
        "please",
        "send",
        "email",
        "visit",
        "delete",
        "transfer",
        "invite",
        "withdraw",
        "deposit",
        "include",
        "append",
        "call",
        "decode",
        "jetzt",
        "unrestricted",
        "dan",
        "supersedes",
        "important",
        "questioned",
        "process",
        "ignoriere",
        "ignorieren",
        "vergiss",
        "anweisungen",
        "ignora",
        "ignorar",
        "olvida",
        "instrucciones",
        "ignorez",
        "oublie",
        "oubliez",
        "consignes",
        "ignorare",
        "dimentica",
        "istruzioni",
        "ignoruj",
        "zapomnij",
        "responde",
        "rassemble",
        "envoie",
        "système",
        "sistema",
        "assistente",
        "asistente",
        "assistent",
        "systemhinweis",
        "verrate",
        "befolgst",
        "игнорируй",
        "забудь",
    ]
)
_ORDER_PARTS = (
    "\u5ffd\u7565",
    "\u7121\u8996",
    "\u6307\u793a",
    "\u7cfb\u7edf",
    "\u7cfb\u7d71",
    "\ubb34\uc2dc",
)
"""Orders in languages that set no spaces."""
_UP = frozenset(
    ["up", "positive", "bullish", "buy", "long", "pump", "moon", "moons", "rise", "high", "yes"]
)
_DOWN = frozenset(
    ["down", "negative", "bearish", "sell", "short", "dump", "crash", "fall", "low", "no"]
)
_ENUM_UP, _ENUM_DOWN = ("up", "positive", "high", "clear", "yes"), ("down", "negative", "low", "no")


def orders_in(body: dict[str, Any]) -> str:
    """Return the last message, as it is understood, from the first order in it on; nothing if there is none."""
    read = understood(_last_message(body)[:READ_CHARS_MAX])
    found = [word.start() for word in _WORD.finditer(read) if word.group().lower() in _ORDERS]
    found += [read.index(part) for part in _ORDER_PARTS if part in read]
    return read[min(found) :] if found else ""


def understood(text: str) -> str:
    """Return a text with what hides its words taken off, and what is encoded in it behind it."""
    seen = unicodedata.normalize("NFKC", text.translate(_TAGS))
    plain = "".join(c for c in seen if unicodedata.category(c) != "Cf")
    latin = plain.translate(_LOOKALIKES)
    return " ".join([plain, *([latin] if latin != plain else []), *_decoded(plain)])


def obeyed(value: object, schema: Schema, orders: str, *, bound: bool) -> object:
    """Return an answer as the orders want it.

    ``bound``: the schema is enforced, as the API does; of closed lists that member is taken which the orders name or
    mean. Else every field holds the orders themselves.
    """
    if not bound:
        return dict.fromkeys(schema.get("properties", {}), orders[:ECHO_CHARS_MAX])
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    return {name: _wanted(told, fields.get(name, {}), orders) for name, told in value.items()}


def _wanted(told: object, field: Schema, orders: str) -> object:
    if "enum" in field:
        return _member(field["enum"], [word.lower() for word in _WORD.findall(orders)])
    match types_of(field):
        case ["string"]:
            return orders[:ECHO_CHARS_MAX]
        case ["integer"] | ["number"]:
            return int([str(COUNT_MAX), *_NUMBER.findall(orders)][-1])
        case _:
            return told


def _member(members: list[Any], words: list[str]) -> object:
    """Return the member that is named last; else the first that fits their sense; else the last there is."""
    named = [word for word in words if word in members]
    if named:
        return named[-1]
    sense = _ENUM_UP if _UP & set(words) else _ENUM_DOWN if _DOWN & set(words) else ()
    return next((member for member in members if member in sense), members[-1])


def _decoded(text: str) -> list[str]:
    found = []
    for token in _BASE64.findall(text):
        try:
            found.append(b64decode(token + "=" * (-len(token) % 4), validate=True).decode())
        except (Error, ValueError):
            continue
    return found


def _last_message(body: dict[str, Any]) -> str:
    """Return what the last message says: of JSON the texts in it, whose keys are the asker's own."""
    content = body["messages"][-1]["content"]
    whole = "\n".join(block.get("text", "") for block in blocks(content))
    try:
        told = json.loads(whole)
    except (ValueError, RecursionError):
        return whole
    return "\n".join(_texts(told))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
