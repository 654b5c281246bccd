"""What differs between two schemas is found, named, and judged for both readers."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics.components import Schema
from topics.document import Document, asyncapi
from topics.evolution import BREAKING, COMPATIBLE, Finding, SchemaComparison

DOCUMENT = asyncapi(version="1.0.0")
SCHEMAS = DOCUMENT["components"]["schemas"]
PROSE = {"title", "description"}

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}


def struct(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields)}


def tagged(tag: str, **fields: Schema) -> Schema:
    return struct(type={"type": "string", "const": tag}, **fields)


def rules(old: Schema, new: Schema) -> list[str]:
    return [found.what.partition(":")[0] for found in differences(old, new)]


def differences(old: Schema, new: Schema) -> list[Finding]:
    return list(SchemaComparison({}, {}).compare("here", old, new))


@pytest.mark.parametrize(
    ("old", "new", "there", "back"),
    [
        (TEXT, NUMBER, ["type changed"], ["type changed"]),
        ({"type": "integer"}, NUMBER, ["type changed"], ["type changed"]),
        (TEXT, {}, ["type changed"], ["type changed"]),
        (TEXT, {"anyOf": [TEXT, {"type": "null"}]}, ["type widened"], ["type narrowed"]),
        (
            {"anyOf": [tagged("a"), tagged("b")]},
            {"anyOf": [tagged("a"), tagged("b"), tagged("c")]},
            ["type widened"],
            ["type narrowed"],
        ),
        (
            {"anyOf": [tagged("a"), tagged("b")]},
            {"anyOf": [tagged("a"), tagged("c")]},
            ["type changed"],
            ["type changed"],
        ),
        (
            {"anyOf": [tagged("a"), tagged("b")]},
            {"anyOf": [tagged("a"), tagged("b") | {"type": "array"}]},
            ["schema changed"],
            ["schema changed"],
        ),
        (
            {"anyOf": [{**TEXT, "maxLength": 1}, {**TEXT, "pattern": "^a$"}]},
            {"anyOf": [{**TEXT, "maxLength": 2}, {**TEXT, "pattern": "^a$"}]},
            ["range widened"],
            ["range narrowed"],
        ),
        (tagged("a"), tagged("b"), ["constant changed"], ["constant changed"]),
        (
            {"anyOf": [tagged("a"), tagged("b", x=TEXT)]},
            {"anyOf": [tagged("a"), tagged("b", x=NUMBER)]},
            ["type changed"],
            ["type changed"],
        ),
        (
            {**TEXT, "enum": ["a", "b"]},
            {**TEXT, "enum": ["a", "c"]},
            ["value removed", "value added"],
            ["value removed", "value added"],
        ),
        ({**TEXT, "enum": ["a"]}, TEXT, ["type widened"], ["type narrowed"]),
        (
            {**TEXT, "pattern": "^a$"},
            {**TEXT, "pattern": "^b$"},
            ["pattern changed"],
            ["pattern changed"],
        ),
        ({**TEXT, "pattern": "^a$"}, TEXT, ["pattern changed"], ["pattern changed"]),
        ({**NUMBER, "minimum": 0}, {**NUMBER, "minimum": 1}, ["range narrowed"], ["range widened"]),
        ({**NUMBER, "maximum": 0}, {**NUMBER, "maximum": 1}, ["range widened"], ["range narrowed"]),
        (NUMBER, {**NUMBER, "exclusiveMinimum": 0}, ["range narrowed"], ["range widened"]),
        ({**TEXT, "maxLength": 9}, TEXT, ["range widened"], ["range narrowed"]),
        ({**TEXT, "minLength": 1}, {**TEXT, "minLength": 0}, ["range widened"], ["range narrowed"]),
        (struct(), struct(a=TEXT), ["required field added"], ["field removed"]),
        (struct(), struct(a=TEXT) | {"required": []}, ["optional field added"], ["field removed"]),
        (
            struct(a=TEXT),
            struct(a=TEXT) | {"required": []},
            ["field no longer required"],
            ["field now required"],
        ),
        (
            struct(a={**NUMBER, "default": 0}),
            struct(a={**NUMBER, "default": False}),
            ["default changed"],
            ["default changed"],
        ),
        (
            struct(a={**NUMBER, "default": None}),
            struct(a=NUMBER),
            ["default changed"],
            ["default changed"],
        ),
        (
            {"type": "array", "items": TEXT},
            {"type": "array", "items": NUMBER},
            ["type changed"],
            ["type changed"],
        ),
        (
            {"type": "object", "additionalProperties": TEXT},
            {"type": "object", "additionalProperties": NUMBER},
            ["type changed"],
            ["type changed"],
        ),
        (
            {"type": "object"},
            {"type": "object", "additionalProperties": False},
            ["schema changed"],
            ["schema changed"],
        ),
        (NUMBER, {**NUMBER, "multipleOf": 2}, ["schema changed"], ["schema changed"]),
        ({**TEXT, "description": "a"}, {**TEXT, "title": "b"}, [], []),
    ],
)
def test_a_change_is_named_there_and_back(
    old: Schema, new: Schema, there: list[str], back: list[str]
) -> None:
    """What narrows one way widens the other way; prose is no change."""
    assert rules(old, new) == there
    assert rules(new, old) == back
    assert rules(old, old) == rules(new, new) == []


def test_only_an_optional_field_may_be_added() -> None:
    """Every other difference of a schema hurts one of the two readers."""
    assert list(COMPATIBLE) == ["optional field added"]
    assert BREAKING.keys().isdisjoint(COMPATIBLE)


def test_a_finding_says_where_what_and_why() -> None:
    """With the numbers of the change, so that nobody must look for them."""
    old = struct(a={"type": "array", "items": struct(b={**NUMBER, "minimum": 0})})
    new = struct(a={"type": "array", "items": struct(b={**NUMBER, "minimum": 5})})
    assert differences(old, new) == [
        Finding(
            path="here/a[]/b",
            what="range narrowed: minimum 0 became 5",
            why="new readers refuse records that are still in the topic",
            breaking=True,
        )
    ]


def test_references_are_followed_each_into_its_own_document() -> None:
    """Names of classes are not on the wire: another name with the same shape is no change."""
    old = {"components": {"A": struct(x=TEXT)}}
    new = {"components": {"B": struct(x=TEXT), "C": struct(x=NUMBER)}}
    to_a, to_b, to_c = ({"$ref": f"#/components/{name}"} for name in "ABC")
    compare = SchemaComparison(old, new).compare
    assert list(compare("here", to_a, to_b)) == []
    assert list(compare("here", to_a, {"allOf": [to_b], "description": "words"})) == []
    assert [f.path for f in compare("here", to_a, to_c)] == ["here/x"]


def test_a_schema_that_holds_itself_is_compared_once() -> None:
    """A tree must not send the comparison round for ever."""
    node = {"$ref": "#/Node"}
    old = {"Node": struct(next={"anyOf": [node, {"type": "null"}]}, of=TEXT)}
    new = {"Node": struct(next={"anyOf": [node, {"type": "null"}]}, of=NUMBER)}
    found = list(SchemaComparison(old, new).compare("here", node, node))
    assert [f.path for f in found] == ["here/of"]


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything below, prose left out."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    found = []
    for key, inner in items:
        if (key in PROSE and isinstance(inner, str)) or (key == "required" and not inner):
            continue  # words, or a list of nothing, which is as good as none
        found += [(*above, key), *places(inner, (*above, key))]
    return found


PLACES = [path for path in places(SCHEMAS) if len(path) > 1]


@given(st.sampled_from(PLACES))
@settings(max_examples=150, deadline=None)
def test_whatever_is_taken_out_of_a_contract_is_found(path: tuple[Any, ...]) -> None:
    """No part of any schema is out of sight, and to take anything away is breaking one way or the other."""
    changed = deepcopy(DOCUMENT)
    at = changed["components"]["schemas"]
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    there, back = through_messages(DOCUMENT, changed), through_messages(changed, DOCUMENT)
    assert there
    assert back
    assert any(found.breaking for found in there + back)


def through_messages(old: Document, new: Document) -> list[Finding]:
    schemas = SchemaComparison(old, new)
    return [
        found
        for message in DOCUMENT["components"]["messages"].values()
        for found in schemas.compare("here", message["payload"], message["payload"])
    ]
