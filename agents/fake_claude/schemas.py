"""Which JSON Schemas the API takes for structured answers: a subset, and what is outside it is a 400.

The subset and the wording of its refusals follow public reports of the API's own answers. A schema without any
known keyword is taken as "anything": the SDK's own tests send one.
"""

from collections.abc import Iterator
from typing import Any

from .errors import refuse

DEPTH_MAX = 16
"""Levels of nesting, references followed; a deeper schema, or one that refers to itself, is refused."""
NODES_MAX = 2_000
"""Schemas within a schema, references followed."""

STRING_FORMATS = frozenset(
    "date-time time date duration email hostname uri ipv4 ipv6 uuid".split()  # noqa: SIM905  # reads better
)

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_UNSUPPORTED: dict[str, tuple[str, ...]] = {
    "integer": _BOUNDS,
    "number": _BOUNDS,
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems", "contains", "minContains", "maxContains", "prefixItems"),
    "object": ("minProperties", "maxProperties", "patternProperties", "propertyNames"),
}
_TYPES = frozenset({*_UNSUPPORTED, "boolean", "null"})
_COMBINED = ("oneOf", "not", "if", "then", "else", "dependentSchemas")

Schema = dict[str, Any]


def check(schema: Schema, at: str) -> None:
    """Refuse a schema the API would refuse. ``at`` is where it stands in the request.

    Raises:
        ApiError: 400, with what is not supported.
    """
    nodes = 0
    waiting = [(schema, 0)]
    while waiting:
        node, depth = waiting.pop()
        nodes += 1
        if depth > DEPTH_MAX or nodes > NODES_MAX:
            refuse(
                f"{at}: Schema is recursive or too complex: at most {DEPTH_MAX} levels and"
                f" {NODES_MAX} schemas are supported"
            )
        _check_node(node, at)
        waiting += [(_schema(child, at), depth + 1) for child in _children(schema, node, at)]


def resolved(root: Schema, node: Schema, at: str = "schema") -> Schema:
    """Return a schema, or the definition of the root it refers to.

    Raises:
        ApiError: 400, where there is no such definition.
    """
    reference = node.get("$ref")
    if reference is None:
        return node
    found: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    if not str(reference).startswith("#/") or not isinstance(found, dict):
        refuse(f"{at}: '$ref': '{reference}' does not name a definition of this schema")
    return found


def types_of(node: Schema) -> list[str]:
    """Return the types a schema allows; none when it does not say."""
    named = node.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def _check_node(node: Schema, at: str) -> None:
    for keyword in _COMBINED:
        if keyword in node:
            refuse(f"{at}: '{keyword}' is not supported")
    for kind in types_of(node):
        if kind not in _TYPES:
            refuse(f"{at}: Schema type '{kind}' is not supported")
        if found := [keyword for keyword in _UNSUPPORTED.get(kind, ()) if keyword in node]:
            what = (
                f"property '{found[0]}' is"
                if len(found) == 1
                else f"properties {', '.join(found)} are"
            )
            refuse(f"{at}: For '{kind}' type, {what} not supported")
        _check_type(kind, node, at)


def _check_type(kind: str, node: Schema, at: str) -> None:
    if kind == "object" and node.get("additionalProperties") is not False:
        refuse(f"{at}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    if kind == "array" and node.get("minItems", 0) not in {0, 1}:
        refuse(f"{at}: For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if kind == "string" and node.get("format", "date") not in STRING_FORMATS:
        refuse(f"{at}: For 'string' type, format '{node['format']}' is not supported")


def _children(root: Schema, node: Schema, at: str) -> Iterator[object]:
    if "$ref" in node:
        yield resolved(root, node, at)
        return
    yield from node.get("properties", {}).values()
    for keyword in ("anyOf", "allOf"):
        yield from node.get(keyword, [])
    if "items" in node:
        yield node["items"]


def _schema(node: object, at: str) -> Schema:
    if not isinstance(node, dict):
        refuse(f"{at}: {node!r} is not a schema")
    return node
