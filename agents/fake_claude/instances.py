"""Values that conform to a schema, chosen by dice: what a structured answer and a tool's input are made of.

Numbers are there to conform, they mean nothing. Text is the caller's: `prose` writes it.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from .dice import Dice
from .schemas import Schema, resolved, types_of

ITEMS_MAX = 2
"""Items of a list: one or two."""
SPAN = 10
"""Numbers are 0 to 9, or as many above the schema's own minimum."""

_FORMATTED = {
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "date": "2026-01-01",
    "duration": "PT1M",
    "email": "nobody@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

_T = TypeVar("_T")

Write = Callable[[str], str]
"""Writes the text of a field, by its path."""


def instance(schema: Schema, dice: Dice, write: Write) -> object:
    """Return a value that conforms to ``schema``, which ``schemas.check`` has passed."""
    return _Maker(schema, dice, write).make(schema, "")


class _Maker:
    def __init__(self, root: Schema, dice: Dice, write: Write) -> None:
        self._root = root
        self._dice = dice
        self._write = write

    def make(self, schema: Schema, path: str) -> object:
        """Return a value for the schema at ``path``."""
        node = self._merged(schema)
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return self._one_of(node["enum"], path)
        if "anyOf" in node:
            return self.make(self._one_of(node["anyOf"], path), path)
        types = types_of(node)
        return self._typed(self._one_of(types, path) if types else "object", node, path)

    def _typed(self, kind: str, node: Schema, path: str) -> object:
        match kind:
            case "object":
                return self._object(node, path)
            case "array":
                items = node.get("items", {"type": "string"})
                size = 1 + self._dice.throw(f"{path}#", ITEMS_MAX)
                return [self.make(items, f"{path}/{at}") for at in range(size)]
            case "string":
                return _FORMATTED.get(node.get("format", "")) or self._write(path)
            case "integer" | "number":
                return self._number(node, path)
            case "boolean":
                return bool(self._dice.throw(path, 2))
            case _:
                return None

    def _object(self, node: Schema, path: str) -> dict[str, object]:
        """Fill what is required, and the rest by chance."""
        required = node.get("required", [])
        return {
            name: self.make(field, f"{path}/{name}")
            for name, field in node.get("properties", {}).items()
            if name in required or self._dice.throw(f"{path}/{name}?", 2)
        }

    def _number(self, node: Schema, path: str) -> int:
        """Return an integer of the schema's range; tools may bound theirs."""
        low = int(node.get("minimum", 0))
        high = int(node.get("maximum", low + SPAN - 1))
        return low + self._dice.throw(path, max(high - low, 0) + 1)

    def _merged(self, schema: Schema) -> Schema:
        """Return the schema with its reference followed and ``allOf`` joined."""
        node = resolved(self._root, schema)
        if "allOf" not in node:
            return node if node is schema else self._merged(node)
        merged = {key: value for key, value in node.items() if key != "allOf"}
        for part in node["allOf"]:
            merged = _joined(merged, self._merged(part))
        return merged

    def _one_of(self, choices: Sequence[_T], path: str) -> _T:
        return choices[self._dice.throw(f"{path}|", len(choices))]


def _joined(one: Schema, other: Schema) -> Schema:
    return {
        **one,
        **other,
        "properties": {**one.get("properties", {}), **other.get("properties", {})},
        "required": [*one.get("required", []), *other.get("required", [])],
    }
